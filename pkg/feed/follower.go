package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/tracecontext"
)

// Handle does what an event asks for. It must be idempotent by the event's ID: after a
// crash between its effect and the saved position the same event comes again, and with it
// those that were handled shortly before. An error makes the follower wait and bring the
// event again, without end; ErrSkip passes it over. A call may take ten seconds.
type Handle func(ctx context.Context, e Event) error

// HandlePage does what a run of events asks for, all or nothing: an error brings all
// of them again, ErrSkip too. It must be idempotent as Handle is. A call may take
// thirty seconds.
type HandlePage func(ctx context.Context, events []Event) error

// ErrSkip says that an event can never be handled here. A Handle wraps it with the
// reason, by %w; the follower logs that and goes on.
var ErrSkip = errors.New("event skipped")

// ErrForked says that a log does not have the event that a follower handled last: one
// of the two databases was restored to an earlier time than the other. New events
// under those numbers would be passed over, so the follower stops instead.
var ErrForked = errors.New("the log does not have the event that was handled last: one of the two databases was restored to an earlier time than the other; restore both from the same backup")

const (
	eventTimeout = 10 * time.Second // for handling one event, and for other short calls
	pageTimeout  = 30 * time.Second

	// The position is saved when one of these is reached since it was saved last, so that
	// following many events costs few writes. What came since then comes again after a crash.
	saveInterval = time.Second
	maxUnsaved   = 500 // events
)

// position is how far a follower has come in one log.
type position struct {
	Name  string `json:"name"`
	Seq   int64  `json:"seq"`
	Last  string `json:"last,omitempty"` // id of the event at Seq
	Moves int64  `json:"moves"`          // counts the writes, so that each one is a new version
}

// Follower reads a log from where it stopped last and hands over the events in order
// and without gaps, one by one or in pages. Several followers of the same name may
// run at once, in several processes: each event is then handled at least once.
type Follower struct {
	name       string
	log        Reader
	handle     Handle
	handlePage HandlePage // nil: one by one
	positions  *store.Collection[position]
	errors     *slog.Logger
	measured   *Following
	verified   bool // the log is known to have the event that was handled last

	// How far it has come: at is behind the last event handled; only Run writes it. stored is
	// the position as it was read or saved last; unsaved counts the events behind it.
	mu      sync.Mutex
	at      *position // nil: not read yet
	stored  store.Versioned[position]
	saved   time.Time
	unsaved int
}

// NewFollower creates a follower that hands over one event at a time. Its position is
// kept in e under name, which identifies it in that database.
func NewFollower(ctx context.Context, e store.Engine, log *slog.Logger, name string, r Reader, h Handle) (*Follower, error) {
	positions, err := store.Open(ctx, e, store.Schema[position]{
		Name:    "positions",
		ID:      func(p *position) (string, string) { return store.NoAssociation, p.Name },
		Version: func(p *position) int64 { return p.Moves },
	})
	if err != nil {
		return nil, err
	}
	return &Follower{name: name, log: r, handle: h, positions: positions, errors: log}, nil
}

// NewPageFollower is NewFollower for a follower that writes the effects of several
// events at once.
func NewPageFollower(ctx context.Context, e store.Engine, log *slog.Logger, name string, r Reader, h HandlePage) (*Follower, error) {
	f, err := NewFollower(ctx, e, log, name, r, nil)
	if err == nil {
		f.handlePage = h
	}
	return f, err
}

// Measured sets the names of the service that follows and of the one that it follows
// for the metrics, and returns the follower. Without it the latter is the follower's
// own name.
func (f *Follower) Measured(service, source string) *Follower {
	f.measured = NewFollowing(service, source)
	return f
}

// Run follows until the context ends, and then returns nil. What fails is logged,
// counted and tried again without end, at intervals of up to five seconds: events are
// retried until the handler succeeds.
func (f *Follower) Run(ctx context.Context) error {
	if f.measured == nil {
		f.Measured("", f.name)
	}
	defer f.measured.Watch()()
	failures := 0
	for ctx.Err() == nil {
		if err := f.round(ctx); err != nil && ctx.Err() == nil {
			failures++
			f.measured.Failed(ctx)
			f.errors.WarnContext(ctx, "cannot follow a feed; trying again", "follower", f.name, "error", err, "failures", failures)
			retry.Wait(ctx, failures)
			continue
		}
		failures = 0
	}
	if err := f.save(ctx); err != nil {
		f.errors.WarnContext(ctx, "the position in a feed is not saved; some events come again", "follower", f.name, "error", err)
	}
	return nil
}

