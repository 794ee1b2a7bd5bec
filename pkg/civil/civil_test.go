package civil

import (
	"fmt"
	"testing"
	"time"
)

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestADateIsTheDateInSweden(t *testing.T) {
	for at, want := range map[string]Date{
		"2026-03-02T23:30:00Z":           "2026-03-03",
		"2026-03-02T22:59:59Z":           "2026-03-02",
		"2026-11-22T22:59:59Z":           "2026-11-22",
		"2026-11-22T23:00:00Z":           "2026-11-23",
		"2026-07-01T21:59:59Z":           "2026-07-01",
		"2026-07-01T22:00:00Z":           "2026-07-02",
		"2026-12-31T23:00:00Z":           "2027-01-01",
		"2026-06-30T23:59:59.999-05:00":  "2026-07-01",
		"2026-06-30T17:00:00.000-05:00":  "2026-07-01",
		"2026-06-30T16:59:59.9999-05:00": "2026-06-30",
	} {
		if got := DateOf(instant(t, at)); got != want {
			t.Errorf("%s: got %s, want %s", at, got, want)
		}
	}
}

func TestParseTakesOnlyDatesOfTheCalendar(t *testing.T) {
	for text, valid := range map[string]bool{
		"2026-02-28": true, "2024-02-29": true, "0001-01-01": true, "9999-12-31": true,
		"": false, "2026-02-29": false, "2026-13-01": false, "2026-00-10": false, "2026-2-3": false, "20260203": false,
		"2026-02-03T00:00:00Z": false, " 2026-02-03": false, "２０２６-02-03": false, "-026-01-01": false,
	} {
		got, err := Parse(text)
		if (err == nil) != valid || Date(text).Valid() != valid || valid && got != Date(text) || !valid && got != "" {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

func TestDaysAndWeeksAreCountedByTheCalendar(t *testing.T) {
	for _, c := range []struct {
		from Date
		days int
		to   Date
	}{
		{"2026-12-31", 1, "2027-01-01"}, {"2026-03-28", 2, "2026-03-30"}, {"2026-10-24", 2, "2026-10-26"},
		{"2024-02-28", 1, "2024-02-29"}, {"2026-03-01", -1, "2026-02-28"}, {"2026-05-05", 0, "2026-05-05"}, {"1926-01-01", 36525, "2026-01-01"},
	} {
		if got := c.from.AddDays(c.days); got != c.to {
			t.Errorf("%s and %d days: got %s, want %s", c.from, c.days, got, c.to)
		}
		if got := c.from.DaysUntil(c.to); got != c.days {
			t.Errorf("from %s until %s: got %d, want %d", c.from, c.to, got, c.days)
		}
	}
	if got := Date("2026-10-20").AddWeeks(2); got != "2026-11-03" {
		t.Errorf("two weeks later: got %s", got)
	}
	if got := Date("2024-02-29").AddYears(1); got != "2025-03-01" {
		t.Errorf("a year after a leap day: got %s", got)
	}
}

func TestWeeksAreThoseOfISO8601(t *testing.T) {
	for date, want := range map[Date]string{
		"2026-01-01": "2026-W01 Thursday", "2025-12-29": "2026-W01 Monday", "2027-01-03": "2026-W53 Sunday", "2026-11-24": "2026-W48 Tuesday",
	} {
		year, week := date.MidnightUTC().ISOWeek()
		if got := fmt.Sprintf("%d-W%02d %s", year, week, date.MidnightUTC().Weekday()); got != want || fmt.Sprint(date.MidnightUTC().Year()) != string(date[:4]) {
			t.Errorf("%s: got %s, want %s", date, got, want)
		}
	}
}

func TestADayLastsAsLongAsTheClockSays(t *testing.T) {
	for date, want := range map[Date]time.Duration{
		"2026-03-29": 23 * time.Hour, "2026-10-25": 25 * time.Hour, "2026-07-01": 24 * time.Hour,
	} {
		if got := date.End().Sub(date.Start()); got != want {
			t.Errorf("%s lasts %s, want %s", date, got, want)
		}
		if DateOf(date.Start()) != date || DateOf(date.End()) != date.AddDays(1) || DateOf(date.End().Add(-1)) != date {
			t.Errorf("%s runs from %s to %s", date, date.Start(), date.End())
		}
	}
}

func TestAWallClockTimeIsOneInstant(t *testing.T) {
	for _, c := range []struct {
		sentence string
		date     Date
		minutes  int
		want     string
	}{
		{"winter", "2026-11-24", 13 * 60, "2026-11-24T12:00:00Z"},
		{"summer", "2026-06-24", 13 * 60, "2026-06-24T11:00:00Z"},
		{"a skipped time is an hour later", "2026-03-29", 2*60 + 30, "2026-03-29T01:30:00Z"},
		{"of a repeated time the first is meant", "2026-10-25", 2*60 + 30, "2026-10-25T00:30:00Z"},
	} {
		if got := c.date.At(time.Duration(c.minutes) * time.Minute).Format(time.RFC3339); got != c.want {
			t.Errorf("%s: got %s, want %s", c.sentence, got, c.want)
		}
	}
}

func TestAgeIsCountedInWholeYears(t *testing.T) {
	for _, c := range []struct {
		birth, on Date
		want      int
	}{
		{"1990-05-17", "2026-05-16", 35}, {"1990-05-17", "2026-05-17", 36},
		{"2000-02-29", "2026-02-28", 25}, {"2000-02-29", "2026-03-01", 26}, {"2000-02-29", "2024-02-29", 24},
		{"2010-11-22", "2026-11-21", 15}, {"2010-11-22", "2026-11-22", 16}, {"2008-02-29", "2025-02-28", 16}, {"2008-02-29", "2025-03-01", 17},
		{"1926-11-22", "2026-11-22", 100}, {"2026-11-23", "2026-11-22", -1},
	} {
		if got := c.birth.AgeOn(c.on); got != c.want {
			t.Errorf("born %s, on %s: got %d, want %d", c.birth, c.on, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("2026-11-24")
	f.Add("2026-02-30")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		if d.AddDays(1).AddDays(-1) != d && d != "9999-12-31" {
			t.Errorf("%s: a day forth and back leads to %s", d, d.AddDays(1).AddDays(-1))
		}
	})
}

func ExampleDate_End() {
	due := Date("2026-10-24").AddDays(1) // the night in which clocks go back
	fmt.Println(due.Start().Format(time.RFC3339), due.End().Format(time.RFC3339))
	// Output: 2026-10-24T22:00:00Z 2026-10-25T23:00:00Z
}

func TestTheEndSomeDaysLaterIsThatOfTheDate(t *testing.T) {
	at := instant(t, "2026-03-20T22:59:59Z")
	for i := range 400 {
		when := at.Add(time.Duration(i) * 25 * time.Hour)
		for _, days := range []int{0, 1, 5, 40} {
			if got, want := EndAfter(when, days), DateOf(when).AddDays(days).End(); !got.Equal(want) || got.Location() != time.UTC {
				t.Errorf("%d days after %s: %s, want %s", days, when, got, want)
			}
		}
	}
}
