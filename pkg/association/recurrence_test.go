package association

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
)

// TestASeriesTakesPlaceAsAnotherImplementationHasIt compares two years, with both clock
// changes and a week 53, with what python-dateutil says (testdata/recurrence.py).
func TestASeriesTakesPlaceAsAnotherImplementationHasIt(t *testing.T) {
	golden, err := os.ReadFile("testdata/recurrence.golden")
	if err != nil {
		t.Fatal(err)
	}
	dates := func(text string) (all []civil.Date) {
		for d := range strings.SplitSeq(text, ",") {
			if d != "-" {
				all = append(all, civil.Date(d))
			}
		}
		return all
	}
	lines := 0
	for line := range strings.Lines(string(golden)) {
		f := strings.Fields(line)
		x := Activity{Rule: f[0], First: civil.Date(f[1]), From: f[2], Extra: dates(f[3]), Except: dates(f[4])}
		if _, ok := parseRule(x.Rule); !ok {
			t.Errorf("%s is refused", x.Rule)
		}
		clock, _ := Clock(x.From)
		var got []string
		for _, p := range x.Days("2026-07-01", "2028-06-30") {
			got = append(got, p.Date.At(clock).Format("20060102T1504Z"))
		}
		if want := f[5]; strings.Join(got, ",") != want {
			t.Errorf("%s\ngot  %s\nwant %s", strings.Join(f[:5], " "), strings.Join(got, ","), want)
		}
		lines++
	}
	if lines < 70 {
		t.Errorf("%d lines", lines)
	}
}

// walked returns the days of a rule of weekdays in a span by walking day by day, without any
// library.
func walked(rule string, first, from, to civil.Date) (days []civil.Date) {
	interval, by := 1, ""
	for part := range strings.SplitSeq(rule, ";") {
		if text, ok := strings.CutPrefix(part, "INTERVAL="); ok {
			interval, _ = strconv.Atoi(text)
		}
		if text, ok := strings.CutPrefix(part, "BYDAY="); ok {
			by = text
		}
	}
	weeks := 0 // since that of the first day
	for d := first; d <= to; d = d.AddDays(1) {
		weekday := d.MidnightUTC().Weekday()
		if weekday == time.Monday && d > first {
			weeks++
		}
		if weeks%interval == 0 && d >= from && slices.Contains(strings.Split(by, ","), strings.ToUpper(weekday.String()[:2])) {
			days = append(days, d)
		}
	}
	return days
}

// TestASeriesTakesPlaceAsADayWalkHasIt asks for many spans, so that wherever one begins the rule
// counts from its first day.
func TestASeriesTakesPlaceAsADayWalkHasIt(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 14))
	names := []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}
	for range 300 {
		chance.Shuffle(7, func(i, j int) { names[i], names[j] = names[j], names[i] })
		x := Activity{Rule: fmt.Sprintf("FREQ=WEEKLY;INTERVAL=%d;BYDAY=%s", 1+chance.IntN(8), strings.Join(names[:1+chance.IntN(3)], ","))}
		x.First = civil.Date("2026-01-01").AddDays(chance.IntN(500))
		for len(walked(x.Rule, x.First, x.First, x.First)) == 0 {
			x.First = x.First.AddDays(1)
		}
		from := x.First.AddDays(chance.IntN(900) - 100)
		to := from.AddDays(chance.IntN(200))
		var got []civil.Date
		for _, p := range x.Days(from, to) {
			got = append(got, p.Date)
		}
		if want := walked(x.Rule, x.First, from, to); !slices.Equal(got, want) {
			t.Fatalf("%s from %s, %s to %s:\ngot  %v\nwant %v", x.Rule, x.First, from, to, got, want)
		}
	}
	for n, name := range days { // a weekday is short for a rule
		rule := "FREQ=WEEKLY;BYDAY=" + strings.ToUpper(name[:2])
		a, b := Activity{Day: name}, Activity{Rule: rule, First: civil.Date("2026-06-01").AddDays(n)}
		one, other := a.Days("2026-06-01", "2028-06-01"), b.Days("2026-06-01", "2028-06-01")
		if !slices.EqualFunc(one, other, func(p, q Planned) bool { return p.Date == q.Date }) {
			t.Errorf("%s is not %s", name, rule)
		}
	}
}

