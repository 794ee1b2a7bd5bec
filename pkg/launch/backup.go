package launch

import (
	"context"
	"path/filepath"

	"github.com/finsam/finsam/pkg/backup"
)

// backup serves copies of the service's SQLite file; see backup.Server.
func (p *Parts) backup() *backup.Server {
	file := p.Service + ".db"
	return &backup.Server{
		Service: p.Service, Dir: p.Config.BackupDir, Verify: p.Verifier, Gate: p.gate, Log: p.Log,
		Copy: func(ctx context.Context, folder string) ([]string, error) {
			return []string{file}, p.db.backup(ctx, filepath.Join(folder, file))
		},
	}
}
