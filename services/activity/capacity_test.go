package activity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
)

// small is on Tuesdays with two places, three from 2026-12-15 on.
var small = association.Activity{ID: "small", Name: "Påhittad", Category: "social", Day: "tuesday", From: "13:00", To: "14:00", Capacity: 2,
	Later: []association.Activity{{ID: "small", Since: "2026-12-15", Day: "tuesday", From: "13:00", To: "14:00", Capacity: 3}}}

// placed returns a booking of that activity.
func placed(id string, from, until civil.Date, at time.Time) *Booking {
	e := &Enrolment{ID: "e" + id, Participant: "p" + id, Municipality: "1481"}
	return Book(id, e, BookingRequest{Activity: small.ID, From: from, Until: until}, nil, idempotency.Receipt{}, coach, at)
}

// TestAnOccurrenceHasSoManyPlaces: a booking takes one at each occurrence of its days, and at no
// other.
func TestAnOccurrenceHasSoManyPlaces(t *testing.T) {
	first, second, away := placed("1", "2026-11-24", "2026-12-08", friday), placed("2", "2026-12-01", "", friday), placed("3", "2026-12-01", "", friday)
	if _, err := away.NoteAttendance(small, true, Note{Date: "2026-12-08", Attendance: AbsentNotified}, nil, coach, friday); err != nil {
		t.Fatal(err)
	}
	gone, ended := placed("4", "2026-12-01", "", friday), placed("5", "2026-12-01", "", friday)
	if err := gone.Cancel("2026-12-08", coach, friday); err != nil {
		t.Fatal(err)
	}
	ended.End("2026-12-06", "", coach, friday)
	waits := placed("6", "2026-12-01", "", friday)
	waits.Wait("")
	late := placed("7", "2026-12-29", "2026-12-29", friday)
	for _, c := range []struct {
		sentence    string
		booked      []*Booking
		from, until civil.Date
		want        civil.Date // the first without one; empty: there is one each time
	}{
		{"nobody is booked", nil, "2026-11-24", "", ""},
		{"the week before the others", []*Booking{first, second}, "2026-11-24", "2026-11-30", ""},
		{"an occurrence that is full", []*Booking{first, second}, "2026-12-08", "2026-12-08", "2026-12-08"},
		{"each week, of which two are full", []*Booking{first, second}, "2026-11-24", "", "2026-12-01"},
		{"after one has left", []*Booking{first, second}, "2026-12-09", "", ""},
		{"between two occurrences", []*Booking{first, second}, "2026-12-02", "2026-12-07", ""},
		{"the days that have been take none", []*Booking{first, second}, "2026-11-03", "2026-11-24", ""},
		{"one notified that she will not come", []*Booking{second, away}, "2026-12-08", "2026-12-08", ""},
		{"who comes the week before", []*Booking{second, away}, "2026-12-01", "2026-12-08", "2026-12-01"},
		{"there are more places later", []*Booking{second, away}, "2026-12-15", "", ""},
		{"and those are taken too", []*Booking{second, away, late}, "2026-12-15", "", "2026-12-29"},
		{"a booking was cancelled", []*Booking{second, gone}, "2026-12-08", "", ""},
		{"after its last occurrence", []*Booking{second, gone}, "2026-12-01", "", "2026-12-01"},
		{"an enrolment was closed", []*Booking{second, ended}, "2026-12-08", "", ""},
		{"who waits has no place", []*Booking{second, waits}, "2026-12-01", "", ""},
	} {
		d, p := &Diary{}, Place{Booking: "new", First: c.from, Last: c.until}
		if c.until == "" {
			p.Last = Forever
		}
		if on, full := FullOn(small, p, d.Places(c.booked, friday), civil.DateOf(friday)); on != c.want || full != (c.want != "") {
			t.Errorf("%s: %q, want %q", c.sentence, on, c.want)
		}
		if c.sentence == "who waits has no place" { // but comes before a new one
			c.want = "2026-12-01"
		}
		err := d.ClaimPlace(small, p, 0, c.booked, friday)
		if errors.Is(err, ErrFull) != (c.want != "") || c.want != "" && !strings.Contains(fault.Of(err).Text.EN, string(c.want)) {
			t.Errorf("%s: a new booking is answered %v", c.sentence, err)
		}
	}
}

// TestAClaimCountsUntilItsBookingTakesTheStep: a process that dies between the claim and the
// booking loses the place for a minute, not for good.
func TestAClaimCountsUntilItsBookingTakesTheStep(t *testing.T) {
	now, p := friday, func(id string) Place { return Place{Booking: id, First: "2026-11-24", Last: Forever} }
	waits := placed("waits", "2026-11-24", "", now)
	waits.Wait("")
	d := &Diary{}
	for _, id := range []string{"dies", "waits"} {
		if err := d.ClaimPlace(small, p(id), map[string]int64{"waits": 1}[id], []*Booking{waits}, now); id == "waits" && err != nil {
			t.Fatal(id, err)
		} else if id == "dies" && err != nil {
			t.Fatal(id, err)
		}
	}
	for _, c := range []struct {
		sentence string
		after    time.Duration
		booked   []*Booking
		want     int
	}{
		{"both are about to be stored", time.Second, []*Booking{waits}, 2},
		{"one is stored", time.Second, []*Booking{waits, placed("dies", "2026-11-24", "2026-11-24", now)}, 2},
		{"the other has taken another step", time.Second, []*Booking{lapsed(waits)}, 1},
		{"a minute later nothing has come", time.Minute, []*Booking{waits}, 0},
	} {
		seen := &Diary{Claims: slices.Clone(d.Claims)}
		if got := Taken(seen.Places(c.booked, now.Add(c.after)), "2026-11-24", ""); got != c.want {
			t.Errorf("%s: %d places are taken, want %d", c.sentence, got, c.want)
		}
	}
}

