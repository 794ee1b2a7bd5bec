package placement

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/services/activity"
)

// Friday 20 November 2026, 10:00 in Sweden.
var now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

var coach = history.Author{Subject: "coach-1", Authority: "molndal"}

func hours(day, from, to string) association.OpeningHours {
	return association.OpeningHours{Day: day, From: from, To: to}
}

// workshop takes two in carpentry, one on Fridays, and nobody in its garden; it has an
// agreement until the end of January.
func workshop() association.Site {
	return association.Site{
		ID: "verkstad", Municipality: "1481", Name: "Påhittad verkstad", WorkTraining: true, Areas: []string{"carpentry", "garden"},
		Open:      []association.OpeningHours{hours("monday", "08:00", "16:00"), hours("wednesday", "08:00", "16:00"), hours("friday", "08:00", "12:00")},
		Places:    []association.AreaPlaces{{Area: "carpentry", Places: 2}, {Area: "carpentry", Days: []string{"friday"}, Places: 1}},
		Agreement: &association.SiteAgreement{From: "2026-01-01", Until: "2027-01-31"},
	}
}

func request(change func(*Request)) Request {
	r := Request{
		Enrolment: "e", Site: "site.1481.verkstad", Area: "carpentry", From: "2026-11-23", Until: "2026-12-18", AnswerBy: "2026-11-22",
		Days: []association.OpeningHours{{Day: "monday"}, hours("wednesday", "09:00", "12:00")}, Extent: 25, FollowUps: []civil.Date{"2026-12-09"},
	}
	if change != nil {
		change(&r)
	}
	return r
}

func TestWhatIsAskedFitsTheSite(t *testing.T) {
	for _, c := range []struct {
		sentence string
		change   func(*Request)
		want     error
	}{
		{"two days of eleven hours are more than a quarter", nil, nil},
		{"an area that the site does not have", func(r *Request) { r.Area = "textile" }, ErrArea},
		{"a first day that has been", func(r *Request) { r.From = "2026-11-19" }, ErrFrom},
		{"a first day that does not exist", func(r *Request) { r.From = "2026-02-30" }, activity.ErrDate},
		{"a last day before the first", func(r *Request) { r.Until = "2026-11-22" }, ErrUntil},
		{"a last day two years away", func(r *Request) { r.Until = "2028-11-23" }, ErrUntil},
		{"an offer that ends after the first day", func(r *Request) { r.AnswerBy = "2026-11-24" }, ErrAnswerBy},
		{"an offer that ended yesterday", func(r *Request) { r.AnswerBy = "2026-11-19" }, ErrAnswerBy},
		{"no day", func(r *Request) { r.Days = nil }, ErrDays},
		{"a day on which the site is closed", func(r *Request) { r.Days[0].Day = "tuesday" }, ErrDays},
		{"a day twice", func(r *Request) { r.Days[1].Day = "monday" }, ErrDays},
		{"before the site opens", func(r *Request) { r.Days[1].From = "07:00" }, ErrHours},
		{"after it has closed", func(r *Request) { r.Days[1].To = "16:30" }, ErrHours},
		{"an end before the beginning", func(r *Request) { r.Days[1].To = "08:30" }, ErrHours},
		{"eleven hours are not 30 percent", func(r *Request) { r.Extent = 30 }, ErrExtent},
		{"no extent", func(r *Request) { r.Extent = 0 }, ErrExtent},
		{"a follow-up behind the end", func(r *Request) { r.FollowUps[0] = "2026-12-19" }, ErrFollowUp},
		{"a follow-up twice", func(r *Request) { r.FollowUps = []civil.Date{"2026-12-09", "2026-12-09"} }, ErrFollowUp},
	} {
		days, err := request(c.change).Check(workshop(), true, "1481", now)
		if !errors.Is(err, c.want) || err == nil && days[0] != hours("monday", "08:00", "16:00") {
			t.Errorf("%s: %v %v, want %v", c.sentence, days, err, c.want)
		}
	}
	if _, err := request(nil).Check(workshop(), true, "1402", now); !errors.Is(err, ErrElsewhere) {
		t.Errorf("another municipality's participant: %v", err)
	}
	closed := workshop()
	closed.WorkTraining = false
	if _, err := request(nil).Check(closed, true, "1481", now); !errors.Is(err, ErrSite) {
		t.Errorf("a place without work training: %v", err)
	}
}

