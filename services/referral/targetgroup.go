package referral

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/fault"
)

// Verdict is what a rule, or all of them together, came to.
type Verdict string

// The verdicts. Unknown is what was not told; it is no refusal.
const (
	Met     Verdict = "met"
	NotMet  Verdict = "not_met"
	Unknown Verdict = "unknown"
)

// Facts are what the target group is tested by.
type Facts struct {
	Age       *int // in whole years on the day of receipt; nil: the vault did not tell
	Group     TargetGroup
	RightTime []TimelyAnswer
}

// Rule is one rule of the target group, with what was looked at.
type Rule struct {
	ID     string   `json:"id"`
	Met    Verdict  `json:"met"`
	Wanted []string `json:"wanted"`         // as the association had it then
	Seen   []string `json:"seen,omitempty"` // empty: nothing was told
}

// TimelyAnswer is the sender's answer to one item of the "right time" checklist:
// "yes", "no" or "unknown".
type TimelyAnswer struct {
	Item   string `json:"item"`
	Answer string `json:"answer"`
}

// TimelyItem is an item of the checklist as it was worded then, with its answer.
type TimelyItem struct {
	ID     string `json:"id"`
	SV     string `json:"sv"`
	EN     string `json:"en"`
	Answer string `json:"answer"`
}

// Assessment is what the target group's rules and the checklist came to on one
// day, under one version of the association's rules: that of receipt, and of an
// amendment of what was looked at. It turns nobody away: the municipality decides.
type Assessment struct {
	Initiative string       `json:"initiative"`
	Version    string       `json:"version"`
	On         civil.Date   `json:"on"`
	Met        Verdict      `json:"met"`
	Rules      []Rule       `json:"rules"`
	Timely     Verdict      `json:"timely,omitempty"` // empty: the programme has no checklist
	Checklist  []TimelyItem `json:"checklist,omitempty"`
}

// The rules, by which anybody who falls between the authorities is found.
const (
	ruleAge       = "age"
	ruleConcerned = "authorities_concerned"
	ruleReason    = "reason"
)

// ErrRightTimeItem answers an answer to what the checklist does not ask.
var ErrRightTimeItem = fault.New(fault.Unprocessable, "no-such-checklist-item",
	"Frågan finns inte i insatsens checklista, eller står två gånger.", "The item is not in the initiative's checklist, or stands twice.")

// Assess tests what is known of a person against an initiative's rules, as they
// are under version on a day.
func Assess(in association.Initiative, version string, on civil.Date, f Facts) Assessment {
	a := Assessment{Initiative: in.ID, Version: version, On: on, Rules: []Rule{
		age(in, f.Age), concerned(in, f.Group), reason(in, f.Group),
	}}
	a.Met = worst(a.Rules[0].Met, a.Rules[1].Met, a.Rules[2].Met)
	for _, q := range in.RightTime {
		item := TimelyItem{ID: q.ID, SV: q.SV, EN: q.EN, Answer: "unknown"}
		if i := slices.IndexFunc(f.RightTime, func(t TimelyAnswer) bool { return t.Item == q.ID }); i >= 0 {
			item.Answer = f.RightTime[i].Answer
		}
		a.Timely = worst(a.Timely, verdictOf[item.Answer])
		a.Checklist = append(a.Checklist, item)
	}
	return a
}

// verdictOf reads an answer of the checklist.
var verdictOf = map[string]Verdict{"yes": Met, "no": NotMet, "unknown": Unknown}

// worst returns what some verdicts come to together: not met if one is not, else
// unknown if one is.
func worst(all ...Verdict) Verdict {
	for _, v := range []Verdict{NotMet, Unknown} {
		if slices.Contains(all, v) {
			return v
		}
	}
	return Met
}

func verdict(met bool) Verdict {
	if met {
		return Met
	}
	return NotMet
}

func age(in association.Initiative, years *int) Rule {
	r := Rule{ID: ruleAge, Met: Unknown, Wanted: []string{strconv.Itoa(in.MinAge), strconv.Itoa(in.MaxAge)}}
	if years != nil {
		r.Seen, r.Met = []string{strconv.Itoa(*years)}, verdict(in.MinAge <= *years && *years <= in.MaxAge)
	}
	return r
}

func concerned(in association.Initiative, g TargetGroup) Rule {
	r := Rule{ID: ruleConcerned, Met: Unknown, Wanted: []string{strconv.Itoa(in.TargetGroup.Authorities)}}
	for _, k := range g.Concerned {
		r.Seen = append(r.Seen, string(k))
	}
	if len(r.Seen) > 0 {
		r.Met = verdict(len(r.Seen) >= in.TargetGroup.Authorities)
	}
	return r
}

func reason(in association.Initiative, g TargetGroup) Rule {
	r := Rule{ID: ruleReason, Met: Unknown, Wanted: in.TargetGroup.Reasons, Seen: g.Reasons}
	if len(r.Seen) > 0 {
		r.Met = verdict(slices.ContainsFunc(r.Seen, func(s string) bool { return slices.Contains(r.Wanted, s) }))
	}
	return r
}

