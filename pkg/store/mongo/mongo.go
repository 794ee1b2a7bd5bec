// Package mongo is the engine of package store for production: MongoDB from 4.4
// on, a replica set or sharded, and servers that speak its protocol.
//
// It uses only what all of them have: one document per write, filters by equality
// and range, $set, plain indexes; no transactions, no change streams. Every write
// waits for a majority with its journal flushed, and every read is of the majority,
// from the primary. Every command has a time limit (for lists only the driver
// enforces it), and every change names the version that it changes.
//
// A document is stored as
//
//	{_id: "<association>/<id>", association, version, published, unpublished,
//	 written, token, keys: {…}, unique: {…}, body: {…}}
//
// All filters but those of Unpublished and Walk name the association, so that a
// collection may be sharded on {association, _id}, or on {association} alone where
// it declares unique indexes: the server demands that a unique index begins with
// the whole shard key.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

const (
	commandTimeout         = 10 * time.Second // where the caller has set no deadline
	serverSelectionTimeout = 5 * time.Second
	closeTimeout           = 5 * time.Second
)

// DB is a connection to a server.
type DB struct {
	client  *mongo.Client
	written atomic.Int64 // of the latest write, see nextWritten
}

// Open connects to the server that the URI names and waits until it answers, or
// returns ErrUnavailable. Concerns and the preferred member that the URI names are
// overruled: correctness does not depend on who wrote it.
func Open(ctx context.Context, uri string) (*DB, error) {
	journal := true
	o := options.Client().ApplyURI(uri).
		SetAppName("finsam").
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}).
		SetReadConcern(readconcern.Majority()).
		SetReadPreference(readpref.Primary()).
		SetTimeout(commandTimeout).
		SetServerSelectionTimeout(serverSelectionTimeout).
		SetBSONOptions(&options.BSONOptions{UseJSONStructTags: true}).
		SetMonitor(newMonitor())
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, fmt.Errorf("connect to MongoDB: %w", err)
	}
	d := &DB{client: client}
	if err := d.ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to MongoDB: %w", err), d.Close())
	}
	return d, nil
}

func (d *DB) ping(ctx context.Context) error {
	if err := d.client.Ping(ctx, readpref.Primary()); err != nil {
		return answer(ctx, "ping", err)
	}
	return nil
}

// Close ends all connections, after commands under way or five seconds.
func (d *DB) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return d.client.Disconnect(ctx)
}

// Engine returns the database "finsam-<namespace>".
func (d *DB) Engine(namespace string) store.Engine {
	return &engine{db: d, namespace: namespace, specs: map[string]store.Spec{}}
}

// nextWritten numbers the writes of this process in their order; between processes
// the clock orders them.
func (d *DB) nextWritten() int64 {
	for {
		last := d.written.Load()
		next := max(last+1, time.Now().UnixNano())
		if d.written.CompareAndSwap(last, next) {
			return next
		}
	}
}

// engine is one service's database.
type engine struct {
	db        *DB
	namespace string

	mu    sync.RWMutex
	specs map[string]store.Spec
}

// collection returns a prepared collection and what it declares.
func (e *engine) collection(name string) (*mongo.Collection, store.Spec, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	spec, ok := e.specs[name]
	if !ok {
		return nil, spec, fmt.Errorf("the collection %s of %s has not been prepared", name, e.namespace)
	}
	return e.collectionNamed(name), spec, nil
}

func (e *engine) collectionNamed(name string) *mongo.Collection {
	return e.db.client.Database("finsam-" + e.namespace).Collection(name)
}

func (e *engine) Ping(ctx context.Context) error { return e.db.ping(ctx) }

// Prepare leaves indexes that are no longer declared: an older version of the
// service may still run beside this one.
func (e *engine) Prepare(ctx context.Context, s store.Spec) error {
	if err := errors.Join(rule.Spec(s), rule.Name("namespace", e.namespace)); err != nil {
		return err
	}
	view := e.collectionNamed(s.Name).Indexes()
	create := func(m mongo.IndexModel) error { // the server accepts one that exists already
		return retry(ctx, "index "+s.Name, func() error {
			_, err := view.CreateOne(ctx, m)
			return err
		})
	}
	// Where the server has no partial indexes, a plain one serves.
	pending := bson.D{{Key: "unpublished", Value: 1}, {Key: "written", Value: 1}}
	partial := mongo.IndexModel{Keys: pending, Options: options.Index().SetName("unpublished").SetPartialFilterExpression(bson.D{{Key: "unpublished", Value: true}})}
	if err := create(partial); err != nil {
		if ctx.Err() != nil {
			return err
		}
		if err := create(mongo.IndexModel{Keys: pending, Options: options.Index().SetName("unpublished")}); err != nil {
			return err
		}
	}
	for _, ix := range s.Unique {
		name := uniqueName(ix)
		keys := bson.D{{Key: "association", Value: 1}, {Key: "unique." + name, Value: 1}}
		if err := create(mongo.IndexModel{Keys: keys, Options: options.Index().SetName("u_" + name).SetUnique(true)}); err != nil {
			return fmt.Errorf("unique index %s: %w", name, err)
		}
	}
	for _, ix := range s.Indexes {
		keys := bson.D{{Key: "association", Value: 1}}
		for _, key := range ix {
			keys = append(keys, bson.E{Key: "keys." + key, Value: 1})
		}
		keys = append(keys, bson.E{Key: "_id", Value: 1}) // documents that a sort leaves equal are in order without sorting
		name := "i_" + strings.Join(ix, "__")
		if err := create(mongo.IndexModel{Keys: keys, Options: options.Index().SetName(name)}); err != nil {
			return fmt.Errorf("index %s: %w", name, err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if earlier, ok := e.specs[s.Name]; ok {
		s = rule.Merge(earlier, s)
	}
	e.specs[s.Name] = s
	return nil
}

func uniqueName(ix store.Index) string { return strings.Join(ix, "__") }
