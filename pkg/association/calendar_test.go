package association

import (
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/civil"
)

const walk = `{ name: Promenad, category: social, day: tuesday, from: "13:00", to: "14:00", place: Frölundagatan 49`

func TestAChangeHoldsFromADayOn(t *testing.T) {
	a, err := Parse(change(t, walk, walk+`, until: "2027-06-01", changes: [{ on: "2026-12-08", from: "13:15", to: "14:15" }, { on: "2027-02-01", day: wednesday, place: Parken }]`))
	if err != nil {
		t.Fatal(err)
	}
	x := a.Week("1481").Activities[3]
	for d, want := range map[civil.Date]string{
		"2020-01-01": "tuesday 13:00 14:00 Frölundagatan 49", "2026-12-07": "tuesday 13:00 14:00 Frölundagatan 49", "2026-12-08": "tuesday 13:15 14:15 Frölundagatan 49",
		"2027-01-31": "tuesday 13:15 14:15 Frölundagatan 49", "2027-02-01": "wednesday 13:15 14:15 Parken", "2027-06-01": "wednesday 13:15 14:15 Parken", "2027-06-02": " 13:15 14:15 Parken",
	} {
		y := x.At(d)
		if got := strings.Join([]string{y.Day, y.From, y.To, y.Place}, " "); got != want || y.ID != "fb5fa133-7031-548c-88db-384e1fc1f78d" {
			t.Errorf("%s: %s %s, want %s", d, got, y.ID, want)
		}
	}
}

func TestAFileThatReplacesAnotherOrphansNothing(t *testing.T) {
	const today = "2026-11-30"
	changed := func(on, from, to string) string {
		return walk + `, changes: [{ on: "` + on + `", from: "` + from + `", to: "` + to + `" }]`
	}
	later := changed("2026-12-08", "13:15", "14:15")
	for _, c := range []struct {
		sentence, before, after string
		refused                 bool
	}{
		{"the same file", walk, walk, false},
		{"a line more", walk, `{ name: Fika, category: social, day: tuesday, from: "15:00", to: "16:00" }` + "\n      - " + walk, false},
		{"another time, written over the old one", walk, strings.NewReplacer("13:00", "13:15", "14:00", "14:15").Replace(walk), true},
		{"another day", walk, strings.Replace(walk, "tuesday", "monday", 1), true},
		{"another end, by which the id stays", walk, strings.Replace(walk, "14:00", "14:30", 1), true},
		{"another place", walk, strings.Replace(walk, "Frölundagatan 49", "Parken", 1), true},
		{"a line of another name", walk, strings.Replace(walk, "Promenad", "Stavgång", 1), true},
		{"a change from a day to come", walk, later, false},
		{"from today", walk, changed(today, "13:15", "14:15"), false},
		{"from yesterday", walk, changed("2026-11-29", "13:15", "14:15"), true},
		{"a change to come that does not come", later, walk, false},
		{"one that has come", changed("2026-11-03", "13:15", "14:15"), walk, true},
		{"one that has come, and another", changed("2026-11-03", "13:15", "14:15"), strings.Replace(changed("2026-11-03", "13:15", "14:15"), "}]", `}, { on: "2026-12-08", place: Parken }]`, 1), false},
		{"there and back, in the past", walk, strings.Replace(changed("2026-10-01", "13:15", "14:15"), "}]", `}, { on: "2026-11-01", from: "13:00", to: "14:00" }]`, 1), true},
		{"a last day", walk, walk + `, until: "2026-12-31"`, false},
		{"a last day that has passed", walk, walk + `, until: "2026-11-01"`, true},
		{"a UUID that the line had", walk, strings.Replace(walk, "{ name", "{ id: fb5fa133-7031-548c-88db-384e1fc1f78d, name", 1), false},
		{"another id", walk, strings.Replace(walk, "{ name", "{ id: promenad, name", 1), true},
		{"a line without a weekday goes", "{ name: Kaffekoppen, category: social", "{ name: Tekoppen, category: social", false},
	} {
		before, err := Parse(change(t, pieceOf(c.before), c.before))
		if err != nil {
			t.Fatalf("%s: %v", c.sentence, err)
		}
		after, err := Parse(change(t, pieceOf(c.before), c.after))
		if err != nil {
			t.Fatalf("%s: %v", c.sentence, err)
		}
		err = after.Continues(before, today)
		if (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), "Promenad, tuesday 13:00") {
			t.Errorf("%s: %v", c.sentence, err)
		}
	}
}

// pieceOf returns what of the real file a case replaces.
func pieceOf(before string) string {
	if strings.HasPrefix(before, walk) {
		return walk
	}
	return before
}

func TestPublicHolidaysAreAsTheCalendarSays(t *testing.T) {
	for calendar, closed := range map[string]string{
		"": "", "calendar: {publicHolidays: open}": "", "calendar: {publicHolidays: closed}": "2026-12-25 2027-01-06",
		`calendar: {publicHolidays: closed, open: ["2027-01-06"]}`: "2026-12-25",
	} {
		a, err := Parse([]byte(string(realFile(t)) + "\n" + calendar + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range []civil.Date{"2026-12-24", "2026-12-25", "2027-01-05", "2027-01-06"} {
			if a.Calendar.IsClosed(d) {
				got = append(got, string(d))
			}
		}
		if strings.Join(got, " ") != closed {
			t.Errorf("%s: closed on %v", calendar, got)
		}
	}
}
