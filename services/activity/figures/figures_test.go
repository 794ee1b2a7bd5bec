package figures

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/services/activity"
)

// day is 2026-09-07, a Monday, and those after it: eleven weeks without a holiday on a working day.
func day(n int) civil.Date { return civil.Date("2026-09-07").AddDays(n) }

func noon(n int) time.Time { return day(n).At(12 * time.Hour) }

var coach = history.Author{Subject: "coach-17", Authority: "molndal"}

// plain is what happened, as the field would write it down: without steps.
type plain struct {
	activities []plainActivity
	cancelled  map[string]bool // activity and day
	people     []plainPerson
	groups     []plainGroup
	waits      []plainWait
	byGender   bool
}

type plainActivity struct {
	weekday  int // from Monday
	category string
	places   int
}

type plainPerson struct {
	activity, first, last int
	municipality          string
	gender                string         // empty: the vault does not know the person
	notes                 map[int]string // by day: present, late, notified, absent
	waited                int            // days until the offer; below 0: booked at once
}

type plainGroup struct{ activity, started, size int }

type plainWait struct {
	category     string
	begun, ended int
}

func invent(random *rand.Rand) (p plain) {
	p.cancelled, p.byGender = map[string]bool{}, random.IntN(2) == 0
	for range 1 + random.IntN(4) {
		p.activities = append(p.activities, plainActivity{random.IntN(5), association.Categories[random.IntN(5)], []int{0, 2, 5}[random.IntN(3)]})
	}
	for a, x := range p.activities {
		for week := range 10 {
			if d := 7*week + x.weekday; random.IntN(6) == 0 {
				p.cancelled[fmt.Sprint(a, "/", d)] = true
			}
		}
	}
	for range random.IntN(8) {
		x := plainPerson{gender: []string{"female", "male", "other", "unknown", ""}[random.IntN(5)], activity: random.IntN(len(p.activities)), first: random.IntN(60), municipality: []string{"1481", "1402", "1441"}[random.IntN(3)], notes: map[int]string{}, waited: -1}
		x.last = x.first + random.IntN(40)
		if random.IntN(3) == 0 {
			x.waited = random.IntN(20)
		}
		for d := x.first; d <= x.last; d++ {
			if what := []string{"", "present", "late", "notified", "absent"}[random.IntN(5)]; d%7 == p.activities[x.activity].weekday && d <= today && what != "" {
				x.notes[d] = what
			}
		}
		p.people = append(p.people, x)
	}
	for a := range p.activities {
		if random.IntN(3) == 0 {
			p.groups = append(p.groups, plainGroup{a, random.IntN(70), random.IntN(9)})
		}
	}
	for range random.IntN(5) {
		begun := random.IntN(40)
		p.waits = append(p.waits, plainWait{association.Categories[random.IntN(5)], begun, begun + random.IntN(30)})
	}
	return p
}

const today = 45 // a day

// input returns the same as documents with their steps.
func (p plain) input(first, last int) Input {
	in := Input{First: activity.WeekOf(day(7 * first)), Last: activity.WeekOf(day(7 * last)), Today: day(today), Cancelled: activity.Cancellations{}}
	for a, x := range p.activities {
		id := fmt.Sprint(a)
		in.Activities = append(in.Activities, association.Activity{
			ID: id, Municipality: "1481", Category: x.category, Day: []string{"monday", "tuesday", "wednesday", "thursday", "friday"}[x.weekday], From: "10:00", To: "11:00", Capacity: x.places,
		})
		for d := range 80 {
			if p.cancelled[fmt.Sprint(a, "/", d)] {
				in.Cancelled[activity.OccurrenceKey{Activity: id, Date: day(d)}] = &activity.Cancellation{}
			}
		}
	}
	if p.byGender {
		in.Genders = map[string]string{}
	}
	for i, x := range p.people {
		if p.byGender && x.gender != "" {
			in.Genders[fmt.Sprint("p", i)] = x.gender
		}
		b := &activity.Booking{ID: fmt.Sprint("b", i), Participant: fmt.Sprint("p", i), Municipality: x.municipality, Activity: fmt.Sprint(x.activity), From: day(x.first), Until: day(x.last)}
		if x.waited < 0 {
			b.Steps = history.Append(b.Steps, activity.Step{Kind: activity.StepBooked}, coach, noon(x.first))
		} else {
			b.Steps = history.Append(b.Steps, activity.Step{Kind: activity.StepWaitlisted}, coach, noon(x.first-x.waited))
			b.Steps = history.Append(b.Steps, activity.Step{Kind: activity.StepOffered}, coach, noon(x.first))
			b.Steps = history.Append(b.Steps, activity.Step{Kind: activity.StepAccepted}, coach, noon(x.first).Add(time.Hour))
		}
		for d := x.first; d <= x.last; d++ {
			s := activity.Step{Kind: activity.StepNoted, Date: day(d)}
			switch x.notes[d] {
			case "":
				continue
			case "present":
				s.Attendance = activity.Present
			case "late":
				s.Attendance, s.Minutes = activity.Late, 10
			case "notified":
				s.Attendance, s.Reason, s.Notified = activity.Absent, "ill", true
			case "absent":
				s.Attendance, s.Reason = activity.Absent, "unknown"
			}
			b.Steps = history.Append(b.Steps, s, coach, noon(d))
		}
		in.Bookings = append(in.Bookings, b)
	}
	for _, x := range p.groups {
		in.Courses = append(in.Courses, Course{Activity: fmt.Sprint(x.activity), Started: day(x.started), Size: x.size})
	}
	for _, x := range p.waits {
		in.Waited = append(in.Waited, Waited{x.category, day(x.begun), day(x.ended)})
	}
	return in
}

