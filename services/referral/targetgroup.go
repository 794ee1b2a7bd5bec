package referral

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-json-experiment/json/v1"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/codelist"
	"github.com/finsam/finsam/pkg/fault"
)

// TargetGroup says why the person belongs to the initiative's target group (målgrupp).
type TargetGroup struct {
	Reasons   []string              `json:"reasons"`
	Concerned []actor.AuthorityKind `json:"concerned"` // at least two
}

func (g TargetGroup) isSame(other TargetGroup) bool {
	return slices.Equal(g.Reasons, other.Reasons) && slices.Equal(g.Concerned, other.Concerned)
}

// Verdict is the result of a rule, or of all of them together.
type Verdict string

// The verdicts. Unknown is for what was not said; it is not a refusal.
const (
	Met     Verdict = "met"
	NotMet  Verdict = "not_met"
	Unknown Verdict = "unknown"
)

// Facts are the inputs of an assessment.
type Facts struct {
	Age       *int // in whole years on the day of receipt; nil: unknown
	Group     TargetGroup
	RightTime []TimelyAnswer
	Wished    string // initiative; empty: none
}

// Rule is one rule of the target group, with its input and result.
type Rule struct {
	ID     string  `json:"id"`
	Met    Verdict `json:"met"`
	Wanted texts   `json:"wanted"`         // as the association had it then
	Seen   texts   `json:"seen,omitempty"` // empty: nothing was said
}

// texts are decoded into one piece of memory, if they are as few as usual.
type texts []string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (t *texts) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*t = make(texts, 0, 4)
	return jsonv2.UnmarshalDecode(d, (*[]string)(t))
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

// Assessment is the result of the target group's rules and the checklist on one day,
// under one version of the association's rules: at receipt, and when one of its inputs
// is amended. It rejects nobody: the municipality decides.
type Assessment struct {
	Initiative string       `json:"initiative"`
	Version    string       `json:"version"`
	On         civil.Date   `json:"on"`
	Met        Verdict      `json:"met"`
	Rules      []Rule       `json:"rules"`
	Timely     Verdict      `json:"timely,omitempty"` // empty: the programme has no checklist
	Checklist  []TimelyItem `json:"checklist,omitempty"`
}

// The ids of the rules.
const (
	ruleAge       = "age"
	ruleConcerned = "authorities_concerned"
	ruleReason    = "reason"
)

