package activity

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// insjoriket is the example configuration.
func insjoriket(t testing.TB) *association.Association {
	t.Helper()
	data, err := os.ReadFile("../standalone/example/insjoriket.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a, err := association.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTheRealWeekOfMolndal(t *testing.T) {
	w, err := ParseWeek("2026-W48")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range OccurrencesIn(w, insjoriket(t).Week("1481").Activities, nil) {
		line := string(o.Date) + " " + o.Activity.Name
		if !o.Starts.IsZero() {
			line = o.Starts.Format(time.RFC3339) + " " + o.Activity.Name
		}
		got = append(got, line)
	}
	want := []string{
		"2026-11-23T10:00:00Z Träningspass",
		"2026-11-23 Arbetsförberedande aktivitet", // the afternoon; no time is guessed
		"2026-11-24T08:30:00Z ACT - att hantera stress och främja hälsa",
		"2026-11-24T12:00:00Z Promenad",
		"2026-11-25T09:00:00Z Återhämtning",
		"2026-11-25T12:00:00Z Utomhusträning",
		"2026-11-26T09:00:00Z Tematräffar - arbete och studier i fokus",
		"2026-11-26T12:00:00Z Lugn promenad",
		"2026-11-27T09:00:00Z Utomhusträning",
		"2026-11-27T12:00:00Z Återhämtning",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if n := len(OccurrencesIn(w, insjoriket(t).Week("1489").Activities, nil)); n != 0 {
		t.Errorf("Alingsås has set no weekdays, so nothing has a date; got %d", n)
	}
}

func TestWallClockTimesHoldOverBothClockChanges(t *testing.T) {
	cases := []struct {
		date civil.Date
		at   string
		want string
	}{
		{"2026-03-27", "13:00", "2026-03-27T12:00:00Z"}, // Friday before summer time
		{"2026-03-29", "13:00", "2026-03-29T11:00:00Z"}, // the day of the change
		{"2026-03-30", "13:00", "2026-03-30T11:00:00Z"},
		{"2026-10-23", "13:00", "2026-10-23T11:00:00Z"}, // Friday before winter time
		{"2026-10-25", "13:00", "2026-10-25T12:00:00Z"}, // the day of the change
		{"2026-10-26", "13:00", "2026-10-26T12:00:00Z"},
		{"2026-03-29", "02:30", "2026-03-29T01:30:00Z"}, // skipped: shown as 03:30
		{"2026-10-25", "02:30", "2026-10-25T00:30:00Z"}, // twice: the first
	}
	for _, c := range cases {
		clock, ok := association.Clock(c.at)
		if got := c.date.At(clock).Format(time.RFC3339); !ok || got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.date, c.at, got, c.want)
		}
	}
}

func TestWeeksFollowISO8601(t *testing.T) {
	for text, monday := range map[string]civil.Date{
		"2026-W01": "2025-12-29", "2026-W48": "2026-11-23", "2026-W53": "2026-12-28", "2027-W01": "2027-01-04",
		"2020-W53": "2020-12-28", "2021-W01": "2021-01-04", "2024-W09": "2024-02-26",
	} {
		w, err := ParseWeek(text)
		if err != nil || w.Monday() != monday || w.String() != text {
			t.Errorf("%s: got %s, %v, want %s", text, w.Monday(), err, monday)
		}
		if w.Add(1).Add(-1) != w || WeekOf(w.Sunday()) != w {
			t.Errorf("%s: its neighbours are not its neighbours", text)
		}
	}
	for _, text := range []string{"", "2027-W53", "2026-W00", "2026-W54", "2026-48", "1999-W01", "2100-W01", "2026-W1", "2026-W481", " 2026-W48", "2026-w48", "+026-W48"} {
		if w, err := ParseWeek(text); !errors.Is(err, ErrNoSuchWeek) {
			t.Errorf("%q was read as %v, %v", text, w, err)
		}
	}
}

