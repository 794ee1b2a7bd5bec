package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/store"
)

// Source is a collection whose steps are published. Create it by FromCollection.
type Source struct {
	prefix string // what the types of its events begin with
	// unpublished returns the events of at most maxDocuments documents, in the order of the
	// documents' latest writes, each document's own in the order of its steps; and whether
	// there may be more.
	unpublished func(ctx context.Context) (events []Event, more bool, err error)
	// markPublished records that the steps up to these versions are in the log.
	markPublished func(ctx context.Context, marks []store.PublishedMark) error
}

// FromCollection returns a source of a collection whose documents' versions are the
// numbers of their steps. event makes the event of step n, counted from 1: it sets
// Type, Subject (the document's id), Association, Time and what else there is; the ID
// follows from them. Type is prefix, such as "se.finsam.referral.", and one more word.
func FromCollection[T any](c *store.Collection[T], prefix string, event func(v *T, n int64) Event) Source {
	unpublished := func(ctx context.Context) (events []Event, more bool, err error) {
		documents, err := c.Unpublished(ctx, maxDocuments)
		if err != nil {
			return nil, false, err
		}
		for _, v := range documents {
			for n := v.Published + 1; n <= v.Version; n++ {
				e := event(v.Value, n)
				e.ID = EventID(e.Subject, n)
				events = append(events, e)
			}
		}
		return events, len(documents) == maxDocuments, nil
	}
	return Source{prefix: prefix, unpublished: unpublished, markPublished: c.MarkPublished}
}

const (
	// maxDocuments bounds how many documents one round takes from each source.
	maxDocuments = 256
	// idleInterval is how often, about, a publisher looks without being woken: for what
	// a process left behind when it died. What lives wakes its own publisher.
	idleInterval = 5 * time.Second
	// lastTimeout bounds what a publisher still publishes once its context has ended.
	lastTimeout = 2 * time.Second
)

// EventID returns the id of the event of step n of a document.
func EventID(document string, n int64) string { return document + "/" + strconv.FormatInt(n, 10) }

// Publisher copies unpublished steps into the log. Several may run for one log, in
// several processes: correctness rests on the log's fence, not on being alone.
type Publisher struct {
	log     *Log
	sources map[string]Source // by prefix of the event type
	wake    chan struct{}
	marked  int64 // number of the newest block whose steps are marked as published
	errors  *slog.Logger
	metrics *publisherMetrics
}

// NewPublisher creates a publisher of sources made by FromCollection.
func NewPublisher(l *Log, log *slog.Logger, sources ...Source) *Publisher {
	source := path.Base(l.source)
	m := &publisherMetrics{
		source:   source,
		failures: metrics.Counter("finsam.publisher.failures", "Rounds of publishing that failed."),
		labels:   metrics.Labels{"source": source}.Option(),
	}
	m.done.Store(time.Now().UnixMilli())
	m.failures.Add(context.Background(), 0, m.labels)
	p := &Publisher{log: l, sources: map[string]Source{}, wake: make(chan struct{}, 1), errors: log, metrics: m}
	for _, s := range sources {
		p.sources[s.prefix] = s
	}
	return p
}

