package referral

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral/figures"
)

// monthsCollection declares how the figures are kept: a document per association and
// month and version of the rules, so that programs of two versions can count side
// by side, and a newer one from the beginning.
func monthsCollection() store.Schema[figures.Month] {
	return store.Schema[figures.Month]{
		Name:    "figures",
		Indexes: []store.Index{{"version", "month"}},
		ID: func(m *figures.Month) (string, string) {
			return m.Association, monthID(m.Version, m.Month)
		},
		Version: func(m *figures.Month) int64 { return m.Writes },
		Keys:    func(m *figures.Month) store.Keys { return store.Keys{"version": m.Version, "month": m.Month} },
	}
}

func monthID(version int, month string) string { return fmt.Sprintf("%d/%s", version, month) }

// projector counts what this service's own feed tells, a page at a time: one write
// per month that a page touches, however many steps it has. Each month notes how
// far in the feed it has counted, so what comes again, after a death in the middle
// or in another process, counts once.
type projector struct {
	version  int
	months   *store.Collection[figures.Month]
	follower *feed.Follower
}

// newProjector creates the projector of one version of the rules; the first time it
// runs it counts from the beginning of the feed.
func (s *Service) newProjector(ctx context.Context, version int) (*projector, error) {
	months, err := store.Open(ctx, s.Engine, monthsCollection())
	if err != nil {
		return nil, err
	}
	p := &projector{version: version, months: months}
	name := fmt.Sprintf("figures-%d:referral", version)
	p.follower, err = feed.NewPageFollower(ctx, s.Engine, s.Log, name, s.Feed, func(ctx context.Context, events []feed.Event) error {
		return s.count(ctx, p, events)
	})
	if err == nil {
		p.follower.Measured("referral", "figures")
	}
	return p, err
}

// told is one delta and where in the feed its step was told.
type told struct {
	seq   int64
	delta figures.Delta
}

// count counts a page of events.
func (s *Service) count(ctx context.Context, p *projector, events []feed.Event) error {
	loaded := map[store.Position]*Referral{}
	months := map[store.Position][]told{}
	for _, e := range events {
		_, number, _ := strings.Cut(e.ID, "/")
		n, err := strconv.ParseInt(number, 10, 64)
		if !strings.HasPrefix(e.Type, eventPrefix) || err != nil {
			continue
		}
		at := store.Position{Association: e.Association, ID: e.Subject}
		r, known := loaded[at]
		if !known {
			v, err := s.referrals.Get(ctx, e.Association, e.Subject)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			r = v.Value // nil: it has been destroyed since, and is counted no more
			loaded[at] = r
		}
		if r == nil || n < 1 || n > r.Version() {
			continue
		}
		d := r.counts(n)
		d.Key = s.recordKey(r.ID)
		at.ID = d.Month
		months[at] = append(months[at], told{e.Sequence, d})
	}
	for at, page := range months {
		if err := p.write(ctx, at.Association, at.ID, page); err != nil {
			return err
		}
	}
	return nil
}

// write adds to a month what it has not counted yet.
func (p *projector) write(ctx context.Context, association, month string, page []told) error {
	apply := func(m *figures.Month) error {
		from := m.Position
		for _, t := range page {
			if t.seq > from {
				m.Apply(t.delta)
				m.Position = t.seq
			}
		}
		if m.Position == from {
			return store.Unchanged()
		}
		m.Writes++
		return nil
	}
	_, err := p.months.Update(ctx, association, monthID(p.version, month), 0, apply)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	m := &figures.Month{Association: association, Month: month, Version: p.version}
	if err := apply(m); err != nil {
		return err
	}
	if _, err := p.months.Insert(ctx, m); !errors.Is(err, store.ErrExists) {
		return err
	}
	_, err = p.months.Update(ctx, association, monthID(p.version, month), 0, apply) // another process was faster
	return err
}

// recordKey returns the referral's key for the Cell Key Method: even over all 32-bit
// numbers, always the same, and unknown to anyone who has not the look-up keys.
func (s *Service) recordKey(id string) uint32 {
	b, err := base64.RawURLEncoding.DecodeString(s.Cipher.Fingerprint([]byte("figures/" + id)))
	if err != nil || len(b) < 4 {
		panic("referral: a fingerprint is 32 bytes in base64url") // package seal says so
	}
	return binary.BigEndian.Uint32(b)
}

// counts returns what step n counts for.
func (r *Referral) counts(n int64) figures.Delta {
	s, then := r.Steps[n-1], r.at(n)
	d := figures.Delta{Month: s.At.In(civil.Zone).Format("2006-01")}
	cell := func(of *Referral, measure, detail string) figures.Cell {
		return figures.Cell{Measure: measure, Detail: detail, Source: string(r.SourceOf()), Gender: r.Gender, Municipality: of.Municipality()}
	}
	up := func(measure, detail string) { d.Up = append(d.Up, cell(then, measure, detail)) }
	switch s.Kind {
	case Submitted:
		up(figures.Received, "")
	case Accepted:
		up(figures.Accepted, "")
	case Rejected:
		up(figures.Rejected, s.Code)
	case Withdrawn:
		up(figures.Withdrawn, "")
	case MarkedInError:
		up(figures.EnteredInError, "")
	case Closed:
		up(figures.Closed, s.Code)
	}
	if n > 1 {
		before := r.at(n - 1)
		was, is := before.State() == StateWaitlisted, then.State() == StateWaitlisted
		if is && !was {
			up(figures.Waiting, "")
		}
		if was && !is {
			d.Down = append(d.Down, cell(before, figures.Waiting, ""))
		}
		if t, ok := before.Turn(); ok {
			if next, still := then.Turn(); !still || next.Began != t.Began {
				d.Spans = append(d.Spans, figures.Span{Step: figures.OfTurn, Detail: string(t.Party), Municipality: before.Municipality(), Days: days(t.Since, s.At)})
			}
		}
	}
	d.Spans = append(d.Spans, then.spans()...)
	return d
}