// TestWorkTrainingIsInTheBlocksThatHaveIt follows Lerum, which has it in blocks 3 and 4 only.
func TestWorkTrainingIsInTheBlocksThatHaveIt(t *testing.T) {
	plan := association.Plan{Blocks: []association.Block{
		{Number: 1, Weeks: 6, Content: []string{"health", "act"}}, {Number: 2, Weeks: 6, Content: []string{"health", "social"}},
		{Number: 3, Weeks: 6, Content: []string{"health", "work_oriented"}}, {Number: 4, Weeks: 6, Content: []string{"health", "work_oriented"}},
	}}
	inSecond := func() *activity.Enrolment {
		return &activity.Enrolment{State: "active", Blocks: []activity.Block{
			{Number: 1, First: "2026-09-07", Last: "2026-10-18", Content: plan.Blocks[0].Content}, {Number: 2, First: "2026-10-19", Last: "2026-11-29", Content: plan.Blocks[1].Content},
		}}
	}
	for _, c := range []struct {
		sentence    string
		from, until civil.Date
		change      func(*activity.Enrolment)
		want        error
	}{
		{"in block 2", "2026-11-23", "2026-11-27", nil, ErrNotInBlock},
		{"from block 2 into block 3", "2026-11-23", "2026-12-18", nil, ErrNotInBlock},
		{"from the expected first day of block 3", "2026-11-30", "2027-02-21", nil, nil},
		{"when block 2 was prolonged", "2026-11-30", "2026-12-18", func(e *activity.Enrolment) { e.Blocks[1].Last = "2026-12-13" }, ErrNotInBlock},
		{"while it is paused", "2026-11-30", "2026-12-18", func(e *activity.Enrolment) { e.State = "paused" }, activity.ErrPaused},
		{"before it has begun", "2026-11-30", "2026-12-18", func(e *activity.Enrolment) { e.State = "planned" }, activity.ErrNotBegun},
		{"when it is closed", "2026-11-30", "2026-12-18", func(e *activity.Enrolment) { e.Closed = true }, activity.ErrEnrolmentClosed},
	} {
		e := inSecond()
		if c.change != nil {
			c.change(e)
		}
		if err := CanPlace(e, plan, c.from, c.until); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.sentence, err, c.want)
		}
	}
}

// placed is an offered placement of the request.
func placed(id string, change func(*Request)) *Placement {
	r := request(change)
	days, err := r.Check(workshop(), true, "1481", now)
	if err != nil {
		panic(err)
	}
	return Offer(id, &activity.Enrolment{Association: "a", ID: "e", Participant: "p", Municipality: "1481"}, r, days, nil, idempotency.Receipt{}, coach, now)
}

