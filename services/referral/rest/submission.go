package rest

import (
	"context"
	"encoding/json"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/service"
)

// CreateReferral answers POST /referrals.
func (h handlers) CreateReferral(ctx context.Context, r api.CreateReferralRequestObject) (api.CreateReferralResponseObject, error) {
	v, err := h.service.Create(ctx, value(r.Params.IdempotencyKey), submission(r.Body))
	if err != nil {
		return nil, err
	}
	at, tag := "referrals/"+v.Referral.ID, rest.ETag(1)
	return api.CreateReferral201JSONResponse{
		Body:    body(v, fromList),
		Headers: api.CreateReferral201ResponseHeaders{ETag: &tag, Location: &at},
	}, nil
}

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
func timely(b []api.NewRightTimeAnswer) (answers []referral.TimelyAnswer) {
	for _, t := range b {
		answers = append(answers, referral.TimelyAnswer{Item: t.Item, Answer: string(t.Answer)})
	}
	return answers
}

// CreateReferrals answers POST /referrals/batch.
func (h handlers) CreateReferrals(ctx context.Context, r api.CreateReferralsRequestObject) (api.CreateReferralsResponseObject, error) {
	items := make([]service.BatchItem, len(r.Body.Items))
	for i, text := range r.Body.Items {
		items[i] = h.item(text)
	}
	answers, err := h.service.CreateBatch(ctx, value(r.Params.IdempotencyKey), items)
	if err != nil {
		return nil, err
	}
	b := api.ReferralBatch{Items: make([]api.ReferralBatchAnswer, 0, len(answers)), UnderscoreLinks: api.Links{"self": {Href: "../referrals/batch"}}}
	for i, a := range answers {
		b.Items = append(b.Items, answer(ctx, i, a))
	}
	return api.CreateReferrals200JSONResponse(b), nil
}

// item reads one item of a batch: the contract's shape is checked here, item by item,
// because the batch is not refused for one of them.
func (h handlers) item(text json.RawMessage) (item service.BatchItem) {
	if item.Err = h.batchItem.Check(text); item.Err != nil {
		return item
	}
	var b struct {
		Key      string          `json:"key"`
		Referral api.NewReferral `json:"referral"`
	}
	if item.Err = json.Unmarshal(text, &b); item.Err != nil {
		return item
	}
	item.Key, item.Submission = b.Key, submission(&b.Referral)
	return item
}

func answer(ctx context.Context, index int, a service.BatchAnswer) api.ReferralBatchAnswer {
	b := api.ReferralBatchAnswer{Index: index, Status: 201}
	if a.Err != nil {
		p := problem.Of(ctx, under("/referral", a.Err))
		b.Status, b.Problem = p.Status, &p
		return b
	}
	r := a.View.Referral
	b.Id, b.RegistryNumber, b.ExternalReference = &r.ID, rest.Optional(r.RegistryNumber), rest.Optional(r.ExternalReference)
	b.UnderscoreLinks = &api.Links{"self": {Href: "../referrals/" + r.ID}}
	return b
}

// under returns a fault whose fields are within a part of the body. Those that the shape
// has named are there already.
func under(part string, err error) error {
	f := fault.Of(err)
	if f == nil || len(f.Fields) == 0 || f.Code == problem.ErrInvalid.Code {
		return err
	}
	moved := *f
	moved.Fields = make([]fault.Field, len(f.Fields))
	for i, field := range f.Fields {
		field.Pointer = part + field.Pointer
		moved.Fields[i] = field
	}
	return &moved
}
