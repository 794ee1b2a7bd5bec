package referral

import (
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/personnummer"
)

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
