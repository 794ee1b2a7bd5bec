package referral

import (
	"fmt"
	"time"

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
	return nil
}

// Accept accepts the person into an initiative. age is the person's age in whole years
// on the start date.
func (r *Referral) Accept(by history.Author, now time.Time, own string, a Acceptance, in association.Initiative, age int) error {
	if err := r.CheckAcceptance(now, own, a); err != nil {
		return err
	}
	if age < in.MinAge || age > in.MaxAge {
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
