// Package association reads what a coordination association (samordningsförbund) has
// decided: its municipalities, its initiative with blocks and ages, and the weeks that
// its municipalities offer. It is configuration in YAML, never code: a programme
// differs per municipality and changes over time.
//
// A configuration has a Version, which is stored with what was planned by it. Nothing
// here is about persons.
package association

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
)

// Association is one tenant and what it has decided.
type Association struct {
	ID             string // short name, such as "insjoriket"
	Name           string // as people write it
	Version        string // twelve hex digits of the SHA-256 of the file
	Municipalities []Municipality
	Authorities    []Authority // the members that are no municipalities; none: not given
	Initiatives    []Initiative
	Weeks          []Week
	Terms          Terms
	Calendar       Calendar
}

// Municipality is a member municipality.
type Municipality struct {
	Code string `yaml:"code"` // four digits, Statistics Sweden's municipality code
	Name string `yaml:"name"`
	// Authority is the id of the municipality as a member authority, as it is in its
	// staff's tokens and in a person's consent; empty: not given.
	Authority string `yaml:"authority"`
}

// Authority is a member that is no municipality.
type Authority struct {
	ID   string `yaml:"id"`   // as in its staff's tokens and in a person's consent
	Name string `yaml:"name"` // empty: not given
	Kind string `yaml:"kind"` // one of authorityKinds; empty: not given
}

// UnmarshalYAML reads an authority, or its id alone.
func (a *Authority) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&a.ID)
	}
	type plain Authority // without this method
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		if key := n.Content[i]; !slices.Contains([]string{"id", "name", "kind"}, key.Value) {
			return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: field %s not found in type Authority", key.Line, key.Value)}}
		}
	}
	return n.Decode((*plain)(a))
}

// authorityKinds are the kinds of member that are no municipality (lag 2003:1210).
var authorityKinds = []string{string(actor.EmploymentService), string(actor.SocialInsurance), string(actor.Region)}

// Initiative (insats) is what participants are enrolled in.
type Initiative struct {
	ID          string          `yaml:"id"`
	Name        string          `yaml:"name"`
	Orientation string          `yaml:"orientation"` // "individual" or "structural"
	MinAge      int             `yaml:"-"`           // whole years on the start date
	MaxAge      int             `yaml:"-"`           // whole years on the start date, itself allowed
	TargetGroup TargetGroup     `yaml:"targetGroup"`
	RightTime   []Question      `yaml:"rightTime"` // whether now is the right time; the sender answers
	Plan        Plan            `yaml:",inline"`
	Plans       map[string]Plan `yaml:"-"` // of the municipalities, by code, that follow another plan
}

// PlanIn returns the plan by which a municipality runs the initiative.
func (i Initiative) PlanIn(municipality string) Plan {
	if p, ok := i.Plans[municipality]; ok {
		return p
	}
	return i.Plan
}

// Plan is how an initiative proceeds.
type Plan struct {
	MaxWeeks int     `yaml:"maxWeeks"` // the most weeks that a participant may be active, unless an exception is approved
	Blocks   []Block `yaml:"blocks"`
	// CheckInDays is how many days before a block's last day its check-in can be held;
	// nil: DefaultCheckInDays.
	CheckInDays *int `yaml:"checkInDays"`
	// WeeksUsedBefore says whether weeks that a person used in earlier enrolments count
	// against MaxWeeks: WeeksCount (also when empty) or WeeksIgnored.
	WeeksUsedBefore string `yaml:"weeksUsedBefore"`
	// CorrectionDays is within how many days who took a step corrects it; zero: as the
	// association's Terms say.
	CorrectionDays int `yaml:"correctionDays"`
}

// What a plan may say of weeks that were used before.
const (
	WeeksCount   = "count"
	WeeksIgnored = "ignore"
)

// DefaultCheckInDays is how early a check-in can be held where the plan does not say it.
const DefaultCheckInDays = 14

// DaysBeforeCheckIn returns how many days before a block's last day its check-in can be
// held.
func (p Plan) DaysBeforeCheckIn() int {
	if p.CheckInDays == nil {
		return DefaultCheckInDays
	}
	return *p.CheckInDays
}

// TargetGroup is whom an initiative is for, besides its ages.
type TargetGroup struct {
	Authorities int      `yaml:"authorities"` // how many kinds of authority must be concerned, at least; 2 when not given
	Reasons     []string `yaml:"reasons"`     // the grounds of which one must hold; all of Reasons when not given
}

