// Package replica is a service's own copy of the programme, which the activity service
// owns. The service follows the owner's feed, fetches the objects that the events name and
// stores them in its own database: it decides by them also while the owner is away, and
// after its own restart.
//
// Nothing here is about persons.
package replica

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/store"
)

// The types of the events by which the copy is late.
const (
	Activated = "se.finsam.programme.activated"
	Ended     = "se.finsam.programme.ended"
)

// ErrNone says why a service that follows the programme is not ready.
var ErrNone = fault.New(fault.Unavailable, "no-programme",
	"Tjänsten har ännu inte fått något förbund av aktivitetstjänsten.",
	"The service has not received any association from the activity service yet.")

// copied is an object as it is stored: as the owner wrote it, so that a follower of an
// earlier version loses nothing of it.
type copied struct {
	Association string `json:"association"`
	ID          string `json:"id"`
	Writes      int64  `json:"writes"`
	Text        string `json:"text"` // JSON
}

var collection = store.Schema[copied]{
	Name: "programme_objects",
	ID:   func(c *copied) (string, string) { return store.NoAssociation, c.Association + "/" + c.ID },
}

// writers is how many objects are stored at once: they share the disk's waits.
const writers = 16

// Config is what a replica is made of.
type Config struct {
	Service string       // that follows
	Engine  store.Engine // its database
	Feed    feed.Reader  // the owner's
	Owner   *Client
	Log     *slog.Logger
}

// Replica is the copy of one process. Every process of a service follows the feed by
// itself, since each has its own Associations; they share what is stored.
type Replica struct {
	// Associations are built from the copy.
	Associations *association.Registry

	Config
	stored   *store.Collection[copied]
	known    map[string]map[string]*programme.Object // by association and id; of Open, then of Run
	isReady  atomic.Bool
	cause    atomic.Pointer[error] // why the owner could not be followed last
	progress *feed.Following
}

// Open reads what is stored, and serves it.
func Open(ctx context.Context, c Config) (*Replica, error) {
	r := &Replica{Config: c, known: map[string]map[string]*programme.Object{}, progress: feed.NewFollowing(c.Service, "activity")}
	var err error
	if r.Associations, err = association.NewRegistry(); err != nil {
		return nil, err
	}
	if r.stored, err = store.Open(ctx, c.Engine, collection); err != nil {
		return nil, err
	}
	err = r.stored.Each(ctx, store.Query{Association: store.NoAssociation, Limit: 200}, func(v store.Versioned[copied]) error {
		return r.learn([]byte(v.Value.Text))
	})
	for id := range r.known {
		r.serve(id)
	}
	return r, err
}

// learn takes an object into what is known.
func (r *Replica) learn(text []byte) error {
	o := new(programme.Object)
	if err := json.Unmarshal(text, o); err != nil {
		return fmt.Errorf("an object of the programme has another form: %w", err)
	}
	if r.known[o.Association] == nil {
		r.known[o.Association] = map[string]*programme.Object{}
	}
	r.known[o.Association][o.ID] = o
	return nil
}

// serve serves an association as it is known, once it is whole: what it is itself is stored
// last.
func (r *Replica) serve(id string) {
	if r.known[id][string(programme.Association)] == nil {
		return
	}
	objects := slices.SortedFunc(maps.Values(r.known[id]), func(a, b *programme.Object) int { return strings.Compare(a.ID, b.ID) })
	r.Associations.Serve(id, func(on civil.Date) *association.Association { return programme.Assemble(objects, on).Build() })
	r.isReady.Store(true)
}

// Ready reports whether any association has been received, ever; the error says why none.
func (r *Replica) Ready() error {
	if r.isReady.Load() {
		return nil
	}
	if cause := r.cause.Load(); cause != nil {
		return ErrNone.Because(*cause)
	}
	return ErrNone
}

// retry is how to wait for an owner that cannot be followed.
var retry = backoff.Backoff{First: 200 * time.Millisecond, Max: 5 * time.Second}

// Run follows the owner until ctx ends, and then returns nil. What fails is logged, counted
// and tried again without end; the associations are served meanwhile as they are known.
func (r *Replica) Run(ctx context.Context) error {
	defer r.progress.Watch()()
	for failures, at := 0, int64(unknown); ctx.Err() == nil; {
		next, err := r.follow(ctx, at)
		if at = next; err == nil {
			failures = 0
			continue
		}
		if ctx.Err() != nil {
			break
		}
		r.cause.Store(&err)
		r.progress.Failed(ctx)
		failures++
		r.Log.WarnContext(ctx, "cannot follow the programme; it is served as it is known here, and followed again", "error", err, "failures", failures)
		retry.Wait(ctx, failures)
	}
	return nil
}

