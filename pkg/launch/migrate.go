package launch

import (
	"context"
	"fmt"
	"os"

	"github.com/finsam/finsam/pkg/store/migration"
)

// What FINSAM_MIGRATE may say.
const (
	migrateAuto  = "auto"
	migrateCheck = "check"
)

// ErrChecked ends a program that was asked only what it would do to its database
// (FINSAM_MIGRATE=check): it has ended as told, as Main sees by what it wraps.
var ErrChecked = fmt.Errorf("FINSAM_MIGRATE: the database was looked at, nothing was changed: %w", context.Canceled)

// migrate brings the database to the service's schema, or tells on standard
// output what there is to do.
func (p *App) migrate(ctx context.Context) error {
	m := p.Migration()
	if m == nil {
		return nil
	}
	if p.Config.Migrate == migrateCheck {
		plan, err := m.Check(ctx)
		if err != nil {
			return fmt.Errorf("FINSAM_STORE: %w", err)
		}
		fmt.Fprintln(os.Stdout, plan)
		return ErrChecked
	}
	if err := m.Up(ctx); err != nil {
		return fmt.Errorf("FINSAM_STORE: %w", err)
	}
	return nil
}

// Migration returns the service's schema with its database; nil without one.
func (p *App) Migration() *migration.Migration {
	if p.Schema == nil || p.Engine == nil {
		return nil
	}
	return &migration.Migration{Schema: p.Schema(), Engine: p.Engine, Program: Version(), Now: p.Now, Log: p.Log}
}

// Watch looks after the database's version until ctx ends; see
// migration.Migration.Watch.
func (p *App) Watch(ctx context.Context) error {
	m := p.Migration()
	if m == nil {
		<-ctx.Done()
		return nil
	}
	return m.Watch(ctx)
}
