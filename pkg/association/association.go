// Package association is what a coordination association (samordningsförbund) has decided:
// its municipalities, its initiatives with blocks and ages, and the weeks that its
// municipalities offer. It is data, never code: a programme differs per municipality and
// changes over time. A File is its form in YAML, an Association the one that is decided by.
//
// Nothing here is about persons.
package association

import (
	"cmp"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
)

// Association is one tenant and what it has decided. It never changes.
type Association struct {
	ID             string // short name, such as "insjoriket"
	Name           string // as people write it
	Version        string // twelve hex digits of a SHA-256 of all that it was built from
	Municipalities []Municipality
	Authorities    []Authority // the members that are no municipalities; none: not given
	Initiatives    []Initiative
	Weeks          []Week
	Terms          Terms
	Calendar       Calendar
	ConsentTexts   []ConsentText
	ConsentPeriods []ConsentPeriod // of texts that hold, have held or are to hold
	CodeLists      []CodeList      // its own words
}

// Municipality is a member municipality.
type Municipality struct {
	Code string `json:"code" yaml:"code"` // four digits, Statistics Sweden's municipality code
	Name string `json:"name" yaml:"name"`
	// Authority is the id of the municipality as a member authority, as it is in its
	// staff's tokens and in a person's consent; empty: not given.
	Authority string `json:"authority,omitempty" yaml:"authority,omitempty"`
}

// Authority is a member that is no municipality.
type Authority struct {
	ID   string `json:"id" yaml:"id"`                         // as in its staff's tokens and in a person's consent
	Name string `json:"name,omitempty" yaml:"name,omitempty"` // empty: not given
	Kind string `json:"kind,omitempty" yaml:"kind,omitempty"` // one of authorityKinds; empty: not given
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
	ID             string          `json:"id,omitempty" yaml:"id"`
	Version        int             `json:"-" yaml:"-"` // of the object; zero: from a file alone
	Name           string          `json:"name" yaml:"name"`
	Orientation    string          `json:"orientation" yaml:"orientation"`                           // "individual" or "structural"
	FollowUpMethod string          `json:"followUpMethod,omitempty" yaml:"followUpMethod,omitempty"` // as the statutory report has it; empty: not given
	ESF            bool            `json:"esf,omitempty" yaml:"esf,omitempty"`                       // financed by the European Social Fund
	Ages           Ages            `json:"ages" yaml:"ages"`
	TargetGroup    TargetGroup     `json:"targetGroup" yaml:"targetGroup,omitempty"`
	RightTime      []Question      `json:"rightTime,omitempty" yaml:"rightTime,omitempty"`   // whether now is the right time; the sender answers
	Agreements     []Agreement     `json:"agreements,omitempty" yaml:"agreements,omitempty"` // who performs it; none: not given
	Plan           Plan            `json:"-" yaml:",inline"`
	Plans          map[string]Plan `json:"-" yaml:"-"` // of the municipalities, by code, that follow another plan
}

// Ages are those on the start date, in whole years; the highest is itself allowed. In YAML
// they are [lowest, highest].
type Ages struct {
	Lowest  int `json:"lowest"`
	Highest int `json:"highest"`
}

// UnmarshalYAML reads two numbers; of any other count it leaves the ages empty, which no
// check lets through.
func (a *Ages) UnmarshalYAML(n *yaml.Node) error {
	var both []int
	if err := n.Decode(&both); err != nil {
		return err
	}
	if len(both) == 2 {
		a.Lowest, a.Highest = both[0], both[1]
	}
	return nil
}

// MarshalYAML writes them on one line.
func (a Ages) MarshalYAML() (any, error) {
	n := &yaml.Node{Style: yaml.FlowStyle}
	style := n.Style
	err := n.Encode([]int{a.Lowest, a.Highest})
	n.Style = style
	return n, err
}

// PlanIn returns the plan by which a municipality runs the initiative.
func (i Initiative) PlanIn(municipality string) Plan {
	if p, ok := i.Plans[municipality]; ok {
		return p
	}
	return i.Plan
}

// PerformedIn reports whether a municipality performs the initiative on a day: where no
// agreement is given, every one does.
func (i Initiative) PerformedIn(municipality string, on civil.Date) bool {
	return len(i.Agreements) == 0 || slices.ContainsFunc(i.Agreements, func(a Agreement) bool {
		return a.Municipality == municipality && a.From <= on && (a.Until == "" || on <= a.Until)
	})
}

// PerformedFrom reports whether a municipality performs the initiative on a day or on a later
// one.
func (i Initiative) PerformedFrom(municipality string, on civil.Date) bool {
	return i.PerformedIn(municipality, on) || slices.ContainsFunc(i.Agreements, func(a Agreement) bool { return a.Municipality == municipality && on < a.From })
}

