package participant

import (
	"errors"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/consent"
	"github.com/finsam/finsam/pkg/history"
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
	From         time.Time  // known here; zero in what comes with a referral
	Until        time.Time  // withdrawn; zero while it is in force
	Withheld     []string   // categories that it leaves out, once the person is enrolled
}

// InForce reports whether the consent has not been withdrawn.
func (c Consent) InForce() bool { return c.Until.IsZero() }

// scope returns what the consent shares with the sender now. It names the sender, since
// without that there would have been no referral.
func (c Consent) scope() consent.Scope {
	return consent.Scope{InForce: c.InForce(), Withheld: c.Withheld}
}

// Check returns what is wrong with a consent of somebody who was born on a date or later:
// its day, or a part stored in clear that has a personal identity number in it.
func (c Consent) Check(bornFrom, today civil.Date) error {
	if err := happened(c.GivenOn, bornFrom, today, "/consent/givenOn"); err != nil {
		return err
	}
	return errors.Join(noNumber("/unit", c.Unit),
		noNumber("/consent/textVersion", c.TextVersion), noNumber("/consent/authorities", c.Authorities...))
}

// happened returns ErrFuture or ErrTooEarly for a day on which something cannot have
// happened: after today, or before earliest.
func happened(d, earliest, today civil.Date, pointer string) error {
	switch {
	case d > today:
		return ErrFuture.AtField(pointer)
	case d < earliest:
		return ErrTooEarly.AtField(pointer)
	}
	return nil
}

// GiveConsent notes a referral's consent. It reports whether that was new: the same
// referral again changes nothing.
func (p *Person) GiveConsent(c Consent, by history.Author, now time.Time) bool {
	if st := p.Status(); st.referral(c.Referral) != nil {
		return false
	}
	by.Authority, by.Unit = c.Authority, c.Unit
	p.Steps = history.Append(p.Steps, PersonStep{
		Kind: ConsentGiven, Referral: c.Referral, Municipality: c.Municipality,
		Authorities: slices.Clone(c.Authorities), TextVersion: c.TextVersion, GivenOn: c.GivenOn,
	}, by, now)
	return true
}

// ConsentedOn returns the day on which the person consented to a referral first, on
// paper, and the day on which the referral was received with it; no dates when there is no
// such consent.
func (p *Person) ConsentedOn(referral string) (given, received civil.Date) {
	for _, s := range p.Steps {
		if s.Kind == ConsentGiven && s.Referral == referral {
			return s.GivenOn, civil.DateOf(s.At)
		}
	}
	return "", ""
}

// ExtendConsent notes that a referral's consent covers more. It reports whether that
// was new; a consent that has been withdrawn is not extended.
func (p *Person) ExtendConsent(c Consent, cause string, by history.Author, now time.Time) bool {
	st := p.Status()
	if tie := st.referral(c.Referral); tie == nil || !tie.Consent.InForce() || st.causes[cause] {
		return false
	}
	p.Steps = history.Append(p.Steps, PersonStep{
		Kind: ConsentExtended, Referral: c.Referral, Authorities: slices.Clone(c.Authorities), TextVersion: c.TextVersion, GivenOn: c.GivenOn,
		Entry: history.Entry{Cause: cause},
	}, by, now)
	return true
}

// WithdrawConsent ends the sharing that a referral's consent allowed.
func (p *Person) WithdrawConsent(referral string, text []byte, by history.Author, now time.Time) error {
	st := p.Status()
	switch tie := st.referral(referral); {
	case tie == nil:
		return ErrNoConsent.AtField("/referral")
	case !tie.Consent.InForce():
		return ErrConsentGone
	}
	p.Steps = history.Append(p.Steps, PersonStep{Kind: ConsentWithdrawn, Referral: referral, Text: text}, by, now)
	return nil
}

// Visibility is what an authority could see of a person by one of its referrals.
type Visibility struct {
	Referral string
	Progress bool // how the enrolment proceeded
	Identity bool // name and number too
}

// VisibleTo returns what a sending authority could see at some time of a day, from
// the steps alone: what it sent, while consent held, and who the person was unless
// that was protected all day and none of its staff was named.
func (p *Person) VisibleTo(authority string, on civil.Date) []Visibility {
	var visible []Visibility
	st := p.Status()
	for _, tie := range st.Referrals {
		c := tie.Consent
		if c.Authority != authority || civil.DateOf(c.From) > on || (!c.InForce() && civil.DateOf(c.Until) < on) {
			continue
		}
		then := consent.Scope{InForce: true, Withheld: c.Withheld}
		visible = append(visible, Visibility{Referral: c.Referral, Progress: then.Shares(consent.Progress), Identity: p.isOpenOn(authority, on)})
	}
	return visible
}

// isOpenOn reports whether somebody at the authority could see the identity at some
// time of the day: it was unprotected, or protected with a handler named there.
func (p *Person) isOpenOn(authority string, on civil.Date) bool {
	open, named := true, false // before any step, nothing is protected
	for _, s := range p.Steps {
		if civil.DateOf(s.At) > on {
			break
		}
		before := open
		switch s.Kind {
		case Protected:
			if s.Authority == authority {
				named = len(s.Handlers) > 0
			}
			open = named
		case Unprotected:
			open, named = true, false
		}
		if civil.DateOf(s.At) == on {
			open = open || before
		}
	}
	return open
}
