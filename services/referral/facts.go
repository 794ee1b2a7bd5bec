package referral

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
)

// last returns the latest step of a kind, or nil.
func (r *Referral) last(k StepKind) *Step {
	for i := len(r.Steps) - 1; i >= 0; i-- {
		if r.Steps[i].Kind == k {
			return &r.Steps[i]
		}
	}
	return nil
}

// ReceivedAt is when the referral came in.
func (r *Referral) ReceivedAt() time.Time { return r.Steps[0].At }

// Version is the number of steps, and so the referral's ETag.
func (r *Referral) Version() int64 { return int64(len(r.Steps)) }

// Municipality has the referral: the one that the person wished for, until
// another one has taken it over.
func (r *Referral) Municipality() string {
	for i := len(r.Steps) - 1; i >= 0; i-- {
		switch s := &r.Steps[i]; s.Kind {
		case Accepted:
			return s.Acceptance.Municipality
		case TransferAccepted:
			return s.Municipality
		}
	}
	return r.WishedMunicipality
}

// SourceOf is where the referral came from; of one that was stored before sources
// were kept, the kind of its authority.
func (r *Referral) SourceOf() Source {
	if r.Source == "" {
		return Source(r.AuthorityKind)
	}
	return r.Source
}

// applied reports whether the person is who asks: with an own token, or by what the
// municipality handed in.
func (r *Referral) applied() bool {
	return r.AuthorityKind == actor.Self || r.SourceOf() == SelfReferral
}

// handedIn reports whether a municipality received the referral for somebody who
// has no system to send it by. Whichever municipality has it stands in for the
// sender: a question never waits for one who cannot answer.
func (r *Referral) handedIn() bool {
	switch r.SourceOf() {
	case SelfReferral:
		return r.AuthorityKind != actor.Self
	case SourcePrivateCare:
		return r.AuthorityKind != actor.PrivateCare
	}
	return false
}

// Priority is the latest priority on the municipality's waiting list; empty when
// the referral never was put there.
func (r *Referral) Priority() string {
	for i := len(r.Steps) - 1; i >= 0; i-- {
		switch s := &r.Steps[i]; s.Kind {
		case Waitlisted:
			return s.Code
		case TransferAccepted:
			return "" // it was on another municipality's list
		}
	}
	return ""
}

// Enrolment is the id of the enrolment that followed; empty before.
func (r *Referral) Enrolment() string {
	if e := r.last(Enrolled); e != nil {
		return e.Progress.Enrolment
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

// protection returns whether the person is protected now, and the handlers named.
func (r *Referral) protection() (bool, []string) {
	on, off := r.last(Protected), r.last(Unprotected)
	if on == nil || off != nil && off.N > on.N {
		return false, nil
	}
	return true, on.Handlers
}

// Resource is the referral as far as access to it depends on it, for what every
// consent covers.
func (r *Referral) Resource() access.Resource { return r.resource("") }

// ResourceFor is the Thing as the actor meets it: a handler is a subject at the
// authority that named it, and the same subject elsewhere is somebody else.
func (r *Referral) ResourceFor(a actor.Actor) access.Resource {
	t := r.Resource()
	if on := r.last(Protected); on != nil && on.HandledBy != a.Authority {
		t.Handlers = nil
	}
	return t
}

// ResourceTo is the Thing for an operation that is one party's act. While two
// municipalities see the referral, what the one may do is not the other's; when
// none is asked, its act is refused to the one that there is, by the state.
func (r *Referral) ResourceTo(operation string, a actor.Actor) access.Resource {
	t := r.ResourceFor(a)
	if len(t.Relationships) < 2 {
		return t
	}
	for _, row := range table {
		switch {
		case row.Operation != operation || operation == "":
		case slices.Contains(row.By, PartyReceiver):
			t.Relationships = t.Relationships[:1]
		case slices.Contains(row.By, PartyAsked):
			t.Relationships = t.Relationships[1:]
		}
	}
	return t
}

// resource is the referral as seen for one sort of data: a consent that leaves the
// sort out, or that is withdrawn, covers nobody.
func (r *Referral) resource(category string) access.Resource {
	tie := access.Relationship{Authority: r.Authority, Unit: r.Unit, Municipality: r.Municipality(), HandedIn: r.handedIn()}
	if r.AuthorityKind == actor.Self {
		tie.Authority = "" // persons are no authority: none of them may read another's
	}
	if r.ConsentWithdrawnAt() == nil && (category == "" || r.Consent.covers(category)) {
		tie.Consent = r.Consent.naming(r.Authority, r.AuthorityKind).Authorities
	}
	t := access.Resource{Association: r.Association, Participant: r.Participant, Applied: r.applied(), Relationships: []access.Relationship{tie}}
	if asked := r.TransferTarget(); asked != "" {
		t.Relationships = append(t.Relationships, access.Relationship{Municipality: asked})
	}
	t.Protected, t.Handlers = r.protection()
	return t
}

// at returns the referral as it was at a version.
func (r *Referral) at(version int64) *Referral {
	then := *r
	for _, s := range slices.Backward(r.Steps[version:]) {
		if s.Amendment != nil {
			s.Amendment.undo(&then)
		}
	}
	then.Steps = r.Steps[:version:version]
	return &then
}
