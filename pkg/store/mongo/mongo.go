// Package mongo is the engine of package store for production: MongoDB from 4.4
// on, a replica set or sharded, and servers that speak its protocol.
//
// It uses only what all of them have: one document per write, filters by equality
// and range, $set, plain indexes; no transactions, no change streams. Every write
// waits for a majority with its journal flushed, and every read is of the majority,
// from the primary. Every command has a time limit, and every change names the version
// that it changes.
//
// A document is stored as
//
//	{_id: "<association>/<id>", association, version, published, unpublished,
//	 written, token, keys: {…}, unique: {…}, body: {…}}
//
// The association is part of the _id: one document is found by its _id alone. Lists and
// unique values name the association; Unpublished and Walk do not. So a collection can be
// sharded by its _id, or by the association where it has a unique index.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
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
	serverSelectionTimeout = 15 * time.Second // longer than an election, for a start during one
	connectTimeout         = 5 * time.Second  // also of the driver's question whether a server is there
	closeTimeout           = 5 * time.Second

	minConnections     = 4 // kept open, so that what comes at once does not wait for handshakes
	connectionsAtOnce  = 8 // handshakes, after a server has returned
	maxConnectionsIdle = 10 * time.Minute

	// indexTimeout bounds the building of one collection's indexes. A large collection
	// takes minutes; a build that is broken off begins again at the next start.
	indexTimeout  = 30 * time.Minute
	indexAttempts = 5
)

// DB is a connection to a server.
type DB struct {
	client  *mongo.Client
	outage  *outage
	written atomic.Int64 // of the latest write, see nextWritten
}

// Open connects to the server that the URI names and waits until it answers, or
// returns ErrUnavailable. program is the name that the server shows for its
// connections. Concerns, retries and the preferred member that the URI names are
// overruled: correctness does not depend on who wrote it.
func Open(ctx context.Context, uri, program string) (*DB, error) {
	d := &DB{outage: &outage{}}
	d.outage.up, d.outage.begin = context.WithCancelCause(context.Background())
	journal := true
	o := options.Client().ApplyURI(uri).
		SetAppName(program).
		SetRetryWrites(false).
		SetRetryReads(false).
		SetConnectTimeout(connectTimeout).
		SetMaxConnecting(connectionsAtOnce).
		SetMaxConnIdleTime(maxConnectionsIdle).
		SetServerMonitor(&event.ServerMonitor{TopologyDescriptionChanged: d.outage.changed}).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}).
		SetReadConcern(readconcern.Majority()).
		SetReadPreference(readpref.Primary()).
		SetTimeout(commandTimeout).
		SetServerSelectionTimeout(serverSelectionTimeout).
		SetBSONOptions(&options.BSONOptions{UseJSONStructTags: true}).
		SetMonitor(newMonitor())
	if o.MinPoolSize == nil && o.MaxPoolSize == nil {
		o.SetMinPoolSize(minConnections)
	}
	var err error
	if d.client, err = mongo.Connect(o); err != nil {
		return nil, fmt.Errorf("connect to MongoDB: %w", err)
	}
	if err := answer(ctx, "ping", d.client.Ping(ctx, readpref.Primary())); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to MongoDB: %w", err), d.Close())
	}
	return d, nil
}

// Close ends all connections, after commands under way or five seconds.
func (d *DB) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return d.client.Disconnect(ctx)
}

// Engine returns the database "finsam-<namespace>".
func (d *DB) Engine(namespace string) store.Engine {
	return &engine{db: d, database: d.client.Database("finsam-" + namespace), namespace: namespace, specs: map[string]store.Spec{}}
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
	database  *mongo.Database
	namespace string

	preparing sync.Mutex // held by Prepare
	mu        sync.RWMutex
	specs     map[string]store.Spec
}

// collection returns a prepared collection and what it declares.
func (e *engine) collection(name string) (*mongo.Collection, store.Spec, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	spec, ok := e.specs[name]
	if !ok {
		return nil, spec, fmt.Errorf("the collection %s of %s has not been prepared", name, e.namespace)
	}
	return e.database.Collection(name), spec, nil
}

