package programme

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// onTheWall is what a calendar on the wall says of an activity on a day: time and place, empty when it
// does not take place.
func onTheWall(a *association.Association, id string, day time.Time) (clock, place string) {
	on := day.Format(time.DateOnly)
	if a.Calendar.PublicHolidays == "closed" && slices.Contains(publicHolidays, on) {
		return "", ""
	}
	for _, x := range a.Weeks[0].Activities {
		if x.ID != id {
			continue
		}
		form := x
		for _, later := range x.Later {
			if string(later.Since) <= on {
				form = later
			}
		}
		if n := (int(day.Weekday()) + 6) % 7; n < 5 && form.Day == weekdays[n] {
			return form.From + "-" + form.To, form.Place
		}
	}
	return "", ""
}

// clash reports whether two times of one day have a moment in common.
func clash(a, b string) bool {
	return a != "" && b != "" && a[:5] < b[6:] && b[:5] < a[6:]
}

// TestTheChangesOfBookings compares what changes for bookings with an oracle that goes
// through the days of a calendar on the wall.
func TestTheChangesOfBookings(t *testing.T) {
	first := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	seen := map[string]int{}
	for seed := range uint64(60) {
		chance := rand.New(rand.NewPCG(seed, 15))
		random := func(id string) association.Activity {
			hour := 9 + chance.IntN(3)
			return association.Activity{ID: id, Category: "health", Day: weekdays[chance.IntN(3)], From: fmt.Sprintf("%02d:00", hour), To: fmt.Sprintf("%02d:30", hour+1), Place: []string{"Torget", "Parken"}[chance.IntN(2)]}
		}
		var was, is []association.Activity
		for n := range 3 {
			x := random(fmt.Sprint("x", n))
			was = append(was, x)
			switch chance.IntN(4) {
			case 0:
				continue // there is no such activity any more
			case 1:
				y := random(x.ID)
				y.Since, y.Municipality = civil.Date(first.AddDate(0, 0, chance.IntN(200)).Format(time.DateOnly)), "1441"
				x.Later = []association.Activity{y}
			case 2:
				x.Place = "Parken"
			}
			is = append(is, x)
		}
		before := town(activera(), "open", was...)
		after := town(activera(), []string{"open", "closed"}[chance.IntN(2)], is...)
		var booked []Booked
		for range 8 {
			b := Booked{Participant: fmt.Sprint("p", chance.IntN(3)), Activity: fmt.Sprint("x", chance.IntN(3)), Count: 1,
				First: civil.Date(first.AddDate(0, 0, chance.IntN(100)-50).Format(time.DateOnly)), Last: "9999-12-31"}
			if chance.IntN(3) > 0 {
				b.Last = b.First.AddDays(chance.IntN(150))
			}
			booked = append(booked, b)
		}
		changed, people, conflicts, lost := 0, map[string]bool{}, []Booked{}, map[string]bool{}
		for _, b := range booked {
			changes, isInConflict := false, false
			for d := first; d.Before(first.AddDate(2, 0, 0)); d = d.AddDate(0, 0, 1) {
				on := civil.Date(d.Format(time.DateOnly))
				oldTime, oldPlace := onTheWall(before, b.Activity, d)
				newTime, newPlace := onTheWall(after, b.Activity, d)
				if oldTime != "" && newTime == "" {
					lost[b.Activity+string(on)] = true
				}
				if on < b.First || on > b.Last || oldTime == newTime && oldPlace == newPlace {
					continue
				}
				changes = true
				if people[b.Participant] = people[b.Participant] || oldTime != newTime; newTime == "" {
					continue
				}
				for _, o := range booked {
					oldOther, _ := onTheWall(before, o.Activity, d)
					newOther, _ := onTheWall(after, o.Activity, d)
					if o.Participant == b.Participant && o.Activity != b.Activity && o.First <= on && on <= o.Last && clash(newTime, newOther) && !clash(oldTime, oldOther) {
						isInConflict = true
					}
				}
			}
			if changes {
				changed++
			}
			if isInConflict {
				conflicts = append(conflicts, b)
			}
		}
		maps.DeleteFunc(people, func(_ string, changes bool) bool { return !changes })
		c := Compare(before, after, civil.Date(first.Format(time.DateOnly)))
		gotChanged, gotPeople, gotConflicts := c.Count(booked)
		if want, got := fmt.Sprint(changed, slices.Sorted(maps.Keys(people)), conflicts), fmt.Sprint(gotChanged, gotPeople, gotConflicts); want != got {
			t.Fatalf("seed %d: got %s, want %s\nbefore %+v\nafter %+v", seed, got, want, was, is)
		}
		for _, b := range booked {
			if !slices.Contains(c.Activities(), b.Activity) {
				if changed, _, _ := c.Count([]Booked{b}); changed > 0 {
					t.Fatalf("seed %d: %s is not asked for", seed, b.Activity)
				}
			}
			for n := range 400 {
				on := civil.Date(first.AddDate(0, 0, n).Format(time.DateOnly))
				if c.IsLost(b.Activity, on) != lost[b.Activity+string(on)] {
					t.Fatalf("seed %d: %s on %s: lost %t", seed, b.Activity, on, !lost[b.Activity+string(on)])
				}
			}
		}
		for name, n := range map[string]int{"changed": changed, "people": len(people), "conflicts": len(conflicts), "lost": len(lost)} {
			seen[name] += min(n, 1)
		}
	}
	for _, name := range []string{"changed", "people", "conflicts", "lost"} {
		if seen[name] < 3 {
			t.Errorf("the cases hardly have %s: %v", name, seen)
		}
	}
}

