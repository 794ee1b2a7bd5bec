package figures

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

// Collection declares how the figures are stored: a document for each association,
// month and version of the rules, so that programs of two versions can count side by
// side, and a newer one from the beginning.
var Collection = store.Schema[Month]{
	Name:    "figures",
	Indexes: []store.Index{{"version", "month"}},
	ID: func(m *Month) (string, string) {
		return m.Association, monthID(m.Version, m.Month)
	},
	Version: func(m *Month) int64 { return m.Writes },
	Keys:    func(m *Month) store.Keys { return store.Keys{"version": m.Version, "month": m.Month} },
}

func monthID(version int, month string) string { return fmt.Sprintf("%d/%s", version, month) }

// Config is what the figures need.
type Config struct {
	parts.Parts
	Referrals *store.Collection[referral.Referral]
}

// Rollup counts what this service's own feed reports, a page at a time: one write for
// each month that a page touches, however many steps it has. Each month notes how far in
// the feed it has counted, so an event that comes again, after a crash or in another
// process, counts once.
type Rollup struct {
	Config
	version  int
	months   *store.Collection[Month]
	follower *feed.Follower

	mu       sync.Mutex
	expected map[store.Position]*referral.Referral // whose events are about to come
}

// maxExpected bounds the referrals that are kept until their events come.
const maxExpected = 512

// Expect keeps a referral whose steps are being published by this process, so that it
// need not be read again to be counted. Nobody changes it any more.
func (r *Rollup) Expect(ref *referral.Referral) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.expected == nil || len(r.expected) == maxExpected { // nobody takes them: another process counts
		r.expected = map[store.Position]*referral.Referral{}
	}
	r.expected[store.Position{Association: ref.Association, ID: ref.ID}] = ref
}

// load returns a referral that has step n, or nil when it has been destroyed since.
func (r *Rollup) load(ctx context.Context, at store.Position, n int64) (*referral.Referral, error) {
	r.mu.Lock()
	ref := r.expected[at]
	delete(r.expected, at)
	r.mu.Unlock()
	if ref != nil && n <= ref.Version() {
		return ref, nil
	}
	v, err := r.Referrals.Get(ctx, at.Association, at.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return v.Value, err
}

// New opens the rollup of one version of the rules; the first time it runs it counts
// from the beginning of the feed.
func New(ctx context.Context, c Config, version int) (*Rollup, error) {
	months, err := store.Open(ctx, c.Engine, Collection)
	if err != nil {
		return nil, fmt.Errorf("figures: %w", err)
	}
	r := &Rollup{Config: c, version: version, months: months}
	r.follower, err = feed.NewPageFollower(ctx, c.Engine, c.Log, fmt.Sprintf("figures-%d:referral", version), c.Feed, r.Count)
	if err != nil {
		return nil, fmt.Errorf("figures: %w", err)
	}
	r.follower.Measured("referral", "figures")
	return r, nil
}

// Run follows the feed until the context ends.
func (r *Rollup) Run(ctx context.Context) error { return r.follower.Run(ctx) }

// counted is what one event changes in a month.
type counted struct {
	sequence int64
	delta    Delta
}

// Count counts a page of events; one that was counted before changes nothing.
func (r *Rollup) Count(ctx context.Context, events []feed.Event) error {
	loaded := map[store.Position]*referral.Referral{}
	months := map[store.Position][]counted{}
	for _, e := range events {
		_, number, _ := strings.Cut(e.ID, "/")
		n, err := strconv.ParseInt(number, 10, 64)
		if !strings.HasPrefix(e.Type, referral.EventPrefix) || err != nil {
			continue
		}
		at := store.Position{Association: e.Association, ID: e.Subject}
		ref, known := loaded[at]
		if !known || ref != nil && n > ref.Version() {
			if ref, err = r.load(ctx, at, n); err != nil {
				return err
			}
			loaded[at] = ref
		}
		if ref == nil || n < 1 || n > ref.Version() {
			continue
		}
		for _, d := range DeltasOf(ref, n) {
			at.ID = d.Month
			months[at] = append(months[at], counted{e.Sequence, d})
		}
	}
	for at, page := range months {
		if err := r.write(ctx, at.Association, at.ID, page); err != nil {
			return err
		}
	}
	return nil
}

// write adds to a month what it has not counted yet.
func (r *Rollup) write(ctx context.Context, association, month string, page []counted) error {
	apply := func(m *Month) error {
		from := m.Position
		for _, c := range page {
			if c.sequence > from {
				m.Apply(c.delta)
				m.Position = c.sequence
			}
		}
		m.Writes++
		return store.WriteIf(m.Position > from)
	}
	empty := func() *Month { return &Month{Association: association, Month: month, Version: r.version} }
	return r.months.Upsert(ctx, association, monthID(r.version, month), empty, apply)
}

// Period is the result of a period.
type Period struct {
	Result
	CountedUntil time.Time // what was done before it is in the figures
}

// ErrPeriod answers a period that does not exist.
var ErrPeriod = fault.New(fault.Unprocessable, "bad-period",
	"Perioden ska gå från en månad till samma eller en senare månad och får vara högst fem år.",
	"The period must run from one month to the same or a later month and may be at most five years.")

// Read returns what happened from one month to another ("2026-01"), both included, in a
// municipality, or in the whole association when it is empty.
func (r *Rollup) Read(ctx context.Context, association, from, to, municipality string) (*Period, error) {
	if err := checkPeriod(from, to); err != nil {
		return nil, err
	}
	position, err := r.follower.Position(ctx)
	if err != nil {
		return nil, err
	}
	p := &Period{CountedUntil: history.Stamp(r.Now())}
	if behind, err := r.Feed.After(ctx, position, 1, 0); err != nil {
		return nil, err
	} else if len(behind) > 0 {
		p.CountedUntil = behind[0].Time
	}
	page, err := r.months.Find(ctx, store.Query{
		Association: association,
		Where:       []store.Cond{store.Equals("version", r.version), {Key: "month", Op: store.Lte, Value: to}},
		Sort:        []store.Order{{Key: "month"}},
		Limit:       1000, // 83 years
	})
	if err != nil {
		return nil, err
	}
	var months []*Month
	for _, m := range page.Items {
		months = append(months, m.Value)
	}
	p.Result = Over(months, from, to, municipality)
	return p, nil
}

// checkPeriod returns ErrPeriod for what is no period of months.
func checkPeriod(from, to string) error {
	first, errFrom := time.Parse("2006-01", from)
	last, errTo := time.Parse("2006-01", to)
	if errFrom != nil || errTo != nil || last.Before(first) || last.After(first.AddDate(5, 0, -1)) {
		return ErrPeriod.AtField("from")
	}
	return nil
}

// CountSeen returns what happened from one month to another, both included, in a municipality
// or (empty) in all, to the referrals that each passes to count: with the steps that the
// caller may see of them. Nothing of it is kept.
func CountSeen(from, to, municipality string, each func(count func(*referral.Referral)) error) (*Result, error) {
	if err := checkPeriod(from, to); err != nil {
		return nil, err
	}
	months := map[string]*Month{}
	err := each(func(seen *referral.Referral) {
		for n := range seen.Steps {
			d := DeltaOf(seen, int64(n+1))
			m := months[d.Month]
			if m == nil {
				m = &Month{Month: d.Month}
				months[d.Month] = m
			}
			m.Apply(d)
		}
	})
	r := Over(slices.Collect(maps.Values(months)), from, to, municipality)
	return &r, err
}
