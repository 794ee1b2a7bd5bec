package programme

import (
	"fmt"
	"math/rand/v2"
	"regexp"
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
	for seed := range uint64(400) {
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
		if counts[kind] < 2 {
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

// TestARuleIsMetInEachWeekThatIsNotClosed compares the weeks in which a rule cannot be met
// with an oracle that counts them on a calendar on the wall.
func TestARuleIsMetInEachWeekThatIsNotClosed(t *testing.T) {
	weeksIn := regexp.MustCompile(`cannot be met (by|in) .*\. Weeks: (\d+), the first from (\S+) on`)
	kinds := map[string]int{}
	for seed := range uint64(100) {
		chance := rand.New(rand.NewPCG(seed, 14))
		first := time.Date(2026, 12, 1+chance.IntN(20), 0, 0, 0, 0, time.UTC)
		p := activera()
		p.Rules = []association.Rule{{ID: "physical", Category: "health", Times: 1 + chance.IntN(3), SV: "Fysisk aktivitet", EN: "Physical activity"}}
		var activities []association.Activity
		var changes []time.Time // by activity: from when on it is on another day, or not any more
		for range 1 + chance.IntN(3) {
			x := walk(weekdays[chance.IntN(5)])
			x.From = []string{"13:00", "14:00"}[chance.IntN(2)]
			x.To = x.From[:3] + "45"
			changes = append(changes, first.AddDate(0, 0, 7*chance.IntN(130)))
			later := x
			later.Since, later.Day = civil.Date(changes[len(changes)-1].Format(time.DateOnly)), weekdays[chance.IntN(5)]
			if chance.IntN(3) == 0 {
				later.Day, later.Gone = "", true
			}
			x.Later = []association.Activity{later}
			activities = append(activities, x)
		}
		course := walk("friday") // nobody joins it every week
		course.ClosedGroup = &association.ClosedGroup{}
		in := town(p, "closed", append(activities, course)...)
		summer := association.ClosedPeriod{From: "2027-07-05", Until: civil.Date("2027-07-05").AddDays(chance.IntN(30))}
		in.Calendar.Closed = []association.ClosedPeriod{summer}
		for n := range in.Weeks[0].Activities {
			in.Weeks[0].Activities[n].Calendar = in.Calendar
		}
		isClosed := func(d time.Time) bool {
			on := d.Format(time.DateOnly)
			return slices.Contains(publicHolidays, on) || string(summer.From) <= on && on <= string(summer.Until)
		}
		monday := first
		for monday.Weekday() != time.Monday {
			monday = monday.AddDate(0, 0, 1)
		}
		var ordinary, shortened []string
		for ; !monday.AddDate(0, 0, 7).After(first.AddDate(2, 0, 0)); monday = monday.AddDate(0, 0, 7) {
			sessions, free := 0, 0
			for n := range 5 {
				d := monday.AddDate(0, 0, n)
				if isClosed(d) {
					free++
					continue
				}
				clocks := map[string]bool{} // two walks at the same time are one that a person comes to
				for k, x := range activities {
					day := x.Day
					if !d.Before(changes[k]) {
						day = x.Later[0].Day
					}
					if day == weekdays[n] {
						clocks[x.From] = true
					}
				}
				sessions += len(clocks)
			}
			switch {
			case free == 5 || sessions >= p.Rules[0].Times:
			case free == 0:
				ordinary = append(ordinary, monday.Format(time.DateOnly))
			default:
				shortened = append(shortened, monday.Format(time.DateOnly))
			}
		}
		want := map[bool]string{} // by whether it prevents
		if len(ordinary) > 0 {
			want[true] = fmt.Sprintln(len(ordinary), ordinary[0])
		}
		if len(shortened) > 0 {
			want[false] = fmt.Sprintln(len(shortened), shortened[0])
		}
		got := map[bool]string{}
		for _, f := range Simulate(nil, in, civil.Date(first.Format(time.DateOnly))) {
			if m := weeksIn.FindStringSubmatch(f.Text.EN); m != nil {
				got[f.Prevents] = m[2] + " " + m[3] + "\n"
				kinds[m[1]]++
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("seed %d from %s: got %v, want %v", seed, first.Format(time.DateOnly), got, want)
		}
	}
	if len(kinds) != 2 || kinds["by"] < 5 || kinds["in"] < 5 {
		t.Errorf("the cases hardly have %v", kinds)
	}
}

// TestWhatACheckFinds has a sentence for each thing that is wrong, where it is mended, and
// whether it prevents activation.
func TestWhatACheckFinds(t *testing.T) {
	const first = civil.Date("2026-12-01")
	health := walk("monday")
	cases := []struct {
		sentence string
		change   func(a *association.Association)
		object   string
		prevents bool
		part     string // of the English text; empty: nothing is found
	}{
		{"four blocks of six weeks, and something for each", func(*association.Association) {}, "", false, ""},
		{"more weeks than anybody may take part", func(a *association.Association) { a.Initiatives[0].Plan.MaxWeeks = 23 }, "plan.activera", true, "24 weeks together, but nobody may take part for more than 23 weeks"},
		{"a check-in before its block", func(a *association.Association) { days := 42; a.Initiatives[0].Plan.CheckInDays = &days }, "plan.activera", true, "block 1: the check-in can be held 42 days before"},
		{"a check-in on the block's first day", func(a *association.Association) { days := 41; a.Initiatives[0].Plan.CheckInDays = &days }, "", false, ""},
		{"ages in the wrong order", func(a *association.Association) { a.Initiatives[0].Ages.Highest = 15 }, "initiative.activera", true, "the lowest age (16 years) is above the highest (15 years)"},
		{"no week yet", func(a *association.Association) { a.Weeks = nil }, "association", false, "Lerum offers no activities yet"},
		{"a week that is over", func(a *association.Association) {
			a.Weeks[0].Activities = []association.Activity{{ID: "x0", Municipality: "1441", Day: "monday", Category: "health", Later: []association.Activity{{Since: first, Gone: true}}}}
		}, "association", false, "Lerum offers no activities yet"},
		{"a block without anything", func(a *association.Association) { a.Initiatives[0].Plan.Blocks[2].Content = []string{"sports"} }, "plan.activera", true, "block 3: the municipality offers no activity"},
		{"a block without anything, of a plan of its own", func(a *association.Association) {
			p := activera()
			p.Blocks[1].Content = []string{"sports"}
			a.Initiatives[0].Plans = map[string]association.Plan{"1441": p}
		}, "plan.activera.1441", true, "block 2: the municipality offers no activity"},
		{"an activity that has no day yet is something", func(a *association.Association) {
			a.Weeks[0].Activities = []association.Activity{{ID: "x0", Municipality: "1441", Category: "creative"}}
			a.Initiatives[0].Plan.Blocks = []association.Block{{Number: 1, Weeks: 6, Closing: true, Content: []string{"creative"}}}
		}, "", false, ""},
		{"a category that nobody can book", func(a *association.Association) {
			x := walk("friday")
			x.ID, x.Municipality, x.Category = "x5", "1441", "sports"
			a.Weeks[0].Activities = append(a.Weeks[0].Activities, x)
		}, "series.x5", false, "no block has the category"},
		{"a rule of a block that is not there", func(a *association.Association) {
			a.Initiatives[0].Plan.Rules = []association.Rule{{ID: "r", Category: "health", Times: 1, Blocks: []int{5}}}
		}, "plan.activera", true, "the rule “r” is for block 5"},
		{"a rule of a block that lacks it", func(a *association.Association) {
			a.Initiatives[0].Plan.Rules = []association.Rule{{ID: "r", Category: "social", Times: 1}}
		}, "plan.activera", true, "cannot be met in block 1, which does not have the category “Social activity”"},
		{"a rule from a week on of which each block has it", func(a *association.Association) {
			a.Initiatives[0].Plan.Rules = []association.Rule{{ID: "r", Category: "social", Times: 1, FromWeek: 7}}
		}, "", false, ""},
		{"a rule that begins after all", func(a *association.Association) {
			a.Initiatives[0].Plan.Rules = []association.Rule{{ID: "r", Category: "health", Times: 1, FromWeek: 25}}
		}, "plan.activera", true, "holds from week 25 on, but the blocks have 24 weeks together"},
		{"a rule of what has no day", func(a *association.Association) {
			a.Initiatives[0].Plan.Rules = []association.Rule{{ID: "r", Category: "health", Times: 1}}
			a.Weeks[0].Activities[0].Day = ""
		}, "plan.activera", false, "cannot be tried"},
		{"no agreement any more", func(a *association.Association) {
			a.Initiatives[0].Agreements = []association.Agreement{{Municipality: "1441", From: "2024-01-01", Until: "2026-11-30"}}
		}, "initiative.activera", true, "no agreement with a municipality covers 2026-12-01"},
		{"an agreement that ends", func(a *association.Association) {
			a.Initiatives[0].Agreements = []association.Agreement{{Municipality: "1441", From: "2026-12-15", Until: "2027-12-31"}, {Municipality: "1441", From: "2024-01-01", Until: "2026-12-14"}}
		}, "initiative.activera", false, "ends on 2027-12-31"},
		{"an agreement that goes on", func(a *association.Association) {
			a.Initiatives[0].Agreements = []association.Agreement{{Municipality: "1441", From: "2024-01-01"}}
		}, "", false, ""},
		{"a plan before its agreement", func(a *association.Association) {
			a.Initiatives[0].Agreements = []association.Agreement{{Municipality: "1441", From: "2027-01-01"}}
			a.Initiatives[0].Plans = map[string]association.Plan{"1441": activera()}
		}, "plan.activera.1441", true, "nobody can be enrolled on 2026-12-01"},
		{"closed weeks at a check-in", func(a *association.Association) {
			a.Calendar.Closed = []association.ClosedPeriod{{From: "2027-07-05", Until: "2027-07-25"}}
			days := 7
			a.Initiatives[0].Plan.CheckInDays = &days
		}, "plan.activera", false, "it is closed from 2027-07-03 to 2027-07-25"},
		{"a night in which the clock is put on", func(a *association.Association) {
			x := &a.Weeks[0].Activities[0]
			x.Day, x.From, x.To = "sunday", "01:30", "03:30"
		}, "series.x0", false, "the clock is changed on 2027-03-28 between 01:30 and 03:30, so the occurrence lasts 60 minutes"},
		{"a night in which the clock is put back", func(a *association.Association) {
			x := &a.Weeks[0].Activities[0]
			x.Day, x.From, x.To = "sunday", "01:30", "03:30"
		}, "series.x0", false, "the clock is changed on 2027-10-31 between 01:30 and 03:30, so the occurrence lasts 180 minutes"},
		{"an hour that is skipped", func(a *association.Association) {
			x := &a.Weeks[0].Activities[0]
			x.Day, x.From, x.To = "sunday", "02:30", "03:15"
		}, "series.x0", true, "lasts 0 minutes"},
		{"a course that has no start yet and never fits", func(a *association.Association) {
			a.Weeks[0].Activities[1].ClosedGroup = &association.ClosedGroup{Sessions: 25}
		}, "series.x1", true, "the 25 sessions of the course do not fit"},
		{"a course that has no start yet and fits", func(a *association.Association) {
			a.Weeks[0].Activities[1].ClosedGroup = &association.ClosedGroup{Sessions: 24}
		}, "", false, ""},
		{"a course of another category, of three blocks", func(a *association.Association) {
			a.Weeks[0].Activities[2].ClosedGroup = &association.ClosedGroup{Sessions: 19}
		}, "series.x2", true, "the 19 sessions of the course do not fit"},
	}
	for _, c := range cases {
		week := []association.Activity{health}
		for n, category := range []string{"act", "social", "creative", "work_oriented"} {
			week = append(week, association.Activity{Name: category, Category: category, Day: weekdays[n+1], From: "10:00", To: "11:00"})
		}
		a := town(activera(), "open", week...)
		c.change(a)
		found := Simulate(nil, a, first)
		n := slices.IndexFunc(found, func(f Finding) bool {
			return f.Object == c.object && f.Prevents == c.prevents && strings.Contains(f.Text.EN, c.part)
		})
		if c.part == "" && len(found) > 0 || c.part != "" && n < 0 {
			t.Errorf("%s: got %+v", c.sentence, found)
		}
		for _, f := range found {
			if strings.Contains(f.Text.SV+f.Text.EN, "%!") || f.Text.SV == f.Text.EN {
				t.Errorf("%s: %+v", c.sentence, f)
			}
		}
		if again := Simulate(a, a, first); len(again) > 0 {
			t.Errorf("%s: what was there before is shown again: %+v", c.sentence, again)
		}
		for _, f := range Simulate(a, a, first, c.object) {
			if f.Prevents || f.Object != c.object {
				t.Errorf("%s: what was there before prevents: %+v", c.sentence, f)
			}
		}
	}
}

// TestLessOfWhatWasFoundBeforePreventsNothing has a rule of two walks a week, a second walk
// that begins sooner or later, and a course that is too long already.
func TestLessOfWhatWasFoundBeforePreventsNothing(t *testing.T) {
	p := activera()
	p.Rules = []association.Rule{{ID: "physical", Category: "health", Times: 2}}
	in := func(since civil.Date, closed association.ClosedPeriod) *association.Association {
		second, course := walk("thursday"), walk("tuesday")
		second.Since = since
		course.Category, course.ClosedGroup = "act", &association.ClosedGroup{Sessions: 25, Starts: []string{"2027-01-12"}}
		a := town(p, "open", walk("monday"), second, course)
		a.Calendar.Closed = []association.ClosedPeriod{closed}
		for n := range a.Weeks[0].Activities {
			a.Weeks[0].Activities[n].Calendar = a.Calendar
		}
		return a
	}
	week := association.ClosedPeriod{From: "2027-06-21", Until: "2027-06-27"}
	before := in("2027-06-01", week)
	for _, c := range []struct {
		sentence string
		after    *association.Association
		want     int
	}{
		{"the same", before, 0},
		{"the second walk begins sooner", in("2027-03-01", week), 0},
		{"the second walk begins later", in("2027-09-01", week), 1},
		{"another closed week after the course", in("2027-06-01", association.ClosedPeriod{From: "2027-07-26", Until: "2027-08-01"}), 0},
		{"two closed weeks within the course", in("2027-06-01", association.ClosedPeriod{From: "2027-06-14", Until: "2027-06-27"}), 1},
	} {
		if got := problems(Simulate(before, c.after, "2026-12-01")); len(got) != c.want {
			t.Errorf("%s: %q, want %d", c.sentence, got, c.want)
		}
	}
}
