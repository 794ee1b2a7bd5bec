package association

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/finsam/finsam/pkg/civil"
)

var update = flag.Bool("update", false, "write the golden files")

// TestFilesThatWereThereAreReadAsTheyWere compares what the verbs see of a file with what
// they saw before programmes became data. changed.yaml has what the shipped file lacks.
func TestFilesThatWereThereAreReadAsTheyWere(t *testing.T) {
	for name, file := range map[string]string{"insjoriket": "testdata/insjoriket.yaml", "published": "testdata/published.yaml", "changed": "testdata/changed.yaml"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		got, golden := seen(a), "testdata/"+name+".golden"
		if *update {
			if err := os.WriteFile(golden, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s (%v):\n%s", name, err, got)
		}
	}
}

// seen writes what an association says, a line for each thing, activities also as they are
// on some days.
func seen(a *Association) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, a.ID, a.Name, a.Version)
	fmt.Fprintf(&b, "%+v\n%+v\n%+v\n", a.Municipalities, a.Authorities, a.Terms)
	fmt.Fprintln(&b, a.Calendar.PublicHolidays, a.Calendar.Open, a.Calendar.DaysBeforeReceipt != nil)
	for _, i := range a.Initiatives {
		fmt.Fprintln(&b, i.ID, i.Name, i.Orientation, i.Ages.Lowest, i.Ages.Highest, i.TargetGroup, i.RightTime)
		for _, m := range a.Municipalities {
			p := i.PlanIn(m.Code)
			fmt.Fprintln(&b, m.Code, p.MaxWeeks, p.DaysBeforeCheckIn(), p.WeeksUsedBefore, a.DaysToCorrect(i.ID, m.Code))
			for _, k := range p.Blocks {
				fmt.Fprintln(&b, "  ", k.Number, k.Name, k.Weeks, k.CheckIn, k.Closing, k.Content)
			}
		}
	}
	for _, m := range a.Municipalities {
		w := a.Week(m.Code)
		for _, x := range w.Activities {
			fmt.Fprintln(&b, x.ID, x.Municipality, x.Category, x.Part, x.Mode, x.Places, x.Individual, x.Rotating, x.Scheduled(), x.Timed(), x.Calendar.IsClosed("2026-12-25"))
			if x.ClosedGroup != nil {
				fmt.Fprintln(&b, "  ", x.ClosedGroup.Sessions, x.ClosedGroup.Starts)
			}
			for _, d := range []civil.Date{"2000-01-01", "2026-11-30", "2026-12-08", "2027-02-01", "2027-06-01", "2027-06-02", "2030-01-01"} {
				y := x.At(d)
				day, ok := y.Weekday()
				fmt.Fprintln(&b, "  ", d, y.Name, day, ok, y.From, y.To, y.Place, y.Gather)
			}
		}
		for _, s := range w.Sites {
			fmt.Fprintln(&b, s.Name, s.Areas)
		}
	}
	return b.Bytes()
}