func TestTheExamplesHaveNoProblem(t *testing.T) {
	files, err := filepath.Glob("../../standalone/example/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := association.ParseFile(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range Simulate(nil, f.Build(), "2026-11-30") {
			if x.Prevents {
				t.Errorf("%s: %s: %s", file, x.Object, x.Text.EN)
			}
			t.Log(x.Text.SV)
		}
	}
}

// large is an association of 20 municipalities, 30 initiatives and 600 series.
func large(t testing.TB) *association.Association {
	in := &association.Association{ID: "large"}
	closed := &association.Calendar{PublicHolidays: "closed", Closed: []association.ClosedPeriod{{From: "2027-07-05", Until: "2027-07-25"}}}
	for n := range 30 {
		p := activera()
		p.Rules = []association.Rule{{ID: "physical", Category: "health", Times: 1}}
		in.Initiatives = append(in.Initiatives, association.Initiative{ID: fmt.Sprint("i", n), Name: fmt.Sprint("Initiative ", n), Ages: association.Ages{Lowest: 16, Highest: 64}, Plan: p})
	}
	for m := range 20 {
		code := fmt.Sprint(1400 + m)
		in.Municipalities = append(in.Municipalities, association.Municipality{Code: code, Name: "Municipality " + code})
		w := association.Week{Municipality: code, Calendar: closed}
		for n := range 30 {
			w.Activities = append(w.Activities, association.Activity{ID: fmt.Sprint(code, "/", n), Municipality: code, Calendar: *closed, Name: "Promenad", Category: association.Categories[n%5],
				Day: weekdays[n%5], From: fmt.Sprintf("%02d:00", 8+n/5), To: fmt.Sprintf("%02d:45", 8+n/5)})
		}
		in.Weeks = append(in.Weeks, w)
	}
	return in
}

// BenchmarkSimulate measures the check of a change in a large association.
func BenchmarkSimulate(b *testing.B) {
	before, after := large(b), large(b)
	after.Weeks[3].Activities[4].From = "15:00"
	after.Weeks[3].Activities[4].To = "16:00"
	for b.Loop() {
		Simulate(before, after, "2026-12-01")
		Compare(before, after, "2026-12-01")
	}
}

func TestWhatThereWouldNotBeAnyMoreIsAChange(t *testing.T) {
	before := &association.Association{
		Municipalities: []association.Municipality{{Code: "1481"}, {Code: "1402"}},
		Initiatives:    []association.Initiative{{ID: "activera"}, {ID: "ung"}},
	}
	after := &association.Association{Municipalities: before.Municipalities[:1], Initiatives: before.Initiatives[:1]}
	got := Compare(before, after, "2026-12-01").Plans
	if !maps.EqualFunc(got, map[string][]string{"activera": {"1402"}, "ung": {"1481", "1402"}}, slices.Equal) {
		t.Errorf("%v", got)
	}
}

func TestNothingTakesPlaceInAMunicipalityThatIsNoMember(t *testing.T) {
	after := town(activera(), "closed", walk("monday"))
	before := town(activera(), "closed", walk("tuesday"))
	before.Municipalities = nil
	if got := Compare(before, after, "2026-12-01"); got == nil {
		t.Error("nothing is compared")
	}
}
