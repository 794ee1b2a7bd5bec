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
	"github.com/finsam/finsam/pkg/store/schema"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// Migrate brings the database of a suite that rests up to this version, service
// by service, and gives what there was to do; with look only, it does none of it.
// Its error says when the database cannot be brought up.
func Migrate(ctx context.Context, data Layout, look bool) (plans []schema.Plan, err error) {
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
		m := schema.Migration{Schema: schemas[name](), Engine: db.Engine(name), Program: launch.Version(), Now: time.Now, Log: slog.Default()}
		plan, err := m.Check(ctx)
		if err != nil {
			return plans, err
		}
		plans = append(plans, plan)
		if look {
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