// lapsed returns a copy of a booking that was cancelled.
func lapsed(b *Booking) *Booking {
	other := *b
	_ = other.Cancel("2026-11-24", coach, friday)
	return &other
}

func TestTheQueueIsByPriorityAndThenByTime(t *testing.T) {
	var all []*Booking
	for i, priority := range []string{"low", "", "high", "normal", "high"} {
		b := placed(fmt.Sprint(i), "2026-11-24", "", friday.Add(time.Duration(i)*time.Minute))
		b.Wait(priority)
		all = append(all, b)
	}
	all = append(all, placed("5", "2026-11-24", "", friday))
	got := ""
	for _, b := range Queue(all) {
		got += b.ID
	}
	if got != "24130" {
		t.Errorf("the queue is %s", got)
	}
}

// TestAnOfferEndsBeforeTheFirstOccurrence shows until when a place is kept, and what becomes of
// an offer.
func TestAnOfferEndsBeforeTheFirstOccurrence(t *testing.T) {
	by := history.System("activity")
	offered := func(from, until civil.Date, at time.Time) *Booking {
		b := placed("1", from, until, friday)
		b.Wait("")
		if err := b.Offer(small, by, at); err != nil {
			t.Fatal(err)
		}
		return b
	}
	monday := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC) // 23:00 in Sweden
	for _, c := range []struct {
		sentence string
		b        *Booking
		want     time.Time
	}{
		{"two days", offered("2026-12-01", "", friday), friday.Add(48 * time.Hour)},
		{"but not beyond the occurrence", offered("2026-11-24", "", monday), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)},
		{"from a day that has been: the next occurrence", offered("2026-11-03", "", monday), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)},
	} {
		if got := c.b.Status().OfferEnds; !got.Equal(c.want) {
			t.Errorf("%s: until %s, want %s", c.sentence, got, c.want)
		}
	}
	taken := offered("2026-11-03", "", friday)
	if taken.Status().Covers("2026-11-24") || taken.Claim().Until >= taken.Claim().From {
		t.Error("an offer is no booking yet")
	}
	if err := taken.Accept(coach, friday.Add(time.Hour)); err != nil || taken.Status().State != StateBooked || taken.Status().Covers("2026-11-17") || !taken.Status().Covers("2026-11-24") {
		t.Errorf("accepted: %v, %+v", err, taken.Status())
	}
	late := offered("2026-12-01", "", friday)
	if err := late.Accept(coach, friday.Add(48*time.Hour)); !errors.Is(err, ErrOfferOver) {
		t.Errorf("after its time: %v", err)
	}
	if !late.Overdue(by, friday.Add(48*time.Hour)) || late.Status().State != StateWaiting || late.Status().PutBackAt.IsZero() || late.Overdue(by, friday.Add(49*time.Hour)) {
		t.Errorf("an offer that nobody answered: %+v", late.Status())
	}
	if declined := offered("2026-12-01", "", friday); declined.Decline(coach, friday) != nil || declined.Status().State != StateCancelled || declined.Decline(coach, friday) == nil {
		t.Errorf("declined: %+v", declined.Status())
	}
	once := placed("2", "2026-11-24", "2026-11-24", friday)
	once.Wait("")
	if after := friday.AddDate(0, 0, 5); !once.Overdue(by, after) || once.Status().State != StateEnded {
		t.Errorf("the day has been: %+v", once.Status())
	}
}

func TestALeadersTimeIsBookedInSlots(t *testing.T) {
	x := association.Activity{ID: "talk", Day: "friday", From: "13:00", To: "14:50", Slot: 45, Individual: true}
	if got := fmt.Sprint(Slots(x)); got != "[[13:00 13:45] [13:45 14:30]]" {
		t.Errorf("the slots are %s", got)
	}
	d := &Diary{}
	book := func(slot string) error {
		return d.ClaimPlace(x, Place{Booking: "b" + slot, First: "2026-11-27", Last: "2026-11-27", Slot: slot}, 0, nil, friday)
	}
	if book("13:00") != nil || book("13:45") != nil || !errors.Is(d.ClaimPlace(x, Place{Booking: "x", First: "2026-11-01", Last: Forever, Slot: "13:45"}, 0, nil, friday), ErrFull) {
		t.Errorf("each slot is booked once: %+v", d.Claims)
	}
	r := BookingRequest{From: "2026-11-27", Slot: "13:15"}
	if err := r.Check(x, friday); !errors.Is(err, ErrSlot) {
		t.Errorf("a time between two slots: %v", err)
	}
	if r.Slot = ""; !errors.Is(r.Check(x, friday), ErrSlot) {
		t.Error("no slot")
	}
	if r.Slot = "13:00"; !errors.Is(r.Check(small, friday), ErrNoSlots) {
		t.Error("a slot of an activity that has none")
	}
	// The person is free in the rest of the leader's time.
	other := association.Activity{ID: "other", Day: "friday", From: "13:45", To: "15:00"}
	find := func(id string) (association.Activity, bool) {
		return map[string]association.Activity{"talk": x, "other": other}[id], true
	}
	var person Diary
	person.Hold(Claim{Booking: "1", Activity: "other", From: "2026-11-27", Until: Forever, At: friday})
	for slot, want := range map[string]bool{"13:00": false, "13:45": true} {
		if _, blocked := person.Take(Claim{Booking: "2" + slot, Activity: "talk", From: "2026-11-27", Until: "2026-11-27", Slot: slot, At: friday}, find); blocked != want {
			t.Errorf("%s beside another activity from 13:45: blocked %t", slot, blocked)
		}
	}
}
