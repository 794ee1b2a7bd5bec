package referral

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/consent"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/personnummer"
)

// inClear seals by leaving the text as it is.
func inClear(content []byte, _ string) ([]byte, error) { return content, nil }

// later is a later version of what the referral was assessed by.
var later = func() association.Initiative {
	i := checked
	i.Version = 2
	return i
}()

// rules are an association's, whose only initiative has a checklist.
var rules = &association.Association{Initiatives: []association.Initiative{later, spared}, Authorities: []association.Authority{{ID: "fk"}, {ID: "molndal"}, {ID: "partille"}},
	ConsentPeriods: []association.ConsentPeriod{{Version: "2026-1", From: "2026-03-01"}, {Version: "2026-2", From: "2026-03-01"}}}

func pointer[T any](v T) *T { return &v }

// amended returns the sample after one amendment.
func amended(t *testing.T, c Changes) *Referral {
	t.Helper()
	r := sample()
	r.Reason, r.ExternalReference = []byte("first"), "FK-1"
	if err := r.Amend(history.Author{Authority: "fk"}, noon, rules, c, Plain{Reason: "first"}, inClear, []byte("why")); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAnAmendmentChangesWhatItSaysAndKeepsOldAndNew(t *testing.T) {
	wider := Consent{GivenOn: "2026-03-01", TextVersion: "2026-2", Authorities: []string{"fk", "molndal", "partille"}}
	group := TargetGroup{Reasons: []string{"young_adult"}, Concerned: sample().TargetGroup.Concerned}
	r := amended(t, Changes{
		TargetGroup: &group, Consent: &wider, Reason: pointer("second"), ExternalReference: pointer("FK-2"),
	})
	if string(r.Reason) != "second" || r.ExternalReference != "FK-2" || !r.Consent.isSame(wider) || !r.TargetGroup.isSame(group) || r.Status().State != StateSubmitted {
		t.Errorf("the fields are not those amended: %+v", r)
	}
	a := r.Steps[1].Amendment
	if string(a.Reason.Old) != "first" || a.ExternalReference.Old != "FK-1" || !a.Consent.Old.isSame(sample().Consent) || !a.TargetGroup.Old.isSame(sample().TargetGroup) {
		t.Errorf("the step does not keep what was before: %+v", a)
	}
	if got := a.Fields(); !slices.Equal(got, []string{"consent", "externalReference", "reason", "targetGroup"}) {
		t.Errorf("got fields %v", got)
	}
}

func TestAReferralAsItWasHasTheFieldsOfThatTime(t *testing.T) {
	r := amended(t, Changes{Reason: pointer("second")})
	if err := r.Amend(history.Author{}, noon, rules, Changes{Reason: pointer("third"), ExternalReference: pointer("FK-3")}, Plain{Reason: "second"}, inClear, nil); err != nil {
		t.Fatal(err)
	}
	for version, want := range map[int64]string{1: "first FK-1", 2: "second FK-1", 3: "third FK-3"} {
		then := r.AsOf(version)
		if got := string(then.Reason) + " " + then.ExternalReference; got != want || then.Version() != version {
			t.Errorf("at %d: want %s, got %s", version, want, got)
		}
	}
	if string(r.Reason) != "third" {
		t.Error("looking back changed the referral")
	}
}

func TestAnAmendedContactIsThatOfTheReferralFromThenOn(t *testing.T) {
	first, second := Contact{Name: "Påhittad", Phone: "+46 31 000 00 01"}, Contact{Name: "Påhittad", Email: "remisser@fk.example.se"}
	r := amended(t, Changes{Contact: &first})
	if err := r.Amend(history.Author{}, noon, rules, Changes{Contact: &second}, Plain{Reason: "first", Contact: &first}, inClear, nil); err != nil {
		t.Fatal(err)
	}
	err := r.Amend(history.Author{}, noon, rules, Changes{Contact: pointer(second)}, Plain{Reason: "first", Contact: &second}, inClear, nil)
	if !errors.Is(err, ErrNothingAmended) || fmt.Sprint(r.Steps[2].Amendment.Fields()) != "[contact]" {
		t.Errorf("got %v after %+v", err, r.Steps[2].Amendment)
	}
	for version, want := range map[int64]*Contact{1: nil, 2: &first, 3: &second} {
		got, err := DecryptContact(r.ID, r.AsOf(version).Contact, inClear)
		if err != nil || (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("at %d: got %+v, %v", version, got, err)
		}
	}
}

func TestWhatIsTheSameAlreadyIsNoChange(t *testing.T) {
	r := amended(t, Changes{Reason: pointer("second"), ExternalReference: pointer("FK-1")})
	if got := r.Steps[1].Amendment.Fields(); !slices.Equal(got, []string{"reason"}) {
		t.Errorf("got %v", got)
	}
	err := r.Amend(history.Author{}, noon, rules, Changes{Reason: pointer("second")}, Plain{Reason: "second"}, inClear, nil)
	if !errors.Is(err, ErrNothingAmended) || r.Version() != 2 {
		t.Errorf("got %v", err)
	}
}

func TestAnAmendedWishRepeatsTheTestByTheWishedInitiative(t *testing.T) {
	in := &association.Association{Initiatives: []association.Initiative{later, spared}, Municipalities: []association.Municipality{{Code: "1402"}}}
	r := sample()
	r.WishedMunicipality = "1402"
	amend := func(c Changes) *Amendment {
		t.Helper()
		if err := r.Amend(history.Author{}, noon, in, c, Plain{}, inClear, nil); err != nil {
			t.Fatal(err)
		}
		return r.Steps[len(r.Steps)-1].Amendment
	}
	tested := func(a *Amendment) string {
		t.Helper()
		found, err := DecryptAssessment(r.ID, a.Assessment.New, inClear)
		if err != nil {
			t.Fatal(err)
		}
		return found.Initiative
	}
	a := amend(Changes{WishedInitiative: pointer("ungdomssparet")})
	if !slices.Equal(a.Fields(), []string{"wishedInitiative"}) || *a.WishedInitiative != (Change[string]{"", "ungdomssparet"}) || tested(a) != "ungdomssparet" || r.WishedInitiative != "ungdomssparet" {
		t.Errorf("wished for it is tested by %s: %+v", tested(a), a)
	}
	if then := r.AsOf(1); then.WishedInitiative != "" {
		t.Errorf("it was %q before", then.WishedInitiative)
	}
	a = amend(Changes{WithoutWish: true})
	if *a.WishedInitiative != (Change[string]{"ungdomssparet", ""}) || tested(a) != "activera" || r.WishedInitiative != "" {
		t.Errorf("without a wish it is tested by %s: %+v", tested(a), a)
	}
}

func TestAnAmendmentIsHeldAgainstTheRules(t *testing.T) {
	consent := func(change func(*Consent)) Changes {
		c := sample().Consent
		c.Authorities = slices.Clone(c.Authorities)
		change(&c)
		return Changes{Consent: &c}
	}
	for sentence, c := range map[string]struct {
		changes Changes
		want    *fault.Error
	}{
		"a consent may cover more authorities": {consent(func(c *Consent) { c.Authorities = append(c.Authorities, "partille") }), nil},
		"but not fewer":                        {consent(func(c *Consent) { c.Authorities = c.Authorities[:1] }), ErrConsentNarrowed},
		"nor fewer sorts of data than all":     {consent(func(c *Consent) { c.Categories = []string{"progress"} }), ErrConsentNarrowed},
		"it is not given tomorrow":             {consent(func(c *Consent) { c.GivenOn = "2026-03-03" }), ErrConsentDate},
		"nor by a text that nobody has":        {consent(func(c *Consent) { c.GivenOn, c.TextVersion = "2026-03-01", "3" }), ErrConsentText},
		"what was taken is not asked again":    {consent(func(c *Consent) { c.Authorities = append(c.Authorities, "partille") }), nil},
		"nor before the former one":            {consent(func(c *Consent) { c.GivenOn = "2025-01-01" }), ErrConsentEarlier},
		"nor between those who do not exist":   {consent(func(c *Consent) { c.Authorities = append(c.Authorities, "molndahl") }), ErrAuthority},
		"nor on a day that does not exist":     {consent(func(c *Consent) { c.GivenOn = "2026-02-30" }), ErrDate},
		"and names nobody by number":           {consent(func(c *Consent) { c.TextVersion = "19121212-1212" }), personnummer.ErrNumberHere},
		"a reference is no personal number":    {Changes{ExternalReference: pointer("19121212-1212")}, ErrReferenceIsIdentity},
		"nor is a contact's name":              {Changes{Contact: &Contact{Name: "19121212-1212"}}, personnummer.ErrNumberHere},
		"a wish is for what there is":          {Changes{WishedInitiative: pointer("lugn")}, ErrInitiative},
		"and is performed here":                {Changes{WishedInitiative: pointer("ungdomssparet")}, ErrNotPerformedNow},
		"given or removed":                     {Changes{WishedInitiative: pointer("activera"), WithoutWish: true}, ErrWishRemoved},
		"a person has no contact at work":      {Changes{Contact: &Contact{Name: "Påhittad"}, Self: true}, ErrContactOfPerson},
	} {
		r := sample()
		err := r.Amend(history.Author{}, noon, rules, c.changes, Plain{}, inClear, nil)
		if c.want == nil && err != nil || c.want != nil && (!errors.Is(err, c.want) || r.Version() != 1) {
			t.Errorf("%s: got %v", sentence, err)
		}
	}
}

func TestAConsentThatIsWithdrawnIsNotExtended(t *testing.T) {
	r := after(Submitted, ConsentWithdrawn)
	c := r.Consent
	c.Authorities = append(slices.Clone(c.Authorities), "partille")
	if err := r.Amend(history.Author{}, noon, rules, Changes{Consent: &c}, Plain{}, inClear, nil); !errors.Is(err, ErrConsentWithdrawn) {
		t.Errorf("got %v", err)
	}
}

func TestTheSenderSeesNoMoreThanTheAmendedConsentCovers(t *testing.T) {
	fk := actor.Actor{Association: "insjoriket", Authority: "fk", Unit: "fk-molndal", Roles: []actor.Role{actor.Referrer}}
	sees := func(r *Referral, category string) bool {
		return access.Allows("getReferral#"+category, fk, r.Status().ResourceFor(fk))
	}
	r := sample()
	r.Consent.Categories = []string{consent.Outcome}
	if sees(r, consent.Progress) || !sees(r, consent.Outcome) {
		t.Error("before: want the outcome and not the course")
	}
	wider := r.Consent
	wider.Categories = []string{consent.Outcome, consent.Progress}
	if err := r.Amend(history.Author{}, noon, rules, Changes{Consent: &wider}, Plain{}, inClear, nil); err != nil {
		t.Fatal(err)
	}
	if !sees(r, consent.Progress) || !sees(r, consent.Outcome) {
		t.Error("after: want both")
	}
	r.Steps = append(r.Steps, Step{Entry: history.Entry{N: 3, At: noon}, Kind: ConsentWithdrawn})
	if sees(r, consent.Progress) || sees(r, consent.Outcome) {
		t.Error("withdrawn: want neither")
	}
}

// assessed is the sample as it was received: a person of forty years, in the
// target group under the rules of then, who did not want to.
func assessed(t *testing.T) (*Referral, Assessment) {
	t.Helper()
	r, years := sample(), 40
	was := Assess(checked, "v1", "2026-03-01", Facts{Age: &years, Group: r.TargetGroup, RightTime: []TimelyAnswer{{"wants_to", "no"}, {"can_attend", "yes"}}})
	sealed, err := was.Encrypt(r.ID, inClear)
	if err != nil {
		t.Fatal(err)
	}
	r.TargetGroupMet, r.Assessment = was.Met, sealed
	return r, was
}

func TestAnAmendedInputIsAssessedAgain(t *testing.T) {
	alone := TargetGroup{Reasons: []string{"long_absence"}, Concerned: []actor.AuthorityKind{actor.Region}}
	wants := []TimelyAnswer{{"wants_to", "yes"}, {"can_attend", "yes"}}
	same := sample().TargetGroup
	for _, c := range []struct {
		sentence    string
		changes     Changes
		fields      string
		met, timely Verdict // empty: not judged again
	}{
		{"the grounds of the target group", Changes{TargetGroup: &alone}, "[targetGroup]", NotMet, NotMet},
		{"the answers to the checklist", Changes{RightTime: &wants}, "[rightTime]", Met, Met},
		{"both", Changes{TargetGroup: &alone, RightTime: &wants}, "[rightTime targetGroup]", NotMet, Met},
		{"an answer that is taken back is unknown", Changes{RightTime: pointer(wants[:1])}, "[rightTime]", Met, Unknown},
		{"what is no input leaves the test as it is", Changes{Reason: pointer("second")}, "[reason]", "", ""},
		{"and so does what is the same already", Changes{Reason: pointer("second"), TargetGroup: &same, RightTime: &[]TimelyAnswer{{"can_attend", "yes"}, {"wants_to", "no"}}}, "[reason]", "", ""},
	} {
		r, was := assessed(t)
		if err := r.Amend(history.Author{}, noon, rules, c.changes, Plain{Reason: "first", Assessed: &was}, inClear, nil); err != nil {
			t.Errorf("%s: %v", c.sentence, err)
			continue
		}
		a := r.Steps[1].Amendment
		if got := fmt.Sprint(a.Fields()); got != c.fields {
			t.Errorf("%s: got fields %s", c.sentence, got)
		}
		var now Assessment
		if err := json.Unmarshal(r.Assessment, &now); err != nil {
			t.Fatal(err)
		}
		if c.met == "" {
			if a.Assessment != nil || now.Version != "v1" {
				t.Errorf("%s: assessed again: %+v", c.sentence, now)
			}
			continue
		}
		if now.Met != c.met || r.TargetGroupMet != c.met || now.Timely != c.timely || now.Version != "2" || now.On != "2026-03-02" || now.Rules[0].Seen[0] != "40" {
			t.Errorf("%s: got %+v", c.sentence, now)
		}
		if then := r.AsOf(1); then.TargetGroupMet != Met || !bytes.Equal(then.Assessment, a.Assessment.Old) || bytes.Equal(then.Assessment, r.Assessment) {
			t.Errorf("%s: the former test is not kept", c.sentence)
		}
	}
}

func TestAReferralThatWasNeverTestedIsTestedWhenItIsAmended(t *testing.T) {
	r := amended(t, Changes{RightTime: &[]TimelyAnswer{{"wants_to", "yes"}}})
	if r.TargetGroupMet != Unknown || r.Steps[1].Amendment.Met.Old != "" { // of an age that was not kept
		t.Errorf("got %s, %+v", r.TargetGroupMet, r.Steps[1].Amendment)
	}
}

func TestAnAnswerToWhatThePresentRulesDoNotAskIsRefused(t *testing.T) {
	r, was := assessed(t)
	err := r.Amend(history.Author{}, noon, rules, Changes{RightTime: &[]TimelyAnswer{{"sleeps_well", "yes"}}}, Plain{Reason: "first", Assessed: &was}, inClear, nil)
	if !errors.Is(err, ErrRightTimeItem) || fault.Of(err).Fields[0].Pointer != "/changes/rightTime/0/item" || r.Version() != 1 {
		t.Errorf("got %v", err)
	}
}

func TestWhoAnswersAnotherChecklistIsTestedByIt(t *testing.T) {
	two := *rules
	two.Initiatives = []association.Initiative{later, spared}
	r, was := assessed(t)
	was.Checklist = []TimelyItem{{ID: "wants_to", Answer: "unknown"}} // nothing was answered
	plain := Plain{Reason: "first", Assessed: &was}
	mixed := []TimelyAnswer{{"wants_to", "yes"}, {"left_school", "yes"}}
	if err := r.Amend(history.Author{}, noon, &two, Changes{RightTime: &mixed}, plain, inClear, nil); !errors.Is(err, ErrRightTimeItem) {
		t.Errorf("of two checklists: %v", err)
	}
	other := mixed[1:]
	if err := r.Amend(history.Author{}, noon, &two, Changes{RightTime: &other}, plain, inClear, nil); err != nil {
		t.Fatal(err)
	}
	var now Assessment
	if err := json.Unmarshal(r.Assessment, &now); err != nil || now.Initiative != "ungdomssparet" || now.Timely != Met || r.TargetGroupMet != NotMet {
		t.Errorf("got %+v, %v", now, err)
	}
}