// Wake says that there is something to publish. It never blocks and may be called at
// once by many; without it a step is found within seven seconds.
func (p *Publisher) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run publishes until the context ends, and then returns nil. It first publishes what
// was written until then, for two seconds at most; what is left is published at the
// next start. A store that fails is tried again, at intervals of up to five seconds.
func (p *Publisher) Run(ctx context.Context) error {
	m := p.metrics
	defer metrics.Watch(
		metrics.Labels{"source": m.source},
		metrics.Gauge{Name: "finsam.feed.head", Description: "Sequence number of the newest event in the log of the source.",
			Read: func() (float64, bool) { return float64(m.head.Load()), true }},
		metrics.Gauge{Name: "finsam.publisher.backlog", Description: "Steps saved and not yet published, up to the number that one round examines.",
			Read: func() (float64, bool) { return float64(m.backlog.Load()), true }},
		metrics.Gauge{Name: "finsam.publisher.age", Unit: "s", Description: "Age of the oldest step saved and not yet published; 0: none.",
			Read: func() (float64, bool) { return metrics.Age(m.oldest.Load()), true }},
		metrics.Gauge{Name: "finsam.publisher.silence", Unit: "s", Description: "Time since publishing last succeeded.",
			Read: func() (float64, bool) { return metrics.Age(m.done.Load()), true }},
	)()
	failures := 0
	for {
		more, err := p.round(ctx)
		pause := idleInterval*3/4 + rand.N(idleInterval/2)
		switch {
		case ctx.Err() != nil:
			p.finish(ctx)
			return nil
		case errors.Is(err, errOvertaken):
			pause = rand.N(50 * time.Millisecond)
		case err != nil:
			failures++
			m.failures.Add(ctx, 1, m.labels)
			p.errors.ErrorContext(ctx, "cannot publish events; trying again", "error", err, "failures", failures)
			pause = retry.After(failures)
		default:
			failures = 0
			if more {
				continue
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			p.finish(ctx)
			return nil
		case <-p.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (p *Publisher) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTimeout)
	defer cancel()
	for {
		if more, err := p.round(ctx); !more || err != nil {
			return
		}
	}
}

// round publishes one batch of steps and reports whether there may be more. The order of
// its reads is what makes it exact: first the log's newest block that is known here, whose
// steps are marked as published, in case the publisher that wrote it died before it could;
// then what is unpublished; then the write behind that very block, which fails if another
// came between.
func (p *Publisher) round(ctx context.Context) (more bool, err error) {
	newest, err := p.log.newest(ctx)
	if err != nil {
		return false, err
	}
	if err := p.mark(ctx, newest); err != nil {
		return false, err
	}
	var events []Event
	for _, s := range p.sources {
		some, full, err := s.unpublished(ctx)
		if err != nil {
			return false, err
		}
		events, more = append(events, some...), more || full
	}
	oldest := int64(0)
	for _, e := range events {
		if at := e.Time.UnixMilli(); oldest == 0 || at < oldest {
			oldest = at
		}
	}
	p.metrics.backlog.Store(int64(len(events)))
	p.metrics.oldest.Store(oldest)
	if len(events) == 0 {
		if err = p.log.look(ctx); err == nil {
			newest, err = p.log.newest(ctx)
		}
		if err == nil {
			p.metrics.published(newest.last())
		}
		return false, err
	}
	b, err := p.log.append(ctx, newest, events)
	if err != nil {
		return false, err
	}
	p.metrics.published(b.last())
	return more, p.mark(ctx, b)
}

// mark marks the steps of a block as published, once in the life of this publisher.
func (p *Publisher) mark(ctx context.Context, b block) error {
	if b.Number == p.marked {
		return nil
	}
	byPrefix := map[string]map[string]store.PublishedMark{} // of each document the highest step
	for _, e := range b.Events {
		prefix := e.Type[:strings.LastIndexByte(e.Type, '.')+1]
		_, number, _ := strings.Cut(e.ID, "/")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return fmt.Errorf("event id %s: %w", e.ID, err)
		}
		if byPrefix[prefix] == nil {
			byPrefix[prefix] = map[string]store.PublishedMark{}
		}
		document := e.Association + "/" + e.Subject
		if n > byPrefix[prefix][document].Published {
			byPrefix[prefix][document] = store.PublishedMark{Association: e.Association, ID: e.Subject, Published: n}
		}
	}
	for prefix, marks := range byPrefix {
		s, ok := p.sources[prefix]
		if !ok {
			return fmt.Errorf("no source has events of type %s*", prefix)
		}
		if err := s.markPublished(ctx, slices.Collect(maps.Values(marks))); err != nil {
			return err
		}
	}
	p.marked = b.Number
	return nil
}
