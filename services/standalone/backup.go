package standalone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/backup"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// databaseFile is the suite's database in a set.
const databaseFile = "finsam.db"

// backups serves copies of the suite's file on the admin port; see backup.Server.
func (s *Suite) backups(o Options, log *slog.Logger) http.Handler {
	dir := o.Environ["FINSAM_BACKUP_DIR"]
	if dir == "" {
		dir = o.Data.Backups()
	}
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute
	}
	return &backup.Server{
		Service: "finsam", Dir: dir, Verify: s.parts["participant"].Verifier, Log: log,
		Copy: func(ctx context.Context, folder string) ([]string, error) { return copies(ctx, s.db, o.Data, folder) },
	}
}

// copies copies the database and the associations; never the keys.
func copies(ctx context.Context, db *sqlite.DB, data Layout, folder string) ([]string, error) {
	if err := db.Backup(ctx, filepath.Join(folder, databaseFile)); err != nil {
		return nil, err
	}
	names := []string{databaseFile}
	loaded, err := filepath.Glob(filepath.Join(data.Associations(), "*.y*ml"))
	if err != nil {
		return nil, err
	}
	for _, file := range loaded {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name := path.Join("associations", filepath.Base(file))
		to := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// BackupOptions say what to back up, and where to.
type BackupOptions struct {
	Data   Layout
	To     string   // folder of the sets; empty: where the running suite writes them
	Admins []string // the admin ports of what runs; several for services that are processes of their own
	Keep   int      // how many sets to keep; 0: all
}

// Backup makes a set and gives its folder. A suite that runs makes the copy
// itself, asked on its admin port; else the file is copied here.
func Backup(ctx context.Context, o BackupOptions) (set string, err error) {
	if _, err := os.Stat(o.Data.Database()); errors.Is(err, fs.ErrNotExist) && len(o.Admins) <= 1 {
		return "", fmt.Errorf("there is no database in %s", o.Data)
	}
	if len(o.Admins) > 1 {
		set, err = o.ofRunning(ctx)
	} else if set, err = o.ofResting(ctx); errors.Is(err, sqlite.ErrInUse) {
		set, err = o.ofRunning(ctx)
	}
	if err != nil {
		return "", err
	}
	if set, err = o.move(set); err != nil {
		return "", err
	}
	_, err = backup.Prune(filepath.Dir(set), o.Keep, time.Now())
	return set, err
}

// ofResting copies a database that no process has open.
func (o BackupOptions) ofResting(ctx context.Context) (string, error) {
	began := time.Now().UTC()
	db, err := sqlite.Open(ctx, o.Data.Database())
	if err != nil {
		return "", err
	}
	defer db.Close()
	dir := o.To
	if dir == "" {
		dir = o.Data.Backups()
	}
	name := backup.NewName(began)
	folder, err := backup.Unfinished(dir, name)
	if err != nil {
		return "", err
	}
	names, err := copies(ctx, db, o.Data, folder)
	if err != nil {
		return "", err
	}
	m := backup.Manifest{Program: launch.Version(), Began: began, Ended: time.Now().UTC()}
	for _, n := range names {
		f, err := backup.Sum(folder, n)
		if err != nil {
			return "", err
		}
		m.Files = append(m.Files, f)
	}
	return backup.Finish(dir, name, m)
}

// ofRunning asks what runs.
func (o BackupOptions) ofRunning(ctx context.Context) (string, error) {
	signer, err := launch.ReadKeys(o.Data.Keys()).Signer(internaltoken.Gateway, time.Now)
	if err != nil {
		return "", fmt.Errorf("the suite runs, and to ask it for a copy its signing key is needed: %w", err)
	}
	return backup.Running{
		Admins: o.Admins, HTTP: &http.Client{}, Program: launch.Version(), Now: time.Now,
		Token: func() (string, error) { return signer.Token(actor.ForService(internaltoken.Gateway, "-")) },
	}.Make(ctx)
}

// move brings a set to where it is wanted.
func (o BackupOptions) move(set string) (string, error) {
	if o.To == "" || sameFolder(filepath.Dir(set), o.To) {
		return set, nil
	}
	m, err := backup.Read(set)
	if err != nil {
		return "", err
	}
	name := filepath.Base(set)
	folder, err := backup.Unfinished(o.To, name)
	if err != nil {
		return "", err
	}
	if err := backup.Copy(set, folder, m); err != nil {
		return "", fmt.Errorf("copy the backup to %s: %w", o.To, err)
	}
	moved, err := backup.Finish(o.To, name, m)
	if err != nil {
		return "", err
	}
	return moved, os.RemoveAll(set)
}

func sameFolder(a, b string) bool {
	one, err1 := os.Stat(a)
	two, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, two)
}
