// Package access holds the access table, who may do what to which thing, and
// decides by it: first at the gateway (may this role call this operation at
// all), then in the nouns (has the caller the relation to this very thing).
package access

import (
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/consent"
	"github.com/finsam/finsam/pkg/fault"
)

// Relation is what must hold between the caller and the thing.
type Relation string

// The relations of the table; table.yaml explains them.
const (
	OwnUnit         Relation = "own-unit"
	OwnAuthority    Relation = "own-authority"
	OwnMunicipality Relation = "own-municipality"
	OwnParticipant  Relation = "own-participant"
	OwnApplication  Relation = "own-application"
	OwnHandIn       Relation = "own-hand-in"
	OwnDecision     Relation = "own-decision"
	OwnProgramme    Relation = "own-programme"
	OwnList         Relation = "own-list"
	Supervises      Relation = "supervises"
	OwnActivity     Relation = "own-activity"
	Association     Relation = "association"
	Public          Relation = "public"
)

// Cell is one entry of a row: this role may, under these conditions.
type Cell struct {
	Role     actor.Role `json:"role"`
	Relation Relation   `json:"relation"`
	Consent  string     `json:"consent"` // category that the consent must share; empty: none
	Named    bool       `json:"named"`

	needs Grounds
}

// Relationship is one way in which a thing belongs to somebody: a referral's sender and
// its municipality, with what the person's consent shares with the sender.
type Relationship struct {
	Party        string // whose it is, in the words of the service; empty: not named
	Authority    string
	Unit         string
	Municipality string
	Leader       string   // subject of who leads the activity; empty: nobody is named
	HandedIn     bool     // the municipality acts as its sender
	Decider      string   // municipality that decided about it and has it no more; empty: none
	Supervisors  []string // subjects of the staff who supervise the site
	Host         string   // municipality in whose activity the person takes part; empty: none
	Consent      consent.Scope
}

// Resource is what the caller wants, as far as access depends on it. A person with
// several referrals has several relationships; a consent given with one opens no other.
type Resource struct {
	Association   string
	Participant   string
	Applied       bool // the participant applied; nobody else refers
	Relationships []Relationship
	Protected     bool     // the person's identity is protected
	Handlers      []string // subjects named to handle a protected person
}

// ErrScope answers an integration whose token may not call the operation.
var ErrScope = fault.New(fault.Forbidden, "insufficient-scope",
	"Systemets åtkomsttoken får inte användas till detta. Hämta en med den behörighet som svaret anger i WWW-Authenticate.",
	"The system's access token may not be used for this. Get one with the scope that the answer names in WWW-Authenticate.")

// ScopeOf returns the scope that an operation or view needs of the role integration;
// empty: the role is not in the row.
func ScopeOf(operation string) string {
	for _, c := range rows[operation] {
		for i, scope := range Scopes {
			if c.needs&(1<<(firstScope+i)) != 0 {
				return scope
			}
		}
	}
	return ""
}

// MayCall reports whether the actor's roles may call the operation at all.
func MayCall(operation string, a actor.Actor) bool { return Refusal(operation, a) == nil }

// Refusal returns nil when the actor may call the operation at all: fault.ErrForbidden
// when no role of the actor is in the row, ErrScope when an integration's token lacks the
// scope.
func Refusal(operation string, a actor.Actor) error { return callerGrounds(a).refusal(operation) }

// Decide returns the relation by which the actor may do this to the resource. It
// returns ErrForbidden when no role of the actor is in the row, ErrScope when the token
// lacks the scope, and ErrNotFound when no cell of the row opens: a resource that one may
// not see answers as one that does not exist.
func Decide(operation string, a actor.Actor, r Resource) (Relation, error) {
	return GroundsOf(a, r).Decide(operation)
}

// Allows reports whether a cell of the row, or of the view "operation#part", lets the
// actor through to the resource.
func Allows(row string, a actor.Actor, r Resource) bool { return GroundsOf(a, r).Allows(row) }

// Permitted returns those of the operations that the actor may do to the resource.
func Permitted(operations []string, a actor.Actor, r Resource) []string {
	var permitted []string
	g := GroundsOf(a, r)
	for _, o := range operations {
		if g.Allows(o) {
			permitted = append(permitted, o)
		}
	}
	return permitted
}

// Scope returns the relation in which the actor reads a list: that of the first cell
// whose role the actor has; empty: none. A caller with several roles reads in one.
func Scope(operation string, a actor.Actor) Relation {
	g := callerGrounds(a)
	for _, c := range rows[operation] {
		if g.mayCall(c) {
			return c.Relation
		}
	}
	return ""
}

// Row returns the cells of an operation or view, for the tests and the documents
// that are made from the table.
func Row(name string) []Cell { return slices.Clone(rows[name]) }

// Operations lists the operations that have a row, sorted, views left out.
func Operations() []string {
	var names []string
	for name := range rows {
		if !strings.Contains(name, "#") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// RolesOf lists the roles that may call an operation, in the table's order.
func RolesOf(operation string) []actor.Role {
	var roles []actor.Role
	for _, c := range rows[operation] {
		if c.Role != "" && !slices.Contains(roles, c.Role) {
			roles = append(roles, c.Role)
		}
	}
	return roles
}

// SeesPersons reports whether a role may see persons anywhere in the table. Such a
// role may not be combined with association_admin (domain rules, secrecy).
func SeesPersons(r actor.Role) bool {
	for _, row := range rows {
		for _, c := range row {
			if c.Role == r && c.Relation != Association && c.Relation != OwnProgramme && c.Relation != Public {
				return true
			}
		}
	}
	return r == actor.Reviewer
}
