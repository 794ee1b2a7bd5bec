package activity

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/programme"
)

// world is two series, the closed days, and what one participant is booked into, through
// any sequence of changes.
type world struct {
	*testing.T
	*rand.Rand
	now      time.Time
	objects  []*programme.Object // series x, series y, closed days
	in       *association.Association
	bookings []*Booking
	diary    Diary
	called   map[OccurrenceKey][]*Cancellation
	seen     map[string]CalendarEntry // as it was last, by UID
	past     map[OccurrenceKey]string // what has been, and never changes
	said     []string
}

const (
	seriesX = "0a000000-0000-4000-8000-000000000001"
	seriesY = "0a000000-0000-4000-8000-000000000002"
)

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{T: t, Rand: rand.New(rand.NewPCG(seed, 13)), now: friday, called: map[OccurrenceKey][]*Cancellation{}, seen: map[string]CalendarEntry{}, past: map[OccurrenceKey]string{}}
	for _, o := range []*programme.Object{
		{ID: "series." + seriesX, Kind: programme.Series, Municipality: "1481"}, {ID: "series." + seriesY, Kind: programme.Series, Municipality: "1481"},
		{ID: "closed_days", Kind: programme.ClosedDays},
	} {
		o.Association = "insjoriket"
		w.objects = append(w.objects, o)
		w.activate(o, programme.Beginning, "")
	}
	w.build()
	return w
}

func (w *world) today() civil.Date { return civil.DateOf(w.now) }

// activate lets another version of an object hold in a span of days.
func (w *world) activate(o *programme.Object, first, last civil.Date) {
	v := programme.Version{From: first, Until: last}
	if o.Kind == programme.Series {
		hour := 9 + w.IntN(3)
		v.Content.Series = &association.Activity{
			Name: fmt.Sprintf("Påhittad %d", w.IntN(9)), Category: "health", Day: []string{"monday", "tuesday", "thursday", "friday"}[w.IntN(4)],
			From: fmt.Sprintf("%02d:00", hour), To: fmt.Sprintf("%02d:30", hour+w.IntN(2)), Place: fmt.Sprintf("Plats %d", w.IntN(3)),
		}
		w.complicate(v.Content.Series)
	} else {
		v.Content.ClosedDays = &association.Calendar{PublicHolidays: []string{"open", "closed"}[w.IntN(2)]}
		if begins := w.today().AddDays(w.IntN(60)); w.IntN(2) == 0 {
			v.Content.ClosedDays.Closed = []association.ClosedPeriod{{From: begins, Until: begins.AddDays(w.IntN(20)), SV: "Stängt", EN: "Closed"}}
		}
	}
	o.Draw(v, coach, w.now)
	o.Activate(coach, w.now)
	said := fmt.Sprintf("%s: %s from %s until %q", w.today(), o.ID, first, last)
	if x := v.Content.Series; x != nil {
		said += fmt.Sprint(" on ", x.Day, x.Rule, " ", x.From, "-", x.To, x.Extra, x.Except, x.Holidays, x.MovedTo)
	}
	w.said = append(w.said, said)
}

// complicate lets a series of one weekday recur in another way, as some do.
func (w *world) complicate(x *association.Activity) {
	if w.IntN(2) == 0 {
		return
	}
	if w.IntN(2) == 0 {
		x.Day, x.Rule = "", []string{"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", "FREQ=WEEKLY;INTERVAL=3;BYDAY=FR", "FREQ=MONTHLY;BYDAY=-1MO"}[w.IntN(3)]
		x.First = "2026-01-01"
	}
	if w.IntN(2) == 0 {
		x.Extra = []civil.Date{w.today().AddDays(w.IntN(60))}
	}
	if planned := x.Days(w.today(), w.today().AddDays(60)); w.IntN(2) == 0 && len(planned) > 0 {
		x.Except = []civil.Date{planned[w.IntN(len(planned))].Date}
	}
	if x.Holidays = []string{"", association.HolidaysOff, association.HolidaysOn, association.HolidaysMoved}[w.IntN(4)]; x.Holidays == association.HolidaysMoved {
		x.MovedTo = []string{"monday", "wednesday", "friday"}[w.IntN(3)]
	}
}

