package rest

import (
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
		Unit:               value(b.Unit),
		OnBehalf:           referral.Source(value(b.Source)),
		Given:              b.Consent.Given,
		WishedMunicipality: b.WishedMunicipality,
		Reason:             b.Reason,
		ExternalReference:  value(b.ExternalReference),
		Consent: referral.Consent{
			GivenOn: b.Consent.GivenOn, TextVersion: b.Consent.TextVersion, Authorities: b.Consent.Authorities,
		},
	}
	s.TargetGroup = readTargetGroup(b.TargetGroup)
	if b.RightTime != nil {
		s.RightTime = timely(*b.RightTime)
	}
	s.Consent.Categories = categories(b.Consent.DataCategories)
	return s
}

// timely reads the answers to a checklist.
func timely(b []api.NewRightTimeAnswer) (all []referral.TimelyAnswer) {
	for _, t := range b {
		all = append(all, referral.TimelyAnswer{Item: t.Item, Answer: string(t.Answer)})
	}
	return all
}
