// Package actor says who is asking: a person or a system of one authority, within one
// association, with roles. It knows nothing of tokens or HTTP.
package actor

import (
	"context"
	"slices"

	"github.com/finsam/finsam/pkg/carry"
)

// Role is what somebody may be in the association's work (docs/privacy.md).
type Role string

// The roles, as tokens carry them.
const (
	Referrer         Role = "referrer"          // official at a referring unit
	Integration      Role = "integration"       // an authority's own system
	Intake           Role = "intake"            // a municipality's receiver (mottagare)
	Coach            Role = "coach"             // a municipality's coach
	Supervisor       Role = "supervisor"        // leads an activity or a site
	Participant      Role = "participant"       // the person
	Manager          Role = "manager"           // head of a municipality's unit (chef)
	Planner          Role = "planner"           // plans a municipality's week; never sees persons
	AssociationAdmin Role = "association_admin" // the association's staff; never sees persons
	Board            Role = "board"             // board member; aggregates only
	Reviewer         Role = "reviewer"          // log reviewer, data protection officer
	System           Role = "system"            // a service acting on an event; never in an access token
)

// Roles lists every role that an access token may carry.
var Roles = []Role{Referrer, Integration, Intake, Coach, Supervisor, Participant, AssociationAdmin, Board, Reviewer, Manager, Planner}

// AuthorityKind is one of the four kinds of member (Finsam Act, lag 2003:1210).
type AuthorityKind string

// The four kinds of member, and those outside that may refer.
const (
	EmploymentService AuthorityKind = "employment_service"
	SocialInsurance   AuthorityKind = "social_insurance"
	Region            AuthorityKind = "region"
	Municipality      AuthorityKind = "municipality"
	PrivateCare       AuthorityKind = "private_care"
	Self              AuthorityKind = "self"
)

// Actor is the one on whose behalf a request is decided.
type Actor struct {
	Subject       string        // opaque id of the person or system at its authority
	Association   string        // the association (tenant) that the token is for
	Authority     string        // id of the member authority, such as "fk"
	AuthorityKind AuthorityKind // which kind of member that is
	Unit          string        // unit within the authority; empty: none named
	Municipality  string        // four-digit code, for the municipality's own staff
	Participant   string        // own participant id, for the role participant
	Roles         []Role
	Scopes        []string // what its token lets the role integration do; nil: not limited
}

// Has reports whether the actor has the role.
func (a Actor) Has(r Role) bool { return slices.Contains(a.Roles, r) }

// Owner returns what limits and shares of what is scarce belong to: the actor's authority
// within its association.
func (a Actor) Owner() string { return a.Association + "/" + a.Authority }

// ForService returns the actor that a service is when it acts on an event.
func ForService(name, association string) Actor {
	return Actor{Subject: "service:" + name, Association: association, Authority: "finsam", Roles: []Role{System}}
}

// With returns a context with the actor.
func With(ctx context.Context, a Actor) context.Context { return carry.With(ctx, a) }

// From returns the actor of the context. Without one it is the zero Actor, which has no
// role and may do nothing.
func From(ctx context.Context) Actor {
	if a := carry.From[Actor](ctx); a != nil {
		return *a
	}
	return Actor{}
}
