package participant

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/consent"
	"github.com/finsam/finsam/pkg/history"
)

func day(d civil.Date) time.Time {
	t, err := time.Parse(time.RFC3339, string(d)+"T12:00:00Z")
	if err != nil {
		panic(err)
	}
	return t
}

// known is a person whom FK referred to Mölndal on 1 March and Af to Partille on
// 1 May; the consent to FK was withdrawn on 1 July.
func known() *Person {
	p := NewPerson("insjoriket", "p1", "lookup", []byte("sealed"), []byte("sealed too"), "r1", sender, day("2026-03-01"))
	p.GiveConsent(Consent{Referral: "r1", Authority: "fk", Unit: "fk-molndal", Municipality: "1481", Authorities: []string{"molndal"}, GivenOn: "2026-02-27"}, sender, day("2026-03-01"))
	p.GiveConsent(Consent{Referral: "r2", Authority: "af", Unit: "af-1", Municipality: "1402", Authorities: []string{"af", "fk"}, GivenOn: "2026-05-01"}, history.Author{Subject: "af-3"}, day("2026-05-01"))
	if err := p.WithdrawConsent("r1", nil, coach, day("2026-07-01")); err != nil {
		panic(err)
	}
	return p
}

func TestWhatAnAuthorityCouldSeeOnADay(t *testing.T) {
	p := known()
	must(t, p.Protect(ConfidentialityMarking, []string{"coach-17"}, false, coach, day("2026-09-01")))
	if err := p.Unprotect(nil, coach, day("2026-10-01")); err != nil {
		t.Fatal(err)
	}
	all := func(r string) []Visibility { return []Visibility{{Referral: r, Progress: true, Identity: true}} }
	for _, c := range []struct {
		sentence  string
		authority string
		on        civil.Date
		want      []Visibility
	}{
		{"nothing before the referral", "fk", "2026-02-28", nil},
		{"everything from the day of the referral", "fk", "2026-03-01", all("r1")},
		{"everything while consent holds", "fk", "2026-06-30", all("r1")},
		{"still something on the day of the withdrawal", "fk", "2026-07-01", all("r1")},
		{"nothing from the day after", "fk", "2026-07-02", nil},
		{"the other sender's consent is its own", "af", "2026-07-02", all("r2")},
		{"an authority that is only named in a consent has sent nothing", "molndal", "2026-06-30", nil},
		{"on the day of the protection the name could still be seen", "af", "2026-09-01", all("r2")},
		{"while protected the progress but not the name", "af", "2026-09-02", []Visibility{{Referral: "r2", Progress: true}}},
		{"the name again when the protection is removed", "af", "2026-10-01", all("r2")},
		{"a stranger sees nothing", "vgr", "2026-06-01", nil},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if got := p.VisibleTo(c.authority, c.on); !slices.Equal(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAConsentThatLeavesProgressOutOpensNone(t *testing.T) {
	p := known()
	p.Enrol(&Enrolment{ID: "e2", Referral: "r2", Municipality: "1481", Unshared: []string{"progress", "outcome"}}, "r2/2", system, noon)
	if got := p.VisibleTo("af", "2026-10-01"); !slices.Equal(got, []Visibility{{Referral: "r2", Identity: true}}) {
		t.Errorf("got %+v", got)
	}
}

func TestConsentIsWithdrawnOnce(t *testing.T) {
	p := known()
	if err := p.WithdrawConsent("r1", nil, coach, noon); !errors.Is(err, ErrConsentGone) {
		t.Errorf("got %v", err)
	}
	if err := p.WithdrawConsent("r9", nil, coach, noon); !errors.Is(err, ErrNoConsent) {
		t.Errorf("got %v", err)
	}
	if p.GiveConsent(Consent{Referral: "r2", Authority: "af"}, sender, noon) {
		t.Error("one referral gave its consent twice")
	}
	if tie := p.Status().referral("r1"); tie == nil || tie.Consent.InForce() || tie.Consent.scope().Shares(consent.Identity) {
		t.Errorf("got %+v", tie)
	}
}

func TestProtectionDestroysTheContact(t *testing.T) {
	p := known()
	must(t, p.Protect(AssumedIdentity, []string{"coach-17"}, false, coach, noon))
	if p.Contact != nil {
		t.Error("the contact is still there")
	}
	p.State(Said{Referral: "r3", Identity: []byte("sealed"), Contact: []byte("new")})
	if p.Said[0].Contact != nil || p.Said[0].Identity == nil {
		t.Error("a protected person's contact was stored, or the name was not")
	}
	must(t, p.Unprotect(nil, coach, noon))
	if p.Contact != nil || p.Status().Protection.Level != NoProtection {
		t.Error("what was destroyed came back")
	}
	if err := p.Unprotect(nil, coach, noon); !errors.Is(err, ErrNotProtected) {
		t.Errorf("got %v", err)
	}
}

func TestAHandlerIsOneOfTheAuthorityThatNamedThem(t *testing.T) {
	p := known()
	must(t, p.Protect(ProtectedRegistration, []string{"coach-17"}, false, coach, noon))
	if h := p.Status().Resource(actor.Actor{Authority: "molndal", Subject: "coach-17"}, "").Handlers; len(h) != 1 {
		t.Errorf("got %v", h)
	}
	if h := p.Status().Resource(actor.Actor{Authority: "fk", Subject: "coach-17"}, "").Handlers; len(h) != 0 {
		t.Errorf("the same subject elsewhere is somebody else: %v", h)
	}
	partille := history.Author{Subject: "chef-2", Authority: "partille"}
	must(t, p.Protect(ProtectedRegistration, []string{"coach-2"}, true, partille, noon))
	if h := p.Status().Resource(actor.Actor{Authority: "molndal"}, "").Handlers; !slices.Equal(h, []string{"coach-17"}) {
		t.Errorf("another authority's head took Mölndal's handlers away: %v", h)
	}
}

// TestWhoChangesAProtectionAndHow is the rule of domain.md §6: handlers are appointed by
// the head of the unit and not by themselves; only a privileged role lowers.
func TestWhoChangesAProtectionAndHow(t *testing.T) {
	protect := func(level ProtectionLevel, handlers []string, head bool) func(*Person) error {
		return func(p *Person) error { return p.Protect(level, handlers, head, coach, noon) }
	}
	lower := func(level ProtectionLevel) func(*Person) error {
		return func(p *Person) error { return p.Lower(level, nil, coach, noon) }
	}
	for _, c := range []struct {
		sentence string
		change   func(*Person) error
		err      error
		level    ProtectionLevel
		handlers string
	}{
		{"a handler raises the level and the handlers stay", protect(AssumedIdentity, nil, false), nil, AssumedIdentity, "[coach-17]"},
		{"the same handlers are no change of them", protect(AssumedIdentity, []string{"coach-17"}, false), nil, AssumedIdentity, "[coach-17]"},
		{"a handler appoints nobody", protect(AssumedIdentity, []string{"coach-17", "coach-18"}, false), ErrAppoint, ProtectedRegistration, "[coach-17]"},
		{"and shuts nobody out", protect(AssumedIdentity, []string{}, false), ErrAppoint, ProtectedRegistration, "[coach-17]"},
		{"the head appoints", protect(ProtectedRegistration, []string{"coach-18"}, true), nil, ProtectedRegistration, "[coach-18]"},
		{"the head names nobody", protect(ProtectedRegistration, []string{}, true), nil, ProtectedRegistration, "[]"},
		{"the head does not lower", protect(ConfidentialityMarking, nil, true), ErrLowered, ProtectedRegistration, "[coach-17]"},
		{"a removal may only lower", lower(ConfidentialityMarking), nil, ConfidentialityMarking, "[coach-17]"},
		{"to the same level is not lower", lower(ProtectedRegistration), ErrNotLower, ProtectedRegistration, "[coach-17]"},
		{"to a stronger one neither", lower(AssumedIdentity), ErrNotLower, ProtectedRegistration, "[coach-17]"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			p := known()
			must(t, p.Protect(ProtectedRegistration, []string{"coach-17"}, false, coach, noon))
			if err := c.change(p); !errors.Is(err, c.err) {
				t.Fatalf("got %v", err)
			}
			if got := p.Status().Protection; got.Level != c.level || fmt.Sprint(got.Handlers[coach.Authority]) != c.handlers {
				t.Errorf("got %+v", got)
			}
		})
	}
	if err := known().Lower(ConfidentialityMarking, nil, coach, noon); !errors.Is(err, ErrNotProtected) {
		t.Errorf("got %v", err)
	}
}

func TestTheRelationshipsOfAPerson(t *testing.T) {
	p := known()
	e := &Enrolment{ID: "e2", Referral: "r2", Municipality: "1481", Unshared: []string{"progress"}}
	p.Enrol(e, "r2/2", system, noon)
	if p.Enrol(e, "r2/2", system, noon) {
		t.Error("one event enrolled twice")
	}
	all := p.Status().Resource(actor.Actor{}, "")
	if len(all.Relationships) != 3 || all.Relationships[0].Consent.Shares(consent.Identity) || !all.Relationships[1].Consent.Shares(consent.Identity) || all.Relationships[2].Municipality != "1481" {
		t.Errorf("got %+v", all.Relationships)
	}
	if one := p.Status().Resource(actor.Actor{}, "r1"); len(one.Relationships) != 1 || one.Relationships[0].Authority != "fk" {
		t.Errorf("got %+v", one.Relationships)
	}
}

func TestARejectionThatComesAgainDoesNotUndoItsCorrection(t *testing.T) {
	p := known()
	if !p.Release("r2", false, true, "r2/2", system, noon) || !p.Transfer(Reopened, "r2", "1402", "r2/3", system, noon) {
		t.Fatal("rejected, and that was corrected")
	}
	if p.Release("r2", false, true, "r2/2", system, noon) || p.Status().referral("r2").Holder != "1402" {
		t.Errorf("got %+v", p.Status().referral("r2"))
	}
	if !p.Release("r2", false, true, "r2/4", system, noon) {
		t.Error("another rejection counts")
	}
}

func TestAnAliasFollowsFromTheID(t *testing.T) {
	a := Alias("3f0c8a52-6a43-4d0e-9d3e-0d8c7a1b2c3d")
	if a != Alias("3f0c8a52-6a43-4d0e-9d3e-0d8c7a1b2c3d") || a == Alias("other") || len(a) != len("Deltagare 7F3K") {
		t.Errorf("got %q", a)
	}
}