func TestAPlacementFromOfferToEnd(t *testing.T) {
	p := placed("1", nil)
	is := func(sentence string, state State, due, task civil.Date) {
		t.Helper()
		if p.Status().State != state || p.DueOn() != due || p.TaskFrom() != task {
			t.Errorf("%s: %s, due %s, task %s; want %s, %s, %s", sentence, p.Status().State, p.DueOn(), p.TaskFrom(), state, due, task)
		}
	}
	on := func(d civil.Date) time.Time { return d.At(10 * time.Hour) }
	system := history.System("activity")
	is("once it is offered", Offered, "2026-11-23", "")
	if p.Advance(true, system, on("2026-11-22")) {
		t.Error("an offer lapsed on its last day")
	}
	must(t, p.Agree(coach, on("2026-11-22")))
	is("agreed", Agreed, "2026-11-23", "2026-11-23")
	if p.Advance(false, system, on("2026-11-23")) || p.Status().State != Agreed {
		t.Error("it started while the enrolment rests")
	}
	p.Advance(true, system, on("2026-11-23"))
	is("on its first day", Running, "2026-12-09", "2026-12-09")
	for _, c := range []struct {
		sentence string
		note     Note
		want     error
	}{
		{"present", Note{Date: "2026-11-23", Attendance: Present}, nil},
		{"present once more", Note{Date: "2026-11-23", Attendance: Present}, nil},
		{"late after all", Note{Date: "2026-11-23", Attendance: Late, Minutes: 10}, nil},
		{"late without minutes", Note{Date: "2026-11-25", Attendance: Late}, ErrMinutes},
		{"present with minutes", Note{Date: "2026-11-25", Attendance: Present, Minutes: 3}, ErrMinutes},
		{"absent without a reason", Note{Date: "2026-11-25", Attendance: Absent}, ErrAbsence},
		{"absent for football", Note{Date: "2026-11-25", Attendance: Absent, Reason: "football"}, ErrAbsence},
		{"on a Tuesday", Note{Date: "2026-11-24", Attendance: Present}, ErrOutside},
		{"tomorrow", Note{Date: "2026-11-25", Attendance: Present}, activity.ErrFuture},
		{"that somebody will be ill", Note{Date: "2026-11-25", Attendance: Absent, Reason: "ill"}, nil},
		{"a word of one's own", Note{Date: "2026-11-25", Attendance: "maybe"}, activity.ErrAttendance},
	} {
		if _, err := p.NoteAttendance(c.note, false, coach, on("2026-11-24")); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.sentence, err, c.want)
		}
	}
	if _, err := p.NoteAttendance(Note{Date: "2026-11-30", Attendance: Present}, true, coach, on("2026-11-30")); !errors.Is(err, activity.ErrDayOff) {
		t.Errorf("on a closed day: %v", err)
	}
	if n := p.Status().Attendances(); len(n) != 2 || n[0].Minutes != 10 || n[1].Reason != "ill" {
		t.Errorf("the notes: %+v", n)
	}
	p.Advance(true, system, on("2026-12-09"))
	is("on the day of the follow-up", Running, "2026-12-19", "2026-12-09")
	must(t, p.FollowUp("2026-12-09", nil, coach, on("2026-12-10")))
	is("once it was held", Running, "2026-12-19", "")
	if err := p.FollowUp("2026-12-09", nil, coach, on("2026-12-10")); !errors.Is(err, ErrNoFollowUp) {
		t.Errorf("the same again: %v", err)
	}
	if err := p.End("2026-11-23", "work", nil, coach, on("2026-12-10")); !errors.Is(err, activity.ErrAttended) {
		t.Errorf("an end before attendance: %v", err)
	}
	must(t, p.End("2026-12-14", "work", nil, coach, on("2026-12-10")))
	is("ended", Ended, "", "")
	if _, there := p.HoursOn("2026-12-14"); there {
		t.Error("it has a day behind its end")
	}
}

func TestAnOfferLapsesAndAClosedEnrolmentEndsAPlacement(t *testing.T) {
	p := placed("1", nil)
	p.Advance(true, coach, civil.Date("2026-11-23").At(time.Minute))
	if st := p.Status(); st.State != Declined || st.LastDay >= p.From || p.Steps[1].Kind != StepLapsed {
		t.Errorf("%+v", st)
	}
	if err := p.Agree(coach, now); !errors.Is(err, ErrNotOffered) {
		t.Error(err)
	}
	for _, lastDay := range []civil.Date{"2026-11-20", "2026-12-01"} {
		p := placed("1", nil)
		must(t, p.Agree(coach, now))
		if !p.EndWith(lastDay, "event", coach, now) || p.EndWith(lastDay, "event", coach, now) {
			t.Error("once and not again")
		}
		if st := p.Status(); st.State != Ended || st.LastDay != max(lastDay, "2026-11-22") {
			t.Errorf("%s: %+v", lastDay, st)
		}
	}
}

