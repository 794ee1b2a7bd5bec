package referral

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Source is where a referral comes from, for lists and figures: the kind of the
// unit in the register, a person's own wish, or, where no register tells more,
// the kind of authority.
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
	Authority    string `json:"authority,omitempty"`    // the member that it belongs to; none for private care
	Municipality string `json:"municipality,omitempty"` // four-digit code, where it serves one only
	Active       bool   `json:"active"`
}

// Register is the whole register of one association, one document: it is loaded
// in one step, and nobody meets half of it.
type Register struct {
	Association string    `json:"association"`
	Units       []Unit    `json:"units"` // in the order of their ids
	Changes     int64     `json:"changes"`
	ChangedAt   time.Time `json:"changedAt"`
}

// maxUnits bounds a register, so that its document has an end.
const maxUnits = 1000

// What a register and a referral's unit can be refused for.
var (
	ErrUnitTwice = fault.New(fault.Unprocessable, "unit-twice",
		"Samma enhet står två gånger i registret.", "The same unit stands twice in the register.")
	ErrUnitWithoutAuthority = fault.New(fault.Unprocessable, "unit-without-authority",
		"Enheten måste höra till en medlem; bara privata vårdgivare gör det inte.",
		"The unit must belong to a member; only private care givers do not.")
	ErrTooManyUnits = fault.New(fault.Unprocessable, "too-many-units",
		"Ett register har högst 1000 enheter.", "A register has at most 1000 units.")
	ErrUnitMissing = fault.New(fault.Unprocessable, "unit-required",
		"Ange enheten som remitterar.", "Name the referring unit.")
	ErrUnitUnknown = fault.New(fault.Unprocessable, "no-such-unit",
		"Enheten finns inte i samordningsförbundets register.", "The unit is not in the coordination association's register.")
	ErrUnitInactive = fault.New(fault.Unprocessable, "unit-inactive",
		"Enheten remitterar inte längre. Välj en annan enhet.", "The unit does not refer any more. Choose another unit.")
	ErrUnitElsewhere = fault.New(fault.Unprocessable, "unit-of-another-authority",
		"Enheten hör till en annan myndighet.", "The unit belongs to another authority.")
	ErrSource = fault.New(fault.Unprocessable, "source-not-yours",
		"Bara kommunen lämnar en egen ansökan eller en privat vårdgivares remiss för någon annan, och anger då vilket.",
		"Only the municipality receives a person's own application or a private care giver's referral on behalf of another, and then says which.")
	ErrReferenceOfPerson = fault.New(fault.Unprocessable, "reference-of-person",
		"En egen ansökan har ingen extern referens.", "A person's own application has no external reference.")
)

// find returns the unit of an id, and its place.
func (g *Register) find(id string) (Unit, int, bool) {
	i, ok := slices.BinarySearchFunc(g.Units, id, func(u Unit, id string) int { return strings.Compare(u.ID, id) })
	if !ok {
		return Unit{}, i, false
	}
	return g.Units[i], i, true
}

// Load puts another register in the place of this one.
func (g *Register) Load(units []Unit, in *association.Association, now time.Time) error {
	if len(units) > maxUnits {
		return ErrTooManyUnits.AtField("/items")
	}
	sorted := slices.SortedFunc(slices.Values(units), func(a, b Unit) int { return strings.Compare(a.ID, b.ID) })
	for i, u := range units {
		at := "/items/" + itoa(i)
		if err := u.check(in, at); err != nil {
			return err
		}
	}
	for i := 1; i < len(sorted); i++ {
		if sorted[i].ID == sorted[i-1].ID {
			last := len(units) - 1
			for ; units[last].ID != sorted[i].ID; last-- {
			}
			return ErrUnitTwice.AtField("/items/" + itoa(last) + "/id")
		}
	}
	g.Units = sorted
	g.changed(now)
	return nil
}

// Change adds one unit, or puts it in the place of the one with its id.
func (g *Register) Change(u Unit, in *association.Association, now time.Time) error {
	if err := u.check(in, ""); err != nil {
		return err
	}
	_, i, known := g.find(u.ID)
	switch {
	case known:
		g.Units[i] = u
	case len(g.Units) >= maxUnits:
		return ErrTooManyUnits
	default:
		g.Units = slices.Insert(g.Units, i, u)
	}
	g.changed(now)
	return nil
}

func (g *Register) changed(now time.Time) {
	g.Changes++
	g.ChangedAt = now.UTC().Truncate(time.Millisecond)
}

func (u Unit) check(in *association.Association, at string) error {
	if personnummer.Contains(u.ID) || personnummer.Contains(u.Name) {
		return personnummer.ErrNumberHere.AtField(at + "/name")
	}
	if (u.Authority == "") != (u.Kind == SourcePrivateCare) {
		return ErrUnitWithoutAuthority.AtField(at + "/authority")
	}
	if _, member := in.Municipality(u.Municipality); u.Municipality != "" && !member {
		return ErrMunicipality.AtField(at + "/municipality")
	}
	return nil
}

// place tells from where a submission comes, or why it may not be sent from
// there; relation is the one in which the access table lets the actor refer. An
// empty register knows every unit.
func (g *Register) place(a actor.Actor, relation access.Relation, s Submission) (sender, *fault.Error) {
	from := sender{authority: a.Authority, kind: a.AuthorityKind, unit: s.Unit, source: Source(a.AuthorityKind)}
	switch {
	case s.Self && s.ExternalReference != "":
		return from, ErrReferenceOfPerson.AtField("/externalReference")
	case s.Self && s.OnBehalf == SourcePrivateCare:
		return from, ErrSource.AtField("/source")
	case s.Self:
		return sender{authority: string(actor.Self), kind: actor.Self, unit: string(actor.Self), source: SelfReferral}, nil
	case relation == access.OwnMunicipality && s.OnBehalf == "", s.OnBehalf != "" && a.Municipality == "":
		return from, ErrSource.AtField("/source")
	case s.OnBehalf != "" && a.Municipality != s.WishedMunicipality:
		return from, ErrUnit.AtField("/wishedMunicipality")
	case s.OnBehalf == SelfReferral:
		from.unit, from.source = cmp.Or(a.Unit, "intake"), SelfReferral
		return from, nil
	case s.Unit == "":
		return from, ErrUnitMissing.AtField("/unit")
	}
	private := s.OnBehalf == SourcePrivateCare || a.AuthorityKind == actor.PrivateCare
	if private {
		from.source = SourcePrivateCare
	}
	if len(g.Units) == 0 {
		return from, nil
	}
	u, _, known := g.find(s.Unit)
	switch {
	case !known:
		return from, ErrUnitUnknown.AtField("/unit")
	case !u.Active:
		return from, ErrUnitInactive.AtField("/unit")
	case private != (u.Kind == SourcePrivateCare), !private && u.Authority != a.Authority:
		return from, ErrUnitElsewhere.AtField("/unit")
	}
	from.source = u.Kind
	return from, nil
}
