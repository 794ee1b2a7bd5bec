// Package programme owns what an association offers (package programme of the same name
// holds its objects and their versions): it stores them, decides who plans what, and loads
// them from the associations' files. What becomes of an object is a step of its own, which
// is published; the association of the present day is built from the objects, in every
// replica.
//
// No person is in any of it. Running enrolments keep the plan that they began with.
package programme

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// Events is what the types of the events of objects begin with.
const Events = "se.finsam.programme."

// Config is what the programmes need.
type Config struct {
	parts.Parts
	Folder   string // of the associations' files; empty: none is read
	Bookings *store.Collection[activity.Booking]
	Changed  func() // called after an object was changed; never blocks

	// Impact returns whom it would change something for from a day on if an association were
	// after instead of before.
	Impact func(ctx context.Context, before, after *association.Association, first civil.Date) (Impact, error)
}

// Service has the objects. Its verbs take the caller from the context and decide by the
// access table. All methods may be called at once, in several processes: each change is by
// compare-and-swap.
type Service struct {
	Config
	objects   *store.Collection[Document]
	journals  *store.Collection[journal]
	documents *guard.Documents[Document]
	folder    folder
	serving   sync.Mutex   // held while the objects of an association are read to be served
	head      atomic.Int64 // of the service's own feed, up to which the registry knows the objects
}

// New opens the objects on the engine.
func New(ctx context.Context, c Config) (*Service, error) {
	objects, err := store.Open(ctx, c.Engine, Collection)
	if err != nil {
		return nil, fmt.Errorf("programmes: %w", err)
	}
	journals, err := store.Open(ctx, c.Engine, journals)
	if err != nil {
		return nil, fmt.Errorf("programmes: %w", err)
	}
	s := &Service{Config: c, objects: objects, journals: journals}
	s.documents = &guard.Documents[Document]{
		Log: c.AccessLog, Store: objects, Kind: "programme",
		Resource: func(_ context.Context, _ actor.Actor, _ string, d *Document) (access.Resource, error) {
			return d.Resource(), nil
		},
		Participants: func(*Document) []string { return nil },
	}
	head, err := feed.End(ctx, c.Feed)
	if err != nil {
		return nil, fmt.Errorf("programmes: %w", err)
	}
	s.head.Store(head)
	return s, nil
}

// Source is what the publisher of the service publishes of the objects.
func (s *Service) Source() feed.Source {
	return feed.FromCollection(s.objects, Events, func(d *Document, n int64) feed.Event {
		step := d.Steps[n-1]
		e := feed.Event{
			Type: Events + string(step.Kind), Subject: storedID(d.Association, d.ID), Time: step.At, Association: d.Association, TraceParent: step.TraceParent,
			Data: map[string]string{"object": d.ID, "kind": string(d.Kind), "municipality": d.Municipality},
		}
		if step.Version > 0 {
			e.Data["version"] = strconv.Itoa(step.Version)
		}
		return e
	})
}

// Run follows the folder, and what other replicas do with the objects, until the context
// ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.followFolder(ctx) })
	g.Go(func() error {
		s.followReplicas(ctx)
		return nil
	})
	return g.Wait()
}

var feedRetry = backoff.Backoff{First: time.Second, Max: 30 * time.Second}

// followReplicas serves what other replicas make of the objects.
func (s *Service) followReplicas(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		if _, err := s.follow(ctx, feed.MaxWait); err == nil {
			failures = 0
		} else if ctx.Err() == nil {
			failures++
			s.Log.WarnContext(ctx, "cannot read the changes of programmes; trying again", "error", err, "failures", failures)
			backoff.Sleep(ctx, feedRetry.After(failures))
		}
	}
}

// CatchUp serves what other replicas have made of the objects until now, for an answer that is
// cached until the next change: the event of the last one has emptied the cache. While the
// store is away, what is known is served.
func (s *Service) CatchUp(ctx context.Context) {
	for n, err := 1, error(nil); err == nil && n > 0; { // one answer need not have all
		n, err = s.follow(ctx, 0)
	}
}

// follow serves what the service's own feed says of the objects, and waits that long for
// something to come. It returns how many events it has read.
func (s *Service) follow(ctx context.Context, wait time.Duration) (int, error) {
	head := s.head.Load()
	events, err := s.Feed.After(ctx, head, feed.MaxLimit, wait)
	changed := map[string]bool{}
	for _, e := range events {
		if strings.HasPrefix(e.Type, Events) {
			changed[e.Association] = true
		}
	}
	for id := range changed {
		err = errors.Join(err, s.serve(ctx, id))
	}
	if err == nil && len(events) > 0 {
		s.head.CompareAndSwap(head, events[len(events)-1].Sequence) // else another has read them
	}
	return len(events), err
}

// serve reads the objects of an association, and lets the registry build from them.
func (s *Service) serve(ctx context.Context, id string) error {
	s.serving.Lock() // an older reading must not take the place of a newer one
	defer s.serving.Unlock()
	all, err := s.read(ctx, id)
	if err != nil || len(all) == 0 {
		return err
	}
	objects := objectsOf(all)
	if !slices.ContainsFunc(objects, func(o *programme.Object) bool { return o.Kind == programme.Association }) {
		return nil // the first load has not written all yet
	}
	s.Associations.Serve(id, func(on civil.Date) *association.Association {
		a, _ := assemble(objects, on)
		return a
	})
	return nil
}

// assemble builds the association as it is on a day, and returns what is wrong with it.
func assemble(objects []*programme.Object, on civil.Date) (*association.Association, association.Problems) {
	file := programme.Assemble(objects, on)
	return file.Build(), file.Check()
}

// readSize is how many objects one read takes.
const readSize = 500

// read reads the objects of an association, or those that match, in the order of their
// ids.
func (s *Service) read(ctx context.Context, association string, where ...store.Cond) (all []store.Versioned[Document], err error) {
	err = s.objects.Each(ctx, store.Query{Association: association, Where: where, Limit: readSize}, func(v store.Versioned[Document]) error {
		all = append(all, v)
		return nil
	})
	return all, err
}

func objectsOf(all []store.Versioned[Document]) []*programme.Object {
	objects := make([]*programme.Object, len(all))
	for i, v := range all {
		objects[i] = &v.Value.Object
	}
	return objects
}