// TestARegisterNeverHasMoreThanTheAreaTakes makes random claims, confirms and shortens them on
// moving days, and counts by hand.
func TestARegisterNeverHasMoreThanTheAreaTakes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	site, today := workshop(), civil.Date("2026-11-20")
	register := &Register{Area: "carpentry"}
	kept := map[string]Claim{}
	full := 0
	for n := range 600 {
		switch id := fmt.Sprint(r.IntN(n + 1)); r.IntN(5) {
		case 0:
			today = today.AddDays(r.IntN(2))
		case 1:
			if c, ok := kept[id]; ok && register.Confirm(id, today) == (c.AnswerBy != "" && c.AnswerBy < today) {
				t.Fatalf("step %d: a claim %+v is confirmed or not on %s", n, c, today)
			} else if ok && (c.AnswerBy == "" || c.AnswerBy >= today) {
				c.AnswerBy = ""
				kept[id] = c
			}
		case 2:
			last := today.AddDays(r.IntN(20))
			register.Shorten(id, last)
			if c, ok := kept[id]; ok {
				if c.Until = min(c.Until, last); c.Until < c.From {
					delete(kept, id)
				} else {
					kept[id] = c
				}
			}
		default:
			c := Claim{Placement: fmt.Sprint(n), From: today.AddDays(r.IntN(10)), AnswerBy: today.AddDays(r.IntN(4)), At: now}
			c.Until, c.Days = c.From.AddDays(r.IntN(15)), slices.Clone(site.Open[:1+r.IntN(3)])
			wanted := ""
			for d := c.From; d <= c.Until; d = d.AddDays(1) {
				if c.takes(d, today) && counted(kept, d, today) >= site.PlacesOn("carpentry", d) && wanted == "" {
					wanted = string(d)
				}
			}
			on, _ := register.Take(c, site, today)
			if string(on) != wanted {
				t.Fatalf("step %d: full on %q, want %q", n, on, wanted)
			}
			if on == "" {
				kept[c.Placement] = c
			} else {
				full++
			}
		}
	}
	if len(kept) < 10 || full < 10 {
		t.Errorf("%d claims kept and %d refused: nothing is shown", len(kept), full)
	}
	if found := register.Conflicts(site, today, today); len(found) != 0 {
		t.Errorf("the site takes them all, but %v", found)
	}
}

func counted(kept map[string]Claim, d, today civil.Date) (n int) {
	for _, c := range kept {
		if c.takes(d, today) {
			n++
		}
	}
	return n
}

// TestWhatASiteHasBecomeIsInConflict lowers places, ends an area, closes a day and shortens the
// agreement: the placements that were made last do not fit.
func TestWhatASiteHasBecomeIsInConflict(t *testing.T) {
	register := &Register{Area: "carpentry"}
	for _, id := range []string{"first", "second"} {
		if on, _ := register.Take(placed(id, nil).Claim(), workshop(), "2026-11-20"); on != "" {
			t.Fatal(on)
		}
	}
	if on, blocking := register.Take(placed("third", nil).Claim(), workshop(), "2026-11-20"); on != "2026-11-23" || len(blocking) != 2 {
		t.Errorf("a third: %s %v", on, blocking)
	}
	for _, c := range []struct {
		sentence string
		change   func(*association.Site)
		want     []Conflict
	}{
		{"nothing has changed", func(*association.Site) {}, nil},
		{"one place less", func(s *association.Site) { s.Places[0].Places = 1 }, []Conflict{{"second", "2026-11-23"}}},
		{"one on Wednesdays", func(s *association.Site) {
			s.Places = append(s.Places, association.AreaPlaces{Area: "carpentry", Days: []string{"wednesday"}, Places: 1})
		}, []Conflict{{"second", "2026-11-25"}}},
		{"the area has ended", func(s *association.Site) { s.Areas = []string{"garden"} }, []Conflict{{"first", "2026-11-23"}, {"second", "2026-11-23"}}},
		{"closed on Mondays", func(s *association.Site) { s.Open = s.Open[1:] }, []Conflict{{"first", "2026-11-23"}, {"second", "2026-11-23"}}},
		{"open later on Mondays", func(s *association.Site) { s.Open[0].From = "09:00" }, []Conflict{{"first", "2026-11-23"}, {"second", "2026-11-23"}}},
		{"the agreement ends before", func(s *association.Site) { s.Agreement.Until = "2026-12-06" }, []Conflict{{"first", "2026-12-07"}, {"second", "2026-12-07"}}},
		{"the site is gone", func(s *association.Site) { *s = association.Site{} }, []Conflict{{"first", "2026-11-23"}, {"second", "2026-11-23"}}},
	} {
		site := workshop()
		c.change(&site)
		if got := register.Conflicts(site, "2026-11-20", "2026-11-20"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.sentence, got, c.want)
		}
	}
	if free := register.FreeIn(workshop(), "2026-11-23", "2026-11-27", "2026-11-20"); len(free) != 3 || free[0].Taken != 2 || free[2] != (Free{"carpentry", "2026-11-27", 1, 0}) {
		t.Errorf("the places of a week: %+v", free)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
