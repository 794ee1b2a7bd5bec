package activity

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
)

var (
	friday = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	coach  = history.Author{Subject: "coach-1", Authority: "molndal"}
)

// walk is the Tuesday walk in Mölndal.
func walk(t testing.TB) association.Activity {
	t.Helper()
	return insjoriket(t).Week("1481").Activities[3]
}

// booked is a booking of the walk that began four weeks ago, on Monday 26 October.
func booked(t testing.TB) *Booking {
	e := &Enrolment{Association: "insjoriket", ID: "e1", Participant: "p1", Municipality: "1481"}
	return Book("b1", e, BookingRequest{Enrolment: "e1", Activity: walk(t).ID, From: "2026-10-26"}, nil, idempotency.Receipt{}, coach, friday)
}

func TestABookingRequestIsHeldAgainstTheCalendar(t *testing.T) {
	cases := []struct {
		sentence    string
		from, until civil.Date
		want        error
	}{
		{"from today, going on", "2026-11-20", "", nil},
		{"written down thirty weeks late", "2026-04-24", "", nil},
		{"for one day", "2026-11-24", "2026-11-24", nil},
		{"from a day that does not exist", "2026-02-30", "", ErrDate},
		{"until a day that does not exist", "2026-11-24", "soon", ErrDate},
		{"until before it begins", "2026-11-24", "2026-11-23", ErrPeriod},
		{"for ever and a day", "2026-11-24", "2031-01-01", ErrPeriod},
		{"from two years ago", "2024-11-24", "", ErrFrom},
		{"from two years ahead", "2028-11-24", "", ErrFrom},
	}
	for _, c := range cases {
		if err := (BookingRequest{From: c.from, Until: c.until}).Check(association.Activity{}, friday); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.sentence, err, c.want)
		}
	}
}

func TestWhatMayBeBooked(t *testing.T) {
	in := insjoriket(t)
	open := in.Week("1481").Activities[2] // the ACT course, on Tuesdays
	open.ClosedGroup = &association.ClosedGroup{Sessions: 8, Starts: []string{"2026-12-01", "2027-02-02"}}
	cases := []struct {
		sentence string
		activity association.Activity
		known    bool
		from     civil.Date
		want     error
	}{
		{"the own municipality's walk", walk(t), true, "2026-12-03", nil},
		{"an afternoon without times", in.Week("1481").Activities[1], true, "2026-12-03", nil},
		{"an activity that is not offered", association.Activity{}, false, "2026-12-03", ErrActivity},
		{"a closed group that has no start yet", in.Week("1481").Activities[2], true, "2026-12-03", ErrGroupNotOpen},
		{"a closed group from its first session", open, true, "2026-12-01", nil},
		{"from the days before it", open, true, "2026-11-25", nil},
		{"a week before the first session", open, true, "2026-11-24", ErrGroupRunning},
		{"from its second session", open, true, "2026-12-02", ErrGroupRunning},
		{"in its middle", open, true, "2026-12-22", ErrGroupRunning},
		{"the next course", open, true, "2027-02-02", nil},
		{"after the last one that is planned", open, true, "2027-02-03", ErrGroupRunning},
	}
	for _, c := range cases {
		if _, _, err := Bookable(c.activity, c.known, c.from, ""); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.sentence, err, c.want)
		}
	}
	if _, _, err := Bookable(in.Week("1489").Activities[0], true, "2026-12-03", ""); !errors.Is(err, ErrUnscheduled) {
		t.Errorf("one without a weekday: got %v", err)
	}
}

