package activity

import (
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/idempotency"
)

// entriesOf returns the walk's entries by date.
func entriesOf(t testing.TB, b *Booking, now time.Time, history map[OccurrenceKey][]*Cancellation) map[civil.Date]CalendarEntry {
	t.Helper()
	byDate := map[civil.Date]CalendarEntry{}
	for _, e := range CalendarOf([]*Booking{b}, insjoriket(t).Activity, history, now) {
		byDate[e.Date] = e
	}
	return byDate
}

func TestACalendarReachesAMonthBackAndHalfAYearAhead(t *testing.T) {
	entries := entriesOf(t, booked(t), friday, nil)
	if len(entries) != 30 { // 4 Tuesdays back since the booking began, 26 ahead
		t.Errorf("got %d", len(entries))
	}
	if _, ok := entries["2026-10-27"]; !ok {
		t.Error("the first Tuesday is missing")
	}
	if _, ok := entries["2026-10-20"]; ok {
		t.Error("a Tuesday before the booking is shown")
	}
}

func TestAChangeRaisesTheSequenceAndKeepsTheUID(t *testing.T) {
	b := booked(t)
	before := entriesOf(t, b, friday, nil)["2026-11-24"]
	if before.Sequence != 0 || before.Cancelled || before.ChangedAt != friday {
		t.Fatalf("got %+v", before)
	}
	off, err := CallOff("c1", "insjoriket", walk(t), "2026-11-24", "weather", idempotency.Receipt{}, coach, friday.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	history := map[OccurrenceKey][]*Cancellation{{walk(t).ID, "2026-11-24"}: {off}}
	called := entriesOf(t, b, friday.Add(time.Hour), history)["2026-11-24"]
	if called.Sequence != 1 || !called.Cancelled || called.UID != before.UID || called.ChangedAt != friday.Add(time.Hour) {
		t.Errorf("called off: got %+v", called)
	}
	if err := off.Restore(coach, friday.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	restored := entriesOf(t, b, friday.Add(2*time.Hour), history)["2026-11-24"]
	if restored.Sequence != 2 || restored.Cancelled || restored.UID != before.UID {
		t.Errorf("restored: got %+v", restored)
	}
	if err := b.Cancel("2026-11-24", coach, friday.Add(3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	gone := entriesOf(t, b, friday.Add(3*time.Hour), history)["2026-11-24"]
	if gone.Sequence != 3 || !gone.Cancelled || gone.UID != before.UID {
		t.Errorf("cancelled: got %+v", gone)
	}
	b.End("2026-11-20", "e/7", coach, friday.Add(4*time.Hour))
	b.Reopen("e/8", coach, friday.Add(5*time.Hour))
	if again := entriesOf(t, b, friday.Add(5*time.Hour), history)["2026-11-24"]; again.Sequence != 5 || again.ChangedAt != friday.Add(5*time.Hour) {
		t.Errorf("what ended it was corrected: got %+v", again)
	}
	if past := entriesOf(t, b, friday.Add(3*time.Hour), history)["2026-11-17"]; past.Sequence != 0 || past.Cancelled {
		t.Errorf("what was before the cancellation is untouched; got %+v", past)
	}
}

func TestWhatIsCancelledStaysThirtyDays(t *testing.T) {
	b := booked(t)
	if err := b.Cancel("2026-11-21", coach, friday); err != nil {
		t.Fatal(err)
	}
	for days, want := range map[int]bool{0: true, 29: true, 30: true, 31: false} {
		now := friday.AddDate(0, 0, days)
		if e, shown := entriesOf(t, b, now, nil)["2027-01-05"]; shown != want || shown && !e.Cancelled {
			t.Errorf("after %d days: got %t", days, shown)
		}
	}
}

// After thirty days nothing is left of what ended, also on days on which nothing takes place.
func TestWhatEndedIsNotCalledOffOnClosedDays(t *testing.T) {
	x, b := walk(t), booked(t)
	x.Calendar = association.Calendar{Closed: []association.ClosedPeriod{{From: "2027-01-01", Until: "2027-01-31"}}}
	if err := b.Cancel("2026-11-21", coach, friday); err != nil {
		t.Fatal(err)
	}
	if left := calendarIn(b, x, nil, friday.AddDate(0, 0, 40)); len(left) != 0 {
		t.Errorf("got %+v", left)
	}
}

func TestACalendarIsMadeWithFewAllocations(t *testing.T) {
	x, b := walk(t), booked(t)
	find := func(string) (association.Activity, bool) { return x, true }
	if n := testing.AllocsPerRun(5, func() { CalendarOf([]*Booking{b}, find, nil, friday) }); n > 1500 {
		t.Errorf("%.0f allocations", n)
	}
}

func TestAnActivityWithoutTimesHasADayAndNoHour(t *testing.T) {
	b := booked(t)
	b.Activity = insjoriket(t).Week("1481").Activities[1].ID
	e, ok := entriesOf(t, b, friday, nil)["2026-11-23"]
	if !ok || !e.Starts.IsZero() || !e.Ends.IsZero() {
		t.Errorf("got %+v, %t", e, ok)
	}
}

func TestWhatIsNoLongerOfferedIsNotInTheCalendar(t *testing.T) {
	b := booked(t)
	b.Activity = "gone"
	if n := len(entriesOf(t, b, friday, nil)); n != 0 {
		t.Errorf("got %d", n)
	}
}

func TestAChangeAndACalendarOfTheAssociationReachTheEntries(t *testing.T) {
	x := walk(t)
	x.Calendar = association.Calendar{PublicHolidays: "closed"}
	later, moved := x, x
	later.Version, later.Since, later.From, later.To = 2, "2026-12-08", "13:15", "14:15"
	moved.Version, moved.Since, moved.From, moved.To, moved.Day = 3, "2026-12-21", "13:15", "14:15", "friday"
	x.Later = []association.Activity{later, moved}
	b := booked(t)
	before := entriesOf(t, b, friday, nil)
	after := map[civil.Date]CalendarEntry{}
	for _, e := range CalendarOf([]*Booking{b}, func(string) (association.Activity, bool) { return x, true }, nil, friday) {
		after[e.Date] = e
	}
	for _, c := range []struct {
		date      civil.Date
		at        string
		sequence  int
		cancelled bool
	}{
		{"2026-11-10", "13:00", 0, false}, // the past is as it was
		{"2026-12-01", "13:00", 0, false}, {"2026-12-08", "13:15", 1, false}, {"2026-12-15", "13:15", 1, false},
		{"2026-12-25", "13:15", 3, true}, {"2027-01-01", "13:15", 3, true}, {"2027-01-08", "13:15", 2, false},
	} {
		e, there := after[c.date]
		if !there || e.Starts.In(civil.Zone).Format("15:04") != c.at || e.Sequence != c.sequence || e.Cancelled != c.cancelled {
			t.Errorf("%s: %+v", c.date, e)
		}
		if was, both := before[c.date]; both && was.UID != e.UID {
			t.Errorf("%s has another UID", c.date)
		}
	}
	if _, there := after["2026-12-22"]; there {
		t.Error("a Tuesday after the move to Fridays is in the calendar")
	}
}
