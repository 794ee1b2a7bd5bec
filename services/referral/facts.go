package referral

import (
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
)

// last gives the latest step of a kind, or nil.
func (r *Referral) last(k Kind) *Step {
	for i := len(r.Steps) - 1; i >= 0; i-- {
		if r.Steps[i].Kind == k {
			return &r.Steps[i]
		}
	}
	return nil
}

// ReceivedAt is when the referral came in.
func (r *Referral) ReceivedAt() time.Time { return r.Steps[0].At }

// ChangedAt is when the latest step was taken.
func (r *Referral) ChangedAt() time.Time { return r.Steps[len(r.Steps)-1].At }

// Version is the number of steps, and so the referral's ETag.
func (r *Referral) Version() int64 { return int64(len(r.Steps)) }

// Municipality has the referral: the one that accepted it, until then the one
// that the person wished for.
func (r *Referral) Municipality() string {
	if a := r.last(Accepted); a != nil {
		return a.Acceptance.Municipality
	}
	return r.WishedMunicipality
}

// Priority is the latest priority on the waiting list; empty when it never was
// put there.
func (r *Referral) Priority() string {
	if w := r.last(Waitlisted); w != nil {
		return w.Code
	}
	return ""
}

// Enrolment is the id of the enrolment that followed; empty before.
func (r *Referral) Enrolment() string {
	if e := r.last(Enrolled); e != nil {
		return e.Course.Enrolment
	}
	return ""
}

// Outcome is how the initiative ended, "completed", "interrupted" or "cancelled";
// empty before.
func (r *Referral) Outcome() string {
	if c := r.last(Closed); c != nil {
		return c.Code
	}
	return ""
}

// ConsentWithdrawnAt is when the consent ended; nil while it holds.
func (r *Referral) ConsentWithdrawnAt() *time.Time {
	if w := r.last(ConsentWithdrawn); w != nil {
		return &w.At
	}
	return nil
}

// protection gives whether the person is protected now, and the handlers named.
func (r *Referral) protection() (bool, []string) {
	on, off := r.last(Protected), r.last(Unprotected)
	if on == nil || off != nil && off.N > on.N {
		return false, nil
	}
	return true, on.Handlers
}

// Thing is the referral as far as access to it depends on it, for what every
// consent covers.
func (r *Referral) Thing() access.Thing { return r.thing("") }

// ThingFor is the Thing as the actor meets it: a handler is a subject at the
// authority that named it, and the same subject elsewhere is somebody else.
func (r *Referral) ThingFor(a actor.Actor) access.Thing {
	t := r.Thing()
	if on := r.last(Protected); on != nil && on.HandledBy != a.Authority {
		t.Handlers = nil
	}
	return t
}

// thing is the referral as seen for one sort of data: a consent that leaves the
// sort out, or that is withdrawn, covers nobody.
func (r *Referral) thing(category string) access.Thing {
	tie := access.Tie{Authority: r.Authority, Unit: r.Unit, Municipality: r.Municipality()}
	if r.ConsentWithdrawnAt() == nil && (category == "" || r.Consent.covers(category)) {
		tie.Consent = r.Consent.naming(r.Authority, r.AuthorityKind).Authorities
	}
	t := access.Thing{Association: r.Association, Participant: r.Participant, Ties: []access.Tie{tie}}
	t.Protected, t.Handlers = r.protection()
	return t
}

// at gives the referral as it was at a version.
func (r *Referral) at(version int64) *Referral {
	then := *r
	then.Steps = r.Steps[:version:version]
	return &then
}
