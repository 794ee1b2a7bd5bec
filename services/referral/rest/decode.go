package rest

import (
	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/services/referral"
)

// submission reads the body of POST /referrals.
func submission(b *api.NewReferral) referral.Submission {
	s := referral.Submission{
		Person: referral.Person{
			PersonalIdentityNumber: b.Person.PersonalIdentityNumber,
			GivenName:              b.Person.GivenName, FamilyName: b.Person.FamilyName,
			Gender: value(b.Person.Gender), Email: value(b.Person.Email), Phone: value(b.Person.Phone),
		},
		Unit:               b.Unit,
		Given:              b.Consent.Given,
		WishedMunicipality: b.WishedMunicipality,
		Reason:             b.Reason,
		ExternalReference:  value(b.ExternalReference),
		Consent: referral.Consent{
			GivenOn: b.Consent.GivenOn, TextVersion: b.Consent.TextVersion, Authorities: b.Consent.Authorities,
		},
	}
	for _, r := range b.TargetGroup.Reasons {
		s.TargetGroup.Reasons = append(s.TargetGroup.Reasons, string(r))
	}
	for _, k := range b.TargetGroup.AuthoritiesConcerned {
		s.TargetGroup.Concerned = append(s.TargetGroup.Concerned, actor.AuthorityKind(k))
	}
	if b.Consent.DataCategories != nil {
		for _, c := range *b.Consent.DataCategories {
			s.Consent.Categories = append(s.Consent.Categories, string(c))
		}
	}
	return s
}
