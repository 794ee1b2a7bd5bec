package association

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/civil"
)

// shipped returns the association of a file that the product comes with.
func shipped(t testing.TB, name string) *Association {
	t.Helper()
	data, err := os.ReadFile("../../services/standalone/example/" + name)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Parse(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return a
}

func TestTheWholeFileHasTheActivitiesOfTheSmallOne(t *testing.T) {
	small, whole := shipped(t, "insjoriket.yaml"), shipped(t, "insjoriket-whole.yaml")
	for _, w := range small.Weeks {
		for _, x := range w.Activities {
			if y, ok := whole.Activity(x.ID); !ok || x.Place != y.Place || x.At("2026-11-30").Day != y.At("2026-11-30").Day {
				t.Errorf("%s: %+v is now %+v", x.ID, x, y)
			}
		}
	}
	if err := whole.Continues(small, "2026-11-30"); err != nil {
		t.Error(err)
	}
}

func TestTheShippedFilesSayWhatTheFieldKnows(t *testing.T) {
	a := shipped(t, "insjoriket-whole.yaml")
	activera, _ := a.Initiative("activera")
	lerum, molndal := activera.PlanIn("1441"), activera.PlanIn("1481")
	if lerum.Introduction == nil || molndal.Introduction != nil || len(a.Initiatives) != 2 {
		t.Errorf("only Lerum has an introduction: %+v, %+v; two initiatives: %d", lerum.Introduction, molndal.Introduction, len(a.Initiatives))
	}
	for n, want := range []bool{false, false, true, true} {
		if got := slices.Contains(lerum.Blocks[n].Content, "work_oriented"); got != want {
			t.Errorf("work training in Lerum's block %d: %t", n+1, got)
		}
	}
	course := a.Week("1402").Activities[0].ClosedGroup
	if course.Sessions != 6 || course.Least != 6 || course.Most != 8 {
		t.Errorf("Partille's course: %+v", course)
	}
	k := shipped(t, "kalmar.yaml")
	rules := k.Initiatives[0].PlanIn("0881").Rules
	if len(rules) != 1 || rules[0].Category != "health" || rules[0].Times != 1 {
		t.Errorf("Kalmar's rule: %+v", rules)
	}
}

func TestAMunicipalityIsClosedByItsOwnCalendarToo(t *testing.T) {
	a := shipped(t, "insjoriket-whole.yaml")
	for _, c := range []struct {
		municipality string
		day          civil.Date
		why          string
	}{
		{"1481", "2027-07-04", ""}, {"1481", "2027-07-05", "Sommarstängt"}, {"1481", "2027-07-30", "Sommarstängt"}, {"1481", "2027-07-31", ""}, {"1489", "2027-07-05", ""},
		{"1481", "2026-12-25", "Juldagen"}, {"1489", "2026-12-28", "mellan helgerna"}, {"1481", "2026-12-30", "mellan helgerna"}, {"1489", "2026-12-31", ""},
	} {
		p, closed := a.CalendarIn(c.municipality).ClosedBy(c.day)
		if closed != (c.why != "") || !strings.Contains(p.SV, c.why) {
			t.Errorf("%s on %s: closed %t by %q", c.municipality, c.day, closed, p.SV)
		}
	}
	if x := a.Week("1481").Activities[0]; !x.Calendar.IsClosed("2027-07-05") {
		t.Error("an activity does not know its municipality's calendar")
	}
}

func TestACalendarBecomesAnother(t *testing.T) {
	own := &Calendar{Later: []Calendar{{Since: "2027-01-01", PublicHolidays: "open"}, {Since: "2028-01-01", Closed: []ClosedPeriod{{From: "2028-01-03", Until: "2028-01-04"}}}}}
	c := Calendar{Since: "2026-06-01", PublicHolidays: "closed"}.with(own)
	for d, want := range map[civil.Date]bool{
		"2025-12-25": false, "2026-12-25": true, "2027-12-25": false, "2028-01-03": true, "2028-01-05": false, "2028-12-25": true,
	} {
		if got := c.IsClosed(d); got != want {
			t.Errorf("%s: closed %t", d, got)
		}
	}
}