// unknown is the position of who has yet to compare the copy with the owner's objects.
const unknown = -1

// follow handles the events behind a position and returns the next one. It begins at the
// end of the feed: what came before is in the owner's objects.
func (r *Replica) follow(ctx context.Context, at int64) (int64, error) {
	if at == unknown {
		end, err := feed.End(ctx, r.Feed)
		if err != nil {
			return unknown, fmt.Errorf("read the feed: %w", err)
		}
		if err := r.Catch(ctx); err != nil {
			return unknown, err
		}
		at = end
	}
	r.progress.Begin(at)
	events, err := r.Feed.After(ctx, at, feed.MaxLimit, feed.MaxWait)
	if err != nil {
		return unknown, fmt.Errorf("read the feed: %w", err)
	}
	r.progress.Read(events)
	changed := slices.DeleteFunc(slices.Clone(events), func(e feed.Event) bool { return e.Type != Activated && e.Type != Ended })
	if len(changed) > 0 {
		if err := r.Catch(ctx); err != nil {
			return unknown, err
		}
	}
	for _, e := range changed {
		if r.known[e.Association][e.Data["object"]] == nil {
			return at, fmt.Errorf("event %s: the owner has not got the object yet", e.ID)
		}
	}
	for i, e := range events {
		r.progress.Handled(ctx, events[i:])
		at = e.Sequence
	}
	return at, nil
}

// Catch fetches what the owner has and the copy has not, stores it and serves it.
func (r *Replica) Catch(ctx context.Context) error {
	index, err := r.Owner.Index(ctx)
	if err != nil {
		return fmt.Errorf("read the programme: %w", err)
	}
	for id, objects := range r.known {
		if index[id] == nil {
			continue // its file has gone; here it is served for the persons who are enrolled
		}
		for object, o := range objects {
			if index[id][object] < o.Writes {
				return fmt.Errorf("%s of %s is at write %d and the copy at %d: %w", object, id, index[id][object], o.Writes, feed.ErrForked)
			}
		}
	}
	for id, writes := range index {
		var ids []string
		for object, n := range writes {
			if o := r.known[id][object]; o == nil || o.Writes < n {
				ids = append(ids, object)
			}
		}
		if len(ids) == 0 {
			continue
		}
		var all []json.RawMessage
		for part := range slices.Chunk(slices.Sorted(slices.Values(ids)), MaxIDs) {
			some, err := r.Owner.Fetch(ctx, id, part)
			if err != nil {
				return fmt.Errorf("read the programme: %w", err)
			}
			all = append(all, some...)
		}
		if len(all) < len(ids) { // stored, it would be taken for the whole
			return fmt.Errorf("the owner has sent %d of %d objects of %s", len(all), len(ids), id)
		}
		if err := r.keep(ctx, id, all); err != nil {
			return fmt.Errorf("store the programme: %w", err)
		}
		r.serve(id)
		r.Log.InfoContext(ctx, "the programme is received", "association", id, "objects", len(all))
	}
	return nil
}

// keep stores objects of an association, and what it is itself last. Another process may
// have stored a later form; what is known here is then late, and fetched again.
func (r *Replica) keep(ctx context.Context, id string, all []json.RawMessage) error {
	var last []copied
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	put := func(ctx context.Context, c copied) error {
		empty := func() *copied { return &copied{Association: c.Association, ID: c.ID} }
		return r.stored.Upsert(ctx, store.NoAssociation, c.Association+"/"+c.ID, empty, func(now *copied) error {
			if now.Writes >= c.Writes {
				return store.ErrUnchanged
			}
			*now = c
			return nil
		})
	}
	for _, text := range all {
		c := copied{Text: string(text)}
		if err := json.Unmarshal(text, &c); err != nil {
			return err
		}
		if c.Association != id || c.ID == "" {
			return fmt.Errorf("an object of %q came, and one of %s was asked for", c.Association, id)
		}
		if c.ID == string(programme.Association) {
			last = append(last, c)
			continue
		}
		g.Go(func() error { return put(within, c) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, c := range last {
		if err := put(ctx, c); err != nil {
			return err
		}
	}
	for _, text := range all {
		if err := r.learn(text); err != nil {
			return err
		}
	}
	return nil
}
