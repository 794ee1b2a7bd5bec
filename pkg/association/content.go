package association

import (
	"cmp"
	"slices"

	"github.com/finsam/finsam/pkg/civil"
)

// Members are the name of an association and those who own it.
type Members struct {
	Name           string         `json:"name" yaml:"name"`
	Municipalities []Municipality `json:"municipalities" yaml:"municipalities"`
	Authorities    []Authority    `json:"authorities,omitempty" yaml:"authorities,omitempty"`
}

// Agreement is that a municipality performs an initiative.
type Agreement struct {
	Municipality string     `json:"municipality" yaml:"municipality"` // code
	From         civil.Date `json:"from" yaml:"from"`
	Until        civil.Date `json:"until,omitempty" yaml:"until,omitempty"`         // last day; empty: it goes on
	Reference    string     `json:"reference,omitempty" yaml:"reference,omitempty"` // of the decision
}

// Rule is what every participant's week must have, such as an organised physical activity
// once a week.
type Rule struct {
	ID       string `json:"id" yaml:"id"` // as in reports
	Category string `json:"category" yaml:"category"`
	Times    int    `json:"times" yaml:"times"`                            // a week, at least
	FromWeek int    `json:"fromWeek,omitempty" yaml:"fromWeek,omitempty"`  // of the enrolment, from 1; zero: from the first
	Blocks   []int  `json:"blocks,omitempty" yaml:"blocks,omitempty,flow"` // none: all
	SV       string `json:"sv,omitempty" yaml:"sv,omitempty"`              // the rule as people read it
	EN       string `json:"en,omitempty" yaml:"en,omitempty"`
}

// AbsenceRule says from when on absence is for the coach to follow up: so many times in a
// row, or so large a share of what somebody was to come to in so many weeks.
type AbsenceRule struct {
	InRow   int `json:"inRow,omitempty" yaml:"inRow,omitempty"`
	Percent int `json:"percent,omitempty" yaml:"percent,omitempty"`
	Weeks   int `json:"weeks,omitempty" yaml:"weeks,omitempty"`
}

// DefaultAbsence holds where a plan says nothing: three times in a row, or half of two weeks.
var DefaultAbsence = AbsenceRule{InRow: 3, Percent: 50, Weeks: 2}

// Whole returns the rule with the default for each number that is not set.
func (r AbsenceRule) Whole() AbsenceRule {
	d := DefaultAbsence
	return AbsenceRule{cmp.Or(r.InRow, d.InRow), cmp.Or(r.Percent, d.Percent), cmp.Or(r.Weeks, d.Weeks)}
}

// ConsentText is what a person signs, in one language.
type ConsentText struct {
	Version  string `json:"version" yaml:"version"`   // such as "2026-1"
	Language string `json:"language" yaml:"language"` // BCP 47, such as "sv"
	Title    string `json:"title" yaml:"title"`
	Text     string `json:"text" yaml:"text"` // paragraphs are separated by an empty line
}

// ConsentPeriod is a span of days on which people sign a version of the text of consent, in
// one of its languages.
type ConsentPeriod struct {
	Version     string
	From, Until civil.Date // Until is the last day; empty: it goes on
}