// Assess holds what is known of a person against an initiative's rules, as they are
// under version on a day.
func Assess(in association.Initiative, version string, on civil.Date, f Facts) Assessment {
	age := Rule{ID: ruleAge, Met: Unknown, Wanted: []string{strconv.Itoa(in.Ages.Lowest), strconv.Itoa(in.Ages.Highest)}}
	if f.Age != nil {
		age.Seen, age.Met = []string{strconv.Itoa(*f.Age)}, verdict(in.Ages.Lowest <= *f.Age && *f.Age <= in.Ages.Highest)
	}
	concerned := Rule{ID: ruleConcerned, Met: Unknown, Wanted: []string{strconv.Itoa(in.TargetGroup.Authorities)}}
	for _, k := range f.Group.Concerned {
		concerned.Seen = append(concerned.Seen, string(k))
	}
	if len(concerned.Seen) > 0 {
		concerned.Met = verdict(len(concerned.Seen) >= in.TargetGroup.Authorities)
	}
	reason := Rule{ID: ruleReason, Met: Unknown, Wanted: in.TargetGroup.Reasons, Seen: f.Group.Reasons}
	if len(reason.Seen) > 0 {
		reason.Met = verdict(slices.ContainsFunc(reason.Seen, func(s string) bool { return slices.Contains(reason.Wanted, s) }))
	}
	a := Assessment{
		Initiative: in.ID, Version: version, On: on, Rules: []Rule{age, concerned, reason},
		Met: worst(age.Met, concerned.Met, reason.Met),
	}
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

var verdictOf = map[string]Verdict{"yes": Met, "no": NotMet, "unknown": Unknown}

// worst returns not met if one of the verdicts is, else unknown if one is.
func worst(verdicts ...Verdict) Verdict {
	for _, v := range []Verdict{NotMet, Unknown} {
		if slices.Contains(verdicts, v) {
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

// reasons name the grounds in the two languages.
var reasons = codelist.Phrases[string]("ReferralReason")

// Sentence says what the rule wanted at the time of the assessment.
func (r Rule) Sentence() fault.Text {
	var room [1 << 10]byte
	text := room[:0]
	say := func(parts ...string) {
		for _, p := range parts {
			text = append(text, p...)
		}
	}
	list := func(of func(fault.Text) string) {
		for i, w := range r.Wanted {
			if i > 0 {
				say("; ")
			}
			say(of(reasons[w]))
		}
		say(".")
	}
	swedish := 0 // the length of what is before the English
	switch r.ID {
	case ruleAge:
		say("Personen är mellan ", r.Wanted[0], " och ", r.Wanted[1], " år den dag remissen kom in.")
		swedish = len(text)
		say("The person is between ", r.Wanted[0], " and ", r.Wanted[1], " years old on the day on which the referral was received.")
	case ruleConcerned:
		say("Personen behöver samordnat stöd från minst ", r.Wanted[0], " parter.")
		swedish = len(text)
		say("The person needs coordinated support from at least ", r.Wanted[0], " parties.")
	default:
		say("Minst en av dessa grunder gäller personen: ")
		list(func(t fault.Text) string { return t.SV })
		swedish = len(text)
		say("At least one of these grounds applies to the person: ")
		list(func(t fault.Text) string { return t.EN })
	}
	both := string(text) // in one piece of memory
	return fault.Text{SV: both[:swedish], EN: both[swedish:]}
}

// checklist notes answers to questions that the initiative's checklist does not have, or
// has been answered already; pointer is where in the body the answers are.
func (w *fieldErrors) checklist(in association.Initiative, answers []TimelyAnswer, pointer string) {
	seen := map[string]bool{}
	for i, t := range answers {
		known := slices.ContainsFunc(in.RightTime, func(q association.Question) bool { return q.ID == t.Item })
		if !known || seen[t.Item] {
			w.add(ErrRightTimeItem, pointer+"/"+strconv.Itoa(i)+"/item")
		}
		seen[t.Item] = true
	}
}

// wish wants an initiative that the municipality performs today.
func (w *fieldErrors) wish(in *association.Association, initiative, municipality string, now time.Time, pointer string) {
	switch i, known := in.Initiative(initiative); {
	case !known:
		w.add(ErrInitiative, pointer)
	case !i.PerformedIn(municipality, civil.DateOf(now)):
		w.add(ErrNotPerformedNow, pointer)
	}
}

// Fitting returns the initiative by whose rules a referral to a municipality is assessed on a
// day: of several the one that is wished for, if the municipality performs it; else the one
// whose checklist has been answered, that the municipality performs, whose target group the
// person belongs to, and by which it was assessed formerly (nil: it was not), in this order.
// ok is false without any initiative.
func Fitting(in *association.Association, municipality string, on civil.Date, f Facts, former *Assessment) (fitting association.Initiative, ok bool) {
	if len(in.Initiatives) == 0 {
		return fitting, false
	}
	against := func(i association.Initiative) []int {
		amiss := make([]int, 5)
		if f.Wished != i.ID || !i.PerformedIn(municipality, on) {
			amiss[0] = 1
		}
		for _, answer := range f.RightTime {
			if !slices.ContainsFunc(i.RightTime, func(q association.Question) bool { return q.ID == answer.Item }) {
				amiss[1]++
			}
		}
		if !i.PerformedIn(municipality, on) {
			amiss[2] = 1
		}
		amiss[3] = slices.Index([]Verdict{Met, Unknown, NotMet}, Assess(i, "", on, f).Met)
		if former == nil || former.Initiative != i.ID {
			amiss[4] = 1
		}
		return amiss
	}
	return slices.MinFunc(in.Initiatives, func(a, b association.Initiative) int { return slices.Compare(against(a), against(b)) }), true
}

// facts returns the inputs of the assessment, with another group; of nil only that.
func (a *Assessment) facts(group TargetGroup) Facts {
	f := Facts{Group: group}
	if a == nil {
		return f
	}
	for _, r := range a.Rules {
		if r.ID != ruleAge || len(r.Seen) != 1 {
			continue
		}
		if years, err := strconv.Atoi(r.Seen[0]); err == nil {
			f.Age = &years
		}
	}
	for _, q := range a.Checklist {
		if q.Answer != "unknown" {
			f.RightTime = append(f.RightTime, TimelyAnswer{q.ID, q.Answer})
		}
	}
	return f
}

// areSameAnswers reports whether two lists have the same answers, in whatever order; an
// item that is left out is unknown.
func areSameAnswers(a, b []TimelyAnswer) bool {
	known := func(answers []TimelyAnswer) map[string]string {
		m := map[string]string{}
		for _, t := range answers {
			if t.Answer != "unknown" {
				m[t.Item] = t.Answer
			}
		}
		return m
	}
	return maps.Equal(known(a), known(b))
}

// Encrypt returns the assessment as the referral of that id stores it: its inputs are
// personal data.
func (a Assessment) Encrypt(id string, encrypt Encrypt) ([]byte, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("referral %s: assessment: %w", id, err)
	}
	return encrypt(text, AssessmentContext(id))
}

// DecryptAssessment reads what Encrypt wrote; nil of a referral without an assessment.
func DecryptAssessment(id string, encrypted []byte, decrypt Encrypt) (*Assessment, error) {
	if len(encrypted) == 0 {
		return nil, nil
	}
	room := &struct { // for the rules and the usual checklist, at once
		Assessment
		rules [3]Rule
		items [4]TimelyItem
	}{}
	room.Rules, room.Checklist = room.rules[:0], room.items[:0]
	return decryptJSON(&room.Assessment, encrypted, AssessmentContext(id), decrypt)
}

// decryptJSON reads into v what was encrypted with a context.
func decryptJSON[T any](v *T, encrypted []byte, context string, decrypt Encrypt) (*T, error) {
	text, err := decrypt(encrypted, context)
	if err == nil && json.Unmarshal(text, v) != nil { // whose error may quote a value
		err = fmt.Errorf("what was decrypted has another form than %T", v)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", context, err)
	}
	return v, nil
}

// AssessmentContext is what an encrypted assessment is bound to.
func AssessmentContext(id string) string { return "referral/" + id + "/assessment" }
