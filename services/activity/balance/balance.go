// Package balance sets what a participant's week takes beside what the participant manages, and
// proposes changes of it.
package balance

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/services/activity"
)

// Manageable is what a participant manages now, as the participant and the coach have said: the
// latest statement holds, and all are kept.
type Manageable struct {
	Association string           `json:"association"`
	Participant string           `json:"participant"`
	Steps       []ManageableStep `json:"steps"`
}

// ManageableStep is one statement.
type ManageableStep struct {
	history.Entry
	Limits
}

// Limits are how much of each kind of load a participant manages: in units of the series' own
// numbers. A kind that is absent has no limit.
type Limits struct {
	Most  Sums `json:"most,omitempty"`  // on a day, at most
	Least Sums `json:"least,omitempty"` // in a week, at least
}

// Sums are loads by kind.
type Sums map[string]int

// LoadKinds are the kinds of load, in the order in which they are shown.
var LoadKinds = []string{"physical", "social", "cognitive", "digital", "travel"}

// maxManageableSteps bounds the statements about one participant.
const maxManageableSteps = 500

// State adds a statement.
func (m *Manageable) State(l Limits, by history.Author, now time.Time) error {
	for field, sums := range map[string]Sums{"/most": l.Most, "/least": l.Least} {
		for kind := range sums {
			if !slices.Contains(LoadKinds, kind) {
				return ErrKind.AtField(field + "/" + kind)
			}
		}
	}
	for kind, least := range l.Least {
		if most, limited := l.Most[kind]; limited && least > 7*most {
			return ErrLimits.AtField("/least/" + kind)
		}
	}
	if len(m.Steps) >= maxManageableSteps {
		return ErrFull
	}
	m.Steps = history.Append(m.Steps, ManageableStep{Limits: l}, by, now)
	return nil
}

// Version returns the number of statements.
func (m *Manageable) Version() int64 { return int64(len(m.Steps)) }

// Now returns the limits that hold.
func (m *Manageable) Now() Limits {
	if len(m.Steps) == 0 {
		return Limits{}
	}
	return m.Steps[len(m.Steps)-1].Limits
}

// sumsOf returns a load by kind.
func sumsOf(l *association.Load) Sums {
	if l == nil {
		return Sums{}
	}
	return Sums{"physical": l.Physical, "social": l.Social, "cognitive": l.Cognitive, "digital": l.Digital, "travel": l.Travel}
}

func (s Sums) add(l *association.Load) {
	for kind, n := range sumsOf(l) {
		if n > 0 {
			s[kind] += n
		}
	}
}

// DayBalance is what a day takes.
type DayBalance struct {
	Date civil.Date
	Load Sums
	Over []string // kinds of which it takes more than is managed
}

// Balance is a participant's week beside what the participant manages.
type Balance struct {
	Days      []DayBalance // Monday to Sunday
	Load      Sums         // of the week
	Under     []string     // kinds of which the week has less than is wanted
	Proposals []Proposal   // best first
}

// Proposal is a change of the week that would bring it nearer to what is managed. A person
// decides.
type Proposal struct {
	Out     *activity.BookedOccurrence // that is left; nil: nothing
	In      activity.Occurrence        // that is taken instead
	Kind    string                     // of load, that it is proposed for
	Under   bool                       // there is too little of the kind in the week; else too much on Out's day
	Relief  int                        // by how much the days together exceed less of what is managed
	Outcome Sums                       // the load of In's day, then
}

// Of compares a week with what is managed, and proposes what would be better of what is
// offered from today on: one occurrence for another of the same category, and one more where a
// kind is lacking. No proposal takes the same time as something else that is booked, also as what
// was called off or is missed, or leaves too little for the way, or makes a day exceed what is
// managed by more than it does.
func Of(w activity.Week, booked []activity.BookedOccurrence, offered []activity.Occurrence, l Limits, today civil.Date) Balance {
	b := Balance{Load: Sums{}}
	for n := range 7 {
		b.Days = append(b.Days, DayBalance{Date: w.Monday().AddDays(n), Load: Sums{}})
	}
	day := func(d civil.Date) *DayBalance { return &b.Days[w.Monday().DaysUntil(d)] }
	var week []activity.BookedOccurrence // what takes strength
	for _, o := range booked {
		if o.Cancelled == nil && !o.Closed && o.Attendance != activity.Absent {
			week = append(week, o)
			day(o.Date).Load.add(o.Activity.Load)
			b.Load.add(o.Activity.Load)
		}
	}
	for i := range b.Days {
		d := &b.Days[i]
		for _, kind := range LoadKinds {
			if most, limited := l.Most[kind]; limited && d.Load[kind] > most {
				d.Over = append(d.Over, kind)
			}
		}
	}
	for _, kind := range LoadKinds {
		if b.Load[kind] < l.Least[kind] {
			b.Under = append(b.Under, kind)
		}
	}
	p := proposer{booked: booked, week: week, limits: l, today: today}
	for i := range week {
		out := &week[i]
		d := day(out.Date)
		for _, kind := range d.Over {
			if out.Booking != "" && out.Date >= today && out.Activity.ClosedGroup == nil && sumsOf(out.Activity.Load)[kind] > 0 {
				b.Proposals = append(b.Proposals, p.swaps(out, kind, offered)...)
				break // one kind is reason enough
			}
		}
	}
	for _, kind := range b.Under {
		b.Proposals = append(b.Proposals, p.additions(kind, offered)...)
	}
	slices.SortStableFunc(b.Proposals, func(x, y Proposal) int {
		return cmp.Or(cmp.Compare(y.Relief, x.Relief), cmp.Compare(x.In.Date, y.In.Date), strings.Compare(x.In.Activity.From, y.In.Activity.From), strings.Compare(x.In.Activity.ID, y.In.Activity.ID))
	})
	return b
}

