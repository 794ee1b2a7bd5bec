package launch

import (
	"context"
	"path"
	"path/filepath"

	"github.com/finsam/finsam/pkg/backup"
)

// backup serves copies of the service's SQLite file; see backup.Server.
func (p *App) backup() *backup.Server {
	file := p.Service + ".db"
	return &backup.Server{
		Service: p.Service, Dir: p.Config.BackupDir, Verify: p.Verifier, Gate: p.gate, Log: p.Log,
		Copy: func(ctx context.Context, folder string) ([]string, error) {
			names := []string{file}
			database := func() error { return p.db.backup(ctx, filepath.Join(folder, file)) }
			if p.folder == nil {
				return names, database()
			}
			blobs, err := p.folder.Copy(ctx, filepath.Join(folder, backup.Blobs), database)
			for _, name := range blobs {
				names = append(names, path.Join(backup.Blobs, name))
			}
			return names, err
		},
	}
}
