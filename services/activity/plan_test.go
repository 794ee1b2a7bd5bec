package activity

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
)

// from returns the series as it is when it has another day and time from a date on.
func from(x association.Activity, on civil.Date, day, starts, ends string) association.Activity {
	form := x.At(on)
	form.Since, form.Later = on, nil
	form.Day, form.From, form.To = cmp.Or(day, form.Day), cmp.Or(starts, form.From), cmp.Or(ends, form.To)
	before := slices.IndexFunc(x.Later, func(f association.Activity) bool { return f.Since >= on })
	if before < 0 {
		before = len(x.Later)
	}
	x.Later = append(slices.Clone(x.Later[:before]), form)
	return x
}

// bookedOf is a booking of a series since Monday 26 October, which knows its plan.
func bookedOf(x association.Activity, until civil.Date) *Booking {
	e := &Enrolment{Association: "insjoriket", ID: "e1", Participant: "p1", Municipality: "1481"}
	r := BookingRequest{Enrolment: "e1", Activity: x.ID, From: "2026-10-26", Until: until}
	return Book("b1", e, r, PlanOf(x, r.From), idempotency.Receipt{}, coach, friday)
}

// keepUp lets the booking follow the series, and returns the kinds and days of the steps
// that this takes.
func keepUp(b *Booking, x association.Activity, now time.Time) string {
	before, said := len(b.Steps), ""
	b.Follow(x, "programme/1", history.System("activity"), now)
	for _, s := range b.Steps[before:] {
		said += string(s.Kind) + " " + string(s.Date) + " "
	}
	return said
}

// calendarIn returns the entries of a booking by UID.
func calendarIn(b *Booking, x association.Activity, called map[OccurrenceKey][]*Cancellation, now time.Time) map[string]CalendarEntry {
	byUID := map[string]CalendarEntry{}
	for _, e := range CalendarOf([]*Booking{b}, func(string) (association.Activity, bool) { return x, true }, called, now) {
		byUID[e.UID] = e
	}
	return byUID
}

func TestABookingFollowsItsSeries(t *testing.T) {
	x := walk(t)
	for _, c := range []struct {
		sentence string
		becomes  association.Activity
		until    civil.Date
		want     string
	}{
		{"nothing changes", x, "", ""},
		{"a quarter of an hour later", from(x, "2026-12-08", "", "13:15", "14:15"), "", "moved 2026-12-08 "},
		{"on Thursdays", from(x, "2026-12-07", "thursday", "", ""), "", "moved 2026-12-07 "},
		{"behind the booking's last day", from(x, "2026-12-08", "", "13:15", "14:15"), "2026-12-07", ""},
		{"twice", from(from(x, "2026-12-08", "", "13:15", "14:15"), "2027-01-11", "thursday", "", ""), "", "moved 2026-12-08 "},
		{"and back", from(from(x, "2026-12-08", "", "13:15", "14:15"), "2027-01-11", "", "13:00", "14:00"), "", "moved 2026-12-08 "},
		{"it ends", ended(x, "2026-12-18"), "", "discontinued 2026-12-19 "},
		{"it ends behind the booking", ended(x, "2026-12-18"), "2026-12-18", ""},
		{"it is moved and ends", ended(from(x, "2026-12-08", "", "13:15", "14:15"), "2027-01-08"), "", "moved 2026-12-08 discontinued 2027-01-09 "},
	} {
		b := bookedOf(x, c.until)
		if got := keepUp(b, c.becomes, friday); got != c.want {
			t.Errorf("%s: got %q, want %q", c.sentence, got, c.want)
		}
		if got := keepUp(b, c.becomes, friday); got != "" {
			t.Errorf("%s: said again it does %q", c.sentence, got)
		}
		older := bookedOf(x, c.until)
		older.Plan = nil // as bookings were stored before they kept it
		if got := keepUp(older, c.becomes, friday); got != c.want {
			t.Errorf("%s, an older booking: got %q, want %q", c.sentence, got, c.want)
		}
	}
}

func ended(x association.Activity, lastDay civil.Date) association.Activity {
	x = from(x, lastDay.AddDays(1), "", "", "")
	x.Later[len(x.Later)-1].Day = ""
	return x
}

func TestABookingHoldsAgainWhenTheEndOfItsSeriesIsTakenBack(t *testing.T) {
	x := walk(t)
	b := bookedOf(x, "")
	keepUp(b, ended(x, "2026-12-18"), friday)
	if got := keepUp(b, ended(x, "2027-01-22"), friday); got != "reopened  discontinued 2027-01-23 " || b.Status().LastDay != "2027-01-22" {
		t.Errorf("later: %q, until %s", got, b.Status().LastDay)
	}
	if got := keepUp(b, x, friday); got != "reopened  " || b.Status().LastDay != Forever {
		t.Errorf("never: %q, until %s", got, b.Status().LastDay)
	}
	if err := b.Cancel("2026-12-01", coach, friday); err != nil {
		t.Error("one that will end is cancelled earlier", err)
	}
	if !b.End("2026-11-25", "e/9", coach, friday) || b.Status().LastDay != "2026-11-25" {
		t.Error("it ends with the enrolment")
	}
}

