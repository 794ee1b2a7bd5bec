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
	blobfolder "github.com/finsam/finsam/pkg/blob/folder"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// databaseFile is the suite's database in a set.
const databaseFile = "finsam.db"

// attend answers requests for a backup of the suite's file; see backup.Attend.
func (s *Suite) attend(data Layout, log *slog.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		defer backup.Watch(data.Backups(), "finsam")()
		return backup.Attend(ctx, data.Backups(), log, func(ctx context.Context, folder string) ([]string, error) {
			return copies(ctx, s.db, s.blobs, data, folder)
		})
	}
}

// copies copies the database with the attachments that it names, and the
// associations; never the keys.
func copies(ctx context.Context, db *sqlite.DB, blobs *blobfolder.Store, data Layout, folder string) ([]string, error) {
	attached, err := blobs.Copy(ctx, filepath.Join(folder, backup.Blobs), func() error {
		return db.Backup(ctx, filepath.Join(folder, databaseFile))
	})
	if err != nil {
		return nil, err
	}
	names := []string{databaseFile}
	for _, name := range attached {
		names = append(names, path.Join(backup.Blobs, name))
	}
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
	To     string   // folder of the sets; empty: backups in the data folder
	Admins []string // the admin ports of services that are processes of their own; none: one suite
	Keep   int      // how many sets to keep; 0: all
}

// Backup creates a set and gives its folder. What runs makes the copies itself: a
// suite is asked by a file in its data folder, services on their admin ports. The
// file of a suite that rests is copied here.
func Backup(ctx context.Context, o BackupOptions) (set string, err error) {
	if len(o.Admins) > 0 {
		set, err = o.ofServices(ctx)
	} else {
		set, err = o.ofSuite(ctx)
	}
	if err != nil {
		return "", err
	}
	made := filepath.Dir(set)
	if set, err = o.move(set); err != nil {
		return "", err
	}
	m, err := backup.Read(set)
	if err == nil {
		err = backup.Note(made, m.Began)
	}
	if err != nil {
		return "", err
	}
	if _, err := backup.Prune(made, 0, time.Now()); err != nil { // what died halfway
		return "", err
	}
	_, err = backup.Prune(filepath.Dir(set), o.Keep, time.Now())
	return set, err
}

// ofSuite copies the one file of a suite, or has it copied.
func (o BackupOptions) ofSuite(ctx context.Context) (string, error) {
	if _, err := os.Stat(o.Data.Database()); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no database in %s", o.Data)
	}
	m := backup.Manifest{Program: launch.Version(), Began: time.Now().UTC()}
	name := backup.NewName(m.Began)
	files, err := o.copyHere(ctx, name)
	if errors.Is(err, sqlite.ErrInUse) {
		files, err = backup.Ask(ctx, o.Data.Backups(), name)
	}
	if err != nil {
		return "", err
	}
	m.Files, m.Ended = files, time.Now().UTC()
	return backup.Finish(o.Data.Backups(), name, m)
}

// copyHere copies a database that no process has open.
func (o BackupOptions) copyHere(ctx context.Context, name string) ([]backup.File, error) {
	db, err := sqlite.Open(ctx, o.Data.Database())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	folder, err := backup.Unfinished(o.Data.Backups(), name)
	if err != nil {
		return nil, err
	}
	blobs, err := blobfolder.Open(o.Data.Attachments())
	if err != nil {
		return nil, err
	}
	names, err := copies(ctx, db, blobs, o.Data, folder)
	if err != nil {
		return nil, err
	}
	return backup.Sums(folder, names)
}

// ofServices asks services that are processes of their own.
func (o BackupOptions) ofServices(ctx context.Context) (string, error) {
	signer, err := launch.ReadKeys(o.Data.Keys()).Signer(internaltoken.Gateway, time.Now)
	if err != nil {
		return "", fmt.Errorf("to ask the services for copies the gateway's signing key is needed: %w", err)
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
	return moved, backup.Remove(filepath.Dir(set), name)
}

func sameFolder(a, b string) bool {
	one, err1 := os.Stat(a)
	two, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, two)
}
