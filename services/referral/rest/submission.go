package rest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/service"
)

func (h handlers) CreateReferral(ctx context.Context, r api.CreateReferralRequestObject) (api.CreateReferralResponseObject, error) {
	v, err := h.service.Create(ctx, rest.Value(r.Params.IdempotencyKey), submission(r.Body))
	if err != nil {
		return nil, err
	}
	b, tag := h.body(v), rest.ETag(v.Version)
	at := b.UnderscoreLinks.Href("self")
	return api.CreateReferral201JSONResponse{Body: b, Headers: api.CreateReferral201ResponseHeaders{ETag: &tag, Location: &at}}, nil
}

func submission(b *api.NewReferral) referral.Submission {
	return referral.Submission{
		Person: referral.Person{
			PersonalIdentityNumber: b.Person.PersonalIdentityNumber,
			GivenName:              b.Person.GivenName, FamilyName: b.Person.FamilyName,
			Gender: string(rest.Value(b.Person.Gender)), Email: rest.Value(b.Person.Email), Phone: rest.Value(b.Person.Phone),
			Protection: string(rest.Value(b.Person.Protection)),
		},
		Unit:               rest.Value(b.Unit),
		OnBehalf:           referral.Source(rest.Value(b.Source)),
		Given:              b.Consent.Given,
		WishedMunicipality: b.WishedMunicipality, WishedInitiative: rest.Value(b.WishedInitiative),
		Reason:            b.Reason,
		ExternalReference: rest.Value(b.ExternalReference),
		Contact:           readContact(b.Contact),
		Consent: referral.Consent{
			GivenOn: b.Consent.GivenOn, TextVersion: b.Consent.TextVersion, Authorities: b.Consent.Authorities,
			Categories: rest.Convert[string](rest.Value(b.Consent.DataCategories)),
		},
		TargetGroup: referral.TargetGroup{
			Reasons: rest.Convert[string](b.TargetGroup.Reasons), Concerned: rest.Convert[actor.AuthorityKind](b.TargetGroup.AuthoritiesConcerned),
		},
		RightTime: readRightTime(rest.Value(b.RightTime)),
	}
}

func readRightTime(b []api.NewRightTimeAnswer) (answers []referral.TimelyAnswer) {
	for _, t := range b {
		answers = append(answers, referral.TimelyAnswer{Item: t.Item, Answer: string(t.Answer)})
	}
	return answers
}

func (h handlers) CreateReferrals(ctx context.Context, r api.CreateReferralsRequestObject) (api.CreateReferralsResponseObject, error) {
	items := make([]service.BatchItem, len(r.Body.Items))
	for i, text := range r.Body.Items {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		items[i] = h.item(text)
	}
	answers, err := h.service.CreateBatch(ctx, rest.Value(r.Params.IdempotencyKey), items)
	if err != nil {
		return nil, err
	}
	b := api.ReferralBatch{Items: make([]api.ReferralBatchAnswer, len(answers)), UnderscoreLinks: api.Links{h.paths.Link("self", "createReferrals")}}
	for i, a := range answers {
		b.Items[i] = api.ReferralBatchAnswer{Index: i, Status: 201}
		item := &b.Items[i]
		if a.Err != nil {
			p := problem.Of(ctx, under("/referral", a.Err))
			item.Status, item.Problem = p.Status, &p
			continue
		}
		r := a.View.Referral
		item.Id, item.RegistryNumber, item.ExternalReference = &r.ID, rest.Optional(r.RegistryNumber), rest.Optional(r.ExternalReference)
		item.UnderscoreLinks = &api.Links{h.paths.Link("self", "getReferral", r.ID)}
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
	if json.Unmarshal(text, &b) != nil { // whose error may quote a value
		item.Err = fmt.Errorf("an item that keeps to the contract has another form than %T", b.Referral)
		return item
	}
	item.Key, item.Submission = b.Key, submission(&b.Referral)
	return item
}

// under returns a fault whose fields are within a part of the body. Those that the shape
// has named are there already.
func under(part string, err error) error {
	f := fault.Of(err)
	if f == nil || len(f.Fields) == 0 || f.Code == problem.ErrInvalid.Code || f.Code == problem.ErrContent.Code {
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
