// Package mongo is the engine of package store for production: MongoDB from 4.4
// on, a replica set or sharded, and servers that speak its protocol.
//
// It asks only for what all of them have: one document per write, filters by
// equality and range, $set, plain indexes; no transactions, no change streams.
// Every write waits for a majority with its journal flushed, every read is one
// of the majority, from the primary; every command has a time limit (for lists
// the driver keeps it on our side only), and every change names the version that
// it changes.
//
// A document is stored as
//
//	{_id: "<association>/<id>", association, version, settled, unsettled, written,
//	 token, keys: {…}, unique: {…}, body: {…}}
//
// and every filter names the association, so that a collection may be sharded on
// {association, _id}; one that declares unique indexes on {association} alone,
// as the server demands that a unique index begins with the whole shard key.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// The limits of time: of a command whose caller set none, and of finding a
// server that can take it.
const (
	commandTimeout = 10 * time.Second
	serverTimeout  = 5 * time.Second
)

// DB is a connection to a server.
type DB struct {
	client  *mongo.Client
	written atomic.Int64 // the latest write's place, see place
}

// Open connects to the server that the URI names and waits until it answers.
// What the URI says of concerns, of the preferred member and of retries is
// overruled: correctness does not depend on its writer.
func Open(ctx context.Context, uri string) (*DB, error) {
	journal := true
	o := options.Client().ApplyURI(uri).
		SetAppName("finsam").
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}).
		SetReadConcern(readconcern.Majority()).
		SetReadPreference(readpref.Primary()).
		SetTimeout(commandTimeout).
		SetServerSelectionTimeout(serverTimeout).
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

// Close ends all connections; commands under way have five seconds.
func (d *DB) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return d.client.Disconnect(ctx)
}

// Engine returns the database "finsam-<namespace>".
func (d *DB) Engine(namespace string) store.Engine {
	return &engine{db: d, namespace: namespace, specs: map[string]store.Spec{}}
}

// place numbers the writes of this process in their order; between processes,
// the clock orders them.
func (d *DB) place() int64 {
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

// collection finds one that Prepare has made, and what it declares.
func (e *engine) collection(name string) (*mongo.Collection, store.Spec, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	spec, ok := e.specs[name]
	if !ok {
		return nil, spec, fmt.Errorf("the collection %s of %s has not been prepared", name, e.namespace)
	}
	return e.at(name), spec, nil
}

func (e *engine) at(name string) *mongo.Collection {
	return e.db.client.Database("finsam-" + e.namespace).Collection(name)
}

// Ping implements store.Engine.
func (e *engine) Ping(ctx context.Context) error { return e.db.ping(ctx) }

// Prepare implements store.Engine. Indexes that are no longer declared stay: an
// older version of the service may still run beside this one.
func (e *engine) Prepare(ctx context.Context, s store.Spec) error {
	if err := errors.Join(rule.Spec(s), rule.Name("namespace", e.namespace)); err != nil {
		return err
	}
	if err := e.prepare(ctx, s); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if earlier, ok := e.specs[s.Name]; ok {
		s = rule.Merge(earlier, s)
	}
	e.specs[s.Name] = s
	return nil
}