// build lets all follow what the objects are now.
func (w *world) build() {
	w.in = programme.Assemble(w.objects, w.today()).Build()
	for _, b := range w.bookings {
		x, known := w.in.Activity(b.Activity)
		if !known {
			w.Fatalf("%v: a booking of nothing", w.said)
		}
		b.Follow(x, "programme/1", history.System("activity"), w.now)
		w.diary.Hold(b.Claim())
	}
}

// act does one thing.
func (w *world) act() {
	o, first := w.objects[w.IntN(3)], w.today().AddDays(w.IntN(40))
	x, _ := w.in.Activity([]string{seriesX, seriesY}[w.IntN(2)])
	switch w.IntN(8) {
	case 0, 1:
		w.activate(o, first, "")
		w.build()
	case 2:
		w.activate(o, first, first.AddDays(w.IntN(60)))
		w.build()
	case 3:
		if w.IntN(3) == 0 && o.End(first) {
			w.said = append(w.said, fmt.Sprintf("%s: %s ends %s", w.today(), o.ID, first))
			w.build()
		}
	case 4:
		r := BookingRequest{Activity: x.ID, From: first.AddDays(-10)}
		if w.IntN(2) == 0 {
			r.Until = first.AddDays(w.IntN(100))
		}
		b := Book(fmt.Sprintf("b%d", len(w.bookings)), &Enrolment{ID: "e", Participant: "p", Municipality: "1481"}, r, PlanOf(x, r.From), idempotency.Receipt{}, coach, w.now)
		if _, _, err := Bookable(x, true, r.From, r.Until); err != nil {
			return
		}
		if _, blocked := w.diary.Take(b.Claim(), w.in.Activity); !blocked {
			w.bookings = append(w.bookings, b)
			w.said = append(w.said, fmt.Sprintf("%s: %s of %s from %s until %q", w.today(), b.ID, x.ID, r.From, r.Until))
		}
	case 5:
		if len(w.bookings) > 0 {
			b := w.bookings[w.IntN(len(w.bookings))]
			_ = b.Cancel(first, coach, w.now)
			w.diary.Shorten(b.ID, b.Status().LastDay)
			w.said = append(w.said, fmt.Sprintf("%s: %s cancelled from %s", w.today(), b.ID, first))
		}
	case 6:
		for d := first; d < first.AddDays(7); d = d.AddDays(1) {
			key := OccurrenceKey{x.ID, d}
			if slices.ContainsFunc(w.called[key], func(c *Cancellation) bool { return c.State() == Cancelled }) {
				_ = w.called[key][len(w.called[key])-1].Restore(coach, w.now)
			} else if c, err := CallOff("c", "insjoriket", x, CancellationRequest{Date: d, Reason: "weather"}, idempotency.Receipt{}, coach, w.now); err == nil {
				w.called[key] = append(w.called[key], c)
				w.said = append(w.said, fmt.Sprintf("%s: %s called off", w.today(), d))
			}
		}
	default:
		w.now = w.now.AddDate(0, 0, 1+w.IntN(12))
		w.build()
	}
}