// proposer finds proposals in a week.
type proposer struct {
	booked []activity.BookedOccurrence
	week   []activity.BookedOccurrence // of them, what takes strength
	limits Limits
	today  civil.Date
}

// swaps returns what could be taken instead of an occurrence, on whose day there is too much of
// a kind.
func (p proposer) swaps(out *activity.BookedOccurrence, kind string, offered []activity.Occurrence) (all []Proposal) {
	before := p.excess(nil, nil)
	for _, in := range offered {
		if in.Activity.Category != out.Activity.Category || !p.canTake(&in, out) {
			continue
		}
		after := p.excess(out, &in)
		relief, worse := 0, false
		for at, n := range after {
			worse = worse || n > before[at]
		}
		for at, n := range before {
			relief += n - after[at]
		}
		if relief > 0 && !worse {
			all = append(all, Proposal{Out: out, In: in, Kind: kind, Relief: relief, Outcome: p.dayWith(out, &in)})
		}
	}
	return all
}

// additions returns what could be taken besides, where the week has too little of a kind.
func (p proposer) additions(kind string, offered []activity.Occurrence) (all []Proposal) {
	before := p.excess(nil, nil)
	for _, in := range offered {
		if sumsOf(in.Activity.Load)[kind] == 0 || !p.canTake(&in, nil) {
			continue
		}
		worse := false
		for at, n := range p.excess(nil, &in) {
			worse = worse || n > before[at]
		}
		if !worse {
			all = append(all, Proposal{In: in, Kind: kind, Under: true, Outcome: p.dayWith(nil, &in)})
		}
	}
	return all
}

// kindOn is a kind of load on a day.
type kindOn struct {
	date civil.Date
	kind string
}

// excess returns by how much the days exceed what is managed, without one occurrence and with
// another.
func (p proposer) excess(out *activity.BookedOccurrence, in *activity.Occurrence) map[kindOn]int {
	sums := map[civil.Date]Sums{}
	add := func(o *activity.Occurrence) {
		if sums[o.Date] == nil {
			sums[o.Date] = Sums{}
		}
		sums[o.Date].add(o.Activity.Load)
	}
	for i := range p.week {
		if &p.week[i] != out {
			add(&p.week[i].Occurrence)
		}
	}
	if in != nil {
		add(in)
	}
	over := map[kindOn]int{}
	for d, load := range sums {
		for kind, most := range p.limits.Most {
			if load[kind] > most {
				over[kindOn{d, kind}] = load[kind] - most
			}
		}
	}
	return over
}

// dayWith returns the load of in's day without out.
func (p proposer) dayWith(out *activity.BookedOccurrence, in *activity.Occurrence) Sums {
	s := Sums{}
	s.add(in.Activity.Load)
	for i := range p.week {
		if o := &p.week[i]; o != out && o.Date == in.Date {
			s.add(o.Activity.Load)
		}
	}
	return s
}

// canTake reports whether an occurrence, which the participant is not booked into, fits into
// the week without out.
func (p proposer) canTake(in *activity.Occurrence, out *activity.BookedOccurrence) bool {
	x := &in.Activity
	if in.Date < p.today || in.Cancelled != nil || in.Closed || x.ClosedGroup != nil || x.Individual || !x.Timed() || x.Slot > 0 {
		return false
	}
	for i := range p.booked {
		o := &p.booked[i]
		if o.Date != in.Date {
			continue
		}
		if o.Activity.ID == x.ID {
			return false
		}
		if out != nil && o.Booking == out.Booking && o.Date == out.Date {
			continue
		}
		if clash, _ := activity.Clash(x, &o.Activity); clash {
			return false
		}
	}
	return true
}
