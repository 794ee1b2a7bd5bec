package referral

import (
	"fmt"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Acceptance is what the municipality decided when it accepted.
type Acceptance struct {
	Initiative   string `json:"initiative"`
	Municipality string `json:"municipality"` // four-digit code
	StartDate    string `json:"startDate"`    // date
	Coach        string `json:"coach"`        // subject of the coach
}

// CheckAcceptance returns what prevents an acceptance by the municipality own, the
// person's age apart.
func (r *Referral) CheckAcceptance(now time.Time, own string, a Acceptance) error {
	if err := r.Status().Check(Accepted); err != nil {
		return err
	}
	if a.Municipality != own {
		return ErrOtherMunicipality.AtField("/municipality")
	}
	if personnummer.Contains(a.Coach) {
		return personnummer.ErrNumberHere.AtField("/coach")
	}
	start, err := civil.Parse(a.StartDate)
	if err != nil {
		return ErrDate.AtField("/startDate")
	}
	// A coach may register late, and nobody plans further ahead.
	if today := civil.DateOf(now); start < today.AddYears(-1) || start > today.AddYears(1) {
		return ErrStartDate.AtField("/startDate")
	}
	if start < civil.Date(r.Consent.GivenOn) {
		return ErrStartBeforeConsent.AtField("/startDate")
	}
	return nil
}

// Accept accepts the person into an initiative. age is the person's age in whole years
// on the start date; one that is unknown (nil) prevents nothing, the municipality decides.
func (r *Referral) Accept(by history.Author, now time.Time, own string, a Acceptance, in association.Initiative, age *int) error {
	if err := r.CheckAcceptance(now, own, a); err != nil {
		return err
	}
	if age != nil && (*age < in.MinAge || *age > in.MaxAge) {
		return ErrAge.WithText(
			fmt.Sprintf("Personen ska ha fyllt %d men inte %d år på startdagen.", in.MinAge, in.MaxAge+1),
			fmt.Sprintf("The person must have turned %d but not %d on the start date.", in.MinAge, in.MaxAge+1)).AtField("/startDate")
	}
	return r.Take(by, now, Step{Kind: Accepted, Acceptance: &a})
}

// Waitlist puts the person on the waiting list of an initiative, or changes the
// priority, or puts an offered place back.
func (r *Referral) Waitlist(by history.Author, now time.Time, priority, initiative string) error {
	return r.Take(by, now, Step{Kind: Waitlisted, Code: priority, Initiative: initiative})
}

// OfferPlace keeps a place in an initiative for a person in the queue.
func (r *Referral) OfferPlace(now time.Time, initiative string) error {
	if s := r.Status(); !s.IsWaiting() {
		return stateFault(s.State)
	}
	return r.Take(history.System("referral"), now, Step{Kind: MovedUp, Initiative: initiative})
}

// Withdraw takes the referral back. will says whose will it is, "referrer" or "person";
// a person who withdraws, as self says, does so by own will.
func (r *Referral) Withdraw(by history.Author, now time.Time, will string, self bool, text []byte) error {
	if self && will != "person" {
		return ErrWithdrawer.AtField("/by")
	}
	return r.Take(by, now, Step{Kind: Withdrawn, Code: will, Text: text})
}

// Assign makes somebody at the municipality responsible for the referral; empty: nobody.
func (r *Referral) Assign(by history.Author, now time.Time, responsible string) error {
	s := r.Status()
	if err := s.Check(Assigned); err != nil {
		return err
	}
	switch {
	case personnummer.Contains(responsible):
		return personnummer.ErrNumberHere.AtField("/responsible")
	case responsible == s.Responsible:
		return ErrAssignedAlready.AtField("/responsible")
	}
	return r.Take(by, now, Step{Kind: Assigned, Responsible: responsible})
}

// RequestTransfer asks another member municipality to take the referral over. The
// person must have consented to that one too, because both see the referral until it
// has answered.
func (r *Referral) RequestTransfer(by history.Author, now time.Time, to association.Municipality, text []byte) error {
	s := r.Status()
	if err := s.Check(TransferRequested); err != nil {
		return err
	}
	switch {
	case to.Code == s.Municipality:
		return ErrTransferToItself.AtField("/municipality")
	case s.ConsentWithdrawnAt != nil:
		return ErrConsentWithdrawn
	case !r.Consent.Names(to.Authority, actor.Municipality):
		return ErrConsentWithoutMunicipality.AtField("/municipality")
	}
	return r.Take(by, now, Step{Kind: TransferRequested, Municipality: to.Code, Text: text})
}

// AcceptTransfer takes the referral over to the municipality that was asked, own.
func (r *Referral) AcceptTransfer(by history.Author, now time.Time, own string, text []byte) error {
	s := r.Status()
	if err := s.Check(TransferAccepted); err != nil {
		return err
	}
	switch {
	case s.ConsentWithdrawnAt != nil:
		return ErrConsentWithdrawn
	case own != s.TransferTarget():
		return ErrNotAsked
	}
	return r.Take(by, now, Step{Kind: TransferAccepted, Municipality: own, Text: text})
}

// DeclineTransfer leaves the referral with the municipality that has it.
func (r *Referral) DeclineTransfer(by history.Author, now time.Time, own string, text []byte) error {
	s := r.Status()
	if err := s.Check(TransferDeclined); err != nil {
		return err
	}
	if own != s.TransferTarget() {
		return ErrNotAsked
	}
	return r.Take(by, now, Step{Kind: TransferDeclined, Text: text})
}

// CancelTransfer takes the request back.
func (r *Referral) CancelTransfer(by history.Author, now time.Time, text []byte) error {
	return r.Take(by, now, Step{Kind: TransferCancelled, Text: text})
}
