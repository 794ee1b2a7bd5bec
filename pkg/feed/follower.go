package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
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

// Follower reads a log from where it stopped last and hands each event, in
// order, to its Handle.
type Follower struct {
	name      string
	log       Reader
	handle    Handle
	positions *store.Collection[position]
	errors    *slog.Logger
	measured  *Following
	gate      *Gate // nil: never held
	agreed    bool  // the log has been seen to have what was handled last
}

func kindOfPosition() store.Kind[position] {
	return store.Kind[position]{
		Name:    "positions",
		ID:      func(p *position) (string, string) { return nobody, p.Name },
		Version: func(p *position) int64 { return p.Moves },
	}
}

// NewFollower makes a follower whose position is kept in e under name.
func NewFollower(ctx context.Context, e store.Engine, log *slog.Logger, name string, r Reader, h Handle) (*Follower, error) {
	positions, err := store.Open(ctx, e, kindOfPosition())
	if err != nil {
		return nil, err
	}
	f := &Follower{name: name, log: r, handle: h, positions: positions, errors: log}
	if g, ok := r.(gated); ok {
		f.gate = g.gate
	}
	return f, nil
}

// Measured names the service that follows and the one that it follows, for the
// metrics; without it the follower's own name stands for the latter.
func (f *Follower) Measured(service, source string) *Follower {
	f.measured = NewFollowing(service, source)
	return f
}

// attemptTime bounds the handling of one event.
const attemptTime = 10 * time.Second

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
			sleep(ctx, backoff(failures), nil)
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
	leave, err := f.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	done, last := at, ""
	for i, e := range events {
		if e.Sequence != done+1 {
			err = fmt.Errorf("the log goes from %d to %d", done, e.Sequence)
			break
		}
		if err = f.one(ctx, e); err != nil {
			err = fmt.Errorf("event %s: %w", e.ID, err)
			break
		}
		done, last = e.Sequence, e.ID
		f.measured.Handled(e.within(ctx), events[i:])
	}
	if done > at {
		if saveErr := f.save(ctx, at, done, last); saveErr != nil {
			return errors.Join(err, saveErr)
		}
	}
	return err
}

func (f *Follower) one(ctx context.Context, e Event) error {
	ctx, cancel := context.WithTimeout(e.within(ctx), attemptTime)
	defer cancel()
	err := f.handle(ctx, e)
	if errors.Is(err, ErrSkip) {
		f.measured.Skipped(ctx)
		f.errors.WarnContext(ctx, "event passed over", "follower", f.name, "event", e.ID, "type", e.Type, "reason", err)
		return nil
	}
	return err
}

// Position gives the sequence number of the last event handled; 0 at first.
func (f *Follower) Position(ctx context.Context) (int64, error) {
	p, err := f.position(ctx)
	return p.Seq, err
}

func (f *Follower) position(ctx context.Context) (position, error) {
	v, err := f.positions.Get(ctx, nobody, f.name)
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
	_, err := f.positions.Update(ctx, nobody, f.name, 0, func(p *position) error {
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
