package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/blob"
	"github.com/finsam/finsam/pkg/blob/folder"
	"github.com/finsam/finsam/pkg/blob/s3"
	blobtraced "github.com/finsam/finsam/pkg/blob/traced"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/pkg/store/mongo"
	"github.com/finsam/finsam/pkg/store/sqlite"
	storetraced "github.com/finsam/finsam/pkg/store/traced"
)

// Database is an open database of either kind.
type Database struct {
	Close  func() error // what was written is in it
	engine func(namespace string) store.Engine
}

// openTimeout is how long a database may take to answer for the first time.
const openTimeout = 20 * time.Second

// OpenStore opens the database at an address as in FINSAM_STORE. program is what the
// database server calls its connections.
func OpenStore(ctx context.Context, address, program string) (*Database, error) {
	kind, path, err := parseStore(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if kind == "sqlite" {
		db, err := sqlite.Open(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("FINSAM_STORE: open %s: %w", path, err)
		}
		return &Database{Close: db.Close, engine: db.Engine}, nil
	}
	db, err := mongo.Open(ctx, address, program)
	if err != nil {
		return nil, fmt.Errorf("FINSAM_STORE: the MongoDB server cannot be used: %w", err)
	}
	return &Database{Close: db.Close, engine: db.Engine}, nil
}

// parseStore parses the address of a database. Its errors do not repeat it: it may have a
// password.
func parseStore(address string) (kind, path string, err error) {
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
	return storetraced.Engine(d.engine(service), service)
}

// folderScheme is what the address of a folder begins with.
const folderScheme = "folder:"

// openBlobs opens the store for attachments that FINSAM_BLOBS names, if it does. An S3
// store is not contacted yet, nor by /readyz: while it is away only attachments are.
func (p *App) openBlobs(environ map[string]string) error {
	if p.Config.Blobs == "" {
		return nil
	}
	var b blob.Store
	var err error
	if path, ok := strings.CutPrefix(p.Config.Blobs, folderScheme); ok {
		b, err = folder.Open(path)
	} else {
		b, err = s3.Open(p.Config.Blobs, environ)
	}
	if err != nil {
		return fmt.Errorf("FINSAM_BLOBS: %w", err)
	}
	p.Blobs = blobtraced.Store(b, p.Service)
	return nil
}

// checkBlobs refuses an address that is not valid, and never repeats it.
func checkBlobs(address string) error {
	path, isFolder := strings.CutPrefix(address, folderScheme)
	switch {
	case isFolder && !strings.HasPrefix(path, "/"):
		return errors.New("FINSAM_BLOBS: folder: must be followed by a whole path, such as folder:/var/lib/finsam/attachments")
	case isFolder || address == "":
		return nil
	case !strings.HasPrefix(address, s3.Scheme):
		return errors.New("FINSAM_BLOBS: must begin with folder: or s3://, such as folder:/var/lib/finsam/attachments")
	}
	if err := s3.CheckAddress(address); err != nil {
		return fmt.Errorf("FINSAM_BLOBS: %w", err)
	}
	return nil
}

// The values of FINSAM_MIGRATE.
const (
	migrateAuto  = "auto"
	migrateCheck = "check"
)

// ErrChecked ends a program that only says what it would do to its database
// (FINSAM_MIGRATE=check). It wraps context.Canceled, which is no failure for Main.
var ErrChecked = fmt.Errorf("FINSAM_MIGRATE: the database was inspected, nothing was changed: %w", context.Canceled)

// migrate migrates the database to the service's schema, or prints what there is to do.
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

// Watch watches the database's version until ctx ends; see migration.Migration.Watch.
func (p *App) Watch(ctx context.Context) error {
	m := p.Migration()
	if m == nil {
		<-ctx.Done()
		return nil
	}
	return m.Watch(ctx)
}
