package launch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/mongo"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/pkg/store/traced"
)

// Database is an opened database, of whichever kind.
type Database struct {
	engine func(namespace string) store.Engine
	close  func() error
}

// openPatience is how long a database may take to answer for the first time.
const openPatience = 20 * time.Second

// OpenStore opens the database that FINSAM_STORE names.
func OpenStore(ctx context.Context, address string) (*Database, error) {
	kind, path, err := storeOf(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	if kind == "sqlite" {
		db, err := sqlite.Open(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("FINSAM_STORE: open %s: %w", path, err)
		}
		return &Database{engine: db.Engine, close: db.Close}, nil
	}
	db, err := mongo.Open(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("FINSAM_STORE: the MongoDB server cannot be used: %w", err)
	}
	return &Database{engine: db.Engine, close: db.Close}, nil
}

// storeOf takes a store's address apart. It never repeats it: it may hold a
// password.
func storeOf(address string) (kind, path string, err error) {
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		if path = strings.TrimPrefix(path, "//"); path == "" {
			return "", "", errors.New("FINSAM_STORE: sqlite: must be followed by a file, such as sqlite:/var/lib/finsam/referral.db")
		}
		return "sqlite", path, nil
	}
	if strings.HasPrefix(address, "mongodb://") || strings.HasPrefix(address, "mongodb+srv://") {
		return "mongo", "", nil
	}
	return "", "", errors.New("FINSAM_STORE: must begin with sqlite: or mongodb://, such as sqlite:/var/lib/finsam/referral.db")
}

// Engine returns the part of the database that belongs to one service, traced.
func (d *Database) Engine(service string) store.Engine {
	return traced.Engine(d.engine(service), service)
}

// Close closes the database; what was written is in it.
func (d *Database) Close() error { return d.close() }
