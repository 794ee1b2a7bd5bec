package standalone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/backup"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// Layout is the data folder, and where in it each file is.
type Layout string

// Database is the one file of all services; it belongs to one process at a time.
func (l Layout) Database() string { return filepath.Join(string(l), databaseFile) }

// Keys is the folder of the encryption and signing keys. Keep it apart from backups of
// the database: without it the database names no person.
func (l Layout) Keys() string { return filepath.Join(string(l), "keys") }

// Associations is the folder of the associations' files.
func (l Layout) Associations() string { return filepath.Join(string(l), "associations") }

// Demo is the folder of the demo issuer and its trust file.
func (l Layout) Demo() string { return filepath.Join(string(l), "demo") }

// Backups is the folder that backups are made in; keep them elsewhere (finsam backup
// --to).
func (l Layout) Backups() string { return filepath.Join(string(l), "backups") }

// Exchange is the folder in which a running suite is asked to load a file, or to export one.
func (l Layout) Exchange() string { return filepath.Join(string(l), "exchange") }

// Attachments is the folder of the encrypted attachments.
func (l Layout) Attachments() string { return filepath.Join(string(l), backup.Blobs) }

// Restoring is the folder of an unfinished restore; nothing in it is data.
func (l Layout) Restoring() string { return filepath.Join(string(l), ".restoring") }

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
	for _, name := range slices.Sorted(maps.Keys(services)) {
		m := migration.Migration{Schema: services[name].Schema(), Engine: db.Engine(name), Program: launch.Version(), Now: time.Now, Log: slog.Default()}
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

// AccessLogs opens the access logs of all services and calls use with them, by service.
// The database is that of a data folder whose suite is stopped (such as a restored
// backup), or the one at an address as in FINSAM_STORE. In the file of a single
// service the other services' logs are empty.
func AccessLogs(ctx context.Context, data Layout, address string, use func(logs map[string]*accesslog.Log) error) (err error) {
	if address == "" {
		address = "sqlite:" + data.Database()
		if _, err := os.Stat(data.Database()); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database in %s", data)
		}
	}
	db, err := launch.OpenStore(ctx, address, "finsam")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	logs := map[string]*accesslog.Log{}
	for name := range services {
		l, openErr := accesslog.Open(ctx, db.Engine(name), name, time.Now)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		logs[name] = l
	}
	return use(logs)
}
