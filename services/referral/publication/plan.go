// Package publication is what the association and its board read of the referrals:
// few fixed tables of a period that is over, computed once and then frozen. Pure: facts
// go in, tables come out.
//
// Three things keep a person from being found in them. Each count has the noise of the
// Cell Key Method, which follows from who is counted. Rows that are too like another
// published row, of this or a former publication, or too small, are merged with the next
// of their table, or the table is left out. And nobody chooses periods, filters or
// times. See docs/adr/0052-the-board-reads-publications.md.
package publication

import (
	"fmt"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/civil"
)

// Table is one table of a plan: the people whose referrals count for a measure in the
// period, parted by one of their properties; or how many days a step took them.
type Table struct {
	Measure string     `json:"measure"` // with Days a step
	Detail  string     `json:"detail,omitempty"`
	By      string     `json:"by"`
	Rows    [][]string `json:"-"` // the values of each row, in the order in which rows are merged; nil: a row for each municipality
	Days    bool       `json:"days,omitempty"`
}

// What is counted, and what takes days: the words of package figures, which are handed in.
const (
	received = "received"
	accepted = "accepted"
	rejected = "rejected"
	closed   = "closed"

	toDecision = "decision" // received → first decision
	toStart    = "start"    // accepted → first day
	toCheckIn  = "check_in" // first day → answer at a check-in
	toClose    = "closing"  // first day → closed
)

// By what a table is parted.
const (
	byTotal        = "total"
	bySource       = "source"
	byGender       = "gender"
	byMunicipality = "municipality"
	byOutcome      = "outcome" // of those whose enrolment ended
)

// all is the only row of a table that is not parted.
var all = [][]string{{""}}

// Plan is a fixed list of tables, those that matter most first, for a later one yields
// to an earlier. A plan that was used never changes: another list is another version.
type Plan struct {
	Version int
	Tables  []Table
}

// Latest is the newest version of a plan.
const Latest = 1

// Plans are all there are, by version. Who is neither woman nor man is in the totals
// only, for a row of so few would be merged with one of the others.
var Plans = map[int]*Plan{1: {Version: 1, Tables: []Table{
	{Measure: received, By: byTotal, Rows: all},
	{Measure: received, By: byGender, Rows: [][]string{{"female"}, {"male"}}},
	{Measure: received, By: byMunicipality},
	{Measure: received, By: bySource, Rows: [][]string{
		{"insurance_office", "social_insurance"}, {"employment_office", "employment_service"},
		{"psychiatry"}, {"youth_clinic"}, {"health_centre", "region"}, {"private_care"},
		{"social_services", "municipality"}, {"livelihood_support"}, {"self_referral", "self"}, {"other"},
	}},
	{Measure: accepted, By: byTotal, Rows: all},
	{Measure: rejected, By: byTotal, Rows: all},
	{Measure: closed, By: byTotal, Rows: all},
	{Measure: closed, By: byOutcome, Rows: [][]string{{"completed"}, {"interrupted"}, {"cancelled"}}},
	{Measure: toDecision, By: byTotal, Rows: all, Days: true},
	{Measure: toStart, By: byTotal, Rows: all, Days: true},
	{Measure: toCheckIn, Detail: "1", By: byTotal, Rows: all, Days: true},
	{Measure: toCheckIn, Detail: "2", By: byTotal, Rows: all, Days: true},
	{Measure: toCheckIn, Detail: "3", By: byTotal, Rows: all, Days: true},
	{Measure: toClose, By: byTotal, Rows: all, Days: true},
}}}

// Period is a tertial ("2026-t1") or a year ("2026").
type Period string

// Span returns the first day of the period and the first day after it.
func (p Period) Span() (from, until civil.Date, ok bool) {
	var year, tertial int
	switch {
	case len(p) == 4:
		_, err := fmt.Sscanf(string(p), "%4d", &year)
		tertial, ok = 1, err == nil
	case len(p) == 7:
		n, err := fmt.Sscanf(string(p), "%4d-t%1d", &year, &tertial)
		ok = err == nil && n == 2 && 1 <= tertial && tertial <= 3
	}
	if !ok || year < 2000 {
		return "", "", false
	}
	months := 4
	if len(p) == 4 {
		months = 12
	}
	first := time.Date(year, time.Month(4*tertial-3), 1, 0, 0, 0, 0, time.UTC)
	return civil.Date(first.Format(time.DateOnly)), civil.Date(first.AddDate(0, months, 0).Format(time.DateOnly)), true
}

// Year returns the year of the period, in which each person has one record key.
func (p Period) Year() string { return string(p[:4]) }

// Fact is one thing that a person counts for in the period.
type Fact struct {
	Person               string
	Measure, Detail      string // with IsSpan: a step
	Source, Municipality string // of a protected person empty: counted in totals and by gender only
	Gender               string
	IsSpan               bool
	Days                 int // with IsSpan
}

// value returns by what the fact is parted in a table.
func (f *Fact) value(by string) string {
	switch by {
	case byGender:
		return f.Gender
	case byMunicipality:
		return f.Municipality
	case bySource:
		return f.Source
	case byOutcome:
		return f.Detail
	}
	return ""
}

// countedOf returns the facts that the table counts.
func (t *Table) countedOf(facts []Fact) (counted []*Fact) {
	for i := range facts {
		if f := &facts[i]; f.Measure == t.Measure && f.IsSpan == t.Days && (!t.Days || f.Detail == t.Detail) {
			counted = append(counted, f)
		}
	}
	return counted
}

// people returns whom a row counts, sorted, each once, and in a table of days how long
// it took them, sorted: of each person the longest. The facts are those of the table,
// sorted by person.
func (t *Table) people(counted []*Fact, values []string) (people []string, days []int) {
	for _, f := range counted {
		if !slices.Contains(values, f.value(t.By)) {
			continue
		}
		if last := len(people) - 1; last >= 0 && people[last] == f.Person {
			days[last] = max(days[last], f.Days)
			continue
		}
		people, days = append(people, f.Person), append(days, f.Days)
	}
	slices.Sort(days)
	return people, days
}
