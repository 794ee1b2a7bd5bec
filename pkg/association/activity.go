package association

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/civil"
)

// Activity is one line of a municipality's week, an activity that recurs. Fields that its
// material leaves out are empty; they are never guessed.
type Activity struct {
	ID           string       `json:"-" yaml:"-"`                             // UUID, the same as long as the given id is, or without one municipality, name, day and start
	GivenID      string       `json:"id,omitempty" yaml:"id,omitempty"`       // a word, or a UUID that the activity had before
	Municipality string       `json:"-" yaml:"-"`                             // code
	Calendar     Calendar     `json:"-" yaml:"-"`                             // the association's with the municipality's own
	Version      int          `json:"-" yaml:"-"`                             // of this form
	Since        civil.Date   `json:"since,omitempty" yaml:"since,omitempty"` // first day of this form; empty: it always was so
	Name         string       `json:"name" yaml:"name"`
	Category     string       `json:"category" yaml:"category"`                         // one of Categories
	Day          string       `json:"day,omitempty" yaml:"day,omitempty"`               // "monday" to "sunday"; empty: not set yet
	Rule         string       `json:"rule,omitempty" yaml:"rule,omitempty"`             // by RFC 5545 instead of Day, such as "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH"
	First        civil.Date   `json:"first,omitempty" yaml:"first,omitempty"`           // the day from which Rule and Contents count; nothing is before it
	Extra        []civil.Date `json:"extra,omitempty" yaml:"extra,omitempty,flow"`      // days besides those of Day or Rule
	Except       []civil.Date `json:"except,omitempty" yaml:"except,omitempty,flow"`    // days of Day or Rule on which it does not take place
	Holidays     string       `json:"holidays,omitempty" yaml:"holidays,omitempty"`     // on closed days: HolidaysOff, HolidaysOn or HolidaysMoved; empty: as Calendar says
	MovedTo      string       `json:"movedTo,omitempty" yaml:"movedTo,omitempty"`       // weekday, with HolidaysMoved
	Contents     []string     `json:"contents,omitempty" yaml:"contents,omitempty"`     // in turn, each for a week of Rule
	From         string       `json:"from,omitempty" yaml:"from,omitempty"`             // local time "15:04" (Europe/Stockholm); empty: by individual planning
	To           string       `json:"to,omitempty" yaml:"to,omitempty"`                 // as From
	Part         string       `json:"part,omitempty" yaml:"part,omitempty"`             // "morning" or "afternoon", where no times are given
	Mode         string       `json:"mode,omitempty" yaml:"mode,omitempty"`             // "digital", or empty: at the place
	Place        string       `json:"place,omitempty" yaml:"place,omitempty"`           // in words
	Site         string       `json:"site,omitempty" yaml:"site,omitempty"`             // id of a site of the municipality, instead of Place
	Places       []string     `json:"places,omitempty" yaml:"places,omitempty,flow"`    // where the place is chosen individually
	Gather       string       `json:"gather,omitempty" yaml:"gather,omitempty"`         // where to meet
	Leader       string       `json:"leader,omitempty" yaml:"leader,omitempty"`         // subject of the member of staff
	Individual   bool         `json:"individual,omitempty" yaml:"individual,omitempty"` // the time is planned with each participant
	Rotating     bool         `json:"rotating,omitempty" yaml:"rotating,omitempty"`     // not every week is alike
	Link         string       `json:"link,omitempty" yaml:"link,omitempty"`             // where a digital one is met (https)
	Capacity     int          `json:"capacity,omitempty" yaml:"capacity,omitempty"`     // places at each occurrence; zero: no bound
	DropIn       bool         `json:"dropIn,omitempty" yaml:"dropIn,omitempty"`         // one comes without a booking
	Slot         int          `json:"slot,omitempty" yaml:"slot,omitempty"`             // minutes of the leader's time that are booked one by one; zero: it is booked whole
	Load         *Load        `json:"load,omitempty" yaml:"load,omitempty,flow"`        // nil: not given
	ClosedGroup  *ClosedGroup `json:"closedGroup,omitempty" yaml:"closedGroup,omitempty,flow"`
	Gone         bool         `json:"-" yaml:"-"` // nothing takes place in this form, which has no Day
	// Later is what it becomes, whole, in the order of Since.
	Later []Activity `json:"later,omitempty" yaml:"-"`
	// Changes and Until are how a file writes Later, which ParseFile makes of them.
	Changes []Change   `json:"-" yaml:"changes,omitempty"` // in the order of their days
	Until   civil.Date `json:"-" yaml:"until,omitempty"`   // last day; empty: it goes on
}

