package referral

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Submission is a referral on its way in, with the person in clear.
type Submission struct {
	Person             Person
	Unit               string
	TargetGroup        TargetGroup
	Given              bool // whether the person has consented
	Consent            Consent
	WishedMunicipality string
	Reason             string
	ExternalReference  string
	RightTime          []TimelyAnswer `json:",omitempty"`
	OnBehalf           Source         `json:",omitempty"` // of whom the municipality posts: SelfReferral, SourcePrivateCare, or nobody
	Self               bool           `json:",omitempty"` // the person sends it; said by the token, not by the body
}

// Person is the one who is referred. It goes to the vault and nowhere else.
type Person struct {
	PersonalIdentityNumber string
	GivenName              string
	FamilyName             string
	Gender                 string
	Email                  string
	Phone                  string
}

// check holds a submission against the rules; the fault names every field that
// is wrong, under the first rule that was broken.
func (s Submission) check(from sender, in *association.Association, now time.Time) error {
	var wrong wrongs
	if !s.Given {
		wrong.add(ErrConsentMissing, "/consent/given")
	}
	wrong.date(s.Consent.GivenOn, now, "/consent/givenOn")
	if !s.Self && !s.Consent.names(from.authority, from.kind) {
		wrong.add(ErrConsentWithoutReferrer, "/consent/authorities")
	}
	if len(in.Initiatives) > 0 {
		checklist(in.Initiatives[0], s.RightTime, "/rightTime", &wrong)
	}
	if _, member := in.Municipality(s.WishedMunicipality); !member {
		wrong.add(ErrMunicipality, "/wishedMunicipality")
	}
	if personnummer.Contains(s.ExternalReference) {
		wrong.add(ErrReferenceIsIdentity, "/externalReference")
	}
	return wrong.fault()
}

// startDateFault wants a date within a year of today: a coach may register late,
// and nobody plans further ahead.
func startDateFault(now time.Time, date string) error {
	start, err := civil.Parse(date)
	if err != nil {
		return ErrDate.AtField("/startDate")
	}
	if today := civil.DateOf(now); start < today.AddYears(-1) || start > today.AddYears(1) {
		return ErrStartDate.AtField("/startDate")
	}
	return nil
}

// names reports whether the consent covers an authority, by its id or its kind.
func (c Consent) names(authority string, kind actor.AuthorityKind) bool {
	return slices.Contains(c.Authorities, authority) || kind != "" && slices.Contains(c.Authorities, string(kind))
}

// naming returns the consent with the authority named by its id, also where the
// person named its kind: the vault knows ids only.
func (c Consent) naming(authority string, kind actor.AuthorityKind) Consent {
	if c.names(authority, kind) && !slices.Contains(c.Authorities, authority) {
		c.Authorities = append(slices.Clone(c.Authorities), authority)
	}
	return c
}

// covers reports whether the consent is about this sort of data.
func (c Consent) covers(category string) bool {
	return len(c.Categories) == 0 || slices.Contains(c.Categories, category)
}