func TestAttendanceIsNotedOnOccurrencesThatHaveBeen(t *testing.T) {
	off := Cancellations{OccurrenceKey{walk(t).ID, "2026-11-10"}: &Cancellation{}}
	cases := []struct {
		sentence string
		date     civil.Date
		word     Attendance
		known    bool
		want     error
	}{
		{"a Tuesday that has been", "2026-11-17", Present, true, nil},
		{"the first Tuesday of the booking", "2026-10-27", Absent, true, nil},
		{"a Wednesday", "2026-11-18", Present, true, ErrNoOccurrence},
		{"the Tuesday before the booking", "2026-10-20", Present, true, ErrNotCovered},
		{"next Tuesday", "2026-11-24", Present, true, ErrFuture},
		{"who just did not come next Tuesday", "2026-11-24", Absent, true, ErrFuture},
		{"who said that they will not come next Tuesday", "2026-11-24", AbsentNotified, true, nil},
		{"who said so of a Wednesday", "2026-11-25", AbsentNotified, true, ErrNoOccurrence},
		{"a Tuesday that was called off", "2026-11-10", Present, true, ErrDayOff},
		{"a day that does not exist", "2026-11-31", Present, true, ErrDate},
		{"a word of one's own", "2026-11-17", "here", true, ErrAttendance},
		{"an activity that is gone", "2026-11-17", Present, false, ErrNoOccurrence},
	}
	for _, c := range cases {
		b := booked(t)
		changed, err := b.NoteAttendance(walk(t), c.known, Note{Date: c.date, Attendance: c.word}, off, coach, friday)
		if !errors.Is(err, c.want) || changed != (c.want == nil) {
			t.Errorf("%s: got %t, %v, want %v", c.sentence, changed, err, c.want)
		}
	}
}

func TestACorrectionReplacesANoteAndBothStay(t *testing.T) {
	b := booked(t)
	for i, word := range []Attendance{Absent, Absent} {
		changed, err := b.NoteAttendance(walk(t), true, Note{Date: "2026-11-17", Attendance: word}, nil, coach, friday)
		if err != nil || changed != (i != 1) {
			t.Fatalf("note %d: %t, %v", i, changed, err)
		}
	}
	if _, err := b.NoteAttendance(walk(t), true, Note{Date: "2026-11-17", Attendance: AbsentNotified}, nil, coach, friday); !errors.Is(err, ErrNoted) {
		t.Fatalf("another note: %v", err)
	}
	correct := func(word Attendance, by history.Author, manages bool, days int) error {
		return b.CorrectAttendance(Note{Date: "2026-11-17", Attendance: word}, []byte("x"), nil, manages, 14, by, friday.AddDate(0, 0, days))
	}
	colleague := history.Author{Subject: "coach-2", Authority: "molndal"}
	for sentence, got := range map[string]error{
		"a colleague":            correct(Present, colleague, false, 0),
		"after fifteen days":     correct(Present, coach, false, 15),
		"another authority's":    correct(Present, history.Author{Subject: "chef", Authority: "partille"}, true, 0),
		"who noted it, the same": correct(Absent, coach, false, 0),
	} {
		want := history.ErrOthersStep
		if sentence == "who noted it, the same" {
			want = history.ErrNothingCorrected
		}
		if !errors.Is(got, want) {
			t.Errorf("%s: %v", sentence, got)
		}
	}
	if err := b.CorrectAttendance(Note{Date: "2026-11-10", Attendance: Present}, nil, nil, false, 14, coach, friday); !errors.Is(err, ErrNotNoted) {
		t.Errorf("a day without a note: %v", err)
	}
	if err := correct(AbsentNotified, coach, false, 14); err != nil {
		t.Fatal(err)
	}
	if n, ok := b.Status().Notes["2026-11-17"]; !ok || n.Attendance != Absent || !n.Notified || len(b.Status().Attendances()) != 1 {
		t.Errorf("got %+v", n)
	}
	var kinds []StepKind
	for _, s := range b.Steps {
		kinds = append(kinds, s.Kind)
	}
	if want := []StepKind{StepBooked, StepNoted, StepCorrected}; !slices.Equal(kinds, want) || b.Version() != 3 {
		t.Errorf("got %v", kinds)
	}
	if err := correct("", colleague, true, 400); err != nil || len(b.Status().Notes) != 0 {
		t.Errorf("by the head, there is nothing to note: %v, %v", err, b.Status().Notes)
	}
	if _, err := b.NoteAttendance(walk(t), true, Note{Date: "2026-11-17", Attendance: Present}, nil, coach, friday); err != nil || len(b.Status().Notes) != 1 {
		t.Errorf("then it is noted: %v", err)
	}
}

