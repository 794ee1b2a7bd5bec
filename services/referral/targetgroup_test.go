package referral

import (
	"errors"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
)

// checked is an initiative with a checklist; the questions are invented.
var checked = association.Initiative{
	ID: "activera", Ages: association.Ages{Lowest: 16, Highest: 64},
	TargetGroup: association.TargetGroup{Authorities: 2, Reasons: []string{"long_absence", "young_adult"}},
	RightTime:   []association.Question{{ID: "wants_to", SV: "Påhittad fråga?", EN: "An invented question?"}, {ID: "can_attend", SV: "Påhittad fråga två?", EN: "Another?"}},
}

func TestTheTargetGroupIsTestedRuleByRule(t *testing.T) {
	years := func(n int) *int { return &n }
	two := TargetGroup{Reasons: []string{"long_absence"}, Concerned: []actor.AuthorityKind{actor.SocialInsurance, actor.Region}}
	for _, c := range []struct {
		sentence string
		facts    Facts
		want     [3]Verdict
		all      Verdict
	}{
		{"one in need belongs to it", Facts{Age: years(40), Group: two}, [3]Verdict{Met, Met, Met}, Met},
		{"from the first year", Facts{Age: years(16), Group: two}, [3]Verdict{Met, Met, Met}, Met},
		{"not before", Facts{Age: years(15), Group: two}, [3]Verdict{NotMet, Met, Met}, NotMet},
		{"to the end of the last", Facts{Age: years(64), Group: two}, [3]Verdict{Met, Met, Met}, Met},
		{"not after", Facts{Age: years(65), Group: two}, [3]Verdict{NotMet, Met, Met}, NotMet},
		{"an age that is not stated is unknown", Facts{Group: two}, [3]Verdict{Unknown, Met, Met}, Unknown},
		{"one authority alone needs no coordination", Facts{Age: years(40), Group: TargetGroup{Reasons: two.Reasons, Concerned: two.Concerned[:1]}}, [3]Verdict{Met, NotMet, Met}, NotMet},
		{"what is not stated is unknown", Facts{Age: years(40)}, [3]Verdict{Met, Unknown, Unknown}, Unknown},
		{"a ground of another programme does not count here", Facts{Age: years(40), Group: TargetGroup{Reasons: []string{"not_entitled_sickness_benefit"}, Concerned: two.Concerned}}, [3]Verdict{Met, Met, NotMet}, NotMet},
		{"not met weighs more than unknown", Facts{Age: years(15)}, [3]Verdict{NotMet, Unknown, Unknown}, NotMet},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			a := Assess(checked, "v1", "2026-03-02", c.facts)
			if got := [3]Verdict{a.Rules[0].Met, a.Rules[1].Met, a.Rules[2].Met}; got != c.want || a.Met != c.all || a.Version != "v1" {
				t.Errorf("got %v and %s, want %v and %s", got, a.Met, c.want, c.all)
			}
			for _, r := range a.Rules {
				if s := r.Sentence(); s.SV == "" || s.EN == "" || s.SV == s.EN {
					t.Errorf("%s says %q and %q", r.ID, s.SV, s.EN)
				}
			}
		})
	}
}

