package standalone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/finsam/finsam/pkg/backup"
	blobfolder "github.com/finsam/finsam/pkg/blob/folder"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/services/activity/programme"
)

// databaseFile is the suite's database in a data folder and in a set.
const databaseFile = "finsam.db"

// copyData copies the database with the attachments that it names, and the
// associations with what was accepted of them; never the keys. It returns the names of the copied files.
func copyData(ctx context.Context, db *sqlite.DB, blobs *blobfolder.Store, data Layout, folder string) ([]string, error) {
	attachments, err := blobs.Copy(ctx, filepath.Join(folder, backup.Blobs), func() error {
		return db.Backup(ctx, filepath.Join(folder, databaseFile))
	})
	if err != nil {
		return nil, err
	}
	names := []string{databaseFile}
	for _, name := range attachments {
		names = append(names, path.Join(backup.Blobs, name))
	}
	loaded, err := filepath.Glob(filepath.Join(data.Associations(), "*.y*ml"))
	accepted, acceptedErr := filepath.Glob(filepath.Join(data.Associations(), "*.y*ml"+programme.AcceptedSuffix))
	if err = errors.Join(err, acceptedErr); err != nil {
		return nil, err
	}
	for _, file := range append(loaded, accepted...) {
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
	Data Layout
	To   string // folder of the sets; empty: backups in the data folder
	Keep int    // how many sets to keep; 0: all
}

// Backup makes a set and returns its folder. A running suite makes the copy itself,
// on request by a file in its data folder; the data of a stopped one is copied here.
// What was acknowledged before Backup was called is in the set.
func Backup(ctx context.Context, o BackupOptions) (string, error) {
	if _, err := os.Stat(o.Data.Database()); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no database in %s", o.Data)
	}
	m := backup.Manifest{Program: launch.Version(), Began: time.Now().UTC()}
	name, dir := backup.NewName(m.Began), o.Data.Backups()
	var err error
	m.Files, err = o.copyStopped(ctx, name)
	if errors.Is(err, sqlite.ErrInUse) {
		m.Files, err = backup.Request(ctx, dir, name)
	}
	if err != nil {
		return "", err
	}
	m.Ended = time.Now().UTC()
	set, err := backup.Finish(dir, name, m)
	if err != nil {
		return "", err
	}
	if set, err = o.move(set, m); err != nil {
		return "", err
	}
	if err := backup.RecordNewest(dir, m.Began); err != nil {
		return "", err
	}
	if _, err := backup.Prune(dir, 0, time.Now()); err != nil { // what other backups left when they died
		return "", err
	}
	_, err = backup.Prune(filepath.Dir(set), o.Keep, time.Now())
	return set, err
}

// copyStopped copies the data of a stopped suite. It returns sqlite.ErrInUse while
// the suite runs.
func (o BackupOptions) copyStopped(ctx context.Context, name string) ([]backup.File, error) {
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
	names, err := copyData(ctx, db, blobs, o.Data, folder)
	if err != nil {
		return nil, err
	}
	return backup.Sums(folder, names)
}

// move moves a set to the folder that was asked for, which may be on another disk.
func (o BackupOptions) move(set string, m backup.Manifest) (string, error) {
	from, name := filepath.Dir(set), filepath.Base(set)
	if o.To == "" {
		return set, nil
	}
	fromInfo, err := os.Stat(from)
	if toInfo, toErr := os.Stat(o.To); err == nil && toErr == nil && os.SameFile(fromInfo, toInfo) {
		return set, nil
	}
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
	return moved, backup.Remove(from, name)
}