func TestWhoSaidThatTheyWouldBeAbsentMayComeAllTheSame(t *testing.T) {
	b := booked(t)
	for _, c := range []struct {
		word Attendance
		at   time.Time
	}{{AbsentNotified, friday.AddDate(0, 0, -4)}, {Present, friday.AddDate(0, 0, -3)}} {
		if changed, err := b.NoteAttendance(walk(t), true, Note{Date: "2026-11-17", Attendance: c.word}, nil, coach, c.at); !changed || err != nil {
			t.Fatalf("%s: %v", c.word, err)
		}
	}
	if _, err := b.NoteAttendance(walk(t), true, Note{Date: "2026-11-17", Attendance: Absent}, nil, coach, friday); !errors.Is(err, ErrNoted) {
		t.Errorf("once they have come: %v", err)
	}
}

func TestACorrectionNotesNothingThatCouldNotHaveBeenNoted(t *testing.T) {
	b := booked(t)
	for date, word := range map[civil.Date]Attendance{"2026-11-24": AbsentNotified, "2026-11-17": Absent} {
		if _, err := b.NoteAttendance(walk(t), true, Note{Date: date, Attendance: word}, nil, coach, friday); err != nil {
			t.Fatal(err)
		}
	}
	off := Cancellations{{walk(t).ID, "2026-11-17"}: {}}
	correct := func(date civil.Date, word Attendance) error {
		return b.CorrectAttendance(Note{Date: date, Attendance: word}, nil, off, false, 14, coach, friday)
	}
	if err := correct("2026-11-24", Present); !errors.Is(err, ErrFuture) {
		t.Errorf("present on a day to come: %v", err)
	}
	if err := correct("2026-11-17", Present); !errors.Is(err, ErrDayOff) {
		t.Errorf("present at what was called off: %v", err)
	}
	if err := errors.Join(correct("2026-11-24", ""), correct("2026-11-17", "")); err != nil {
		t.Errorf("there is nothing to note: %v", err)
	}
}

func TestABookingHoldsAgainWhenTheClosingWasAMistake(t *testing.T) {
	b, system := booked(t), history.System("activity")
	if b.Reopen("e/8", system, friday) {
		t.Error("one that has not ended")
	}
	b.End("2026-11-10", "e/7", system, friday)
	if st := b.Status(); st.State != StateEnded || st.LastDay != "2026-11-10" {
		t.Fatalf("ended: %+v", st)
	}
	if !b.Reopen("e/8", system, friday) || b.Reopen("e/8", system, friday) {
		t.Error("once")
	}
	if st := b.Status(); st.State != StateBooked || st.LastDay != Forever {
		t.Errorf("reopened: %+v", st)
	}
}

func TestABookingHasABoundedHistory(t *testing.T) {
	b := booked(t)
	for len(b.Steps) < maxBookingSteps {
		b.Steps = history.Append(b.Steps, Step{Kind: StepNoted, Date: "2026-11-10", Attendance: Absent}, coach, friday)
	}
	if _, err := b.NoteAttendance(walk(t), true, Note{Date: "2026-11-17", Attendance: Present}, nil, coach, friday); !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v", err)
	}
}

func TestCancellingEndsABookingFromADayOn(t *testing.T) {
	noted := booked(t)
	if _, err := noted.NoteAttendance(walk(t), true, Note{Date: "2026-11-17", Attendance: Present}, nil, coach, friday); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		sentence string
		booking  *Booking
		from     civil.Date
		want     error
		last     civil.Date
	}{
		{"from next month", booked(t), "2026-12-01", nil, "2026-11-30"},
		{"from two weeks ago", booked(t), "2026-11-06", nil, "2026-11-05"},
		{"from before it began", booked(t), "2026-10-01", nil, "2026-09-30"},
		{"from a day that does not exist", booked(t), "2026-12-32", ErrDate, Forever},
		{"from long after everything", booked(t), "2031-01-01", ErrPeriod, Forever},
		{"from a day with attendance", noted, "2026-11-17", ErrAttended, Forever},
		{"from the day after it", noted, "2026-11-18", nil, "2026-11-17"},
		{"a second time", noted, "2026-12-01", ErrNotBooked, "2026-11-17"},
	}
	for _, c := range cases {
		if err := c.booking.Cancel(c.from, coach, friday); !errors.Is(err, c.want) || c.booking.Status().LastDay != c.last {
			t.Errorf("%s: got %v and %s, want %v and %s", c.sentence, err, c.booking.Status().LastDay, c.want, c.last)
		}
	}
}

