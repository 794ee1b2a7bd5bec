package activity

import (
	"fmt"
	"testing"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// TestTheWayBetweenTwoPlacesTakesTime holds two activities of one Wednesday against what the way
// between their places takes: a quarter of an hour in a municipality, three from one to another.
func TestTheWayBetweenTwoPlacesTakesTime(t *testing.T) {
	at := func(id, municipality, site, place, mode, from, to string) association.Activity {
		return association.Activity{ID: id, Municipality: municipality, Site: site, Place: place, Mode: mode, Day: "wednesday", From: from, To: to}
	}
	first := at("first", "1481", "a", "", "", "09:00", "10:00")
	for _, c := range []struct {
		sentence string
		first    association.Activity
		second   association.Activity
		minutes  int // zero: there is time enough
	}{
		{"at once, at another site of the municipality", first, at("second", "1481", "b", "", "", "10:00", "11:00"), 15},
		{"14 minutes later", first, at("second", "1481", "b", "", "", "10:14", "11:00"), 15},
		{"a quarter of an hour later", first, at("second", "1481", "b", "", "", "10:15", "11:00"), 0},
		{"before, and 14 minutes between", first, at("second", "1481", "b", "", "", "08:00", "08:46"), 15},
		{"before, and a quarter of an hour between", first, at("second", "1481", "b", "", "", "08:00", "08:45"), 0},
		{"at the same site", first, at("second", "1481", "a", "", "", "10:00", "11:00"), 0},
		{"a digital one", first, at("second", "1402", "", "", "digital", "10:00", "11:00"), 0},
		{"44 minutes later in another municipality", first, at("second", "1402", "", "", "", "10:44", "11:00"), 45},
		{"45 minutes later in another municipality", first, at("second", "1402", "", "", "", "10:45", "11:00"), 0},
		{"places in words that differ", at("first", "1481", "", "Gatan 1", "", "09:00", "10:00"), at("second", "1481", "", "Gatan 2", "", "10:00", "11:00"), 15},
		{"a place that nobody has given", first, at("second", "1481", "", "", "", "10:00", "11:00"), 0},
		{"without times", first, at("second", "1402", "", "", "", "", ""), 0},
		{"of another day of the week", first, association.Activity{ID: "second", Municipality: "1402", Day: "thursday", From: "10:00", To: "11:00"}, 0},
	} {
		offered := map[string]association.Activity{"first": c.first, "second": c.second}
		find := func(id string) (association.Activity, bool) { x, ok := offered[id]; return x, ok }
		for _, booked := range [][2]string{{"first", "second"}, {"second", "first"}} { // in either order
			d := &Diary{Claims: []Claim{{Booking: "b1", Activity: booked[0], From: "2026-11-02", Until: Forever}}}
			way, short := d.TooShort(Claim{Booking: "b2", Activity: booked[1], From: "2026-11-04", Until: "2026-12-31"}, find)
			if short != (c.minutes > 0) || way.Minutes != c.minutes && short {
				t.Errorf("%s: %v, %d minutes", c.sentence, short, way.Minutes)
			}
			if short && (way.On != "2026-11-04" || way.Claim.Booking != "b1") {
				t.Errorf("%s: on %s to %s", c.sentence, way.On, way.Claim.Booking)
			}
		}
	}
}

// TestAWayIsOnADayOnWhichBothAre compares the first such day of series that recur at different
// intervals with a walk through all days.
func TestAWayIsOnADayOnWhichBothAre(t *testing.T) {
	for _, every := range []int{1, 2, 3} {
		for _, other := range []int{2, 3, 5} {
			series := func(id string, n int, from, to string, first civil.Date) association.Activity {
				return association.Activity{ID: id, Municipality: map[string]string{"a": "1481", "b": "1402"}[id], Rule: fmt.Sprintf("FREQ=WEEKLY;INTERVAL=%d;BYDAY=WE", n), First: first, From: from, To: to}
			}
			a, b := series("a", every, "09:00", "10:00", "2026-11-04"), series("b", other, "10:10", "11:00", "2026-11-11")
			find := func(id string) (association.Activity, bool) {
				return map[string]association.Activity{"a": a, "b": b}[id], true
			}
			want := civil.Date("")
			for day := civil.Date("2026-11-04"); day < "2027-11-04" && want == ""; day = day.AddDays(1) {
				if len(a.Days(day, day)) > 0 && len(b.Days(day, day)) > 0 {
					want = day
				}
			}
			d := &Diary{Claims: []Claim{{Booking: "b1", Activity: "a", From: "2026-11-01", Until: Forever}}}
			way, short := d.TooShort(Claim{Booking: "b2", Activity: "b", From: "2026-11-01", Until: Forever}, find)
			if way.On != want || short != (want != "") {
				t.Errorf("every %d and %d weeks: on %q, want %q", every, other, way.On, want)
			}
		}
	}
}
