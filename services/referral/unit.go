package referral

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Source is where a referral comes from, for lists and figures: the kind of the unit in
// the register, a person's own wish, or, without a register, the kind of authority.
type Source string

// The sources that no register of units names.
const (
	SelfReferral      Source = "self_referral"
	SourcePrivateCare Source = "private_care"
)

// Unit is one line of an association's register of those who refer to it.
type Unit struct {
	ID           string `json:"id"` // as in the tokens of its officials
	Name         string `json:"name"`
	Kind         Source `json:"kind"`
	Authority    string `json:"authority,omitempty"`    // the member that it belongs to; empty for private care
	Municipality string `json:"municipality,omitempty"` // four-digit code, where it serves one only
	Active       bool   `json:"active"`

	Contact *Contact `json:"contact,omitempty"` // a function there, and no person: everybody reads the register
}

// Register is the whole register of one association in one document, so that nobody
// reads half of it while it is being replaced.
type Register struct {
	Association string    `json:"association"`
	Units       []Unit    `json:"units"` // in the order of their ids
	Changes     int64     `json:"changes"`
	ChangedAt   time.Time `json:"changedAt"`
	Contacts    bool      `json:"contacts,omitempty"` // a unit has, or had, a contact
}

// maxUnits bounds a register, so that its document stays small.
const maxUnits = 1000

// Find returns the unit of an id, and its index or where it would be.
func (g *Register) Find(id string) (Unit, int, bool) {
	i, ok := slices.BinarySearchFunc(g.Units, id, func(u Unit, id string) int { return strings.Compare(u.ID, id) })
	if !ok {
		return Unit{}, i, false
	}
	return g.Units[i], i, true
}

// ContactOf returns the contact of the unit that a referral came from; nil: none is known.
func (g *Register) ContactOf(r *Referral) *Contact {
	u, _, known := g.Find(r.Unit)
	if !known || u.Authority != r.Authority && (u.Kind != SourcePrivateCare || r.Source != SourcePrivateCare) {
		return nil
	}
	return u.Contact
}

// Load replaces the units of the register.
func (g *Register) Load(units []Unit, in *association.Association, now time.Time) error {
	if len(units) > maxUnits {
		return ErrTooManyUnits.AtField("/items")
	}
	sorted := slices.SortedFunc(slices.Values(units), func(a, b Unit) int { return strings.Compare(a.ID, b.ID) })
	for i, u := range units {
		if err := u.check(in, "/items/"+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	for i := 1; i < len(sorted); i++ {
		if sorted[i].ID == sorted[i-1].ID {
			last := len(units) - 1
			for ; units[last].ID != sorted[i].ID; last-- {
			}
			return ErrUnitTwice.AtField("/items/" + strconv.Itoa(last) + "/id")
		}
	}
	g.Contacts = g.Contacts || slices.ContainsFunc(slices.Concat(g.Units, sorted), func(u Unit) bool { return u.Contact != nil })
	g.Units, g.Changes, g.ChangedAt = sorted, g.Changes+1, history.Stamp(now)
	return nil
}

// Change adds one unit, or replaces the one with its id.
func (g *Register) Change(u Unit, in *association.Association, now time.Time) error {
	if err := u.check(in, ""); err != nil {
		return err
	}
	was, i, known := g.Find(u.ID)
	g.Contacts = g.Contacts || was.Contact != nil || u.Contact != nil
	switch {
	case known:
		g.Units[i] = u
	case len(g.Units) >= maxUnits:
		return ErrTooManyUnits
	default:
		g.Units = slices.Insert(g.Units, i, u)
	}
	g.Changes, g.ChangedAt = g.Changes+1, history.Stamp(now)
	return nil
}

// check holds a unit against the rules; pointer is where in the body it is.
func (u Unit) check(in *association.Association, pointer string) error {
	for _, f := range []struct{ field, value string }{{"id", u.ID}, {"name", u.Name}} {
		if personnummer.Contains(f.value) {
			return personnummer.ErrNumberHere.AtField(pointer + "/" + f.field)
		}
	}
	var wrong fieldErrors
	if u.Contact.check(&wrong, pointer+"/contact"); wrong.first != nil {
		return wrong.first
	}
	if (u.Authority == "") != (u.Kind == SourcePrivateCare) {
		return ErrUnitWithoutAuthority.AtField(pointer + "/authority")
	}
	if u.Authority != "" && !in.HasAuthority(u.Authority) {
		return ErrAuthority.AtField(pointer + "/authority")
	}
	if _, member := in.Municipality(u.Municipality); u.Municipality != "" && !member {
		return ErrMunicipality.AtField(pointer + "/municipality")
	}
	return nil
}

// Origin returns where a submission comes from, or why it may not be sent from there.
// relation is the one in which the access table lets the actor refer. An empty register
// allows every unit.
func (g *Register) Origin(a actor.Actor, relation access.Relation, s Submission) (Origin, error) {
	from := Origin{Authority: a.Authority, AuthorityKind: a.AuthorityKind, Unit: s.Unit, Source: Source(a.AuthorityKind)}
	switch {
	case s.Self && s.ExternalReference != "":
		return from, ErrReferenceOfPerson.AtField("/externalReference")
	case s.Self && s.Contact != nil:
		return from, ErrContactOfPerson.AtField("/contact")
	case s.Self && s.OnBehalf == SourcePrivateCare:
		return from, ErrSource.AtField("/source")
	case s.Self:
		return Origin{Authority: string(actor.Self), AuthorityKind: actor.Self, Unit: string(actor.Self), Source: SelfReferral}, nil
	case relation == access.OwnMunicipality && s.OnBehalf == "", s.OnBehalf != "" && a.Municipality == "":
		return from, ErrSource.AtField("/source")
	case s.OnBehalf != "" && a.Municipality != s.WishedMunicipality:
		return from, ErrUnit.AtField("/wishedMunicipality")
	case s.OnBehalf == SelfReferral:
		from.Unit, from.Source = cmp.Or(a.Unit, "intake"), SelfReferral
		return from, nil
	case s.Unit == "":
		return from, ErrUnitMissing.AtField("/unit")
	}
	private := s.OnBehalf == SourcePrivateCare || a.AuthorityKind == actor.PrivateCare
	if private {
		from.Source = SourcePrivateCare
	}
	if len(g.Units) == 0 {
		return from, nil
	}
	u, _, known := g.Find(s.Unit)
	switch {
	case !known:
		return from, ErrUnitUnknown.AtField("/unit")
	case !u.Active:
		return from, ErrUnitInactive.AtField("/unit")
	case private != (u.Kind == SourcePrivateCare), !private && u.Authority != a.Authority:
		return from, ErrUnitElsewhere.AtField("/unit")
	}
	from.Source = u.Kind
	return from, nil
}
