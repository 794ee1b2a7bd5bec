package standalone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// Migrate brings the database of a stopped suite up to this version, service by
// service, and returns what there was to do. With checkOnly it changes nothing, and
// its error says why a database could not be brought up; the plans are returned
// beside it.
func Migrate(ctx context.Context, data Layout, checkOnly bool) (plans []migration.Plan, err error) {
	if _, err := os.Stat(data.Database()); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no database in %s", data)
	}
	db, err := sqlite.Open(ctx, data.Database())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var refused error
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		m := migration.Migration{Schema: schemas[name](), Engine: db.Engine(name), Program: launch.Version(), Now: time.Now, Log: slog.Default()}
		plan, err := m.Check(ctx)
		if err != nil {
			return plans, err
		}
		plans = append(plans, plan)
		if checkOnly {
			if plan.Refused != "" {
				refused = errors.Join(refused, fmt.Errorf("%s: %s", name, plan.Refused))
			}
			continue
		}
		if err := m.Up(ctx); err != nil {
			return plans, err
		}
	}
	return plans, refused
}