// round handles one page of events and moves behind the last one handled, also when the
// next one failed. It saves the position when it is time to.
func (f *Follower) round(ctx context.Context) error {
	from, err := f.position(ctx)
	if err != nil {
		return err
	}
	f.measured.Begin(from.Seq)
	if !f.verified && from.Seq > 0 { // once for each log that answers
		if err := verify(ctx, f.log, from); err != nil {
			return err
		}
		f.verified = true
	}
	longest := MaxWait
	if f.unsaved > 0 {
		longest = saveInterval
	}
	wait, cancel := context.WithTimeout(ctx, longest+eventTimeout)
	events, err := f.log.After(wait, from.Seq, MaxLimit, longest)
	cancel()
	f.verified = err == nil && len(events) > 0 // it may be another log next time
	if err != nil {
		return errors.Join(fmt.Errorf("read the log: %w", err), f.save(ctx))
	}
	f.measured.Read(events)
	var gap error
	for i, e := range events {
		if before := from.Seq + int64(i); e.Sequence != before+1 {
			events, gap = events[:i], fmt.Errorf("the log goes from %d to %d", before, e.Sequence)
			break
		}
	}
	handled := len(events)
	if f.handlePage != nil && len(events) > 0 {
		if err = f.handOverPage(ctx, events); err != nil {
			handled = 0
		}
	} else {
		for i := range events {
			if err = f.handOver(ctx, events[i:]); err != nil {
				handled = i
				break
			}
		}
	}
	if handled > 0 {
		last := events[handled-1]
		f.mu.Lock()
		f.at = &position{Name: f.name, Seq: last.Sequence, Last: last.ID}
		f.mu.Unlock()
		f.unsaved += handled
	}
	if f.unsaved >= maxUnsaved || time.Since(f.saved) >= saveInterval {
		gap = errors.Join(gap, f.save(ctx))
	}
	return errors.Join(err, gap)
}

// handOver handles the first of the events that are waiting.
func (f *Follower) handOver(ctx context.Context, waiting []Event) error {
	e := waiting[0]
	ctx = tracecontext.Within(ctx, e.TraceParent)
	limited, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	err := f.handle(limited, e)
	if errors.Is(err, ErrSkip) {
		f.measured.skipped.Add(ctx, 1, f.measured.labels.Add...)
		f.errors.WarnContext(ctx, "event skipped", "follower", f.name, "event", e.ID, "type", e.Type, "reason", err)
		err = nil
	}
	if err != nil {
		return fmt.Errorf("event %s: %w", e.ID, err)
	}
	f.measured.Handled(ctx, waiting)
	return nil
}

// handOverPage handles all of the events.
func (f *Follower) handOverPage(ctx context.Context, events []Event) error {
	limited, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	if err := f.handlePage(limited, events); err != nil {
		return fmt.Errorf("events %d to %d: %w", events[0].Sequence, events[len(events)-1].Sequence, err)
	}
	for i, e := range events {
		in := ctx
		if strings.HasSuffix(e.TraceParent, "-01") { // sampled: an example of the delay
			in = tracecontext.Within(ctx, e.TraceParent)
		}
		f.measured.Handled(in, events[i:])
	}
	return nil
}

// Position returns the sequence number of the last event handled, by this follower or,
// before it runs, by those of its name; 0 at first.
func (f *Follower) Position(ctx context.Context) (int64, error) {
	f.mu.Lock()
	at := f.at
	f.mu.Unlock()
	if at != nil {
		return at.Seq, nil
	}
	v, err := f.load(ctx)
	return v.Value.Seq, err
}

// position returns how far Run has come, which it reads the first time.
func (f *Follower) position(ctx context.Context) (position, error) {
	if f.at == nil {
		v, err := f.load(ctx)
		if err != nil {
			return position{}, err
		}
		f.mu.Lock()
		f.stored, f.at = v, v.Value
		f.mu.Unlock()
	}
	return *f.at, nil
}

// load reads the position; one that was never saved is at 0, and has the version 0.
func (f *Follower) load(ctx context.Context) (store.Versioned[position], error) {
	v, err := f.positions.Get(ctx, store.NoAssociation, f.name)
	if errors.Is(err, store.ErrNotFound) {
		return store.Versioned[position]{Value: &position{Name: f.name}}, nil
	}
	if err != nil {
		return store.Versioned[position]{Value: &position{}}, fmt.Errorf("read position: %w", err)
	}
	return v, nil
}

// save saves where the follower is, unless that is saved. A twin of it in another process
// may have come further; then that stays, and the next round begins there.
func (f *Follower) save(ctx context.Context) (err error) {
	if f.unsaved == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	next := store.Versioned[position]{Value: &position{}, Version: f.stored.Version}
	*next.Value = *f.at
	next.Value.Moves = f.stored.Value.Moves + 1
	if next.Version == 0 {
		next.Version, err = f.positions.Insert(ctx, next.Value)
	} else {
		next, err = f.positions.Replace(ctx, next)
	}
	switch {
	case errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrExists):
		if next, err = f.load(ctx); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("save position: %w", err)
	default:
		f.unsaved = 0
	}
	f.stored, f.saved = next, time.Now()
	if next.Value.Seq > f.at.Seq {
		f.mu.Lock()
		f.at, f.unsaved = next.Value, 0
		f.mu.Unlock()
	}
	return nil
}

// verify reads the event that a position is at; ErrForked when the log has another
// one there, or none.
func verify(ctx context.Context, log Reader, at position) error {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	events, err := log.After(ctx, at.Seq-1, 1, 0)
	switch {
	case err != nil:
		return fmt.Errorf("read the log: %w", err)
	case len(events) == 0:
		return fmt.Errorf("position %d is behind the end of the log: %w", at.Seq, ErrForked)
	case events[0].Sequence != at.Seq || events[0].ID != at.Last:
		return fmt.Errorf("event %d is %s, and what was handled was %s: %w", at.Seq, events[0].ID, at.Last, ErrForked)
	}
	return nil
}
