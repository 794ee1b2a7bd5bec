package rest

import (
	"context"
	"slices"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
)

func (h handlers) AmendReferral(ctx context.Context, r api.AmendReferralRequestObject) (api.AmendReferralResponseObject, error) {
	b := r.Body.Changes
	removes := func(field api.RemovableField) bool { return slices.Contains(rest.Value(b.Remove), field) }
	wanted := referral.Changes{
		Reason: b.Reason, WishedInitiative: b.WishedInitiative, ExternalReference: b.ExternalReference, Contact: readContact(b.Contact),
		WithoutContact: removes(api.Contact), WithoutWish: removes(api.WishedInitiative),
	}
	if b.TargetGroup != nil {
		wanted.TargetGroup = &referral.TargetGroup{
			Reasons: rest.Convert[string](b.TargetGroup.Reasons), Concerned: rest.Convert[actor.AuthorityKind](b.TargetGroup.AuthoritiesConcerned),
		}
	}
	if b.RightTime != nil {
		all := readRightTime(*b.RightTime)
		wanted.RightTime = &all
	}
	if b.Consent != nil {
		wanted.Consent = &referral.Consent{
			GivenOn: b.Consent.GivenOn, TextVersion: b.Consent.TextVersion, Authorities: b.Consent.Authorities,
			Categories: rest.Convert[string](rest.Value(b.Consent.DataCategories)),
		}
	}
	c, err := rest.Changed(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.Amend(ctx, r.Id, version, wanted, r.Body.Reason)
	}, h.changed)
	return api.AmendReferral200JSONResponse{ChangedJSONResponse: c}, err
}

// changeLog writes the amendments, for those who may read texts.
func changeLog(v *referral.View) *[]api.ReferralAmendment {
	if v.Texts == nil {
		return nil
	}
	consentOf := func(c referral.Consent) api.ExtendedConsent {
		return api.ExtendedConsent{
			GivenOn: c.GivenOn, TextVersion: c.TextVersion, Authorities: c.Authorities,
			DataCategories: rest.OptionalList(rest.Convert[api.ConsentDataCategory](c.Categories)),
		}
	}
	var all []api.ReferralAmendment
	for _, s := range v.Steps {
		if s.Amendment == nil {
			continue
		}
		var c api.ReferralChanges
		if g := s.Amendment.TargetGroup; g != nil {
			c.TargetGroup = &api.TargetGroupChange{Old: targetGroup(g.Old), New: targetGroup(g.New)}
		}
		if x := s.Amendment.Consent; x != nil {
			c.Consent = &api.ConsentChange{Old: consentOf(x.Old), New: consentOf(x.New)}
		}
		if x, ok := v.Texts.Reasons[s.N]; ok {
			c.Reason = &api.TextChange{Old: rest.Optional(x.Old), New: x.New}
		}
		if x, ok := v.Texts.Assessments[s.N]; ok {
			c.TargetGroupTest = &api.TargetGroupTestChange{Old: targetGroupTest(x.Old), New: *targetGroupTest(x.New)}
			if s.Amendment.RightTime {
				c.RightTime = &api.RightTimeChange{Old: rightTime(x.Old), New: rightTime(x.New)}
			}
		}
		if x := s.Amendment.WishedInitiative; x != nil {
			c.WishedInitiative = &api.WishedInitiativeChange{Old: rest.Optional(x.Old), New: rest.Optional(x.New)}
		}
		if x := s.Amendment.ExternalReference; x != nil {
			c.ExternalReference = &api.TextChange{Old: rest.Optional(x.Old), New: x.New}
		}
		if x, ok := v.Texts.Contacts[s.N]; ok {
			c.Contact = &api.WorkContactChange{Old: contact(x.Old), New: contact(x.New)}
		}
		all = append(all, api.ReferralAmendment{N: int(v.Status.VisibleNumber(s.N, v.Visibility)), At: s.At, Reason: v.Texts.Steps[s.N], Changes: c})
	}
	return rest.OptionalList(all)
}