// spans returns what the latest step was the end of.
func (r *Referral) spans() (all []figures.Span) {
	s := r.last(r.Steps[len(r.Steps)-1].Kind)
	add := func(step, detail string, since, until time.Time) {
		all = append(all, figures.Span{Step: step, Detail: detail, Municipality: r.Municipality(), Days: days(since, until)})
	}
	earlier := r.Steps[:len(r.Steps)-1]
	decides := func(s Step) bool { return s.Kind == Waitlisted || s.Kind == Accepted || s.Kind == Rejected }
	if decides(*s) && !slices.ContainsFunc(earlier, decides) {
		add(figures.ToDecision, "", r.ReceivedAt(), s.At)
	}
	if s.Progress == nil {
		return all
	}
	started := latest(earlier, func(o Step) bool { return o.Kind == ProgressReported && o.Progress.Kind == "started" })
	switch {
	case s.Kind == Closed:
		if started != nil {
			add(figures.ToClose, "", started.day(), s.day())
		}
	case s.Kind == ProgressReported && s.Progress.Kind == "started" && started == nil:
		if a := r.last(Accepted); a != nil {
			add(figures.ToStart, "", a.At, s.day())
		}
	case s.Kind == ProgressReported && s.Progress.Kind == "answered":
		if started != nil {
			add(figures.ToCheckIn, strconv.Itoa(s.Progress.Block), started.day(), s.day())
		}
		if due := latest(earlier, func(o Step) bool {
			return o.Kind == ProgressReported && o.Progress.Kind == "check_in_due" && o.Progress.Block == s.Progress.Block
		}); due != nil {
			add(figures.ToCheckInAnswer, "", due.day(), s.day())
		}
	}
	return all
}

func latest(steps []Step, is func(Step) bool) *Step {
	for i := len(steps) - 1; i >= 0; i-- {
		if is(steps[i]) {
			return &steps[i]
		}
	}
	return nil
}

// day is the day that a step of the course is about; where none is given, the day
// on which it was told.
func (s *Step) day() time.Time {
	if s.Progress != nil {
		if on, err := civil.Parse(s.Progress.On); err == nil {
			return on.Start()
		}
	}
	return s.At
}

// days counts whole days by the calendar in Sweden, never below 0.
func days(since, until time.Time) int {
	return max(0, civil.DateOf(since).DaysUntil(civil.DateOf(until)))
}

// Figures is what a period came to, as one caller may see it.
type Figures struct {
	figures.Result
	Municipality string    // empty: all of the association
	Exact        bool      // without noise
	CountedUntil time.Time // what was done before it is in the figures
}

// ErrPeriod answers a period that is none.
var ErrPeriod = fault.New(fault.Unprocessable, "bad-period",
	"Perioden ska gå från en månad till samma eller en senare, högst fem år.",
	"The period goes from a month to the same or a later one, at most five years.")

// Figures returns what happened from one month to another ("2026-01"), both
// included: a municipality's own exactly, the association's as aggregates under
// the Cell Key Method.
func (s *Service) Figures(ctx context.Context, from, to, municipality string) (*Figures, error) {
	const operation = "getReferralFigures"
	a := actor.From(ctx)
	relation, ok := access.Scope(operation, a)
	f := &Figures{Municipality: municipality, Exact: relation == access.OwnMunicipality}
	switch {
	case !ok:
		return nil, fault.ErrForbidden
	case f.Exact && municipality != "" && municipality != a.Municipality:
		return nil, fault.ErrForbidden
	case f.Exact:
		f.Municipality = a.Municipality
	}
	first, errFrom := time.Parse("2006-01", from)
	last, errTo := time.Parse("2006-01", to)
	if errFrom != nil || errTo != nil || last.Before(first) || last.After(first.AddDate(5, 0, -1)) {
		return nil, ErrPeriod.AtField("from")
	}
	position, err := s.projector.follower.Position(ctx)
	if err != nil {
		return nil, err
	}
	f.CountedUntil = s.Now().UTC().Truncate(time.Millisecond)
	if behind, err := s.Feed.After(ctx, position, 1, 0); err != nil {
		return nil, err
	} else if len(behind) > 0 {
		f.CountedUntil = behind[0].Time
	}
	page, err := s.projector.months.Find(ctx, store.Query{
		Association: a.Association,
		Where:       []store.Cond{{Key: "version", Op: store.Eq, Value: s.projector.version}, {Key: "month", Op: store.Lte, Value: to}},
		Sort:        []store.Order{{Key: "month"}},
		Limit:       1000, // 83 years
	})
	if err != nil {
		return nil, err
	}
	var months []*figures.Month
	for _, m := range page.Items {
		months = append(months, m.Value)
	}
	if f.Exact && f.Municipality == "" {
		return f, nil // a token that names no place of its own has no figures
	}
	f.Result = figures.Over(months, from, to, f.Municipality)
	if !f.Exact {
		f.Result = f.Shielded()
	}
	return f, nil
}