func FuzzParseWeek(f *testing.F) {
	for _, seed := range []string{"2026-W48", "2026-W53", "2027-W53", "-001-W01", "2026-W4x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := ParseWeek(text)
		if err == nil && (w.String() != text || WeekOf(w.Monday()) != w || w.Monday().MidnightUTC().Weekday() != time.Monday) {
			t.Fatalf("%q became %v", text, w)
		}
	})
}

func TestDatesExistOrAreRefused(t *testing.T) {
	for d, want := range map[civil.Date]bool{
		"2026-11-24": true, "2028-02-29": true, "2026-02-29": false, "2026-13-01": false, "": false,
		"2026-1-1": false, "9999-12-31": false, "1999-12-31": false, "2026-11-24T00:00:00Z": false,
	} {
		if IsDate(d) != want {
			t.Errorf("%q: want %t", d, want)
		}
	}
}

func TestAHolidayIsMarkedAndNotSkipped(t *testing.T) {
	w := WeekOf("2026-05-14")
	var marked []string
	for _, o := range OccurrencesIn(w, insjoriket(t).Week("1481").Activities, nil) {
		if o.Holiday != nil {
			marked = append(marked, string(o.Date)+" "+o.Activity.Name)
		}
	}
	if want := "[2026-05-14 Tematräffar - arbete och studier i fokus 2026-05-14 Lugn promenad]"; fmt.Sprint(marked) != want {
		t.Errorf("got %v", marked)
	}
}

// TestTheRealWeeksComeOutAsPublished reads the file that the association published, and shows
// each municipality's week as its material has it: nothing is added and nothing guessed.
func TestTheRealWeeksComeOutAsPublished(t *testing.T) {
	data, err := os.ReadFile("../../pkg/association/testdata/published.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a, err := association.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	add := func(day string, x association.Activity) {
		got = append(got, strings.Join(strings.Fields(strings.Join([]string{day, x.From, x.To, x.Part, x.Name, x.Mode, x.Place, strings.Join(x.Places, ", "), x.Gather}, " ")), " "))
	}
	for _, m := range []string{"1481", "1489"} {
		week := OccurrencesIn(WeekOf("2026-11-23"), a.Week(m).Activities, nil)
		for _, o := range week {
			if o.Closed || o.Cancelled != nil || o.MovedFrom != "" || o.Content != "" || o.Activity.Leader != "" || o.Activity.Capacity != 0 || o.Activity.Load != nil || o.Activity.DropIn {
				t.Errorf("nobody has said so: %+v", o)
			}
			add(strings.ToLower(o.Date.MidnightUTC().Weekday().String()), o.Activity)
		}
		for _, x := range a.Week(m).Activities {
			if !x.Scheduled() {
				add("unscheduled", x)
			}
		}
	}
	want := `monday 11:00 12:00 Träningspass digital
monday afternoon Arbetsförberedande aktivitet Neon Resurscenter, Torrekullagården
tuesday 09:30 12:00 ACT - att hantera stress och främja hälsa Frölundagatan 49
tuesday 13:00 14:00 Promenad Frölundagatan 49
wednesday 10:00 11:30 Återhämtning Frölundagatan 49
wednesday 13:00 14:00 Utomhusträning Aktiviteten, Frejagatan 1 utanför huvudentrén
thursday 10:00 11:30 Tematräffar - arbete och studier i fokus Frölundagatan 49
thursday 13:00 13:30 Lugn promenad Frölundagatan 49
friday 10:00 11:00 Utomhusträning Aktiviteten, Frejagatan 1 utanför huvudentrén
friday 13:00 14:00 Återhämtning digital
unscheduled 09:00 10:30 Föreläsning hälsa/arbetsmarknad ACTUS datasalen
unscheduled 11:00 11:45 Promenad ACTUS
unscheduled 09:15 10:30 Fysisk aktivitet Friskis och Svettis
unscheduled 08:15 10:00 Avslappning - stretch och relax Nolhagaparkbad
unscheduled 14:00 16:00 Kaffekoppen
unscheduled 13:00 14:00 Naturvistelse
unscheduled 13:00 16:00 ACT-kurs ACTUS`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s", text)
	}
}