// Question is one item of the checklist whether now is the right time, to be
// answered by yes, no or unknown.
type Question struct {
	ID string `yaml:"id"`
	SV string `yaml:"sv"`
	EN string `yaml:"en"`
}

// Reasons are the grounds that a target group knows (the programme ACTivera).
var Reasons = []string{"long_absence", "young_adult", "not_entitled_sickness_benefit"}

// Block is a part of an initiative.
type Block struct {
	Number  int      `yaml:"number"` // from 1, without gaps
	Name    string   `yaml:"name"`
	Weeks   int      `yaml:"weeks"`
	CheckIn bool     `yaml:"checkIn"` // the referrer is asked before the next block
	Closing bool     `yaml:"closing"` // ends with closing conversation and documentation
	Content []string `yaml:"content"` // categories of activity
}

// Week is what one municipality offers every week.
type Week struct {
	Municipality string         `yaml:"municipality"` // code
	Activities   []Activity     `yaml:"activities"`
	WorkTraining []WorkTraining `yaml:"workTraining"`
}

// Activity is one line of a municipality's week. Fields that its material leaves out are
// empty; they are never guessed.
type Activity struct {
	ID           string       `yaml:"-"`  // UUID, the same as long as the given id is, or without one municipality, name, day and start
	GivenID      string       `yaml:"id"` // a word, or a UUID that the activity had before
	Municipality string       `yaml:"-"`  // code
	Calendar     Calendar     `yaml:"-"`  // the association's
	Name         string       `yaml:"name"`
	Category     string       `yaml:"category"` // one of Categories
	Day          string       `yaml:"day"`      // "monday" to "sunday"; empty: not set yet
	From         string       `yaml:"from"`     // local time "15:04" (Europe/Stockholm); empty: by individual planning
	To           string       `yaml:"to"`       // as From
	Part         string       `yaml:"part"`     // "morning" or "afternoon", where no times are given
	Mode         string       `yaml:"mode"`     // "digital", or empty: at the place
	Place        string       `yaml:"place"`
	Places       []string     `yaml:"places"`     // where the place is chosen individually
	Gather       string       `yaml:"gather"`     // where to meet
	Individual   bool         `yaml:"individual"` // the time is planned with each participant
	Rotating     bool         `yaml:"rotating"`   // not every week is alike
	ClosedGroup  *ClosedGroup `yaml:"closedGroup"`
	Changes      []Change     `yaml:"changes"` // in the order of their days
	Until        string       `yaml:"until"`   // last day; empty: it goes on
}

// ClosedGroup says that an activity is a course that one joins from its start.
type ClosedGroup struct {
	Sessions int      `yaml:"sessions"` // zero: not given
	Starts   []string `yaml:"starts"`   // the days of first sessions; none: not given
}

// WorkTraining is a site that takes participants for work training.
type WorkTraining struct {
	Site  string   `yaml:"site"`
	Areas []string `yaml:"areas"` // codes such as "carpentry"
}

// Terms are how many days each kind of turn may take, as the association has
// agreed with its members. Zero: the default. A day is a calendar day in Sweden;
// a turn is due at the end of its last day.
type Terms struct {
	Decision        int `yaml:"decision" json:"decision,omitempty"`               // the municipality on a referral that came in, came back or was completed
	Supplement      int `yaml:"supplement" json:"supplement,omitempty"`           // the sender on what it was asked for
	Transfer        int `yaml:"transfer" json:"transfer,omitempty"`               // the other municipality on taking over
	Place           int `yaml:"place" json:"place,omitempty"`                     // the municipality on a place that is kept for one who waited
	Start           int `yaml:"start" json:"start,omitempty"`                     // the coach, from the agreed first day
	CheckInAnswer   int `yaml:"checkInAnswer" json:"checkInAnswer,omitempty"`     // the sender at a check-in
	CheckInDecision int `yaml:"checkInDecision" json:"checkInDecision,omitempty"` // the coach on an answered check-in
	NextBlock       int `yaml:"nextBlock" json:"nextBlock,omitempty"`             // the coach, once it is decided to go on
	Closing         int `yaml:"closing" json:"closing,omitempty"`                 // the coach on conversation and documentation
	Correction      int `yaml:"correction" json:"correction,omitempty"`           // who took a step on correcting it; after that the head of the unit does
}

