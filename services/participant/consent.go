package participant

import (
	"errors"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/civil"
)

// Consent is what the person agreed to when a referral was written: that the
// secrecy between authorities is lifted (OSL 10:1), until it is withdrawn.
type Consent struct {
	Referral     string
	Authority    string   // the sender's
	Unit         string   // the sender's
	Municipality string   // where the person wished to take part
	Authorities  []string // ids or kinds, as the consent names them
	TextVersion  string
	GivenOn      civil.Date // on paper
	From         time.Time  // known here
	Until        time.Time  // withdrawn; zero while it holds
}

// NewConsent is what comes with a referral.
type NewConsent struct {
	Referral     string
	Authority    string
	Unit         string
	Municipality string
	Authorities  []string
	TextVersion  string
	GivenOn      civil.Date
}

// codes wants the parts that are kept in clear to point out nobody.
func (c NewConsent) codes() error {
	return errors.Join(noNumber("/unit", c.Unit),
		noNumber("/consent/textVersion", c.TextVersion), noNumber("/consent/authorities", c.Authorities...))
}

// GiveConsent notes a referral's consent. The same referral again changes
// nothing; then it answers false.
func (p *Person) GiveConsent(c NewConsent, who Who, now time.Time) bool {
	if _, known := p.Consent(c.Referral); known {
		return false
	}
	who.Authority = c.Authority
	s := p.step(ConsentGiven, who, now)
	s.Referral, s.Unit, s.Municipality = c.Referral, c.Unit, c.Municipality
	s.Authorities, s.TextVersion, s.GivenOn = slices.Clone(c.Authorities), c.TextVersion, c.GivenOn
	return true
}

// ExtendConsent notes that a referral's consent covers more now. What is told
// twice, or of a consent that has ended, changes nothing; then it answers false.
func (p *Person) ExtendConsent(c NewConsent, cause string, who Who, now time.Time) bool {
	if old, known := p.Consent(c.Referral); !known || !old.InForce() || p.caused(cause) {
		return false
	}
	s := p.step(ConsentExtended, who, now)
	s.Referral, s.Cause = c.Referral, cause
	s.Authorities, s.TextVersion, s.GivenOn = slices.Clone(c.Authorities), c.TextVersion, c.GivenOn
	return true
}

// Consents returns the consents in the order in which they were given.
func (p *Person) Consents() []Consent {
	var all []Consent
	for _, s := range p.Steps {
		switch s.Kind {
		case ConsentGiven:
			all = append(all, Consent{
				Referral: s.Referral, Authority: s.Authority, Unit: s.Unit, Municipality: s.Municipality,
				Authorities: s.Authorities, TextVersion: s.TextVersion, GivenOn: s.GivenOn, From: s.At,
			})
		case ConsentExtended:
			for i := range all {
				if all[i].Referral == s.Referral {
					all[i].Authorities, all[i].TextVersion, all[i].GivenOn = s.Authorities, s.TextVersion, s.GivenOn
				}
			}
		case ConsentWithdrawn:
			for i := range all {
				if all[i].Referral == s.Referral {
					all[i].Until = s.At
				}
			}
		}
	}
	return all
}

// Consent finds the consent of a referral.
func (p *Person) Consent(referral string) (Consent, bool) {
	all := p.Consents()
	i := slices.IndexFunc(all, func(c Consent) bool { return c.Referral == referral })
	if i < 0 {
		return Consent{}, false
	}
	return all[i], true
}

// InForce reports whether the consent has not been withdrawn.
func (c Consent) InForce() bool { return c.Until.IsZero() }

// covered lists the authorities that it opens for now; the sender's is always
// one of them, since without it there would have been no referral.
func (c Consent) covered() []string {
	if !c.InForce() {
		return nil
	}
	return append([]string{c.Authority}, c.Authorities...)
}

// Sight is what an authority could see of a person by one of its referrals.
type Sight struct {
	Referral string
	Progress bool // how the person's way went
	Identity bool // name and number too
}

// VisibleTo answers what a sending authority could see at some time of a day,
// from the steps alone: what it sent, while consent held, and who the person
// was unless that was protected all day and none of its staff was named.
func (p *Person) VisibleTo(authority string, on civil.Date) []Sight {
	var seen []Sight
	for _, c := range p.Consents() {
		if c.Authority != authority || civil.DateOf(c.From) > on || (!c.InForce() && civil.DateOf(c.Until) < on) {
			continue
		}
		seen = append(seen, Sight{Referral: c.Referral, Progress: !p.keepsCourse(c.Referral), Identity: p.openOn(authority, on)})
	}
	return seen
}

// keepsCourse reports whether a referral's consent leaves the course out.
func (p *Person) keepsCourse(referral string) bool {
	return slices.ContainsFunc(p.Steps, func(s PersonStep) bool {
		return s.Kind == Enrolled && s.Referral == referral && slices.Contains(s.Unshared, progressData)
	})
}

// openOn reports whether somebody at the authority could see the identity at some
// time of the day: one of the protections in force during it was none, or named
// a handler there.
func (p *Person) openOn(authority string, on civil.Date) bool {
	open := true // before any step, nothing is protected
	for _, s := range p.Steps {
		if civil.DateOf(s.At) > on {
			break
		}
		before := open
		switch s.Kind {
		case Protected:
			open = len(s.Handlers) > 0 && s.Authority == authority
		case Unprotected:
			open = true
		}
		if civil.DateOf(s.At) == on {
			open = open || before
		}
	}
	return open
}
