package programme

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// publicHolidays are the public holidays of the simulated years that are no Sundays, as the
// calendar on the wall has them.
var publicHolidays = strings.Fields(`
	2026-12-25 2026-12-26 2027-01-01 2027-01-06 2027-03-26 2027-03-29 2027-05-01 2027-05-06 2027-06-26 2027-11-06 2027-12-25
	2028-01-01 2028-01-06 2028-04-14 2028-04-17 2028-05-01 2028-05-25 2028-06-06 2028-06-24 2028-11-04 2028-12-25 2028-12-26`)

var weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday"}

// town is an association with one municipality, Lerum, that runs one initiative.
func town(p association.Plan, holidays string, activities ...association.Activity) *association.Association {
	c := association.Calendar{PublicHolidays: holidays}
	for n := range activities {
		x := &activities[n]
		x.Municipality, x.Calendar = "1441", c
		if x.ID == "" {
			x.ID = fmt.Sprint("x", n)
		}
	}
	return &association.Association{
		ID: "insjoriket", Municipalities: []association.Municipality{{Code: "1441", Name: "Lerum"}}, Calendar: c,
		Initiatives: []association.Initiative{{ID: "activera", Name: "ACTivera", Orientation: "individual", Ages: association.Ages{Lowest: 16, Highest: 64}, Plan: p}},
		Weeks:       []association.Week{{Municipality: "1441", Activities: activities}},
	}
}

// activera is the plan of four blocks of six weeks.
func activera() association.Plan {
	p := association.Plan{MaxWeeks: 24}
	for n := range 4 {
		content := []string{"health", "social", "creative", "work_oriented", "act"}
		if n == 0 {
			content = []string{"health", "act"}
		}
		p.Blocks = append(p.Blocks, association.Block{Number: n + 1, Weeks: 6, CheckIn: n < 3, Closing: n == 3, Content: content})
	}
	return p
}

func walk(day string) association.Activity {
	return association.Activity{Name: "Promenad", Category: "health", Day: day, From: "13:00", To: "14:00"}
}

// problems are what prevents activation.
func problems(found []Finding) (all []string) {
	for _, f := range found {
		if f.Prevents {
			all = append(all, f.Object+": "+f.Text.EN)
		}
	}
	return all
}

// TestACourseFitsIfSomebodyCanComeToEachSession compares courses with an oracle that walks
// the days: the course is given if there is a day on which a participant begins, so that each
// session is in a block that has it.
func TestACourseFitsIfSomebodyCanComeToEachSession(t *testing.T) {
	first := civil.Date("2026-12-01")
	counts := map[string]int{}
	for seed := range uint64(500) {
		chance := rand.New(rand.NewPCG(seed, 13))
		p := association.Plan{MaxWeeks: 24}
		for n := range 1 + chance.IntN(4) {
			b := association.Block{Number: n + 1, Weeks: 1 + chance.IntN(6), Content: []string{"health"}}
			if chance.IntN(3) > 0 {
				b.Content = append(b.Content, "act")
			}
			p.Blocks = append(p.Blocks, b)
		}
		day := chance.IntN(5)
		start := time.Date(2026, 12, 1+chance.IntN(600), 0, 0, 0, 0, time.UTC)
		for int(start.Weekday()) != day+1 {
			start = start.AddDate(0, 0, 1)
		}
		holidays := []string{"closed", "open"}[chance.IntN(2)]
		course := association.Activity{Name: "ACT", Category: "act", Day: weekdays[day], From: "09:30", To: "12:00",
			ClosedGroup: &association.ClosedGroup{Sessions: 1 + chance.IntN(10), Starts: []string{start.Format(time.DateOnly)}}}
		var until civil.Date
		if chance.IntN(3) == 0 {
			until = civil.DateOf(start).AddDays(chance.IntN(70))
			course.Later = []association.Activity{{Since: until.AddDays(1), Gone: true}}
		}
		want := courseByHand(p, start, course.ClosedGroup.Sessions, string(until), holidays == "closed")
		found := Simulate(nil, town(p, holidays, walk("monday"), course), first)
		var got string
		for _, f := range found {
			for part, name := range map[string]string{"cannot begin": "closed", "before the activity ends": "ended", "longer than the blocks": "long"} {
				if f.Prevents && f.Object == "series.x1" && strings.Contains(f.Text.EN, part) {
					got = name
				}
			}
			if f.Object == "series.x1" && strings.Contains(f.Text.EN, "no block has the category") {
				got = "no block"
			}
		}
		counts[want]++
		if got != want {
			t.Fatalf("seed %d: got %q, want %q: %+v from %s, blocks %+v\n%v", seed, got, want, course, start.Format(time.DateOnly), p.Blocks, found)
		}
	}
	for _, kind := range []string{"", "closed", "ended", "long", "no block"} {
		if counts[kind] < 5 {
			t.Errorf("the cases hardly have %q: %v", kind, counts)
		}
	}
}

// courseByHand says what is wrong with a course, by a calendar on the wall.
func courseByHand(p association.Plan, start time.Time, sessions int, until string, closes bool) string {
	isClosed := func(d time.Time) bool { return closes && slices.Contains(publicHolidays, d.Format(time.DateOnly)) }
	total, has := 0, false
	for _, b := range p.Blocks {
		total += b.Weeks
		has = has || slices.Contains(b.Content, "act")
	}
	if !has {
		return "no block"
	}
	if isClosed(start) {
		return "closed"
	}
	var on []time.Time
	for d := start; len(on) < sessions; d = d.AddDate(0, 0, 1) {
		if until != "" && d.Format(time.DateOnly) > until {
			return "ended"
		}
		if d.Weekday() == start.Weekday() && !isClosed(d) {
			on = append(on, d)
		}
	}
	for begins := start.AddDate(0, 0, -7*total); !begins.After(start); begins = begins.AddDate(0, 0, 1) {
		comes := 0
		for _, d := range on {
			week := int(d.Sub(begins).Hours()) / (24 * 7)
			for _, b := range p.Blocks {
				if week < b.Weeks {
					if slices.Contains(b.Content, "act") {
						comes++
					}
					break
				}
				week -= b.Weeks
			}
		}
		if comes == sessions {
			return ""
		}
	}
	return "long"
}