// ClosedGroup says that an activity is a course that one joins from its start.
type ClosedGroup struct {
	Sessions int      `json:"sessions,omitempty" yaml:"sessions,omitempty"`  // zero: not given
	Minutes  int      `json:"minutes,omitempty" yaml:"minutes,omitempty"`    // of a session; zero: not given
	Least    int      `json:"least,omitempty" yaml:"least,omitempty"`        // participants; zero: not given
	Most     int      `json:"most,omitempty" yaml:"most,omitempty"`          // as Least
	Starts   []string `json:"starts,omitempty" yaml:"starts,omitempty,flow"` // the days of first sessions; none: not given
}

// Load is how much of a participant's strength an occurrence takes, of each kind from 0 for
// nothing to MaxLoad.
type Load struct {
	Physical  int `json:"physical,omitempty" yaml:"physical,omitempty"`
	Social    int `json:"social,omitempty" yaml:"social,omitempty"`
	Cognitive int `json:"cognitive,omitempty" yaml:"cognitive,omitempty"`
	Digital   int `json:"digital,omitempty" yaml:"digital,omitempty"`
	Travel    int `json:"travel,omitempty" yaml:"travel,omitempty"`
}

// MaxLoad is the most of each kind of Load.
const MaxLoad = 3

// Change is what is another with an activity from a day on. What is empty stays; Is is
// all of it instead.
type Change struct {
	On     string    `yaml:"on"`
	Name   string    `yaml:"name,omitempty"`
	Day    string    `yaml:"day,omitempty"`
	From   string    `yaml:"from,omitempty"`
	To     string    `yaml:"to,omitempty"`
	Place  string    `yaml:"place,omitempty"`
	Gather string    `yaml:"gather,omitempty"`
	Link   string    `yaml:"link,omitempty"`
	Leader string    `yaml:"leader,omitempty"`
	Off    bool      `yaml:"off,omitempty"` // nothing takes place from that day on
	Is     *Activity `yaml:"is,omitempty"`
}

// days are the weekdays' names in the order of the ISO week.
var days = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// Scheduled reports whether the activity has dates in one of its forms.
func (a Activity) Scheduled() bool {
	return a.HasDays() || slices.ContainsFunc(a.Later, func(x Activity) bool { return x.HasDays() })
}

// Timed reports whether the activity has a start and an end.
func (a Activity) Timed() bool { return a.From != "" }

// Weekday returns the activity's Day; ok is false when it has none, or a Rule.
func (a Activity) Weekday() (day time.Weekday, ok bool) {
	i := slices.Index(days, a.Day)
	return time.Weekday((i + 1) % 7), i >= 0
}

// At returns the activity as it is on a day; before its first day and after its last one
// it is Gone.
func (a Activity) At(d civil.Date) Activity {
	later := a.Later
	if d < a.Since {
		a.Day, a.Gone = "", true
	}
	for i := range later {
		if later[i].Since > d {
			break
		}
		a = later[i]
	}
	a.Later = later
	return a
}

