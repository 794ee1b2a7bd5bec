package referral

import (
	"errors"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/personnummer"
)

var partille = association.Municipality{Code: "1402", Name: "Partille", Authority: "partille"}

// opened is the sample with a consent that names Partille too.
func opened() *Referral {
	r := sample()
	r.Consent.Authorities = []string{"fk", "molndal", "partille"}
	return r
}

// receiverOf is a receiver at a municipality.
func receiverOf(code string) actor.Actor {
	return actor.Actor{Subject: "r", Association: "insjoriket", Authority: "a-" + code, Municipality: code, Roles: []actor.Role{actor.Intake}}
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestATransferAsksForConsentToTheOtherMunicipality(t *testing.T) {
	for sentence, c := range map[string]struct {
		change func(*Referral)
		to     association.Municipality
		want   *fault.Error
	}{
		"the consent names it":                      {func(*Referral) {}, partille, nil},
		"the consent names municipalities":          {func(r *Referral) { r.Consent.Authorities = []string{"fk", "municipality"} }, partille, nil},
		"the consent leaves it out":                 {func(r *Referral) { r.Consent.Authorities = []string{"fk", "molndal"} }, partille, ErrConsentWithoutMunicipality},
		"it has no authority and is not named":      {func(*Referral) {}, association.Municipality{Code: "1402"}, ErrConsentWithoutMunicipality},
		"the consent is withdrawn":                  {func(r *Referral) { r.Steps = append(r.Steps, Step{Entry: history.Entry{N: 2}, Kind: ConsentWithdrawn}) }, partille, ErrConsentWithdrawn},
		"the referral is there already":             {func(*Referral) {}, association.Municipality{Code: "1481", Authority: "molndal"}, ErrTransferToItself},
		"a decided referral is not transferred any": {func(r *Referral) { r.Steps = append(r.Steps, Step{Entry: history.Entry{N: 2}, Kind: Rejected}) }, partille, ErrWrongState},
	} {
		r := opened()
		c.change(r)
		if err := r.RequestTransfer(history.Author{}, noon, c.to, nil); c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", sentence, err)
		}
	}
}

func TestWhileOneIsAskedBothSeeTheReferralAndEachDoesItsPart(t *testing.T) {
	r := opened()
	must(t, r.RequestTransfer(history.Author{}, noon, partille, nil))
	for code, want := range map[string]map[string]bool{
		"1481": {"getReferral": true, "getReferral#text": true, "cancelTransfer": true, "acceptTransfer": false, "declineTransfer": false, "rejectReferral": true},
		"1402": {"getReferral": true, "getReferral#text": true, "cancelTransfer": false, "acceptTransfer": true, "declineTransfer": true, "rejectReferral": false},
		"1441": {"getReferral": false, "getReferral#text": false, "cancelTransfer": false, "acceptTransfer": false, "declineTransfer": false, "rejectReferral": false},
	} {
		a := receiverOf(code)
		for operation, may := range want {
			if got := access.Allows(operation, a, r.Status().ResourceTo(operation, a)); got != may {
				t.Errorf("%s and %s: got %t", code, operation, got)
			}
		}
	}
	if got := r.Status().Outline(receiverOf("1481"), noon).Operations; !slices.Equal(got, []string{"addAttachment", "cancelTransfer"}) {
		t.Errorf("the one that has it may now %v", got)
	}
	if got := r.Status().Outline(receiverOf("1402"), noon).Operations; len(got) != 2 || got[0] != "acceptTransfer" || got[1] != "declineTransfer" {
		t.Errorf("the one that is asked may now %v", got)
	}
}

