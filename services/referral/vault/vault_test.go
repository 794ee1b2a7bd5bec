package vault

import (
	"context"
	"errors"
	"maps"
	"testing"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/service"
)

// fake answers as the test says and keeps what it was asked.
type fake struct {
	err  error
	seen api.PersonInput
}

func (f *fake) Put(_ context.Context, p api.PersonInput) (api.PersonRef, error) {
	f.seen = p
	age := 40
	return api.PersonRef{Participant: "p1", Age: &age}, f.err
}
func (f *fake) Identities(context.Context, []string) ([]api.Identity, error) {
	number := "19121212-****"
	return []api.Identity{{Participant: "p1", DisplayName: "Tolvan Påhittad", PersonalIdentityNumber: &number}, {Participant: "p2", DisplayName: "Deltagare 7F3K", Protected: true}}, f.err
}
func (f *fake) AgeOn(context.Context, string, string) (int, error) { return 40, f.err }

func TestThePersonReachesTheVaultWhole(t *testing.T) {
	f := &fake{}
	filed, err := people{f}.Put(t.Context(), service.PersonInput{
		Referral: "r1", Authority: "fk", Unit: "u", Municipality: "1481",
		Person:  referral.Person{PersonalIdentityNumber: "191212121212", GivenName: "Tolvan", FamilyName: "Påhittad", Gender: "male", Email: "t@example.se"},
		Consent: referral.Consent{GivenOn: "2026-02-27", TextVersion: "2026-1", Authorities: []string{"fk"}},
	})
	if err != nil || filed.Participant != "p1" || *filed.Age != 40 {
		t.Fatalf("got %+v, %v", filed, err)
	}
	p := f.seen
	if *p.Municipality != "1481" || *p.Person.Gender != "male" || *p.Person.Email != "t@example.se" || p.Person.Phone != nil || p.Consent.GivenOn != "2026-02-27" {
		t.Errorf("got %+v", p)
	}
}

func TestWhoTheyAreComesAsTheVaultShowsIt(t *testing.T) {
	all, err := people{&fake{}}.Identities(t.Context(), []string{"p1", "p2", "p3"})
	want := map[string]referral.Identity{"p1": {Name: "Tolvan Påhittad", Number: "19121212-****"}, "p2": {Name: "Deltagare 7F3K"}}
	if err != nil || !maps.Equal(all, want) {
		t.Errorf("got %v, %v", all, err)
	}
	if _, err := (people{&fake{err: fault.ErrForbidden}}).Identities(t.Context(), []string{"p1"}); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestOnlyWhatTheCallerCanMendOrWaitForIsPassedOn(t *testing.T) {
	mend := fault.New(fault.Unprocessable, "bad-number", "Fel.", "Wrong.").AtField("/person/personalIdentityNumber")
	for _, c := range []struct {
		sentence string
		err      error
		want     *fault.Error
	}{
		{"a wrong number is passed on with its field", mend, mend},
		{"a vault that is away is passed on", fault.ErrUnavailable, fault.ErrUnavailable},
		{"a person unknown there is no answer about the referral", fault.ErrNotFound, fault.ErrUnavailable},
		{"distrust between services is not the caller's business", fault.ErrForbidden, fault.ErrUnavailable},
		{"a broken vault is one that cannot answer", errors.New("disk"), fault.ErrUnavailable},
	} {
		p := people{&fake{err: c.err}}
		if _, err := p.Put(t.Context(), service.PersonInput{}); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", c.sentence, err)
		}
		_, err := p.AgeOn(t.Context(), "p1", "2026-03-16")
		if !errors.Is(err, c.want) || len(fault.Of(err).Fields) != len(c.want.Fields) {
			t.Errorf("%s: got %v", c.sentence, err)
		}
	}
}