// What is moved within its ISO week keeps its UID, else it is called off under it; the past
// keeps all it has.
func TestACalendarFollowsASeries(t *testing.T) {
	x := walk(t)
	for _, c := range []struct {
		sentence string
		becomes  association.Activity
		date     civil.Date // of the occurrence before
		is       civil.Date // and afterwards; empty: it is called off
		at       string
	}{
		{"later on the day", from(x, "2026-12-08", "", "13:15", "14:15"), "2026-12-08", "2026-12-08", "13:15"},
		{"the week before is as it was", from(x, "2026-12-08", "", "13:15", "14:15"), "2026-12-01", "2026-12-01", "13:00"},
		{"later in the week", from(x, "2026-12-07", "thursday", "", ""), "2026-12-08", "2026-12-10", "13:00"},
		{"from a Monday to Monday", from(x, "2026-12-07", "monday", "", ""), "2026-12-08", "2026-12-07", "13:00"},
		{"from a Tuesday to Monday: that Monday is before", from(x, "2026-12-08", "monday", "", ""), "2026-12-08", "", "13:00"},
		{"and the week after it is on its Monday", from(x, "2026-12-08", "monday", "", ""), "2026-12-15", "2026-12-14", "13:00"},
		{"from a Wednesday to Thursday: the Tuesday has been", from(x, "2026-12-09", "thursday", "", ""), "2026-12-08", "2026-12-08", "13:00"},
		{"it ends", ended(x, "2026-12-06"), "2026-12-08", "", "13:00"},
	} {
		b := bookedOf(x, "")
		var uid string
		before := calendarIn(b, x, nil, friday)
		for _, e := range before {
			if e.Date == c.date {
				uid = e.UID
			}
		}
		later := friday.Add(time.Hour)
		keepUp(b, c.becomes, later)
		after := calendarIn(b, c.becomes, nil, later)
		e, there := after[uid]
		if !there || e.Cancelled != (c.is == "") || e.Starts.In(civil.Zone).Format("15:04") != c.at || c.is != "" && e.Date != c.is {
			t.Errorf("%s: got %+v", c.sentence, e)
		}
		if was := before[uid]; (e != was) != (e.Sequence > was.Sequence) || (e != was) != (e.ChangedAt.Equal(later)) {
			t.Errorf("%s: from %+v to %+v", c.sentence, was, e)
		}
		for uid, was := range before {
			if is := after[uid]; was.Date < "2026-12-06" && is != was {
				t.Errorf("%s: %s was changed: %+v, %+v", c.sentence, was.Date, was, is)
			}
		}
	}
}

// A week in which one occurrence has been and another one is new has two UIDs, and neither
// comes to mean the other when the series is moved once more.
func TestASecondOccurrenceOfAWeekHasAUIDOfItsOwn(t *testing.T) {
	x := walk(t)
	b := bookedOf(x, "")
	thursday := from(x, "2026-12-09", "thursday", "", "")
	keepUp(b, thursday, friday)
	w := WeekOf("2026-12-08")
	var keys []string
	for _, s := range b.slotsIn(w.Monday(), b.plans(x), layersIn(w.Monday(), w.Sunday(), b.plans(x), x.Calendar)) {
		keys = append(keys, s.key+" "+string(s.day()))
	}
	if len(keys) != 2 || keys[0] != "2026-12-08 2026-12-08" || keys[1] != "2026-12-10 2026-12-10" {
		t.Fatalf("got %q", keys)
	}
	keepUp(b, from(x, "2026-12-07", "friday", "", ""), friday)
	keys = nil
	for _, s := range b.slotsIn(w.Monday(), b.plans(x), layersIn(w.Monday(), w.Sunday(), b.plans(x), x.Calendar)) {
		if keys = append(keys, s.key+" "+string(s.day())); s.gone {
			keys[len(keys)-1] += " gone"
		}
	}
	if len(keys) != 2 || keys[0] != "2026-12-08 2026-12-11" || keys[1] != "2026-12-10 2026-12-10 gone" {
		t.Errorf("got %q", keys)
	}
}

func TestWhatCollidesAfterAMoveIsFound(t *testing.T) {
	x, y := walk(t), walk(t)
	y.ID, y.Day = "y", "thursday"
	offered := map[string]association.Activity{x.ID: x, y.ID: y}
	find := func(id string) (association.Activity, bool) { a, known := offered[id]; return a, known }
	d := &Diary{}
	for id, a := range map[string]string{"b1": x.ID, "b2": y.ID} {
		if _, blocked := d.Take(Claim{Booking: id, Activity: a, From: "2026-11-02", Until: Forever, At: friday}, find); blocked {
			t.Fatal("they collide already")
		}
	}
	if got := d.Conflicts(find, "2026-11-20"); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	offered[x.ID] = from(x, "2026-12-09", "thursday", "13:30", "14:30")
	if got := d.Conflicts(find, "2026-11-20"); len(got) != 1 || got[0].On != "2026-12-10" || got[0].Bookings[0] == got[0].Bookings[1] {
		t.Errorf("got %+v", got)
	}
	if got := d.Conflicts(find, "2027-01-01"); len(got) != 1 || got[0].On != "2027-01-07" {
		t.Errorf("from the new year: got %+v", got)
	}
	d.Shorten("b2", "2026-12-09")
	if got := d.Conflicts(find, "2026-11-20"); len(got) != 0 {
		t.Errorf("one has ended: got %+v", got)
	}
}
