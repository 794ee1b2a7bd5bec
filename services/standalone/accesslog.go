package standalone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/launch"
)

// AccessLogs opens the access log of each service in turn and gives it to a
// function. The database is that of a data folder whose suite rests (a restored
// backup is as good), or the one of an address as in FINSAM_STORE; from a file of
// one service's own, the others' logs are empty.
func AccessLogs(ctx context.Context, data Layout, address string, look func(service string, l *accesslog.Log) error) (err error) {
	if address == "" {
		address = "sqlite:" + data.Database()
		if _, err := os.Stat(data.Database()); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database in %s", data)
		}
	}
	db, err := launch.OpenStore(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		l, err := accesslog.Open(ctx, db.Engine(name), name, time.Now)
		if err != nil {
			return err
		}
		if err := errors.Join(look(name, l), l.Close()); err != nil {
			return err
		}
	}
	return nil
}