func TestAClosedEnrolmentEndsItsBookingsOnce(t *testing.T) {
	b, over := booked(t), booked(t)
	if !b.End("2026-11-18", "", coach, friday) || b.Status().State != StateEnded || b.Status().LastDay != "2026-11-18" {
		t.Errorf("got %s until %s", b.Status().State, b.Status().LastDay)
	}
	if b.End("2026-11-18", "", coach, friday) {
		t.Error("it ended twice")
	}
	if err := over.Cancel("2026-11-10", coach, friday); err != nil {
		t.Fatal(err)
	}
	if over.End("2026-11-18", "", coach, friday) {
		t.Error("a booking that was over already has nothing to end")
	}
	later := booked(t)
	if err := later.Cancel("2027-01-01", coach, friday); err != nil {
		t.Fatal(err)
	}
	if !later.End("2026-11-18", "", coach, friday) || later.Status().LastDay != "2026-11-18" {
		t.Errorf("a cancellation for later yields to the end; got %s", later.Status().LastDay)
	}
}

func TestCallingOff(t *testing.T) {
	unscheduled := insjoriket(t).Week("1489").Activities[0]
	closed := insjoriket(t).Week("1481").Activities[4] // on Wednesdays
	closed.Calendar.PublicHolidays = "closed"
	cases := []struct {
		sentence string
		activity association.Activity
		date     civil.Date
		reason   string
		want     error
	}{
		{"next Tuesday", walk(t), "2026-11-24", "weather", nil},
		{"a Wednesday", walk(t), "2026-11-25", "weather", ErrNoOccurrence},
		{"last Tuesday, which was not", walk(t), "2026-11-17", "weather", nil},
		{"two years ago", walk(t), "2024-11-19", "weather", ErrTooFar},
		{"Epiphany, when all is closed", closed, "2027-01-06", "weather", ErrCalledOff},
		{"in two years", walk(t), "2028-11-21", "weather", ErrTooFar},
		{"no day at all", walk(t), "tisdag", "weather", ErrDate},
		{"a reason of one's own", walk(t), "2026-11-24", "football", ErrReason},
		{"what has no weekday", unscheduled, "2026-11-24", "weather", ErrUnscheduled},
	}
	for _, c := range cases {
		x, err := CallOff("c1", "insjoriket", c.activity, CancellationRequest{Date: c.date, Reason: c.reason}, idempotency.Receipt{}, coach, friday)
		if !errors.Is(err, c.want) || (x == nil) != (c.want != nil) {
			t.Errorf("%s: got %v, want %v", c.sentence, err, c.want)
		}
	}
}

func TestARestoredOccurrenceIsRestoredOnceAndInTime(t *testing.T) {
	c, err := CallOff("c1", "insjoriket", walk(t), CancellationRequest{Date: "2026-11-24", Reason: "weather"}, idempotency.Receipt{}, coach, friday)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Restore(coach, friday.AddDate(0, 0, 19)); !errors.Is(err, ErrPast) {
		t.Errorf("two weeks after the day: got %v", err)
	}
	if err := c.Restore(coach, friday); err != nil || c.State() != Restored || c.Version() != 2 {
		t.Errorf("got %v, %s", err, c.State())
	}
	if err := c.Restore(coach, friday); !errors.Is(err, ErrRestored) {
		t.Errorf("again: got %v", err)
	}
	c, err = CallOff("c1", "insjoriket", walk(t), CancellationRequest{Date: "2026-11-17", Reason: "weather"}, idempotency.Receipt{}, coach, friday)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Restore(coach, friday.AddDate(0, 0, 5)); err != nil {
		t.Errorf("what was said afterwards: got %v", err)
	}
}

