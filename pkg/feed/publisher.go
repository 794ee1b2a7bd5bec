package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/store"
)

// Source returns a publisher the steps of one collection that are not told yet.
type Source interface {
	// pending returns events in the order of the documents' latest writes, each
	// document's own in the order of its steps, of at most limit documents.
	pending(ctx context.Context, limit int) ([]Event, error)
	// settle notes that the steps up to these versions are told.
	settle(ctx context.Context, marks []store.PublishedMark) error
	// prefix is what the types of its events begin with.
	prefix() string
}

type source[T any] struct {
	documents *store.Collection[T]
	event     func(v *T, n int64) Event
	kind      string
}

// FromCollection creates a source of a collection whose documents' versions are
// the numbers of their steps. event tells step n, counted from 1: it sets Type,
// Subject (the document's id), Association, Time and what else there is; the ID
// follows. Type is prefix, such as "se.finsam.referral.", and one more word.
func FromCollection[T any](c *store.Collection[T], prefix string, event func(v *T, n int64) Event) Source {
	return source[T]{documents: c, event: event, kind: prefix}
}

func (s source[T]) pending(ctx context.Context, limit int) ([]Event, error) {
	unsettled, err := s.documents.Unpublished(ctx, limit)
	if err != nil {
		return nil, err
	}
	var events []Event
	for _, v := range unsettled {
		for n := v.Published + 1; n <= v.Version; n++ {
			e := s.event(v.Value, n)
			e.ID = fmt.Sprintf("%s/%d", e.Subject, n)
			events = append(events, e)
		}
	}
	return events, nil
}

func (s source[T]) settle(ctx context.Context, marks []store.PublishedMark) error {
	return s.documents.MarkPublished(ctx, marks)
}

// batch bounds how many documents one round takes from each source.
const batch = 256

// idle is how often a publisher looks unasked: for what another process wrote,
// or what was left behind by one that died.
const idle = 500 * time.Millisecond

// Publisher moves untold steps into the log. Several may run for one log, in
// several processes: correctness rests on the log's fence, not on being alone.
type Publisher struct {
	log     *Log
	sources map[string]Source // by prefix of the event type
	wake    chan struct{}
	marked  int64 // number of the newest block whose steps are marked as told
	errors  *slog.Logger
	telling *telling
}

// NewPublisher creates a publisher of sources made by FromCollection.
func NewPublisher(l *Log, log *slog.Logger, sources ...Source) *Publisher {
	p := &Publisher{log: l, sources: map[string]Source{}, wake: make(chan struct{}, 1), errors: log, telling: newTelling(l.source)}
	for _, s := range sources {
		p.sources[s.prefix()] = s
	}
	return p
}

func (s source[T]) prefix() string { return s.kind }

// Wake tells that there is something to publish; it never blocks.
func (p *Publisher) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run publishes until the context ends. A failing store is tried again, ever
// more slowly, up to every few seconds.
func (p *Publisher) Run(ctx context.Context) error {
	defer p.telling.watch()()
	failures := 0
	for {
		n, err := p.round(ctx)
		pause := idle
		switch {
		case ctx.Err() != nil:
			p.last(ctx)
			return nil
		case errors.Is(err, errOvertaken):
			pause = rand.N(50 * time.Millisecond)
		case err != nil:
			failures++
			p.telling.failures.Add(ctx, 1, p.telling.labels)
			p.errors.ErrorContext(ctx, "publish events", "error", err, "failures", failures)
			pause = retry.After(failures)
		default:
			failures = 0
			if n > 0 {
				continue
			}
		}
		if !sleep(ctx, pause, p.wake) {
			p.last(ctx)
			return nil
		}
	}
}

// lastPatience bounds what a publisher that is told to end still tells.
const lastPatience = 2 * time.Second

// last returns what was written until the end, so that others need not wait for
// the next start. What it cannot tell in time is told then.
func (p *Publisher) last(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastPatience)
	defer cancel()
	for {
		if n, err := p.round(ctx); n == 0 || err != nil {
			return
		}
	}
}

// round tells one batch of steps and gives how many. The order of its reads is
// what makes it exact: first the log's newest block, whose steps are marked as
// told (a publisher may have died before it could); only then what is pending;
// then the write behind that very block, which fails if another came between.
func (p *Publisher) round(ctx context.Context) (int, error) {
	newest, err := p.log.newest(ctx)
	if err != nil {
		return 0, err
	}
	if err := p.mark(ctx, newest); err != nil {
		return 0, err
	}
	var events []Event
	for _, s := range p.sources {
		some, err := s.pending(ctx, batch)
		if err != nil {
			return 0, err
		}
		events = append(events, some...)
	}
	p.telling.found(events)
	if len(events) == 0 {
		p.telling.told(newest.last())
		return 0, nil
	}
	b, err := p.log.append(ctx, newest, events)
	if err != nil {
		return 0, err
	}
	p.telling.told(b.last())
	return len(events), p.mark(ctx, b)
}

// mark notes the steps of a block as told, once in the life of this publisher.
func (p *Publisher) mark(ctx context.Context, b block) error {
	if b.Number == p.marked {
		return nil
	}
	told, err := marks(b.Events)
	if err != nil {
		return err
	}
	for kind, marks := range told {
		s, ok := p.sources[kind]
		if !ok {
			return fmt.Errorf("no source tells events of type %s", kind)
		}
		if err := s.settle(ctx, slices.Collect(maps.Values(marks))); err != nil {
			return err
		}
	}
	p.marked = b.Number
	return nil
}

// marks returns the highest step told of each document, by kind of event.
func marks(events []Event) (map[string]map[string]store.PublishedMark, error) {
	told := map[string]map[string]store.PublishedMark{}
	for _, e := range events {
		kind := e.Type[:strings.LastIndexByte(e.Type, '.')+1]
		_, number, _ := strings.Cut(e.ID, "/")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("event id %s: %w", e.ID, err)
		}
		if told[kind] == nil {
			told[kind] = map[string]store.PublishedMark{}
		}
		document := e.Association + "/" + e.Subject
		if m := told[kind][document]; n > m.Published {
			told[kind][document] = store.PublishedMark{Association: e.Association, ID: e.Subject, Published: n}
		}
	}
	return told, nil
}

// retry is how a publisher and a follower wait for a store or a peer that fails.
var retry = backoff.Backoff{First: 200 * time.Millisecond, Max: 5 * time.Second}

// sleep waits for the time, or a wake-up; false means the context has ended.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-t.C:
	}
	return true
}
