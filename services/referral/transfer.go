package referral

import (
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Assign makes somebody at the municipality responsible for the referral, or
// with an empty subject nobody any more.
func (r *Referral) Assign(h Hand, now time.Time, responsible string) error {
	switch {
	case !r.May(Assigned):
		return stateFault(r.State())
	case personnummer.Contains(responsible):
		return personnummer.ErrNumberHere.AtField("/responsible")
	case responsible == r.Responsible():
		return ErrAssignedAlready.AtField("/responsible")
	}
	return r.take(h, now, Step{Kind: Assigned, Responsible: responsible})
}

// Responsible is the subject of the receiver who is responsible for the referral
// at the municipality that has it; empty when nobody is.
func (r *Referral) Responsible() string {
	for i := len(r.Steps) - 1; i >= 0; i-- {
		switch r.Steps[i].Kind {
		case Assigned:
			return r.Steps[i].Responsible
		case TransferAccepted:
			return "" // whom the former municipality named
		}
	}
	return ""
}

// RequestTransfer asks another member municipality to take the referral over.
// The person has to have consented to that one too: both see the referral until
// it has answered.
func (r *Referral) RequestTransfer(h Hand, now time.Time, to association.Municipality, text []byte) error {
	switch {
	case !r.May(TransferRequested):
		return stateFault(r.State())
	case to.Code == r.Municipality():
		return ErrTransferToItself.AtField("/municipality")
	case r.ConsentWithdrawnAt() != nil:
		return ErrConsentWithdrawn
	case !r.coversMunicipality(to.Authority):
		return ErrConsentWithoutMunicipality.AtField("/municipality")
	}
	return r.take(h, now, Step{Kind: TransferRequested, Municipality: to.Code, Text: text})
}

// AcceptTransfer takes the referral over to the municipality that was asked, own.
func (r *Referral) AcceptTransfer(h Hand, now time.Time, own string, text []byte) error {
	switch {
	case !r.May(TransferAccepted):
		return stateFault(r.State())
	case r.ConsentWithdrawnAt() != nil:
		return ErrConsentWithdrawn
	case own != r.TransferTarget():
		return ErrNotAsked
	}
	return r.take(h, now, Step{Kind: TransferAccepted, Municipality: own, Text: text})
}

// DeclineTransfer leaves the referral where it is.
func (r *Referral) DeclineTransfer(h Hand, now time.Time, own string, text []byte) error {
	switch {
	case !r.May(TransferDeclined):
		return stateFault(r.State())
	case own != r.TransferTarget():
		return ErrNotAsked
	}
	return r.take(h, now, Step{Kind: TransferDeclined, Text: text})
}

// CancelTransfer takes the question back.
func (r *Referral) CancelTransfer(h Hand, now time.Time, text []byte) error {
	return r.take(h, now, Step{Kind: TransferCancelled, Text: text})
}

// TransferTarget is the municipality that is asked to take the referral over now; empty
// when none is, or when the consent that opened the referral to it has ended.
func (r *Referral) TransferTarget() string {
	t := r.Transfer()
	if t == nil || r.ConsentWithdrawnAt() != nil {
		return ""
	}
	return t.Municipality
}

// Transfer returns the question to another municipality while it waits for its
// answer; nil when there is none.
func (r *Referral) Transfer() *Step {
	if t := r.last(TransferRequested); t != nil && r.State() == StateTransfer {
		return t
	}
	return nil
}

// handedOverBy returns the step by which a municipality handed the referral over
// for good, or nil: one that has it again has not.
func (r *Referral) handedOverBy(municipality string) *Step {
	if municipality == "" || municipality == r.Municipality() {
		return nil
	}
	for i := len(r.Steps) - 1; i >= 0; i-- {
		if s := &r.Steps[i]; s.Kind == TransferAccepted && r.at(s.N-1).Municipality() == municipality {
			return s
		}
	}
	return nil
}