func TestTheChecklistIsKeptAsItWasWorded(t *testing.T) {
	for sentence, c := range map[string]struct {
		answers []TimelyAnswer
		want    Verdict
	}{
		"all yes":           {[]TimelyAnswer{{"wants_to", "yes"}, {"can_attend", "yes"}}, Met},
		"one no":            {[]TimelyAnswer{{"wants_to", "unknown"}, {"can_attend", "no"}}, NotMet},
		"one not answered":  {[]TimelyAnswer{{"wants_to", "yes"}}, Unknown},
		"nothing answered":  {nil, Unknown},
		"answered: unknown": {[]TimelyAnswer{{"wants_to", "yes"}, {"can_attend", "unknown"}}, Unknown},
	} {
		a := Assess(checked, "v1", "2026-03-02", Facts{RightTime: c.answers})
		if a.Timely != c.want || len(a.Checklist) != 2 || a.Checklist[0].SV != "Påhittad fråga?" {
			t.Errorf("%s: got %s of %+v", sentence, a.Timely, a.Checklist)
		}
	}
	for sentence, answers := range map[string][]TimelyAnswer{
		"what is not asked": {{"sleeps_well", "yes"}}, "the same twice": {{"wants_to", "yes"}, {"wants_to", "no"}},
	} {
		var wrong fieldErrors
		wrong.checklist(checked, answers, "/rightTime")
		if err := wrong.fault(); !errors.Is(err, ErrRightTimeItem) || len(fault.Of(err).Fields) != 1 {
			t.Errorf("%s: got %v", sentence, err)
		}
	}
}

// spared is another initiative, for the young, that Partille alone performs.
var spared = association.Initiative{
	ID: "ungdomssparet", Ages: association.Ages{Lowest: 16, Highest: 29},
	TargetGroup: association.TargetGroup{Authorities: 1, Reasons: []string{"young_adult"}},
	RightTime:   []association.Question{{ID: "left_school", SV: "Påhittad fråga tre?", EN: "A third?"}},
	Agreements:  []association.Agreement{{Municipality: "1402", From: "2026-01-01"}},
}

// TestOfSeveralInitiativesTheFittingOneIsTested is: the one that a referral wishes for, or
// that fits best.
func TestOfSeveralInitiativesTheFittingOneIsTested(t *testing.T) {
	both := &association.Association{Initiatives: []association.Initiative{checked, spared}}
	years := func(n int) *int { return &n }
	young := func(n int, concerned ...actor.AuthorityKind) Facts {
		return Facts{Age: years(n), Group: TargetGroup{Reasons: []string{"young_adult"}, Concerned: concerned}}
	}
	answered := young(40, actor.Region)
	answered.RightTime = []TimelyAnswer{{"left_school", "no"}}
	wishing := func(f Facts, initiative string) Facts { f.Wished = initiative; return f }
	for _, c := range []struct {
		sentence     string
		in           *association.Association
		municipality string
		facts        Facts
		former       *Assessment
		want         string
	}{
		{"the only one", &association.Association{Initiatives: []association.Initiative{spared}}, "1481", young(40), nil, "ungdomssparet"},
		{"none", &association.Association{}, "1481", young(20), nil, ""},
		{"of two that fit the first", both, "1402", young(20, actor.Region, actor.Municipality), nil, "activera"},
		{"of two that fit the former", both, "1402", young(20, actor.Region, actor.Municipality), &Assessment{Initiative: "ungdomssparet"}, "ungdomssparet"},
		{"the one that the person belongs to", both, "1402", young(20, actor.Region), &Assessment{Initiative: "activera"}, "ungdomssparet"},
		{"one that the municipality performs", both, "1481", young(20, actor.Region), nil, "activera"},
		{"the one that is wished for", both, "1402", wishing(young(20, actor.Region, actor.Municipality), "ungdomssparet"), &Assessment{Initiative: "activera"}, "ungdomssparet"},
		{"it, though another's checklist has been answered", both, "1402", wishing(answered, "activera"), nil, "activera"},
		{"not one that this municipality does not perform", both, "1481", wishing(young(40), "ungdomssparet"), nil, "activera"},
		{"nor one that there is no more", both, "1402", wishing(young(20, actor.Region), "lugn"), nil, "ungdomssparet"},
		{"the one whose checklist has been answered", both, "1481", answered, &Assessment{Initiative: "activera"}, "ungdomssparet"},
	} {
		if got, ok := Fitting(c.in, c.municipality, "2026-03-02", c.facts, c.former); got.ID != c.want || ok != (c.want != "") {
			t.Errorf("%s: got %q", c.sentence, got.ID)
		}
	}
}