// ConsentVersions returns the versions of the text of consent that hold on a day, in order;
// none where the association has no text then, and cannot tell what people sign.
func (a *Association) ConsentVersions(on civil.Date) []string {
	var all []string
	for _, p := range a.ConsentPeriods {
		if p.From <= on && (p.Until == "" || on <= p.Until) {
			all = append(all, p.Version)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// CodeList is the association's own words for the codes of one list of the contract.
type CodeList struct {
	ID    string     `json:"id" yaml:"id"` // the list's name
	Codes []CodeWord `json:"codes" yaml:"codes"`
}

// CodeWord is the word for one code in both languages.
type CodeWord struct {
	ID string `json:"id" yaml:"id"`
	SV string `json:"sv" yaml:"sv"`
	EN string `json:"en" yaml:"en"`
}

// Site is a place where people meet or work.
type Site struct {
	ID           string         `json:"id,omitempty" yaml:"id,omitempty"`       // a word, of its municipality's own
	Municipality string         `json:"municipality,omitempty" yaml:"-"`        // code
	Since        civil.Date     `json:"since,omitempty" yaml:"since,omitempty"` // first day of this form; empty: it always was so
	Name         string         `json:"name,omitempty" yaml:"name,omitempty"`
	Address      string         `json:"address,omitempty" yaml:"address,omitempty"`
	WorkTraining bool           `json:"workTraining,omitempty" yaml:"workTraining,omitempty"`    // takes participants for work training
	Areas        []string       `json:"areas,omitempty" yaml:"areas,omitempty,flow"`             // of work training, such as "carpentry"
	External     bool           `json:"external,omitempty" yaml:"external,omitempty"`            // somebody else than the municipality runs it
	Supervisors  []string       `json:"supervisors,omitempty" yaml:"supervisors,omitempty,flow"` // subjects of the staff who have its list of the day
	Open         []OpeningHours `json:"open,omitempty" yaml:"open,omitempty,flow"`               // when it takes participants; none: not given
	Places       []AreaPlaces   `json:"places,omitempty" yaml:"places,omitempty,flow"`           // how many an area takes at once; none: not given
	Agreement    *SiteAgreement `json:"agreement,omitempty" yaml:"agreement,omitempty,flow"`
	Gone         bool           `json:"gone,omitempty" yaml:"gone,omitempty"`   // it is not there in this form, which says nothing else
	Later        []Site         `json:"later,omitempty" yaml:"later,omitempty"` // what it becomes, whole, in the order of Since
}

// At returns the site as it is on a day; while it is not there, as it was before, and Gone.
func (s Site) At(d civil.Date) Site {
	is, later := s, s.Later
	is.Gone = d < s.Since
	for _, x := range later {
		if x.Since > d {
			break
		}
		x.ID, x.Municipality = s.ID, s.Municipality
		if x.Gone {
			x = is
			x.Gone = true
		}
		is = x
	}
	is.Later = later
	return is
}

// isThere reports whether there is a site on each day from one until another, which is left
// out.
func (s Site) isThere(from, until civil.Date) bool {
	return !s.At(from).Gone && !slices.ContainsFunc(s.Later, func(x Site) bool { return x.Gone && from <= x.Since && x.Since < until })
}

// Place returns where a site is, in words.
func (s Site) Place() string {
	if s.Address == "" {
		return s.Name
	}
	return s.Name + ", " + s.Address
}

// OpeningHours are when a site takes participants on a day of the week.
type OpeningHours struct {
	Day  string `json:"day" yaml:"day"`   // "monday" to "sunday"
	From string `json:"from" yaml:"from"` // local time "08:00"
	To   string `json:"to" yaml:"to"`     // as From
}

// AreaPlaces are how many participants an area of a site takes at once.
type AreaPlaces struct {
	Area   string   `json:"area" yaml:"area"`
	Days   []string `json:"days,omitempty" yaml:"days,omitempty,flow"` // of the week; none: those that no other entry of the area names
	Places int      `json:"places" yaml:"places"`
}

// SiteAgreement is that a site takes participants for work training.
type SiteAgreement struct {
	From      civil.Date `json:"from" yaml:"from"`
	Until     civil.Date `json:"until,omitempty" yaml:"until,omitempty"`         // last day; empty: it goes on
	Reference string     `json:"reference,omitempty" yaml:"reference,omitempty"` // of the decision
}

// ObjectID returns the id by which the whole association knows the site.
func (s Site) ObjectID() string { return "site." + s.Municipality + "." + s.ID }

// HoursOn returns when the site takes participants on a date; ok is false on a day of the week
// on which it does not.
func (s Site) HoursOn(d civil.Date) (h OpeningHours, ok bool) {
	s = s.At(d)
	i := slices.IndexFunc(s.Open, func(h OpeningHours) bool { return h.Day == dayOf(d) })
	if i < 0 || s.Gone {
		return h, false
	}
	return s.Open[i], true
}

// PlacesOn returns how many participants an area takes at once on a date: none outside the
// agreement, and on a day on which the site is not open.
func (s Site) PlacesOn(area string, d civil.Date) (places int) {
	_, opens := s.HoursOn(d)
	if s = s.At(d); !opens || !s.WorkTraining || s.Agreement != nil && (d < s.Agreement.From || s.Agreement.Until != "" && d > s.Agreement.Until) {
		return 0
	}
	for _, p := range s.Places {
		if p.Area == area && slices.Contains(p.Days, dayOf(d)) {
			return p.Places
		}
		if p.Area == area && len(p.Days) == 0 {
			places = p.Places
		}
	}
	return places
}

// dayOf returns the name of a date's day of the week.
func dayOf(d civil.Date) string { return days[(int(d.MidnightUTC().Weekday())+6)%7] }

// ClosedPeriod is a span of days on which nothing takes place.
type ClosedPeriod struct {
	From  civil.Date `json:"from" yaml:"from"`
	Until civil.Date `json:"until" yaml:"until"` // last day
	SV    string     `json:"sv" yaml:"sv"`       // why, such as "Sommarstängt"
	EN    string     `json:"en" yaml:"en"`
}
