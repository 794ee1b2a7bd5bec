package access

import (
	"cmp"
	"slices"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/consent"
	"github.com/finsam/finsam/pkg/fault"
)

// Grounds are what holds between an actor and a resource, with one bit for each role of
// the actor, for each relation under each category of consent, and for being named. They
// are found once and then answer every row: a cell opens when all that it needs holds.
type Grounds uint64

var (
	relations  = []Relation{OwnUnit, OwnAuthority, OwnMunicipality, OwnParticipant, OwnApplication, OwnHandIn, Association, OwnDecision, OwnProgramme, OwnList, Supervises, OwnActivity}
	categories = []string{"", consent.Identity, consent.Progress, consent.Outcome}
)

// Scopes are those that a token may have for the role integration: a group of the table's
// rows, to read or to write.
var Scopes = []string{
	"referrals:read", "referrals:write", "units:read", "units:write", "events:read", "events:write", "participants:read", "participants:write",
	"enrolments:read", "enrolments:write", "activities:read", "activities:write",
}

// The bits: the roles first, then being named, then the relations, those of senders by
// category too, and the scopes.
const (
	named         Grounds = 1 << 16
	anyRole               = named - 1
	firstRelation         = 17
	firstScope            = 48
	anyScope      Grounds = ^Grounds(0) &^ (1<<firstScope - 1)
)

func roleBit(r actor.Role) Grounds {
	if i := slices.Index(actor.Roles, r); i >= 0 {
		return 1 << i
	}
	return 0 // of a service: no cell has it
}

func relationBit(r Relation, category string) Grounds {
	bit := slices.Index(relations, r)
	if i := slices.Index(categories, category); i > 0 {
		bit = len(relations) + i - 1 // of own-unit
		if r == OwnAuthority {
			bit += len(categories) - 1
		}
	}
	return 1 << (firstRelation + bit)
}

// needs returns what must hold for a valid cell to open; scope is the one of its row.
func needs(c Cell, scope string) Grounds {
	if c.Relation == Public {
		return 0
	}
	n := roleBit(c.Role) | relationBit(c.Relation, c.Consent)
	if c.Named {
		n |= named
	}
	if c.Role == actor.Integration {
		n |= 1 << (firstScope + slices.Index(Scopes, scope))
	}
	return n
}

// callerGrounds returns what holds of the actor alone, by the token: roles and scopes.
func callerGrounds(a actor.Actor) (g Grounds) {
	for _, r := range a.Roles {
		g |= roleBit(r)
	}
	if a.Scopes == nil {
		return g | anyScope
	}
	for i, scope := range Scopes {
		if slices.Contains(a.Scopes, scope) {
			g |= 1 << (firstScope + i)
		}
	}
	return g
}

// GroundsOf returns what holds between the actor and the resource.
func GroundsOf(a actor.Actor, t Resource) (g Grounds) {
	g = callerGrounds(a)
	if a.Association == "" || a.Association != t.Association {
		return g
	}
	g |= relationBit(Association, "")
	if !t.Protected || slices.Contains(t.Handlers, a.Subject) {
		g |= named
	}
	if a.Participant != "" && a.Participant == t.Participant {
		g |= relationBit(OwnParticipant, "")
		if t.Applied {
			g |= relationBit(OwnApplication, "")
		}
	}
	for i := range t.Relationships {
		tie := &t.Relationships[i]
		if a.Authority != "" && a.Authority == tie.Authority {
			for _, category := range categories {
				if category != "" && !tie.Consent.Shares(category) {
					continue
				}
				g |= relationBit(OwnAuthority, category)
				if a.Unit != "" && a.Unit == tie.Unit {
					g |= relationBit(OwnUnit, category)
				}
			}
		}
		if a.Municipality != "" && a.Municipality == tie.Decider {
			g |= relationBit(OwnDecision, "")
		}
		if a.Municipality != "" && a.Municipality == tie.Host {
			g |= relationBit(OwnActivity, "")
		}
		if a.Municipality != "" && a.Municipality == cmp.Or(tie.Host, tie.Municipality) && (tie.Leader == "" || tie.Leader == a.Subject) {
			g |= relationBit(OwnList, "")
		}
		if a.Municipality != "" && a.Municipality == tie.Municipality {
			g |= relationBit(OwnMunicipality, "") | relationBit(OwnProgramme, "")
			if tie.HandedIn {
				g |= relationBit(OwnHandIn, "")
			}
			if slices.Contains(tie.Supervisors, a.Subject) {
				g |= relationBit(Supervises, "")
			}
		}
	}
	return g
}

// Decide is the function Decide, of an actor and a resource with these grounds.
func (g Grounds) Decide(operation string) (Relation, error) {
	hidden := false
	for _, c := range rows[operation] {
		if g&c.needs == c.needs {
			return c.Relation, nil
		}
		hidden = hidden || g.mayCall(c)
	}
	if hidden {
		return "", fault.ErrNotFound
	}
	return "", g.refusal(operation)
}

// mayCall reports whether the roles, and the scopes of an integration, may call the
// operation of the cell at all.
func (g Grounds) mayCall(c Cell) bool {
	needed := c.needs & (anyRole | anyScope)
	return g&needed == needed
}

// refusal returns nil when a cell of the row is for the caller's roles and scopes,
// ErrScope when only the scope is missing, else fault.ErrForbidden.
func (g Grounds) refusal(operation string) error {
	refusal := fault.ErrForbidden
	for _, c := range rows[operation] {
		switch {
		case g.mayCall(c):
			return nil
		case g&c.needs&anyRole != 0:
			missing := *ErrScope
			missing.Scope, refusal = ScopeOf(operation), &missing
		}
	}
	return refusal
}

// Allows reports whether a cell of the row, or of the view "operation#part", opens.
func (g Grounds) Allows(row string) bool {
	_, err := g.Decide(row)
	return err == nil
}