// check compares the calendar with what was shown before, and with what takes place.
func (w *world) check() {
	live := map[string]int{}
	is := map[string]CalendarEntry{}
	for _, e := range CalendarOf(w.bookings, w.in.Activity, w.called, w.now) {
		if _, twice := is[e.UID]; twice {
			w.Fatalf("%s: two entries have the UID of %+v", strings.Join(w.said, "\n"), e)
		}
		if is[e.UID] = e; !e.Cancelled {
			live[string(e.Date)+e.Starts.String()]++
		}
		was, known := w.seen[e.UID]
		same := was
		same.Sequence, same.ChangedAt = e.Sequence, e.ChangedAt
		switch {
		case !known:
		case WeekOf(was.Date) != WeekOf(e.Date), was.Sequence > e.Sequence, same != e && was.Sequence == e.Sequence, same != e && was.Date < w.today():
			w.Fatalf("%s\n%s: %+v became %+v", strings.Join(w.said, "\n"), w.today(), was, e)
		}
	}
	first, last := CalendarSpan(w.now)
	for uid, was := range w.seen {
		if e, there := is[uid]; !was.Cancelled && was.Date >= first && !there {
			w.Fatalf("%s\n%s: %+v is gone, %+v", strings.Join(w.said, "\n"), w.today(), was, e)
		}
	}
	for uid, e := range is {
		w.seen[uid] = e
	}
	// What takes place, day by day.
	for _, b := range w.bookings {
		x, _ := w.in.Activity(b.Activity)
		status := b.Status()
		for d := first; d <= last; d = d.AddDays(1) {
			o, occurs := OccurrenceOn(x, d, nil)
			isOff := slices.ContainsFunc(w.called[OccurrenceKey{x.ID, d}], func(c *Cancellation) bool { return c.State() == Cancelled })
			if occurs && status.Covers(d) && !o.Closed && !isOff {
				live[string(d)+o.Starts.String()]--
			}
		}
		if _, _, err := Bookable(x, true, max(w.today(), b.From), ""); err != nil && status.LastDay == Forever {
			w.Fatalf("%s\n%s: %s goes on without its activity", strings.Join(w.said, "\n"), w.today(), b.ID)
		}
	}
	for at, n := range live {
		if n != 0 {
			w.Fatalf("%s\n%s: the calendar has %d too many at %s", strings.Join(w.said, "\n"), w.today(), n, at)
		}
	}
	for _, id := range []string{seriesX, seriesY} {
		x, _ := w.in.Activity(id)
		for d := friday.AddDate(0, 0, -14); civil.DateOf(d) < w.today(); d = d.AddDate(0, 0, 1) {
			key := OccurrenceKey{id, civil.DateOf(d)}
			o, occurs := OccurrenceOn(x, key.Date, nil)
			got := ""
			if occurs && !o.Closed {
				got = fmt.Sprint(o.Starts, o.Ends, o.Activity.Name, o.Activity.Place, o.Activity.Version)
			}
			if was, known := w.past[key]; known && was != got {
				w.Fatalf("%s\n%s: %s was %s, is %s", strings.Join(w.said, "\n"), w.today(), key.Date, was, got)
			}
			w.past[key] = got
		}
	}
	w.checkConflicts()
}

// checkConflicts compares the conflicts with a search day by day.
func (w *world) checkConflicts() {
	want := map[string]bool{}
	for i, b := range w.bookings {
		for _, c := range w.bookings[:i] {
			x, _ := w.in.Activity(b.Activity)
			y, _ := w.in.Activity(c.Activity)
			for d := w.today(); d < w.today().AddDays(300); d = d.AddDays(1) {
				o, occurs := OccurrenceOn(x, d, nil)
				p, also := OccurrenceOn(y, d, nil)
				if occurs && also && b.Status().Covers(d) && c.Status().Covers(d) && (b.Activity == c.Activity || o.Starts.Before(p.Ends) && p.Starts.Before(o.Ends)) {
					want[fmt.Sprint(c.ID, b.ID, d)] = true
					break
				}
			}
		}
	}
	got := map[string]bool{}
	for _, c := range w.diary.Conflicts(w.in.Activity, w.today()) {
		if got[fmt.Sprint(c.Bookings[0], c.Bookings[1], c.On)] = true; c.Bookings[0] > c.Bookings[1] {
			got[fmt.Sprint(c.Bookings[1], c.Bookings[0], c.On)] = true
		}
	}
	for key := range want {
		if !got[key] {
			w.Fatalf("%s\n%s: the conflict %s is not found in %v", strings.Join(w.said, "\n"), w.today(), key, got)
		}
	}
	if len(got) > 0 && len(want) == 0 {
		w.Fatalf("%s\n%s: no such conflict: %v", strings.Join(w.said, "\n"), w.today(), got)
	}
}

// TestAnyChangeKeepsThePastAndTheMeaningOfEachUID is: through any sequence of splits, ends,
// closed days, cancellations and bookings, what has been stays, a UID has one meaning and a
// sequence that never falls, no booking is of nothing, and the calendar has what takes place.
func TestAnyChangeKeepsThePastAndTheMeaningOfEachUID(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		for range 40 {
			w.act()
			w.check()
		}
	}
}