func TestWhatCollides(t *testing.T) {
	on := func(day, from, to string) association.Activity {
		return association.Activity{ID: day + from, Day: day, From: from, To: to}
	}
	tuesday := on("tuesday", "13:00", "14:00")
	cases := []struct {
		sentence    string
		other       association.Activity
		first, last civil.Date
		want        bool
	}{
		{"the same hour", on("tuesday", "13:30", "15:00"), "2026-11-23", Forever, true},
		{"one within the other", on("tuesday", "13:15", "13:45"), "2026-11-23", Forever, true},
		{"one right after the other", on("tuesday", "14:00", "15:00"), "2026-11-23", Forever, false},
		{"one right before the other", on("tuesday", "12:00", "13:00"), "2026-11-23", Forever, false},
		{"another day", on("wednesday", "13:00", "14:00"), "2026-11-23", Forever, false},
		{"no Tuesday in common", on("tuesday", "13:30", "15:00"), "2026-11-25", "2026-11-30", false},
		{"one Tuesday in common", on("tuesday", "13:30", "15:00"), "2026-11-25", "2026-12-01", true},
		{"no day in common", on("tuesday", "13:30", "15:00"), "2026-11-25", "2026-11-24", false},
		{"no time to compare", association.Activity{ID: "x", Day: "tuesday", Part: "afternoon"}, "2026-11-23", Forever, false},
		{"itself", tuesday, "2026-11-23", Forever, true},
		{"what has no weekday", association.Activity{ID: "x", From: "13:00", To: "14:00"}, "2026-11-23", Forever, false},
	}
	for _, c := range cases {
		if _, got := collision(tuesday, c.other, c.first, c.last); got != c.want {
			t.Errorf("%s: got %t", c.sentence, got)
		}
		if _, got := collision(c.other, tuesday, c.first, c.last); got != c.want {
			t.Errorf("%s, turned round: got %t", c.sentence, got)
		}
	}
}

func offersNothing(string) (association.Activity, bool) { return association.Activity{}, false }

func TestADiaryForgetsWhatIsLongOver(t *testing.T) {
	d := &Diary{}
	d.Take(Claim{Booking: "old", Activity: "a", From: "2020-01-01", Until: "2020-02-01", At: friday.AddDate(-6, 0, 0)}, offersNothing)
	d.Take(Claim{Booking: "new", Activity: "a", From: "2026-01-01", Until: Forever, At: friday}, offersNothing)
	if len(d.Claims) != 1 || d.Claims[0].Booking != "new" || d.Writes != 2 {
		t.Errorf("got %+v", d)
	}
	if d.Shorten("new", Forever) || !d.Shorten("new", "2026-03-01") || d.Claims[0].Until != "2026-03-01" {
		t.Errorf("got %+v", d)
	}
	if !d.Shorten("new", "2025-12-31") || len(d.Claims) != 0 || d.Shorten("gone", "2020-01-01") {
		t.Errorf("got %+v", d)
	}
}

func TestAnOccurrenceIsClaimedByThoseWhoCameOrByACancellation(t *testing.T) {
	d, off := &Diary{}, Claim{Cancellation: "off", At: friday.Add(time.Second)}
	ann, bo := Claim{Booking: "ann", At: friday}, Claim{Booking: "bo", At: friday}
	for _, c := range []struct {
		sentence string
		claim    Claim
		blocked  bool
	}{
		{"one came", ann, false}, {"so did another", bo, false}, {"the same once more", ann, false}, {"it cannot be called off then", off, true},
		{"a minute later the bookings know who came", Claim{Cancellation: "late", At: friday.Add(ClaimGrace)}, false}, {"and nobody came then", bo, true},
	} {
		if blocking, blocked := d.TakeOccurrence(c.claim); blocked != c.blocked || blocked && (blocking.Cancellation == "") == (c.claim.Cancellation == "") {
			t.Errorf("%s: %t by %+v", c.sentence, blocked, blocking)
		}
	}
	if d.ReleaseOccurrence(off) || !d.ReleaseOccurrence(d.Claims[0]) || len(d.Claims) != 0 {
		t.Errorf("what is claimed: %+v", d.Claims)
	}
}

func TestEveryReasonOfTheContractIsKnown(t *testing.T) {
	if fmt.Sprint(reasons) != "[leader_absent public_holiday closed weather place_unavailable too_few planning_day other]" {
		t.Errorf("the contract's CancellationReason and the noun's reasons differ: %v", reasons)
	}
}
