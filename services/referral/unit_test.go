package referral

import (
	"errors"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/personnummer"
)

// units is an invented register.
func units() []Unit {
	return []Unit{
		{ID: "vc-molndal", Name: "Påhittad vårdcentral", Kind: "health_centre", Authority: "vgr", Municipality: "1481", Active: true},
		{ID: "fk-molndal", Name: "Påhittat kontor", Kind: "insurance_office", Authority: "fk", Active: true},
		{ID: "fk-lerum", Name: "Påhittat kontor", Kind: "insurance_office", Authority: "fk"},
		{ID: "soc-molndal", Name: "Påhittat stöd", Kind: "livelihood_support", Authority: "molndal", Active: true},
		{ID: "rehab", Name: "Påhittad klinik", Kind: SourcePrivateCare, Active: true},
	}
}

var members = &association.Association{
	Municipalities: []association.Municipality{{Code: "1481", Name: "Mölndal", Authority: "molndal"}}, Authorities: []association.Authority{{ID: "fk"}, {ID: "vgr"}},
}

func TestWhereAReferralComesFrom(t *testing.T) {
	fk := actor.Actor{Authority: "fk", AuthorityKind: actor.SocialInsurance}
	town := actor.Actor{Authority: "molndal", AuthorityKind: actor.Municipality, Municipality: "1481"}
	clinic := actor.Actor{Authority: "rehabab", AuthorityKind: actor.PrivateCare, Unit: "rehab"}
	person := actor.Actor{Authority: "self", AuthorityKind: actor.Self, Participant: "p1"}
	loaded := &Register{}
	if err := loaded.Load(units(), members, noon); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sentence string
		register *Register
		who      actor.Actor
		relation access.Relation
		sub      Submission
		unit     string
		source   Source
		want     *fault.Error
	}{
		{"a unit is of its kind", loaded, fk, access.OwnAuthority, Submission{Unit: "fk-molndal"}, "fk-molndal", "insurance_office", nil},
		{"a municipality refers too", loaded, town, access.OwnUnit, Submission{Unit: "soc-molndal"}, "soc-molndal", "livelihood_support", nil},
		{"without a register any unit goes", &Register{}, fk, access.OwnAuthority, Submission{Unit: "whatever"}, "whatever", "social_insurance", nil},
		{"with one no other does", loaded, fk, access.OwnAuthority, Submission{Unit: "whatever"}, "", "", ErrUnitUnknown},
		{"nor one that has closed", loaded, fk, access.OwnAuthority, Submission{Unit: "fk-lerum"}, "", "", ErrUnitInactive},
		{"nor another authority's", loaded, fk, access.OwnAuthority, Submission{Unit: "vc-molndal"}, "", "", ErrUnitElsewhere},
		{"nor none", loaded, fk, access.OwnAuthority, Submission{}, "", "", ErrUnitMissing},
		{"a private care giver sends for its own unit", loaded, clinic, access.OwnUnit, Submission{Unit: "rehab"}, "rehab", SourcePrivateCare, nil},
		{"and for no member's", loaded, clinic, access.OwnAuthority, Submission{Unit: "fk-molndal"}, "", "", ErrUnitElsewhere},
		{"no member sends as a private care giver", loaded, fk, access.OwnAuthority, Submission{Unit: "rehab"}, "", "", ErrUnitElsewhere},
		{"a person applies", loaded, person, access.OwnParticipant, Submission{Self: true}, "self", SelfReferral, nil},
		{"without a reference", loaded, person, access.OwnParticipant, Submission{Self: true, ExternalReference: "A1"}, "", "", ErrReferenceOfPerson},
		{"or a contact at work", loaded, person, access.OwnParticipant, Submission{Self: true, Contact: &Contact{Name: "Påhittad"}}, "", "", ErrContactOfPerson},
		{"and as nobody else", loaded, person, access.OwnParticipant, Submission{Self: true, OnBehalf: SourcePrivateCare}, "", "", ErrSource},
		{"a receiver hands in an application", loaded, town, access.OwnMunicipality, Submission{OnBehalf: SelfReferral, WishedMunicipality: "1481"}, "intake", SelfReferral, nil},
		{"to the own municipality", loaded, town, access.OwnMunicipality, Submission{OnBehalf: SelfReferral, WishedMunicipality: "1402"}, "", "", ErrUnit},
		{"and a private care giver's referral", loaded, town, access.OwnMunicipality, Submission{OnBehalf: SourcePrivateCare, Unit: "rehab", WishedMunicipality: "1481"}, "rehab", SourcePrivateCare, nil},
		{"whose unit is one", loaded, town, access.OwnMunicipality, Submission{OnBehalf: SourcePrivateCare, Unit: "soc-molndal", WishedMunicipality: "1481"}, "", "", ErrUnitElsewhere},
		{"a receiver refers for nobody else", loaded, town, access.OwnMunicipality, Submission{Unit: "soc-molndal"}, "", "", ErrSource},
		{"an authority hands in nothing for others", loaded, fk, access.OwnAuthority, Submission{OnBehalf: SelfReferral, WishedMunicipality: "1481"}, "", "", ErrSource},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			from, err := c.register.Origin(c.who, c.relation, c.sub)
			switch {
			case c.want != nil && !errors.Is(err, c.want):
				t.Errorf("want %v, got %v", c.want, err)
			case c.want == nil && (err != nil || from.Unit != c.unit || from.Source != c.source):
				t.Errorf("want %s of %s, got %+v, %v", c.unit, c.source, from, err)
			}
		})
	}
}