// TestAnyChangeReachesTheCalendarOfWhatIsOffered is: through the same sequences, a municipality's
// calendar has what takes place and nothing else, a UID means one day, and its sequence is raised by each
// change and never falls.
func TestAnyChangeReachesTheCalendarOfWhatIsOffered(t *testing.T) {
	changed := 0
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		seen := map[string]CalendarEntry{}
		for range 40 {
			w.act()
			live := map[string]int{}
			first, last := CalendarSpan(w.now)
			for _, id := range []string{seriesX, seriesY} {
				x, _ := w.in.Activity(id)
				for _, e := range OfferedCalendar([]association.Activity{x}, func(*association.Activity) bool { return true }, w.called, w.now) {
					was, known := seen[e.UID]
					same := was
					same.Sequence, same.ChangedAt = e.Sequence, e.ChangedAt
					if known && (was.Sequence > e.Sequence || same != e && was.Sequence == e.Sequence || WeekOf(was.Date) != WeekOf(e.Date) || e.ChangedAt.After(w.now)) {
						t.Fatalf("seed %d\n%s\n%s: %+v became %+v", seed, strings.Join(w.said, "\n"), w.today(), was, e)
					}
					if known && same != e {
						changed++
					}
					if seen[e.UID] = e; !e.Cancelled {
						live[id+string(e.Date)+e.Starts.String()]++
					}
				}
				for d := first; d <= last; d = d.AddDays(1) {
					o, occurs := OccurrenceOn(x, d, nil)
					isOff := slices.ContainsFunc(w.called[OccurrenceKey{id, d}], func(c *Cancellation) bool { return c.State() == Cancelled })
					if occurs && !o.Closed && !isOff {
						live[id+string(d)+o.Starts.String()]--
					}
				}
			}
			for at, n := range live {
				if n != 0 {
					t.Fatalf("seed %d\n%s\n%s: the calendar has %d too many at %s", seed, strings.Join(w.said, "\n"), w.today(), n, at)
				}
			}
		}
	}
	if changed < 100 {
		t.Errorf("%d entries have changed: this proves little", changed)
	}
}

// TestASequenceNeverFallsWhenClosedDaysAreForgotten is: closed days that ended two years ago are
// in no assembled association any more, but what they had raised stays raised.
func TestASequenceNeverFallsWhenClosedDaysAreForgotten(t *testing.T) {
	w := newWorld(t, 1)
	x, days := w.objects[0], w.objects[2]
	x.Draw(programme.Version{From: programme.Beginning, Content: programme.Content{Series: &association.Activity{Name: "Promenad", Category: "health", Day: "tuesday", From: "13:00", To: "14:00"}}}, coach, w.now)
	x.Activate(coach, w.now)
	for n := range 3 { // the last one begins again behind a gap
		days.Draw(programme.Version{From: w.today().AddDays(400 * n), Until: w.today().AddDays(400*n + 100), Content: programme.Content{ClosedDays: &association.Calendar{PublicHolidays: "closed"}}}, coach, w.now)
		days.Activate(coach, w.now)
	}
	days.End(w.today().AddDays(902)) // after the last: nothing changes
	walk, _ := programme.Assemble(w.objects, w.today()).Build().Activity(seriesX)
	b := Book("b", &Enrolment{ID: "e", Participant: "p", Municipality: "1481"}, BookingRequest{Activity: seriesX, From: w.today()}, PlanOf(walk, w.today()), idempotency.Receipt{}, coach, w.now)
	seen := map[string]CalendarEntry{}
	for until := w.now.AddDate(6, 0, 0); w.now.Before(until); w.now = w.now.AddDate(0, 0, 3) {
		in := programme.Assemble(w.objects, w.today()).Build()
		for _, e := range CalendarOf([]*Booking{b}, in.Activity, nil, w.now) {
			if was := seen[e.UID]; was.Sequence > e.Sequence {
				t.Fatalf("on %s, %+v became %+v", w.today(), was, e)
			}
			seen[e.UID] = e
		}
	}
	if len(seen) < 300 {
		t.Errorf("%d entries", len(seen))
	}
}