// reasons name the grounds in the two languages.
var reasons = map[string]fault.Text{
	"long_absence":                  {SV: "lång frånvaro från arbetsmarknaden", EN: "a long absence from the labour market"},
	"young_adult":                   {SV: "ung vuxen långt från arbetsmarknaden", EN: "a young adult far from the labour market"},
	"not_entitled_sickness_benefit": {SV: "inte rätt till sjukpenning men utan arbetsförmåga enligt Arbetsförmedlingen", EN: "not entitled to sickness benefit but without work ability in Arbetsförmedlingen's judgement"},
}

// Sentence says what the rule wants, as it was when it was asked.
func (r Rule) Sentence() fault.Text {
	switch r.ID {
	case ruleAge:
		return fault.Text{
			SV: fmt.Sprintf("Personen är mellan %s och %s år den dag remissen kom in.", r.Wanted[0], r.Wanted[1]),
			EN: fmt.Sprintf("The person is between %s and %s years old on the day that the referral came in.", r.Wanted[0], r.Wanted[1]),
		}
	case ruleConcerned:
		return fault.Text{
			SV: fmt.Sprintf("Personen behöver samordnat stöd från minst %s parter.", r.Wanted[0]),
			EN: fmt.Sprintf("The person needs coordinated support from at least %s parties.", r.Wanted[0]),
		}
	}
	t := fault.Text{SV: "Minst en av grunderna gäller personen: ", EN: "At least one of the grounds holds for the person: "}
	for i, w := range r.Wanted {
		if i > 0 {
			t.SV, t.EN = t.SV+"; ", t.EN+"; "
		}
		t.SV, t.EN = t.SV+reasons[w].SV, t.EN+reasons[w].EN
	}
	return fault.Text{SV: t.SV + ".", EN: t.EN + "."}
}

// checklist holds answers against the initiative's checklist; pointer is where in
// the body they stand.
func checklist(in association.Initiative, answers []TimelyAnswer, pointer string, wrong *wrongs) {
	seen := map[string]bool{}
	for i, t := range answers {
		known := slices.ContainsFunc(in.RightTime, func(q association.Question) bool { return q.ID == t.Item })
		if !known || seen[t.Item] {
			wrong.add(ErrRightTimeItem, pointer+"/"+strconv.Itoa(i)+"/item")
		}
		seen[t.Item] = true
	}
}

// initiative returns the one by whose rules a referral is tested: that of its
// former test, nil at receipt, or the association's first; false when it has none.
func (a *Assessment) initiative(in *association.Association) (association.Initiative, bool) {
	if a != nil {
		if former, ok := in.Initiative(a.Initiative); ok {
			return former, true
		}
	}
	if len(in.Initiatives) == 0 {
		return association.Initiative{}, false
	}
	return in.Initiatives[0], true
}

// age returns the age that was looked at; nil when none was told.
func (a *Assessment) age() *int {
	if a == nil {
		return nil
	}
	i := slices.IndexFunc(a.Rules, func(r Rule) bool { return r.ID == ruleAge && len(r.Seen) == 1 })
	if i < 0 {
		return nil
	}
	years, err := strconv.Atoi(a.Rules[i].Seen[0])
	if err != nil {
		return nil
	}
	return &years
}

// answers returns the answers to the checklist.
func (a *Assessment) answers() (all []TimelyAnswer) {
	if a == nil {
		return nil
	}
	for _, q := range a.Checklist {
		all = append(all, TimelyAnswer{q.ID, q.Answer})
	}
	return all
}

// sameAnswers reports whether two lists of answers say the same, in whatever order;
// what is left out is unknown.
func sameAnswers(one, two []TimelyAnswer) bool {
	said := func(all []TimelyAnswer) map[string]string {
		m := map[string]string{}
		for _, t := range all {
			if t.Answer != "unknown" {
				m[t.Item] = t.Answer
			}
		}
		return m
	}
	return maps.Equal(said(one), said(two))
}

// sealed returns the assessment as the referral of that id keeps it: what was
// looked at tells of the person.
func (a Assessment) sealed(id string, seal func(content []byte, context string) ([]byte, error)) ([]byte, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("referral %s: assessment: %w", id, err)
	}
	return seal(text, assessmentContext(id))
}

// openAssessment reads what sealed gave; nil of a referral that was never tested.
func openAssessment(s *encryption.Cipher, id string, sealed []byte) (a *Assessment, err error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	text, err := s.Decrypt(sealed, assessmentContext(id))
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		return nil, fmt.Errorf("referral %s: assessment: %w", id, err)
	}
	return a, nil
}

// assessmentContext binds a sealed assessment to its referral.
func assessmentContext(id string) string { return "referral/" + id + "/assessment" }