func TestARegisterHoldsEachUnitOnceAndInOrder(t *testing.T) {
	for sentence, c := range map[string]struct {
		change func([]Unit) []Unit
		want   *fault.Error
		at     string
	}{
		"an empty one":                       {func([]Unit) []Unit { return nil }, nil, ""},
		"a unit twice":                       {func(u []Unit) []Unit { return append(u, u[0]) }, ErrUnitTwice, "/items/5/id"},
		"a member's unit without a member":   {func(u []Unit) []Unit { u[1].Authority = ""; return u }, ErrUnitWithoutAuthority, "/items/1/authority"},
		"a private one with a member":        {func(u []Unit) []Unit { u[4].Authority = "vgr"; return u }, ErrUnitWithoutAuthority, "/items/4/authority"},
		"a municipality that does not exist": {func(u []Unit) []Unit { u[0].Municipality = "0180"; return u }, ErrMunicipality, "/items/0/municipality"},
		"an authority that does not exist":   {func(u []Unit) []Unit { u[0].Authority = "nosuch"; return u }, ErrAuthority, "/items/0/authority"},
		"a person as a unit":                 {func(u []Unit) []Unit { u[0].Name = "19121212-1212"; return u }, personnummer.ErrNumberHere, "/items/0/name"},
		"a person as its id":                 {func(u []Unit) []Unit { u[0].ID = "19121212-1212"; return u }, personnummer.ErrNumberHere, "/items/0/id"},
		"a person as its contact":            {func(u []Unit) []Unit { u[0].Contact = &Contact{Name: "19121212-1212"}; return u }, personnummer.ErrNumberHere, "/items/0/contact/name"},
		"a function as its contact":          {func(u []Unit) []Unit { u[0].Contact = &Contact{Name: "Påhittad växel"}; return u }, nil, ""},
		"more than there are":                {func(u []Unit) []Unit { return make([]Unit, maxUnits+1) }, ErrTooManyUnits, "/items"},
	} {
		t.Run(sentence, func(t *testing.T) {
			g := &Register{}
			err := g.Load(c.change(units()), members, noon)
			if c.want == nil && (err != nil || g.Changes != 1) || c.want != nil && (!errors.Is(err, c.want) || fault.Of(err).Fields[0].Pointer != c.at || g.Changes != 0) {
				t.Errorf("got %v at %v, %d changes", err, fault.Of(err), g.Changes)
			}
		})
	}
	g := &Register{}
	for _, u := range units() {
		if err := g.Change(u, members, noon); err != nil {
			t.Fatal(err)
		}
	}
	changed := units()[1]
	changed.Active = false
	if err := g.Change(changed, members, noon); err != nil || len(g.Units) != 5 || g.Changes != 6 {
		t.Errorf("%v, %d units after %d changes", err, len(g.Units), g.Changes)
	}
	for i := 1; i < len(g.Units); i++ {
		if g.Units[i-1].ID >= g.Units[i].ID {
			t.Errorf("%s comes before %s", g.Units[i-1].ID, g.Units[i].ID)
		}
	}
	if u, _, ok := g.Find("fk-molndal"); !ok || u.Active {
		t.Errorf("got %+v, %v", u, ok)
	}
}

func TestAContactHoldsNoPersonalIdentityNumber(t *testing.T) {
	for sentence, c := range map[string]struct {
		contact *Contact
		want    []string // pointers
	}{
		"none":                                        {nil, nil},
		"a function":                                  {&Contact{Name: "Påhittad växel", Email: "vaxel@fk.example.se", Phone: "+46 31 000 00 02"}, nil},
		"a phone number that looks like one":          {&Contact{Name: "Påhittad växel", Phone: "0801012386"}, nil},
		"a number as a name and in an address":        {&Contact{Name: "Tolvan 19121212-1212", Email: "191212121212@fk.example.se"}, []string{"/contact/name", "/contact/email"}},
		"a number as a phone number":                  {&Contact{Name: "Påhittad växel", Phone: "191212121212"}, []string{"/contact/phone"}},
		"a number without its century as a phone one": {&Contact{Name: "Påhittad växel", Phone: "121212-1212"}, []string{"/contact/phone"}},
	} {
		var wrong fieldErrors
		c.contact.check(&wrong, "/contact")
		var got []string
		if wrong.first != nil {
			for _, f := range wrong.first.Fields {
				got = append(got, f.Pointer)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", sentence, got, c.want)
		}
	}
}

func TestTheRegisterKnowsTheContactOfAReferralsUnit(t *testing.T) {
	g := &Register{}
	loaded := units()
	for i := range loaded {
		loaded[i].Contact = &Contact{Name: loaded[i].ID}
	}
	if err := g.Load(loaded, members, noon); err != nil {
		t.Fatal(err)
	}
	for sentence, c := range map[string]struct {
		r    Referral
		want string
	}{
		"of its unit":                              {Referral{Authority: "fk", Unit: "fk-molndal"}, "fk-molndal"},
		"of one that refers no more":               {Referral{Authority: "fk", Unit: "fk-lerum"}, "fk-lerum"},
		"not of another authority's":               {Referral{Authority: "vgr", Unit: "fk-molndal"}, ""},
		"of a private care provider's":             {Referral{Authority: "rehabab", Unit: "rehab", Source: SourcePrivateCare}, "rehab"},
		"also when the municipality handed it in":  {Referral{Authority: "molndal", Unit: "rehab", Source: SourcePrivateCare}, "rehab"},
		"not of an application that has that unit": {Referral{Authority: "molndal", Unit: "rehab", Source: SelfReferral}, ""},
		"of no unit that it does not have":         {Referral{Authority: "fk", Unit: "intake"}, ""},
	} {
		got := ""
		if contact := g.ContactOf(&c.r); contact != nil {
			got = contact.Name
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", sentence, got, c.want)
		}
	}
}
