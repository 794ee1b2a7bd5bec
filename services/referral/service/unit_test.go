package service_test

import (
	"context"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// oneUnit is a register of one invented unit.
var oneUnit = []referral.Unit{{ID: "fk-molndal", Name: "Påhittat kontor", Kind: "insurance_office", Authority: "fk", Active: true}}

func TestARegisterIsLoadedByTheAssociationAndRulesReferralsFromThenOn(t *testing.T) {
	w := referraltest.New(t)
	admin, fk := referraltest.As(referraltest.Admin), referraltest.As(referraltest.FK)
	sub := referraltest.Submission()
	sub.Unit = "fk-lerum"
	v, err := w.Service.Create(fk, "", sub)
	wants(t, "while the register is empty any unit goes", err, nil)
	if v.Referral.Source != "social_insurance" {
		t.Errorf("without a register the source is %q", v.Referral.Source)
	}
	_, _, err = w.Service.ReplaceUnits(fk, 0, oneUnit)
	wants(t, "a sender loads no register", err, fault.ErrForbidden)
	_, version, err := w.Service.ReplaceUnits(admin, 0, oneUnit)
	wants(t, "the association does", err, nil)
	if version != 1 {
		t.Errorf("at version %d", version)
	}
	_, _, err = w.Service.ReplaceUnits(admin, 0, oneUnit)
	wants(t, "but not over another's", err, store.ErrStale)
	_, err = w.Service.Create(fk, "", sub)
	wants(t, "then only what is in it", err, referral.ErrUnitUnknown)
	v, err = w.Service.Create(fk, "", referraltest.Submission())
	wants(t, "such as this one", err, nil)
	if v.Referral.Source != "insurance_office" {
		t.Errorf("the source is %q", v.Referral.Source)
	}
	closed := oneUnit[0]
	closed.Active = false
	_, err = w.Service.ReplaceUnit(admin, 1, closed)
	wants(t, "a unit closes", err, nil)
	_, err = w.Service.Create(fk, "", referraltest.Submission())
	wants(t, "and refers no more", err, referral.ErrUnitInactive)
	other, _, err := w.Service.Units(referraltest.As(referraltest.Elsewhere), service.UnitFilter{})
	if err != nil || len(other) != 0 {
		t.Errorf("another association sees %v, %v", other, err)
	}
}

func TestAPersonAppliesAndTheMunicipalityHandsInForOthers(t *testing.T) {
	w := referraltest.New(t)
	first := created(t, w)
	person := referraltest.As(referraltest.Person(first.Participant))
	own := referraltest.Submission()
	own.Unit, own.Consent.Authorities = "", []string{"molndal"}
	v, err := w.Service.Create(person, "key", own)
	wants(t, "a person applies", err, nil)
	if r := v.Referral; r.Source != referral.SelfReferral || r.Authority != "self" || reasonOf(v) == "" {
		t.Errorf("got %+v", r)
	}
	v, err = w.Service.Get(referraltest.As(referraltest.Intake), v.Referral.ID)
	wants(t, "the municipality reads it", err, nil)
	imposter := referraltest.FK
	imposter.Authority = "self"
	_, err = w.Service.Get(referraltest.As(imposter), v.Referral.ID)
	wants(t, "no authority owns the persons'", err, fault.ErrNotFound)

	behalf := referraltest.Submission()
	behalf.OnBehalf, behalf.Unit = referral.SelfReferral, ""
	intake := referraltest.As(referraltest.Intake)
	v, err = w.Service.Create(intake, "", behalf)
	wants(t, "a receiver hands in an application", err, nil)
	if r := v.Referral; r.Source != referral.SelfReferral || r.Authority != "molndal" {
		t.Errorf("got %+v", r)
	}
	behalf.WishedMunicipality = "1402"
	_, err = w.Service.Create(intake, "", behalf)
	wants(t, "to nobody else", err, referral.ErrUnit)
}

func TestAChangeOfTheRegisterCountsAtOnceHereAndSoonElsewhere(t *testing.T) {
	w := referraltest.New(t)
	admin, fk := referraltest.As(referraltest.Admin), referraltest.As(referraltest.FK)
	elsewhere := another(t, w, w.Engine)
	sub := referraltest.Submission()
	sub.Unit = "fk-lerum"
	for _, s := range []*service.Service{w.Service, elsewhere} {
		_, err := s.Create(fk, "", sub)
		wants(t, "while the register is empty any unit goes", err, nil)
	}
	_, _, err := w.Service.ReplaceUnits(admin, 0, oneUnit)
	wants(t, "it is loaded", err, nil)
	_, err = w.Service.Create(fk, "", sub)
	wants(t, "the process that has loaded it uses it at once", err, referral.ErrUnitUnknown)
	w.Clock.Advance(2 * time.Second)
	_, err = elsewhere.Create(fk, "", sub)
	wants(t, "another one two seconds later", err, referral.ErrUnitUnknown)
	_, version, err := elsewhere.Units(fk, service.UnitFilter{})
	if err != nil || version != 1 {
		t.Errorf("read at version %d, %v", version, err)
	}
}

// another returns one more service of the same world on an engine of its own, as
// another process would be.
func another(t testing.TB, w *referraltest.World, e store.Engine) *service.Service {
	t.Helper()
	c := w.Config
	c.Engine = e
	s, err := service.New(context.Background(), c)
	servicetest.Must(t, err)
	return s
}

func TestAnOfficialWithoutAUnitLearnsThatTheTokenLacksIt(t *testing.T) {
	w := referraltest.New(t)
	official := referraltest.Officer
	official.Unit = ""
	_, err := w.Service.Create(referraltest.As(official), "", referraltest.Submission())
	wants(t, "without a unit in the token", err, referral.ErrTokenWithoutUnit)
}