func TestWhatASeriesDoesOnClosedDays(t *testing.T) {
	closed := Calendar{PublicHolidays: "closed", Open: []string{"2027-05-01"}, Closed: []ClosedPeriod{{From: "2027-07-05", Until: "2027-07-09"}, {From: "2027-03-04", Until: "2027-03-05"}}}
	moved := func(to string) Activity {
		return Activity{Day: "thursday", Holidays: HolidaysMoved, MovedTo: to, Calendar: closed}
	}
	twice := Activity{Rule: "FREQ=WEEKLY;BYDAY=TH,FR", First: "2027-01-07", Holidays: HolidaysMoved, MovedTo: "friday", Calendar: closed}
	ends := moved("friday")
	ends.Later = []Activity{{Since: "2027-05-07", Gone: true}}
	becomes := moved("wednesday")
	becomes.Later = []Activity{{Since: "2027-05-06", Day: "thursday", Calendar: closed}}
	open := Calendar{PublicHolidays: "open"}
	for _, c := range []struct {
		sentence string
		series   Activity
		monday   civil.Date
		want     string
	}{
		{"as the calendar says: Ascension Day is closed", Activity{Day: "thursday", Calendar: closed}, "2027-05-03", "2027-05-06 off"},
		{"as the calendar says: it is open", Activity{Day: "thursday", Calendar: open}, "2027-05-03", "2027-05-06"},
		{"off, though the calendar is open", Activity{Day: "thursday", Holidays: HolidaysOff, Calendar: open}, "2027-05-03", "2027-05-06 off"},
		{"off on an ordinary day", Activity{Day: "friday", Holidays: HolidaysOff, Calendar: open}, "2027-05-03", "2027-05-07"},
		{"off, but for the day that the calendar names", Activity{Day: "saturday", Holidays: HolidaysOff, Calendar: closed}, "2027-04-26", "2027-05-01"},
		{"on, though the calendar is closed", Activity{Day: "thursday", Holidays: HolidaysOn, Calendar: closed}, "2027-05-03", "2027-05-06"},
		{"on in a closed period", Activity{Day: "thursday", Holidays: HolidaysOn, Calendar: closed}, "2027-07-05", "2027-07-08"},
		{"moved to the day after", moved("friday"), "2027-05-03", "2027-05-07 from 2027-05-06"},
		{"moved to the day before", moved("wednesday"), "2027-05-03", "2027-05-05 from 2027-05-06"},
		{"moved where the calendar is open, as the series says so", func() Activity { x := moved("friday"); x.Calendar = open; return x }(), "2027-05-03", "2027-05-07 from 2027-05-06"},
		{"not moved in an ordinary week", moved("friday"), "2027-05-10", "2027-05-13"},
		{"that day is closed too", moved("friday"), "2027-07-05", "2027-07-08 off"},
		{"and another closed day", moved("friday"), "2027-03-01", "2027-03-04 off"},
		{"the day has an occurrence of its own", twice, "2027-05-03", "2027-05-06 off 2027-05-07"},
		{"the series has ended by then", ends, "2027-05-03", "2027-05-06 off"},
		{"it follows the form of its own day", becomes, "2027-05-03", "2027-05-06 off"},
		{"an extra day is moved like others", Activity{Extra: []civil.Date{"2027-05-06"}, Holidays: HolidaysMoved, MovedTo: "monday", Calendar: closed}, "2027-05-03", "2027-05-03 from 2027-05-06"},
	} {
		say := func(planned []Planned) string {
			var all []string
			for _, p := range planned {
				text := string(p.Date)
				if p.Moved != "" {
					text += " from " + string(p.Moved)
				}
				if p.Form.IsOff(p.Date) {
					text += " off"
				}
				all = append(all, text)
			}
			return strings.Join(all, " ")
		}
		if got := say(c.series.Days(c.monday, c.monday.AddDays(6))); got != c.want {
			t.Errorf("%s: got %q, want %q", c.sentence, got, c.want)
		}
		var byDay []Planned
		for n := range 7 {
			byDay = append(byDay, c.series.Days(c.monday.AddDays(n), c.monday.AddDays(n))...)
		}
		if got := say(byDay); got != c.want {
			t.Errorf("%s, day by day: got %q, want %q", c.sentence, got, c.want)
		}
	}
}

