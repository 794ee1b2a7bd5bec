package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/tracecontext"
)

// position is how far a follower has come in one log.
type position struct {
	Name string `json:"name"`
	Seq  int64  `json:"seq"`
	Last string `json:"last,omitempty"` // id of the event at Seq
	// Moves counts the writes, so that each one is a new version.
	Moves int64 `json:"moves"`
}

// Handle does what an event asks for. It must be idempotent by the event's ID:
// after a death between effect and position the same event comes again. An error
// makes the follower wait and bring the event again; ErrSkip passes it over.
type Handle func(ctx context.Context, e Event) error

// ErrSkip tells a follower that an event can never be handled here, and why, by
// errors.Join or %w; it is noted in the log and passed over.
var ErrSkip = errors.New("event passed over")

// HandlePage does what a run of events asks for, all or nothing: an error brings
// all of them again. It must be idempotent as Handle is.
type HandlePage func(ctx context.Context, events []Event) error

// Follower reads a log from where it stopped last and hands each event, in
// order, to its Handle, or each page of them to its HandlePage.
type Follower struct {
	name      string
	log       Reader
	handle    Handle
	page      HandlePage // nil: one by one
	positions *store.Collection[position]
	errors    *slog.Logger
	measured  *Following
	agreed    bool // the log has been seen to have what was handled last
}

func positionCollection() store.Schema[position] {
	return store.Schema[position]{
		Name:    "positions",
		ID:      func(p *position) (string, string) { return store.NoAssociation, p.Name },
		Version: func(p *position) int64 { return p.Moves },
	}
}

// NewFollower creates a follower whose position is kept in e under name.
func NewFollower(ctx context.Context, e store.Engine, log *slog.Logger, name string, r Reader, h Handle) (*Follower, error) {
	positions, err := store.Open(ctx, e, positionCollection())
	if err != nil {
		return nil, err
	}
	f := &Follower{name: name, log: r, handle: h, positions: positions, errors: log}
	return f, nil
}

// NewPageFollower is NewFollower for one that writes what several events lead to
// at once.
func NewPageFollower(ctx context.Context, e store.Engine, log *slog.Logger, name string, r Reader, h HandlePage) (*Follower, error) {
	f, err := NewFollower(ctx, e, log, name, r, nil)
	if err == nil {
		f.page = h
	}
	return f, err
}

// Measured names the service that follows and the one that it follows, for the
// metrics; without it the follower's own name stands for the latter.
func (f *Follower) Measured(service, source string) *Follower {
	f.measured = NewFollowing(service, source)
	return f
}

// attemptTime bounds the handling of one event, pageTime that of a page.
const (
	attemptTime = 10 * time.Second
	pageTime    = 30 * time.Second
)

// Run follows until the context ends. What fails is tried again without end, ever
// more slowly: an event is never lost because its receiver was ill.
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
			f.errors.WarnContext(ctx, "follow feed", "follower", f.name, "error", err, "failures", failures)
			retry.Wait(ctx, failures)
			continue
		}
		failures = 0
	}
	return nil
}

// round handles one page of events and saves the position behind the last one
// handled, also when the next one failed.
func (f *Follower) round(ctx context.Context) error {
	from, err := f.position(ctx)
	if err != nil {
		return err
	}
	at := from.Seq
	f.measured.Begin(at)
	if err := f.agree(ctx, from); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, MaxWait+attemptTime)
	events, err := f.log.After(wait, at, MaxLimit, MaxWait)
	cancel()
	f.agreed = err == nil && len(events) > 0 // it may be another log next time
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	f.measured.Read(events)
	done, err := f.all(ctx, at, events)
	if done > 0 {
		if saveErr := f.save(ctx, at, at+int64(done), events[done-1].ID); saveErr != nil {
			return errors.Join(err, saveErr)
		}
	}
	return err
}

// all handles events that follow on the position at, and gives how many of them
// it has handled, in order.
func (f *Follower) all(ctx context.Context, at int64, events []Event) (done int, err error) {
	for i, e := range events {
		if e.Sequence != at+int64(i)+1 {
			events, err = events[:i], fmt.Errorf("the log goes from %d to %d", at+int64(i), e.Sequence)
			break
		}
	}
	if f.page != nil {
		return f.together(ctx, events, err)
	}
	for i, e := range events {
		if err := f.one(ctx, e); err != nil {
			return i, fmt.Errorf("event %s: %w", e.ID, err)
		}
		f.measured.Handled(tracecontext.Within(ctx, e.TraceParent), events[i:])
	}
	return len(events), err
}

// together hands a page of events to the HandlePage; gap is what ends the page.
func (f *Follower) together(ctx context.Context, events []Event, gap error) (int, error) {
	if len(events) == 0 {
		return 0, gap
	}
	limited, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	if err := f.page(limited, events); err != nil {
		return 0, fmt.Errorf("events %d to %d: %w", events[0].Sequence, events[len(events)-1].Sequence, err)
	}
	for i, e := range events {
		f.measured.Handled(tracecontext.Within(ctx, e.TraceParent), events[i:])
	}
	return len(events), gap
}

func (f *Follower) one(ctx context.Context, e Event) error {
	ctx, cancel := context.WithTimeout(tracecontext.Within(ctx, e.TraceParent), attemptTime)
	defer cancel()
	err := f.handle(ctx, e)
	if errors.Is(err, ErrSkip) {
		f.measured.Skipped(ctx)
		f.errors.WarnContext(ctx, "event passed over", "follower", f.name, "event", e.ID, "type", e.Type, "reason", err)
		return nil
	}
	return err
}

// Position returns the sequence number of the last event handled; 0 at first.
func (f *Follower) Position(ctx context.Context) (int64, error) {
	p, err := f.position(ctx)
	return p.Seq, err
}

func (f *Follower) position(ctx context.Context) (position, error) {
	v, err := f.positions.Get(ctx, store.NoAssociation, f.name)
	if errors.Is(err, store.ErrNotFound) {
		return position{}, nil
	}
	if err != nil {
		return position{}, fmt.Errorf("read position: %w", err)
	}
	return *v.Value, nil
}

// save moves the position from where this round began. A twin of this follower
// in another process may have moved it; then it stays as the twin left it, and
// the next round begins there.
func (f *Follower) save(ctx context.Context, from, to int64, last string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTime)
	defer cancel()
	if from == 0 {
		_, err := f.positions.Insert(ctx, &position{Name: f.name, Seq: to, Last: last, Moves: 1})
		if !errors.Is(err, store.ErrExists) {
			return err
		}
	}
	_, err := f.positions.Update(ctx, store.NoAssociation, f.name, 0, func(p *position) error {
		if p.Seq >= to {
			return store.Unchanged()
		}
		p.Seq, p.Last, p.Moves = to, last, p.Moves+1
		return nil
	})
	if fault.Of(err) != nil {
		return fmt.Errorf("save position: %w", err)
	}
	return nil
}
