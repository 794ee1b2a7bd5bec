package referral

import (
	"slices"
	"time"
)

// priorities are those of the waiting list, the most urgent first.
var priorities = []string{"high", "normal", "low"}

// rest is how long one who was put back is not moved up again, so that the place
// goes to somebody else meanwhile.
const rest = 24 * time.Hour

// movedUp returns the step by which a place is kept for the one who waits; nil when
// none is, or when it has been put back.
func (r *Referral) movedUp() *Step {
	up := r.last(MovedUp)
	if up == nil || r.State() != StateWaitlisted || r.last(Waitlisted).N > up.N {
		return nil
	}
	return up
}

// PlaceReady reports whether a place is kept for the one who waits.
func (r *Referral) PlaceReady() bool { return r.movedUp() != nil }

// waiting reports whether the referral stands in the queue.
func (r *Referral) waiting() bool { return r.State() == StateWaitlisted && !r.PlaceReady() }

// queue is the initiative that the referral waits for; empty when it was put on
// the list before there were several to choose from.
func (r *Referral) queue() string {
	if w := r.last(Waitlisted); w != nil {
		return w.Initiative
	}
	return ""
}

// rank is the place of the priority among priorities, from 0.
func (r *Referral) rank() int { return max(slices.Index(priorities, r.Priority()), 0) }

// waitingSince is when the referral came on the municipality's list. Another
// priority, a place put back and a transfer that came to nothing do not change it.
func (r *Referral) waitingSince() time.Time {
	var since time.Time
	for _, s := range r.Steps {
		switch {
		case s.Kind == TransferAccepted:
			since = time.Time{}
		case s.Kind == Waitlisted && since.IsZero():
			since = s.At
		}
	}
	return since
}

// rested reports whether the referral may be moved up: it was not put back lately.
func (r *Referral) rested(now time.Time) bool {
	w := r.last(Waitlisted)
	return w == nil || now.Sub(w.At) >= rest || !r.at(w.N-1).PlaceReady()
}

// OfferPlace keeps a place in an initiative for the one who waits.
func (r *Referral) OfferPlace(h Hand, now time.Time, initiative string) error {
	if !r.waiting() {
		return stateFault(r.State())
	}
	return r.take(h, now, Step{Kind: MovedUp, Initiative: initiative})
}