func TestOnlyTheOneWithoutTheReferralLosesSightOfIt(t *testing.T) {
	for kind, has := range map[StepKind]string{TransferAccepted: "1402", TransferDeclined: "1481", TransferCancelled: "1481"} {
		r := opened()
		must(t, r.Assign(history.Author{}, noon, "mottagare-1"))
		must(t, r.Waitlist(history.Author{}, noon, "high", "activera"))
		must(t, r.RequestTransfer(history.Author{}, noon, partille, nil))
		switch kind {
		case TransferAccepted:
			must(t, r.AcceptTransfer(history.Author{}, noon, "1402", nil))
		case TransferDeclined:
			must(t, r.DeclineTransfer(history.Author{}, noon, "1402", nil))
		default:
			must(t, r.CancelTransfer(history.Author{}, noon, nil))
		}
		if r.Status().Municipality != has || r.Status().State != StateSubmitted || r.Status().TransferTarget() != "" {
			t.Errorf("%s: with %s in %s", kind, r.Status().Municipality, r.Status().State)
		}
		for _, code := range []string{"1481", "1402"} {
			a := receiverOf(code)
			if got := access.Allows("getReferral", a, r.Status().ResourceFor(a)); got != (code == has) {
				t.Errorf("%s: %s sees it: %t", kind, code, got)
			}
		}
		handed := kind == TransferAccepted
		if (r.Status().Responsible == "") != handed || (r.Status().Priority == "") != handed {
			t.Errorf("%s: responsible %q, priority %q", kind, r.Status().Responsible, r.Status().Priority)
		}
		if got := r.Status().HandedOverBy("1481"); (got != nil) != handed {
			t.Errorf("%s: handed over by Mölndal: %v", kind, got)
		}
		if r.Status().HandedOverBy("1402") != nil || r.Status().HandedOverBy("1441") != nil || r.Status().HandedOverBy("") != nil {
			t.Errorf("%s: handed over by one that never had it", kind)
		}
	}
}

func TestAWithdrawnConsentClosesTheReferralToTheOneThatIsAsked(t *testing.T) {
	r := opened()
	must(t, r.RequestTransfer(history.Author{}, noon, partille, nil))
	r.Steps = append(r.Steps, Step{Entry: history.Entry{N: 3, At: noon}, Kind: ConsentWithdrawn})
	a := receiverOf("1402")
	if access.Allows("getReferral", a, r.Status().ResourceFor(a)) {
		t.Error("it still sees it")
	}
	if err := r.AcceptTransfer(history.Author{}, noon, "1402", nil); !errors.Is(err, ErrConsentWithdrawn) {
		t.Errorf("got %v", err)
	}
	must(t, r.CancelTransfer(history.Author{}, noon, nil))
}

func TestNobodyButTheOneAskedAnswers(t *testing.T) {
	r := opened()
	must(t, r.RequestTransfer(history.Author{}, noon, partille, nil))
	if err := r.AcceptTransfer(history.Author{}, noon, "1481", nil); !errors.Is(err, ErrNotAsked) {
		t.Errorf("got %v", err)
	}
	if err := r.DeclineTransfer(history.Author{}, noon, "1441", nil); !errors.Is(err, ErrNotAsked) {
		t.Errorf("got %v", err)
	}
}

func TestAnAssignmentNamesAnotherOrNobody(t *testing.T) {
	r := sample()
	for _, who := range []string{"mottagare-1", "mottagare-2", ""} {
		must(t, r.Assign(history.Author{}, noon, who))
		if r.Status().Responsible != who {
			t.Errorf("want %q, got %q", who, r.Status().Responsible)
		}
	}
	if err := r.Assign(history.Author{}, noon, ""); !errors.Is(err, ErrAssignedAlready) {
		t.Errorf("the same again: %v", err)
	}
	if err := r.Assign(history.Author{}, noon, "19121212-1212"); !errors.Is(err, personnummer.ErrNumberHere) {
		t.Errorf("got %v", err)
	}
	if err := after(Submitted, Rejected).Assign(history.Author{}, noon, "x"); !errors.Is(err, ErrWrongState) {
		t.Errorf("got %v", err)
	}
}