// texts returns the texts that a change has a field for, each with that of an activity.
func (c *Change) texts(a *Activity) [][2]*string {
	return [][2]*string{
		{&c.Name, &a.Name}, {&c.Day, &a.Day}, {&c.From, &a.From}, {&c.To, &a.To}, {&c.Place, &a.Place}, {&c.Gather, &a.Gather}, {&c.Link, &a.Link}, {&c.Leader, &a.Leader},
	}
}

// apply returns an activity with the change.
func (c Change) apply(a Activity) Activity {
	for _, f := range c.texts(&a) {
		*f[1] = cmp.Or(*f[0], *f[1])
	}
	if a.Gone = c.Off; c.Off {
		a.Day = ""
	}
	return a
}

// alike reports whether two forms say the same of what takes place.
func (a Activity) alike(b Activity) bool {
	for _, x := range []*Activity{&a, &b} {
		x.GivenID, x.Since, x.Later, x.Version = "", "", nil, 0
	}
	return reflect.DeepEqual(a, b)
}

// later makes whole forms of an activity's changes and its last day.
func (c *checker) later(x *Activity, place string) {
	form := *x
	form.Changes, form.Until = nil, ""
	for i, ch := range x.Changes {
		at := fmt.Sprintf("%s.changes[%d]", place, i)
		on := civil.Date(ch.On)
		c.want(on.Valid(), at+".on", "want a date such as 2026-11-24, got %q", ch.On)
		c.want(i == 0 || x.Changes[i-1].On < ch.On, at+".on", "want a later day than that of the change before, got %q", ch.On)
		c.want(x.Since < on, at+".on", "want a later day than the first (since), got %q", ch.On)
		c.want(ch != Change{On: ch.On}, at, "want what is another from that day on, got nothing")
		if ch.Is != nil {
			c.want(ch == Change{On: ch.On, Is: ch.Is}, at, "want all of it under is, or what is another, got both")
			c.want(ch.Is.GivenID == "" && ch.Is.Since == "" && ch.Is.Until == "" && len(ch.Is.Changes) == 0, at+".is", "want no id, since, until or changes of its own, got one")
			id := form.GivenID
			form = *ch.Is
			form.GivenID, form.Until, form.Changes = id, "", nil
		}
		form = ch.apply(form)
		form.Since = on
		x.Later = append(x.Later, form)
	}
	if x.Until != "" {
		c.want(x.Until.Valid() && x.Since <= x.Until, place+".until", "want a date such as 2026-11-24, got %q", x.Until)
		end := x.Until.AddDays(1)
		form = x.At(x.Until)
		form.Since, form.Later = end, nil // until it is Gone, below
		n := slices.IndexFunc(x.Later, func(f Activity) bool { return f.Since >= end })
		if n < 0 {
			n = len(x.Later)
		}
		if n == len(x.Later) || x.Later[n].Since != end {
			x.Later = slices.Insert(x.Later, n, form)
		}
		for ; n < len(x.Later); n++ {
			x.Later[n].Day, x.Later[n].Gone = "", true
		}
	}
	x.Changes, x.Until = nil, ""
}

// Written returns the activity as a file has it: with changes and a last day instead of
// what it becomes later.
func (a Activity) Written() Activity {
	before := a
	for i, form := range a.Later {
		same := form
		same.Day, same.Gone = before.Day, before.Gone
		if form.Gone && i == len(a.Later)-1 && same.alike(before) {
			a.Until = form.Since.AddDays(-1)
			break
		}
		ch := Change{On: string(form.Since), Off: form.Gone}
		was := ch.texts(&before)
		for n, f := range ch.texts(&form) {
			if *was[n][1] != *f[1] {
				*f[0] = *f[1]
			}
		}
		if ch == (Change{On: ch.On}) || !ch.apply(before).alike(form) {
			whole := form
			whole.GivenID, whole.Since, whole.Later = "", "", nil
			ch = Change{On: ch.On, Is: &whole}
		}
		before = form
		a.Changes = append(a.Changes, ch)
	}
	a.Later = nil
	return a
}
