package rest

import (
	"context"
	"encoding/json"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/referral"
)

// CreateReferrals answers POST /referrals/batch.
func (h handlers) CreateReferrals(ctx context.Context, r api.CreateReferralsRequestObject) (api.CreateReferralsResponseObject, error) {
	items := make([]referral.BatchItem, len(r.Body.Items))
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

// item reads one item of a batch: the contract's shape is asked here, item by
// item, as the batch is not turned away for one of them.
func (h handlers) item(text json.RawMessage) (item referral.BatchItem) {
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

func answer(ctx context.Context, index int, a referral.BatchAnswer) api.ReferralBatchAnswer {
	b := api.ReferralBatchAnswer{Index: index, Status: 201}
	if a.Err != nil {
		p := batchProblem(problem.Of(ctx, under("/referral", a.Err)))
		b.Status, b.Problem = p.Status, &p
		return b
	}
	r := a.View.Referral
	b.Id, b.RegistryNumber, b.ExternalReference = &r.ID, optional[string](r.RegistryNumber), optional[string](r.ExternalReference)
	b.UnderscoreLinks = &api.Links{"self": {Href: "../referrals/" + r.ID}}
	return b
}

// under returns a fault whose fields stand within a part of the body. Those that
// the shape has named stand there already.
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

func batchProblem(p problem.Problem) api.ReferralProblem {
	b := api.ReferralProblem{
		Type: p.Type, Title: p.Title, Status: p.Status, Detail: p.Detail, Instance: p.Instance, Code: p.Code,
		TraceId: optional[string](p.TraceID),
	}
	var fields []api.ReferralProblemField
	for _, e := range p.Errors {
		fields = append(fields, api.ReferralProblemField{Pointer: e.Pointer, Code: e.Code, Detail: e.Detail})
	}
	if len(fields) > 0 {
		b.Errors = &fields
	}
	return b
}