func (e *engine) Ping(ctx context.Context) error {
	return e.db.retry(ctx, "ping", func(ctx context.Context) error { return e.db.client.Ping(ctx, readpref.Primary()) })
}

// Prepare leaves indexes that are no longer declared: an older version of the
// service may still run beside this one. What is prepared already can be used meanwhile.
func (e *engine) Prepare(ctx context.Context, s store.Spec) error {
	if err := errors.Join(rule.Spec(s), rule.Name("namespace", e.namespace)); err != nil {
		return err
	}
	e.preparing.Lock()
	defer e.preparing.Unlock()
	_, earlier, err := e.collection(s.Name)
	if err == nil {
		s = rule.Merge(earlier, s)
	}
	if err != nil || len(indexes(s, true)) > len(indexes(earlier, true)) {
		if err := e.createIndexes(ctx, s); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.specs[s.Name] = s
	return nil
}

// createIndexes creates the indexes that the collection does not have. It tries again
// whatever the error is, unless that would begin a long build again: another process may
// be creating the same ones, and then they are there.
func (e *engine) createIndexes(ctx context.Context, s store.Spec) error {
	ctx, cancel := context.WithTimeout(ctx, indexTimeout)
	defer cancel()
	view, partial := e.database.Collection(s.Name).Indexes(), true
	for attempt := 1; ; attempt++ {
		err := createMissing(ctx, view, indexes(s, partial))
		var server mongo.ServerError
		if partial && errors.As(err, &server) && slices.ContainsFunc(noPartialIndexCodes, server.HasErrorCode) {
			partial = false
			continue
		}
		if err == nil || attempt == indexAttempts || mongo.IsDuplicateKeyError(err) || mongo.IsTimeout(err) || !commandRetry.Wait(ctx, attempt) {
			return answer(ctx, "indexes of "+s.Name, err)
		}
	}
}

// noPartialIndexCodes are how servers refuse a partial index that they do not know:
// CannotCreateIndex, InvalidOptions, CommandNotSupported, InvalidIndexSpecificationOption,
// NotImplemented, and 303 of Amazon DocumentDB.
var noPartialIndexCodes = []int{67, 72, 115, 197, 238, 303}

// createMissing creates those of the indexes whose names the collection does not
// have, by one command.
func createMissing(ctx context.Context, view mongo.IndexView, wanted []index) error {
	present, err := view.ListSpecifications(ctx)
	if err != nil {
		return err
	}
	var missing []mongo.IndexModel
	for _, ix := range wanted {
		if !slices.ContainsFunc(present, func(p mongo.IndexSpecification) bool { return p.Name == ix.name }) {
			missing = append(missing, mongo.IndexModel{Keys: ix.keys, Options: ix.options.SetName(ix.name)})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = view.CreateMany(ctx, missing)
	return err
}

type index struct {
	name    string
	keys    bson.D
	options *options.IndexOptionsBuilder
}

// indexes returns the indexes of a collection. That of the unpublished documents is a
// plain one where the server has no partial indexes.
func indexes(s store.Spec, partial bool) []index {
	unpublished := index{"unpublished", bson.D{{Key: "unpublished", Value: 1}, {Key: "written", Value: 1}}, options.Index()}
	if partial {
		unpublished.options.SetPartialFilterExpression(bson.D{{Key: "unpublished", Value: true}})
	}
	var all []index
	if s.Published {
		all = append(all, unpublished)
	}
	for _, ix := range s.Unique {
		name := uniqueName(ix)
		keys := bson.D{{Key: "association", Value: 1}, {Key: "unique." + name, Value: 1}}
		all = append(all, index{"u_" + name, keys, options.Index().SetUnique(true)})
	}
	for _, ix := range slices.Concat(s.Indexes, s.Sparse) {
		keys := bson.D{{Key: "association", Value: 1}}
		for _, key := range ix {
			keys = append(keys, bson.E{Key: path(key), Value: 1})
		}
		if !slices.Contains(ix, store.ID) {
			keys = append(keys, bson.E{Key: "_id", Value: 1}) // documents that a sort leaves equal are in order without sorting
		}
		all = append(all, index{"i_" + strings.Join(ix, "__"), keys, options.Index()})
	}
	return all
}

func uniqueName(ix store.Index) string { return strings.Join(ix, "__") }
