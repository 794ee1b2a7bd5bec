package association

import (
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
	From         string       `json:"from,omitempty" yaml:"from,omitempty"`             // local time "15:04" (Europe/Stockholm); empty: by individual planning
	To           string       `json:"to,omitempty" yaml:"to,omitempty"`                 // as From
	Part         string       `json:"part,omitempty" yaml:"part,omitempty"`             // "morning" or "afternoon", where no times are given
	Mode         string       `json:"mode,omitempty" yaml:"mode,omitempty"`             // "digital", or empty: at the place
	Place        string       `json:"place,omitempty" yaml:"place,omitempty"`           // in words
	Site         string       `json:"site,omitempty" yaml:"site,omitempty"`             // id of a site of the municipality, instead of Place
	Places       []string     `json:"places,omitempty" yaml:"places,omitempty,flow"`    // where the place is chosen individually
	Gather       string       `json:"gather,omitempty" yaml:"gather,omitempty"`         // where to meet
	Individual   bool         `json:"individual,omitempty" yaml:"individual,omitempty"` // the time is planned with each participant
	Rotating     bool         `json:"rotating,omitempty" yaml:"rotating,omitempty"`     // not every week is alike
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
	Least    int      `json:"least,omitempty" yaml:"least,omitempty"`        // participants; zero: not given
	Most     int      `json:"most,omitempty" yaml:"most,omitempty"`          // as Least
	Starts   []string `json:"starts,omitempty" yaml:"starts,omitempty,flow"` // the days of first sessions; none: not given
}

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
	Off    bool      `yaml:"off,omitempty"` // nothing takes place from that day on
	Is     *Activity `yaml:"is,omitempty"`
}

// days are the weekdays' names in the order of the ISO week.
var days = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// Scheduled reports whether the activity has a weekday, so that it has dates.
func (a Activity) Scheduled() bool {
	return a.Day != "" || slices.ContainsFunc(a.Later, func(x Activity) bool { return x.Day != "" })
}

// Timed reports whether the activity has a start and an end.
func (a Activity) Timed() bool { return a.From != "" }

// Weekday returns the activity's day; ok is false when it has none.
func (a Activity) Weekday() (day time.Weekday, ok bool) {
	i := slices.Index(days, a.Day)
	return time.Weekday((i + 1) % 7), i >= 0
}

// At returns the activity as it is on a day; before its first day and after its last one
// it has no weekday.
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

// apply returns an activity with the change.
func (c Change) apply(a Activity) Activity {
	for _, f := range []struct {
		field *string
		to    string
	}{{&a.Name, c.Name}, {&a.Day, c.Day}, {&a.From, c.From}, {&a.To, c.To}, {&a.Place, c.Place}, {&a.Gather, c.Gather}} {
		if f.to != "" {
			*f.field = f.to
		}
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
		for _, f := range []struct {
			field   *string
			was, is string
		}{{&ch.Name, before.Name, form.Name}, {&ch.Day, before.Day, form.Day}, {&ch.From, before.From, form.From}, {&ch.To, before.To, form.To}, {&ch.Place, before.Place, form.Place}, {&ch.Gather, before.Gather, form.Gather}} {
			if f.was != f.is {
				*f.field = f.is
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