// count does so by hand: for each week and category over all days and people.
func (p plain) count(first, last int) *Figures {
	f := &Figures{}
	has := func(d int) bool { return 7*first <= d && d < 7*(last+1) }
	for week := first; week <= last; week++ {
		for _, category := range association.Categories {
			r, isOffered := Row{Week: activity.WeekOf(day(7 * week)), Category: category}, false
			of := map[string]Attendance{}
			for a, x := range p.activities {
				d := 7*week + x.weekday
				switch {
				case x.category != category:
					continue
				case p.cancelled[fmt.Sprint(a, "/", d)]:
					r.CalledOff, isOffered = r.CalledOff+1, true
					continue
				}
				r.Held, r.Places, isOffered = r.Held+1, r.Places+x.places, true
				for _, who := range p.people {
					if who.activity != a || d < who.first || d > who.last {
						continue
					}
					gender := ""
					if p.byGender {
						if gender = who.gender; gender == "" {
							gender = "unknown"
						}
					}
					key := who.municipality + gender
					n := of[key]
					n.Municipality, n.Gender, n.Booked = who.municipality, gender, n.Booked+1
					switch who.notes[d] {
					case "present":
						n.Present++
					case "late":
						n.Late++
					case "notified":
						n.Notified++
					case "absent":
						n.Absent++
					default:
						if d <= today {
							n.Unnoted++
						}
					}
					if x.places > 0 && who.notes[d] != "notified" {
						r.Used++
					}
					of[key] = n
				}
			}
			for _, code := range []string{"1402", "1441", "1481"} {
				for _, gender := range []string{"", "female", "male", "other", "unknown"} {
					if n := of[code+gender]; n.Booked > 0 {
						r.People = append(r.People, n)
					}
				}
			}
			if isOffered {
				f.Weeks = append(f.Weeks, r)
			}
		}
	}
	for week := first; week <= last; week++ {
		for _, category := range association.Categories {
			var sizes []int
			for _, g := range p.groups {
				if g.started/7 == week && p.activities[g.activity].category == category {
					sizes = append(sizes, g.size)
				}
			}
			slices.Sort(sizes)
			for _, n := range sizes {
				f.Groups = append(f.Groups, Group{activity.WeekOf(day(7 * week)), category, n})
			}
		}
	}
	for _, kind := range []string{"activity", "group"} {
		for _, category := range association.Categories {
			var days []int
			for _, x := range p.people {
				if kind == "activity" && x.waited >= 0 && has(x.first) && p.activities[x.activity].category == category {
					days = append(days, x.waited)
				}
			}
			for _, x := range p.waits {
				if kind == "group" && has(x.ended) && x.category == category {
					days = append(days, x.ended-x.begun)
				}
			}
			if len(days) == 0 {
				continue
			}
			slices.Sort(days)
			reaches := func(share float64) int { // the first day at which so many have waited no longer
				for i, n := range days {
					if float64(i+1) >= share*float64(len(days))-1e-9 {
						return n
					}
				}
				return -1
			}
			f.Waits = append(f.Waits, Wait{kind, category, len(days), reaches(.5), reaches(.9)})
		}
	}
	return f
}

// TestFiguresAreThoseCountedByHand compares them over invented municipalities.
func TestFiguresAreThoseCountedByHand(t *testing.T) {
	rows, people, waits, groups := 0, 0, 0, 0
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 86))
		p := invent(random)
		first := random.IntN(8)
		last := first + random.IntN(10-first)
		got, want := Count(p.input(first, last)), p.count(first, last)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d, weeks %d to %d:\n got %+v\nwant %+v", seed, first, last, *got, *want)
		}
		rows, waits, groups = rows+len(got.Weeks), waits+len(got.Waits), groups+len(got.Groups)
		for _, r := range got.Weeks {
			people += len(r.People)
		}
	}
	if min(rows, people, waits, groups) < 100 {
		t.Errorf("too little was compared: %d rows, %d of people, %d waits, %d groups", rows, people, waits, groups)
	}
}

// TestACourseTakesPlaceForItsGroups says which occurrences of a course are counted.
func TestACourseTakesPlaceForItsGroups(t *testing.T) {
	course := association.Activity{ID: "act", Municipality: "1481", Category: "act", Day: "monday", From: "10:00", To: "12:00", ClosedGroup: &association.ClosedGroup{Most: 8}}
	open := Course{Activity: "act", Sessions: []civil.Date{day(0), day(14)}, Places: 7}
	closed := Course{Activity: "act", Places: 7}
	booked := &activity.Booking{ID: "b", Municipality: "1481", Activity: "act", From: day(7), Until: day(7), Steps: history.Append(nil, activity.Step{Kind: activity.StepBooked}, coach, noon(0))}
	for sentence, c := range map[string]struct {
		groups       []Course
		bookings     []*activity.Booking
		held, places int
	}{
		"without a group nothing takes place":              {},
		"nor for one that is not open, or was cancelled":   {groups: []Course{closed}},
		"one that is open has its places on its days":      {groups: []Course{open, closed}, held: 2, places: 14},
		"two at once have the places of both":              {groups: []Course{open, open}, held: 2, places: 28},
		"what a file starts takes place for who is booked": {bookings: []*activity.Booking{booked}, held: 1, places: 8},
	} {
		f := Count(Input{First: activity.WeekOf(day(0)), Last: activity.WeekOf(day(27)), Today: day(30), Activities: []association.Activity{course}, Courses: c.groups, Bookings: c.bookings})
		held, places := 0, 0
		for _, r := range f.Weeks {
			held, places = held+r.Held, places+r.Places
		}
		if held != c.held || places != c.places {
			t.Errorf("%s: held %d times with %d places, want %d and %d", sentence, held, places, c.held, c.places)
		}
	}
}
