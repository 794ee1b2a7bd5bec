// Package figures is what is counted of referrals: how many came and what became
// of them, and how many days it took. Pure: what a step of a referral counts for
// is decided by the referral, what comes of many is put together here.
//
// Months are the documents: one per association and calendar month in Sweden, with
// the sums of what happened in it, and how far in the feed it has counted.
package figures

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Version is the version of the rules by which steps are counted. A program that
// counts differently has another one, and counts again from the beginning.
const Version = 4

// What is counted.
const (
	Received       = "received"
	Accepted       = "accepted"
	Rejected       = "rejected" // detail: the reason's code
	Waiting        = "waiting"  // on the waiting list when the month ended; in a month's document the change
	Withdrawn      = "withdrawn"
	EnteredInError = "entered_in_error"
	Closed         = "closed" // detail: the outcome
)

// What takes days.
const (
	ToDecision      = "decision"        // received → first decision: accepted, rejected or put on the waiting list
	ToStart         = "start"           // accepted → first day
	ToCheckIn       = "check_in"        // first day → answer at a check-in; detail: its number
	ToCheckInAnswer = "check_in_answer" // check-in due → answered
	ToClose         = "closing"         // first day → closed
	OfTurn          = "turn"            // one party's turn; detail: the party
)

// Cell is what a referral counts for: the measure, and what tables are drawn by.
type Cell struct {
	Measure, Detail              string
	Source, Gender, Municipality string
}

// Span is a time that something took.
type Span struct {
	Step, Detail string
	Municipality string
	Days         int // whole days by the calendar in Sweden
}

// Sum is a count.
type Sum struct {
	N int64 `json:"n"`
}

func (s Sum) plus(o Sum) Sum { return Sum{N: s.N + o.N} }

// Delta is what one step of one referral changes in a month.
type Delta struct {
	Month string // "2026-03"
	Up    []Cell
	Down  []Cell
	Spans []Span
	Less  bool // it no longer counts
}

// Month is what happened in one association in one month.
type Month struct {
	Association string         `json:"association"`
	Month       string         `json:"month"`
	Version     int            `json:"version"`
	Position    int64          `json:"position"` // in the feed; what is there and before has been counted
	Writes      int64          `json:"writes"`
	Cells       map[string]Sum `json:"cells"`
	Spans       map[string]Sum `json:"spans"`
}

// Apply counts a delta.
func (m *Month) Apply(d Delta) {
	if m.Cells == nil {
		m.Cells = map[string]Sum{}
	}
	if m.Spans == nil {
		m.Spans = map[string]Sum{}
	}
	one := int64(1)
	if d.Less {
		one = -1
	}
	for _, c := range d.Up {
		add(m.Cells, c.name(), Sum{one})
	}
	for _, c := range d.Down {
		add(m.Cells, c.name(), Sum{-one})
	}
	for _, s := range d.Spans {
		name := strings.Join([]string{s.Step, s.Detail, s.Municipality, strconv.Itoa(s.Days)}, "|")
		add(m.Spans, name, Sum{one})
	}
}

// add sums, and forgets what comes to nothing, so that a document is the same
// whatever way it came about.
func add(all map[string]Sum, name string, s Sum) {
	if s = all[name].plus(s); s == (Sum{}) {
		delete(all, name)
		return
	}
	all[name] = s
}

func (c Cell) name() string {
	return strings.Join([]string{c.Measure, c.Detail, c.Source, c.Gender, c.Municipality}, "|")
}

// The ways in which a table is parted.
const (
	ByTotal        = "total"
	BySource       = "source"
	ByGender       = "gender"
	ByMunicipality = "municipality"
)

// Row is one cell of a table.
type Row struct {
	By, Value       string // such as "source", "self_referral"; the total has no value
	Measure, Detail string
	Sum
}

// Lead is how long a step took.
type Lead struct {
	Step, Detail string
	Sum
	Median, P90 int // days, the nearest rank
}

// Result is what a period came to.
type Result struct {
	Rows  []Row
	Leads []Lead
}

// Over puts together what happened from one month to another, both included, in
// one municipality or (empty) in all. months are all until then: how many wait at
// the end follows from everything before.
func Over(months []*Month, from, to, municipality string) Result {
	rows, spans := map[Row]Sum{}, map[Span]Sum{}
	for _, m := range months {
		if m.Month > to {
			continue
		}
		for name, sum := range m.Cells {
			p := append(strings.Split(name, "|"), "", "", "", "", "")
			c := Cell{p[0], p[1], p[2], p[3], p[4]}
			if municipality != "" && c.Municipality != municipality || c.Measure != Waiting && m.Month < from {
				continue
			}
			for _, r := range []Row{{By: ByTotal}, {By: BySource, Value: c.Source}, {By: ByGender, Value: c.Gender}, {By: ByMunicipality, Value: c.Municipality}} {
				r.Measure, r.Detail = c.Measure, c.Detail
				rows[r] = rows[r].plus(sum)
				if c.Detail != "" { // and the measure as a whole
					r.Detail = ""
					rows[r] = rows[r].plus(sum)
				}
			}
		}
		for name, sum := range m.Spans {
			p := append(strings.Split(name, "|"), "", "", "", "")
			days, _ := strconv.Atoi(p[3])
			s := Span{Step: p[0], Detail: p[1], Days: days} // of all municipalities together
			if municipality != "" && p[2] != municipality || m.Month < from {
				continue
			}
			spans[s] = spans[s].plus(sum)
		}
	}
	var r Result
	for row, sum := range rows {
		if row.Sum = sum; sum.N != 0 {
			r.Rows = append(r.Rows, row)
		}
	}
	slices.SortFunc(r.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Measure, b.Measure), cmp.Compare(a.Detail, b.Detail))
	})
	r.Leads = leads(spans)
	return r
}

func leads(spans map[Span]Sum) []Lead {
	var all []Lead
	of := map[Span][]Span{}
	for s := range spans {
		step := Span{Step: s.Step, Detail: s.Detail}
		of[step] = append(of[step], s)
	}
	for _, step := range slices.SortedFunc(maps.Keys(of), func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Detail, b.Detail))
	}) {
		days := of[step]
		slices.SortFunc(days, func(a, b Span) int { return cmp.Compare(a.Days, b.Days) })
		l := Lead{Step: step.Step, Detail: step.Detail}
		for _, d := range days {
			l.Sum = l.Sum.plus(spans[d])
		}
		rank := func(percent int64) int {
			want, seen := (l.N*percent+99)/100, int64(0)
			for _, d := range days {
				if seen += spans[d].N; seen >= want {
					return d.Days
				}
			}
			return 0
		}
		l.Median, l.P90 = rank(50), rank(90)
		all = append(all, l)
	}
	return all
}
