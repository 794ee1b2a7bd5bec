package vault

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	api "github.com/finsam/finsam/pkg/api/participant"
	referralapi "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/contract"
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
func (f *fake) AgeOn(context.Context, string, string) (*int, error) { return new(40), f.err }

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
	want := map[string]referral.Identity{"p1": {Name: "Tolvan Påhittad", Number: "19121212-****"}, "p2": {Name: "Deltagare 7F3K", Protected: true}}
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

// TestWhatTheReferralsContractTakesTheVaultsTakesToo holds what is called in one process,
// where the vault's contract is not checked again, against it: at the bounds of the
// referral's.
func TestWhatTheReferralsContractTakesTheVaultsTakesToo(t *testing.T) {
	schema := func(compiled []byte, operation string) *contract.Schema {
		c, err := contract.Read(compiled)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(c.Operations, func(o *contract.Operation) bool { return o.ID == operation })
		return c.Operations[i].Body
	}
	sent, filed := schema(referralapi.Contract, "createReferral"), schema(api.Contract, "putPerson")
	many := make([]string, 20)
	for i := range many {
		many[i] = strconv.Itoa(i) + strings.Repeat("z", 62)
	}
	base := func() (person, consent map[string]any, unit, municipality string) {
		return map[string]any{"personalIdentityNumber": "198001012387", "givenName": "T", "familyName": "P"},
			map[string]any{"givenOn": "2026-01-01", "textVersion": "1", "authorities": []string{"fk"}}, "u", "1481"
	}
	taken := 0
	for _, c := range []struct {
		part, field string
		value       any
	}{
		{"", "", nil},
		{"person", "personalIdentityNumber", "8001012387"}, {"person", "personalIdentityNumber", "800101-2387"},
		{"person", "personalIdentityNumber", "19800101+2387"}, {"person", "personalIdentityNumber", "1980010-2387"},
		{"person", "givenName", strings.Repeat("å", 100)}, {"person", "givenName", ""}, {"person", "familyName", strings.Repeat("å", 101)},
		{"person", "gender", "other"}, {"person", "gender", "x"},
		{"person", "email", "a@b"}, {"person", "email", strings.Repeat("a", 252) + "@b"}, {"person", "email", "å ä@b"}, {"person", "email", "\"x\"@[1]"},
		{"person", "phone", "+4670"}, {"person", "phone", "0" + strings.Repeat("1", 24)}, {"person", "phone", "0(1) -2"}, {"person", "phone", "++46"},
		{"consent", "givenOn", "2026-02-30"}, {"consent", "givenOn", "2026-1-1"}, {"consent", "givenOn", "9999-12-31"},
		{"consent", "textVersion", strings.Repeat("1", 40)}, {"consent", "textVersion", "x y"},
		{"consent", "authorities", many}, {"consent", "authorities", []string{}},
		{"", "unit", strings.Repeat("å", 100)}, {"", "unit", "\t"}, {"", "unit", "å b"}, {"", "municipality", "14810"},
	} {
		person, consent, unit, municipality := base()
		switch {
		case c.part == "person":
			person[c.field] = c.value
		case c.part == "consent":
			consent[c.field] = c.value
		case c.field == "unit":
			unit = c.value.(string)
		case c.field == "municipality":
			municipality = c.value.(string)
		}
		input, err := json.Marshal(map[string]any{
			"referral": "3f0c8a52-6a43-4d0e-9d3e-0d8c7a1b2c3d", "authority": "fk", "unit": unit, "municipality": municipality, "person": person, "consent": maps.Clone(consent),
		})
		if err != nil {
			t.Fatal(err)
		}
		consent["given"] = true
		whole, err := json.Marshal(map[string]any{
			"person": person, "consent": consent, "unit": unit, "wishedMunicipality": municipality, "reason": "x",
			"targetGroup": map[string]any{"reasons": []string{"long_absence"}, "authoritiesConcerned": []string{"social_insurance", "region"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if sent.Check(whole) != nil {
			continue
		}
		taken++
		if err := filed.Check(input); err != nil {
			t.Errorf("%s %s %q is taken by the referral's contract and not by the vault's: %v", c.part, c.field, c.value, err)
		}
	}
	if taken < 15 {
		t.Errorf("only %d values are taken by the referral's contract: the test proves little", taken)
	}
}

// handlers answers as the vault does.
type handlers struct{ err error }

func (h handlers) PutPerson(_ context.Context, r api.PutPersonRequestObject) (api.PutPersonResponseObject, error) {
	if h.err != nil {
		return nil, h.err
	}
	age := 40
	return api.PutPerson200JSONResponse{Participant: "of " + r.Body.Referral, Age: &age}, nil
}

func (h handlers) ReadAge(_ context.Context, r api.ReadAgeRequestObject) (api.ReadAgeResponseObject, error) {
	if h.err != nil {
		return nil, h.err
	}
	return api.ReadAge200JSONResponse{Years: new(len(r.Id) + len(r.Params.On))}, nil
}

func (h handlers) ReadIdentities(_ context.Context, r api.ReadIdentitiesRequestObject) (api.ReadIdentitiesResponseObject, error) {
	if h.err != nil {
		return nil, h.err
	}
	return api.ReadIdentities200JSONResponse{Items: []api.Identity{{Participant: r.Body.Participants[0], DisplayName: "Tolvan"}}}, nil
}

func TestTheVaultOfTheSameProcessIsAskedByItsHandlers(t *testing.T) {
	p := Local(handlers{})
	filed, err := p.Put(t.Context(), service.PersonInput{Referral: "r1"})
	if err != nil || filed.Participant != "of r1" || filed.Age == nil || *filed.Age != 40 {
		t.Errorf("got %+v, %v", filed, err)
	}
	if age, err := p.AgeOn(t.Context(), "p1", "2026-01-01"); err != nil || age == nil || *age != 12 {
		t.Errorf("got %d, %v", age, err)
	}
	if all, err := p.Identities(t.Context(), []string{"p1"}); err != nil || all["p1"].Name != "Tolvan" {
		t.Errorf("got %v, %v", all, err)
	}
	p = Local(handlers{fault.ErrForbidden})
	_, putErr := p.Put(t.Context(), service.PersonInput{})
	_, ageErr := p.AgeOn(t.Context(), "p1", "2026-01-01")
	_, err = p.Identities(t.Context(), []string{"p1"})
	for _, err := range []error{putErr, ageErr, err} {
		if !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("a refusal is passed on as %v", err)
		}
	}
}