// Plan is how an initiative proceeds. What a municipality's plan leaves out is as the
// initiative's own says.
type Plan struct {
	Version      int           `json:"-" yaml:"-"`               // of the object; zero: from a file alone
	MaxWeeks     int           `json:"maxWeeks" yaml:"maxWeeks"` // the most weeks that a participant may be active, unless an exception is approved
	Introduction *Introduction `json:"introduction,omitempty" yaml:"introduction,omitempty"`
	Blocks       []Block       `json:"blocks,omitempty" yaml:"blocks,omitempty"`
	// CheckInDays is how many days before a block's last day its check-in can be held;
	// nil: DefaultCheckInDays.
	CheckInDays *int `json:"checkInDays,omitempty" yaml:"checkInDays,omitempty"`
	// WeeksUsedBefore says whether weeks that a person used in earlier enrolments count
	// against MaxWeeks: WeeksCount (also when empty) or WeeksIgnored.
	WeeksUsedBefore string `json:"weeksUsedBefore,omitempty" yaml:"weeksUsedBefore,omitempty"`
	// CorrectionDays is within how many days who took a step corrects it; zero: as the
	// association's Terms say.
	CorrectionDays int    `json:"correctionDays,omitempty" yaml:"correctionDays,omitempty"`
	Rules          []Rule `json:"rules,omitempty" yaml:"rules,omitempty"`
	// Absence is from when on absence is followed up; zero: DefaultAbsence.
	Absence AbsenceRule `json:"absence,omitzero" yaml:"absence,omitempty,flow"`
}

// Introduction is what comes before block 1. It is before the first day of an enrolment:
// its weeks count against no maximum.
type Introduction struct {
	Name    string   `json:"name,omitempty" yaml:"name,omitempty"`
	Weeks   int      `json:"weeks,omitempty" yaml:"weeks,omitempty"`          // zero: not given
	Content []string `json:"content,omitempty" yaml:"content,omitempty,flow"` // categories of activity
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
	Authorities int      `json:"authorities,omitempty" yaml:"authorities,omitempty"` // how many kinds of authority must be concerned, at least; 2 when not given
	Reasons     []string `json:"reasons,omitempty" yaml:"reasons,omitempty,flow"`    // the grounds of which one must hold; all of Reasons when not given
}

// Question is one item of the checklist whether now is the right time, to be
// answered by yes, no or unknown.
type Question struct {
	ID string `json:"id" yaml:"id"`
	SV string `json:"sv" yaml:"sv"`
	EN string `json:"en" yaml:"en"`
}

// Reasons are the grounds that a target group knows (the programme ACTivera).
var Reasons = []string{"long_absence", "young_adult", "not_entitled_sickness_benefit"}

// Block is a part of an initiative.
type Block struct {
	Number  int      `json:"number" yaml:"number"` // from 1, without gaps
	Name    string   `json:"name,omitempty" yaml:"name,omitempty"`
	Weeks   int      `json:"weeks" yaml:"weeks"`
	CheckIn bool     `json:"checkIn,omitempty" yaml:"checkIn,omitempty"`      // the referrer is asked before the next block
	Closing bool     `json:"closing,omitempty" yaml:"closing,omitempty"`      // ends with closing conversation and documentation
	Content []string `json:"content,omitempty" yaml:"content,omitempty,flow"` // categories of activity
}

// Week is what one municipality offers every week, and where.
type Week struct {
	Municipality string     `json:"municipality" yaml:"municipality"`             // code
	Calendar     *Calendar  `json:"calendar,omitempty" yaml:"calendar,omitempty"` // what it has decided besides the association
	Sites        []Site     `json:"sites,omitempty" yaml:"sites,omitempty"`
	Activities   []Activity `json:"activities,omitempty" yaml:"activities,omitempty"`
	// WorkTraining is how files named sites of work training before they had sites; ParseFile
	// reads each as one.
	WorkTraining []WorkTraining `json:"-" yaml:"workTraining,omitempty"`

	Version string `json:"-" yaml:"-"` // twelve hex digits of a SHA-256 of all that the week follows from: its activities, sites and closed days, and the association's

	trained int // how many of the last sites were named so
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
	Decision        int `yaml:"decision,omitempty" json:"decision,omitempty"`               // the municipality on a referral that came in, came back or was completed
	Supplement      int `yaml:"supplement,omitempty" json:"supplement,omitempty"`           // the sender on what it was asked for
	Transfer        int `yaml:"transfer,omitempty" json:"transfer,omitempty"`               // the other municipality on taking over
	Place           int `yaml:"place,omitempty" json:"place,omitempty"`                     // the municipality on a place that is kept for one who waited
	Start           int `yaml:"start,omitempty" json:"start,omitempty"`                     // the coach, from the agreed first day
	CheckInAnswer   int `yaml:"checkInAnswer,omitempty" json:"checkInAnswer,omitempty"`     // the sender at a check-in
	CheckInDecision int `yaml:"checkInDecision,omitempty" json:"checkInDecision,omitempty"` // the coach on an answered check-in
	NextBlock       int `yaml:"nextBlock,omitempty" json:"nextBlock,omitempty"`             // the coach, once it is decided to go on
	Closing         int `yaml:"closing,omitempty" json:"closing,omitempty"`                 // the coach on conversation and documentation
	Correction      int `yaml:"correction,omitempty" json:"correction,omitempty"`           // who took a step on correcting it; after that the head of the unit does
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

// Site finds a site by the id of its object, such as "site.1481.torrekullagarden".
func (a *Association) Site(id string) (Site, bool) {
	for _, w := range a.Weeks {
		for _, s := range w.Sites {
			if s.ObjectID() == id {
				return s, true
			}
		}
	}
	return Site{}, false
}

// Activity finds an activity of any of the municipalities by its id.
func (a *Association) Activity(id string) (Activity, bool) {
	for w := range a.Weeks {
		for x := range a.Weeks[w].Activities {
			if found := &a.Weeks[w].Activities[x]; found.ID == id {
				return *found, true
			}
		}
	}
	return Activity{}, false
}
