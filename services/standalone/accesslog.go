package standalone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/launch"
)

// AccessLogs opens the access logs of all services and passes them, by service, to a
// function. The database is that of a data folder whose suite is stopped (a restored
// backup is as good), or the one of an address as in FINSAM_STORE; in a file of one
// service alone the others' logs are empty.
func AccessLogs(ctx context.Context, data Layout, address string, look func(logs map[string]*accesslog.Log) error) (err error) {
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
	logs := map[string]*accesslog.Log{}
	for name := range schemas {
		l, openErr := accesslog.Open(ctx, db.Engine(name), name, time.Now)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		logs[name] = l
	}
	return look(logs)
}
