package activity

import (
	"fmt"
	"syscall"
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
	off, err := CallOff("c1", "insjoriket", walk(t), CancellationRequest{Date: "2026-11-24", Reason: "weather"}, idempotency.Receipt{}, coach, friday.Add(time.Hour))
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

// offeredBy returns the entries of a series by day, as a municipality's calendar has them.
func offeredBy(x association.Activity, called map[OccurrenceKey][]*Cancellation, now time.Time) map[civil.Date]CalendarEntry {
	byDate := map[civil.Date]CalendarEntry{}
	for _, e := range OfferedCalendar([]association.Activity{x}, func(*association.Activity) bool { return true }, called, now) {
		byDate[e.Date] = e
	}
	return byDate
}

func TestWhatIsOfferedIsInACalendarByName(t *testing.T) {
	x := walk(t)
	later := x
	later.Version, later.Since, later.From, later.To, later.Name = 2, "2026-12-08", "13:15", "14:15", "Lång promenad"
	x.Later = []association.Activity{later}
	x.Calendar = association.Calendar{PublicHolidays: "closed"}
	before, after := offeredBy(walk(t), nil, friday), offeredBy(x, nil, friday)
	was, is := before["2026-12-08"], after["2026-12-08"]
	if was.Title != "Promenad" || was.Place != "Frölundagatan 49" || was.Starts.In(civil.Zone).Format("15:04") != "13:00" || was.ChangedAt.After(friday) {
		t.Errorf("it was %+v", was)
	}
	if is.UID != was.UID || is.Sequence <= was.Sequence || is.Title != "Lång promenad" || is.Starts.In(civil.Zone).Format("15:04") != "13:15" || is.ChangedAt.After(friday) {
		t.Errorf("%+v became %+v", was, is)
	}
	if before["2026-12-01"] != after["2026-12-01"] {
		t.Errorf("a week before the change it is another: %+v", after["2026-12-01"])
	}
	x.Day, x.Later = "friday", nil
	if e := offeredBy(x, nil, friday)["2026-12-25"]; !e.Cancelled {
		t.Errorf("on a closed day: %+v", e)
	}
	if len(before) != 30 { // four weeks back and 26 ahead
		t.Errorf("%d entries", len(before))
	}
}

func TestWhatIsOfferedAndCalledOffStaysThirtyDays(t *testing.T) {
	off, err := CallOff("c1", "insjoriket", walk(t), CancellationRequest{Date: "2027-02-02", Reason: "weather"}, idempotency.Receipt{}, coach, friday)
	if err != nil {
		t.Fatal(err)
	}
	called := map[OccurrenceKey][]*Cancellation{{walk(t).ID, "2027-02-02"}: {off}}
	was := offeredBy(walk(t), nil, friday)["2027-02-02"]
	for days, want := range map[int]bool{0: true, 30: true, 31: false} {
		e, there := offeredBy(walk(t), called, friday.AddDate(0, 0, days))["2027-02-02"]
		if there != want || there && (!e.Cancelled || e.UID != was.UID || e.Sequence != was.Sequence+1 || e.ChangedAt != friday) {
			t.Errorf("after %d days: %+v", days, e)
		}
	}
	if err := off.Restore(coach, friday.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if e := offeredBy(walk(t), called, friday.AddDate(0, 0, 40))["2027-02-02"]; e.Cancelled || e.Sequence != was.Sequence+2 {
		t.Errorf("restored: %+v", e)
	}
}

func TestThatACalendarIsFetchedIsNotedOnceAnHour(t *testing.T) {
	a := OpenAddress(Address{ID: "a1"}, coach, friday)
	var noted []string
	for minute := 0; minute < 200; minute += 7 {
		now := friday.Add(time.Duration(minute) * time.Minute)
		if a.NoteRead(now) {
			noted = append(noted, now.Format("15:04"))
		}
	}
	if got := fmt.Sprint(noted); got != "[09:00 10:03 11:06 12:09]" || a.Version() != 1 || a.Writes() != 5 || a.ReadAt.Format("15:04") != "12:09" {
		t.Errorf("noted at %s; version %d, %d writes, last at %s", got, a.Version(), a.Writes(), a.ReadAt)
	}
}

// BenchmarkYear is a year's calendar of a person with ten bookings, as BenchmarkCalendarOf has them.
func BenchmarkYear(b *testing.B) {
	offered, bookings := tenBookings(b)
	first, last := civil.Date("2026-11-16"), civil.Date("2027-11-21")
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := spent()
	for b.Loop() {
		if n := len(calendarBetween(first, last, bookings, offered, nil, friday)); n < 500 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64((spent()-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// BenchmarkCalendarOf is the calendar of a person with ten bookings, half of them of series that
// recur by a rule and are moved by closed days.
func BenchmarkCalendarOf(b *testing.B) {
	offered, bookings := tenBookings(b)
	for b.Loop() {
		if n := len(CalendarOf(bookings, offered, nil, friday)); n < 250 {
			b.Fatal(n)
		}
	}
}

func tenBookings(b *testing.B) (find func(id string) (association.Activity, bool), bookings []*Booking) {
	offered := map[string]association.Activity{}
	for n := range 10 {
		x := walk(b)
		x.ID, x.Calendar = fmt.Sprint("series-", n), association.Calendar{PublicHolidays: "closed"}
		if n%2 == 0 {
			x.Day, x.Rule, x.First, x.Holidays, x.MovedTo = "", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", "2026-11-24", association.HolidaysMoved, "wednesday"
		}
		offered[x.ID] = x
		bookings = append(bookings, bookedOf(x, ""))
		bookings[n].Activity = x.ID
	}
	return func(id string) (association.Activity, bool) { x, known := offered[id]; return x, known }, bookings
}