func TestContentsRotateOverTheirWeeks(t *testing.T) {
	contents := []string{"A", "B", "C"}
	weekly := Activity{Day: "tuesday", First: "2026-12-15", Contents: contents}
	second := Activity{Rule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", First: "2026-12-15", Contents: contents}
	monthly := Activity{Rule: "FREQ=MONTHLY;BYDAY=1MO", First: "2026-12-07", Contents: contents}
	for _, c := range []struct {
		sentence string
		series   Activity
		want     string
	}{
		{"each week, over week 53", weekly, "A B C A B C"},
		{"each second week, on both days the same", second, "A A B B C C"},
		{"each month", monthly, "A B C A B C"},
		{"none", Activity{Day: "tuesday", First: "2026-12-15"}, "     "},
	} {
		var got []string
		for _, p := range c.series.Days("2026-12-01", "2027-12-01")[:6] {
			got = append(got, p.Form.ContentOn(p.Date))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %q", c.sentence, got)
		}
	}
}

func TestWhatIsNoDateHasNoDays(t *testing.T) {
	for _, x := range []Activity{{Day: "tuesday"}, {Rule: "FREQ=WEEKLY;BYDAY=TU", First: "2026-01-06"}} {
		for _, d := range []civil.Date{"", "tisdag", "2026-02-30", "10000-01-01", "2200-01-07"} {
			if got := x.Days(d, d); len(got) != 0 {
				t.Errorf("%q: %v", d, got)
			}
		}
		if got := x.Days("2199-12-20", "9999-12-31"); len(got) != 2 {
			t.Errorf("the last days: %v", got)
		}
	}
}

func TestARuleThatNobodyCanRelyOnIsRefused(t *testing.T) {
	for _, rule := range []string{
		"", "FREQ=DAILY", "FREQ=YEARLY;BYDAY=MO", "FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=", "FREQ=WEEKLY;BYDAY=XX", "FREQ=WEEKLY;BYDAY=2TU", "FREQ=WEEKLY;INTERVAL=53;BYDAY=TU",
		"FREQ=WEEKLY;INTERVAL=-2;BYDAY=TU", "FREQ=WEEKLY;BYDAY=TU;COUNT=3", "FREQ=WEEKLY;BYDAY=TU;UNTIL=20270101", "FREQ=WEEKLY;BYDAY=TU;WKST=SU", "FREQ=WEEKLY;BYMONTHDAY=1",
		"FREQ=MONTHLY;BYDAY=MO,2TU", "FREQ=MONTHLY;BYDAY=6MO", "FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=1", "FREQ=MONTHLY;INTERVAL=7;BYDAY=1MO",
		"FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=2", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=9", "FREQ=MONTHLY", "RRULE:FREQ=WEEKLY;BYDAY=TU", "DTSTART:20270101\nFREQ=WEEKLY;BYDAY=TU", "freq=weekly;byday=tu", "FREQ=WEEKLY;BYDAY=TU\n",
	} {
		if _, ok := parseRule(rule); ok {
			t.Errorf("%q is taken", rule)
		}
	}
}

func BenchmarkAWeekOf400Rules(b *testing.B) {
	var all []Activity
	for n := range 400 {
		all = append(all, Activity{Rule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", First: civil.Date("2020-12-29").AddWeeks(n), From: "13:00", To: "14:00"})
	}
	for b.Loop() {
		for i := range all {
			all[i].Days("2027-03-01", "2027-03-07")
		}
	}
}