// DefaultTerms hold where an association has set none. No law fixes them: two
// weeks is what authorities give each other for an answer (one of the
// associations' seeds is to halve its lead times, and they begin at about a
// month), one week is enough where only one person has to act, and a reserved
// place is empty meanwhile. A slip is noticed when the case is next opened, which is
// within the same two weeks; what is older has been built upon, and a second person
// looks before it changes.
var DefaultTerms = Terms{
	Decision: 14, Supplement: 14, Transfer: 7, Place: 7, Start: 7, CheckInAnswer: 14, CheckInDecision: 7, NextBlock: 7, Closing: 14, Correction: 14,
}

// Whole returns the terms with the default for each that is not set.
func (t Terms) Whole() Terms {
	d := DefaultTerms
	return Terms{
		Decision: cmp.Or(t.Decision, d.Decision), Supplement: cmp.Or(t.Supplement, d.Supplement), Transfer: cmp.Or(t.Transfer, d.Transfer), Place: cmp.Or(t.Place, d.Place),
		Start: cmp.Or(t.Start, d.Start), CheckInAnswer: cmp.Or(t.CheckInAnswer, d.CheckInAnswer), CheckInDecision: cmp.Or(t.CheckInDecision, d.CheckInDecision),
		NextBlock: cmp.Or(t.NextBlock, d.NextBlock), Closing: cmp.Or(t.Closing, d.Closing), Correction: t.DaysToCorrect(),
	}
}

// DaysToCorrect returns how many days who took a step corrects it without the head of the
// unit.
func (t Terms) DaysToCorrect() int { return cmp.Or(t.Correction, DefaultTerms.Correction) }

// DaysToCorrect returns how many days who took a step in a municipality corrects it, by the
// plan of the initiative there, and else by the association's terms. An empty initiative is
// the only one.
func (a *Association) DaysToCorrect(initiative, municipality string) int {
	i, _ := a.Choose(initiative)
	return cmp.Or(i.PlanIn(municipality).CorrectionDays, a.Terms.DaysToCorrect())
}

// Categories are the kinds of activity.
var Categories = []string{"health", "act", "social", "creative", "work_oriented"}

// days are the weekdays' names in the order of the ISO week.
var days = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// Scheduled reports whether the activity has a weekday, so that it has dates.
func (a Activity) Scheduled() bool {
	return a.Day != "" || slices.ContainsFunc(a.Changes, func(c Change) bool { return c.Day != "" })
}

// Timed reports whether the activity has a start and an end.
func (a Activity) Timed() bool { return a.From != "" }

// Weekday returns the activity's day; ok is false when it has none.
func (a Activity) Weekday() (day time.Weekday, ok bool) {
	i := slices.Index(days, a.Day)
	return time.Weekday((i + 1) % 7), i >= 0
}

// Municipality finds a member municipality by its code.
func (a *Association) Municipality(code string) (Municipality, bool) {
	i := slices.IndexFunc(a.Municipalities, func(m Municipality) bool { return m.Code == code })
	if i < 0 {
		return Municipality{}, false
	}
	return a.Municipalities[i], true
}

// HasAuthority reports whether an authority is a member, by its id. A file that does not
// name its authorities cannot tell: then every id is taken for one.
func (a *Association) HasAuthority(id string) bool {
	return len(a.Authorities) == 0 || slices.ContainsFunc(a.Authorities, func(x Authority) bool { return x.ID == id }) ||
		slices.ContainsFunc(a.Municipalities, func(m Municipality) bool { return m.Authority == id })
}

// Initiative finds an initiative by its id.
func (a *Association) Initiative(id string) (Initiative, bool) {
	i := slices.IndexFunc(a.Initiatives, func(x Initiative) bool { return x.ID == id })
	if i < 0 {
		return Initiative{}, false
	}
	return a.Initiatives[i], true
}

// Choose returns the initiative of an id; an empty id is the association's only
// initiative, and none where there are several to choose from.
func (a *Association) Choose(id string) (Initiative, bool) {
	if id == "" && len(a.Initiatives) == 1 {
		return a.Initiatives[0], true
	}
	return a.Initiative(id)
}

// Week returns what a municipality offers; a municipality without a week of its
// own offers nothing yet.
func (a *Association) Week(municipality string) Week {
	i := slices.IndexFunc(a.Weeks, func(w Week) bool { return w.Municipality == municipality })
	if i < 0 {
		return Week{Municipality: municipality}
	}
	return a.Weeks[i]
}

// Activity finds an activity of any of the municipalities by its id.
func (a *Association) Activity(id string) (Activity, bool) {
	for _, w := range a.Weeks {
		for _, x := range w.Activities {
			if x.ID == id {
				return x, true
			}
		}
	}
	return Activity{}, false
}
