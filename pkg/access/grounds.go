package access

import (
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
	relations  = []Relation{OwnUnit, OwnAuthority, OwnMunicipality, OwnParticipant, OwnApplication, OwnHandIn, Association, OwnDecision}
	categories = []string{"", consent.Identity, consent.Progress, consent.Outcome}
)

// The bits: the roles first, then being named, then the relations by category.
const (
	named         Grounds = 1 << 16
	anyRole               = named - 1
	firstRelation         = 17
)

func roleBit(r actor.Role) Grounds {
	if i := slices.Index(actor.Roles, r); i >= 0 {
		return 1 << i
	}
	return 0 // of a service: no cell has it
}

func relationBit(r Relation, category string) Grounds {
	return 1 << (firstRelation + slices.Index(relations, r)*len(categories) + slices.Index(categories, category))
}

// needs returns what must hold for a valid cell to open.
func needs(c Cell) Grounds {
	if c.Relation == Public {
		return 0
	}
	n := roleBit(c.Role) | relationBit(c.Relation, c.Consent)
	if c.Named {
		n |= named
	}
	return n
}

// GroundsOf returns what holds between the actor and the resource.
func GroundsOf(a actor.Actor, t Resource) (g Grounds) {
	for _, r := range a.Roles {
		g |= roleBit(r)
	}
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
		if a.Municipality != "" && a.Municipality == tie.Municipality {
			g |= relationBit(OwnMunicipality, "")
			if tie.HandedIn {
				g |= relationBit(OwnHandIn, "")
			}
		}
	}
	return g
}

// Decide is the function Decide, of an actor and a resource with these grounds.
func (g Grounds) Decide(operation string) (Relation, error) {
	refusal := fault.ErrForbidden
	for _, c := range rows[operation] {
		switch {
		case g&c.needs == c.needs:
			return c.Relation, nil
		case g&c.needs&anyRole != 0:
			refusal = fault.ErrNotFound
		}
	}
	return "", refusal
}

// Allows reports whether a cell of the row, or of the view "operation#part", opens.
func (g Grounds) Allows(row string) bool {
	_, err := g.Decide(row)
	return err == nil
}
