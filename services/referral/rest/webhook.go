package rest

import (
	"context"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral/outbound"
	"net/url"
)

// CreateWebhook answers POST /webhooks.
func (h handlers) CreateWebhook(ctx context.Context, r api.CreateWebhookRequestObject) (api.CreateWebhookResponseObject, error) {
	k, err := h.service.Outbound.Create(ctx, value(r.Params.IdempotencyKey), settings(r.Body))
	if err != nil {
		return nil, err
	}
	at, tag := "webhooks/"+k.ID, rest.ETag(k.Version)
	return api.CreateWebhook201JSONResponse{
		Body: withSecret(k, fromList), Headers: api.CreateWebhook201ResponseHeaders{ETag: &tag, Location: &at},
	}, nil
}

// ListWebhooks answers GET /webhooks.
func (h handlers) ListWebhooks(ctx context.Context, r api.ListWebhooksRequestObject) (api.ListWebhooksResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	l, err := h.service.Outbound.Webhooks(ctx, w)
	if err != nil {
		return nil, err
	}
	b := api.WebhookList{
		Items: make([]api.Webhook, 0, len(l.Items)), UnderscoreMeta: rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks("webhooks", url.Values{}, w, l.Next),
	}
	for _, k := range l.Items {
		b.Items = append(b.Items, webhook(k, fromList))
	}
	return api.ListWebhooks200JSONResponse(b), nil
}

// GetWebhook answers GET /webhooks/{id}.
func (h handlers) GetWebhook(ctx context.Context, r api.GetWebhookRequestObject) (api.GetWebhookResponseObject, error) {
	k, err := h.service.Outbound.Get(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(k.Version)
	if rest.NotModified(r.Params.IfNoneMatch, k.Version) {
		return api.GetWebhook304Response{Headers: api.GetWebhook304ResponseHeaders{ETag: &tag}}, nil
	}
	return api.GetWebhook200JSONResponse{Body: webhook(k, fromItem), Headers: api.GetWebhook200ResponseHeaders{ETag: &tag}}, nil
}

// ChangeWebhook answers PUT /webhooks/{id}.
func (h handlers) ChangeWebhook(ctx context.Context, r api.ChangeWebhookRequestObject) (api.ChangeWebhookResponseObject, error) {
	version, err := rest.Version(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	k, err := h.service.Outbound.Change(ctx, r.Id, version, settings(r.Body))
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(k.Version)
	return api.ChangeWebhook200JSONResponse{Body: webhook(k, fromItem), Headers: api.ChangeWebhook200ResponseHeaders{ETag: &tag}}, nil
}

// RemoveWebhook answers DELETE /webhooks/{id}.
func (h handlers) RemoveWebhook(ctx context.Context, r api.RemoveWebhookRequestObject) (api.RemoveWebhookResponseObject, error) {
	version, err := rest.Version(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.RemoveWebhook204Response{}, h.service.Outbound.Remove(ctx, r.Id, version)
}

// RotateWebhookSecret answers POST /webhooks/{id}/secrets.
func (h handlers) RotateWebhookSecret(ctx context.Context, r api.RotateWebhookSecretRequestObject) (api.RotateWebhookSecretResponseObject, error) {
	version, err := rest.Version(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	k, err := h.service.Outbound.Rotate(ctx, r.Id, version)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(k.Version)
	return api.RotateWebhookSecret200JSONResponse{
		Body: withSecret(k, fromAct), Headers: api.RotateWebhookSecret200ResponseHeaders{ETag: &tag},
	}, nil
}

// TestWebhook answers POST /webhooks/{id}/test-deliveries.
func (h handlers) TestWebhook(ctx context.Context, r api.TestWebhookRequestObject) (api.TestWebhookResponseObject, error) {
	d, err := h.service.Outbound.Test(ctx, r.Id, value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	at := "deliveries"
	return api.TestWebhook202JSONResponse{Body: delivery(d, "../"), Headers: api.TestWebhook202ResponseHeaders{Location: &at}}, nil
}

// ListDeliveries answers GET /webhooks/{id}/deliveries.
func (h handlers) ListDeliveries(ctx context.Context, r api.ListDeliveriesRequestObject) (api.ListDeliveriesResponseObject, error) {
	w, state := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor), value(r.Params.State)
	l, err := h.service.Outbound.Deliveries(ctx, r.Id, outbound.DeliveryState(state), w)
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	if state != "" {
		q.Set("state", state)
	}
	b := api.DeliveryList{
		Items: make([]api.Delivery, 0, len(l.Items)), UnderscoreMeta: rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks("deliveries", q, w, l.Next),
	}
	for _, d := range l.Items {
		b.Items = append(b.Items, delivery(d, ""))
	}
	return api.ListDeliveries200JSONResponse(b), nil
}

// ResendDelivery answers POST /webhooks/{id}/deliveries/{delivery}/resending.
func (h handlers) ResendDelivery(ctx context.Context, r api.ResendDeliveryRequestObject) (api.ResendDeliveryResponseObject, error) {
	d, err := h.service.Outbound.Resend(ctx, r.Id, r.Delivery)
	if err != nil {
		return nil, err
	}
	return api.ResendDelivery200JSONResponse(delivery(d, "../../")), nil
}

// ResendDeadLetters answers POST /webhooks/{id}/resending.
func (h handlers) ResendDeadLetters(ctx context.Context, r api.ResendDeadLettersRequestObject) (api.ResendDeadLettersResponseObject, error) {
	n, more, err := h.service.Outbound.ResendDead(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	return api.ResendDeadLetters200JSONResponse{Resent: n, More: more, UnderscoreLinks: api.Links{"deliveries": {Href: "deliveries?state=waiting"}}}, nil
}

// settings reads what the owner says of a webhook.
func settings(b *api.WebhookSettings) outbound.Settings {
	s := outbound.Settings{URL: b.Url, Description: value(b.Description), On: b.Active == nil || *b.Active}
	if b.Kinds != nil {
		for _, k := range *b.Kinds {
			s.Kinds = append(s.Kinds, string(k))
		}
	}
	return s
}

func webhook(k *outbound.WebhookView, from depth) api.Webhook {
	self := string(from) + "webhooks/" + k.ID
	b := api.Webhook{
		Id: k.ID, Url: k.URL, Description: rest.Optional(k.Description), State: stateOf(k),
		CreatedAt: k.CreatedAt, ChangedAt: k.ChangedAt,
		UnderscoreLinks: api.Links{
			"self": {Href: self}, "deliveries": {Href: self + "/deliveries"},
			"secrets": {Href: self + "/secrets"}, "testDeliveries": {Href: self + "/test-deliveries"},
		},
	}
	if len(k.Kinds) > 0 {
		var kinds []api.ReferralStepKind
		for _, kind := range k.Kinds {
			kinds = append(kinds, api.ReferralStepKind(kind))
		}
		b.Kinds = &kinds
	}
	return b
}

func stateOf(k *outbound.WebhookView) api.WebhookState {
	switch k.Off {
	case "":
		return "on"
	case outbound.OffGone:
		return "gone"
	}
	return "off"
}

func withSecret(k *outbound.WebhookView, from depth) api.WebhookWithSecret {
	b := webhook(k, from)
	return api.WebhookWithSecret{
		Id: b.Id, Url: b.Url, Description: b.Description, State: b.State, Kinds: b.Kinds,
		CreatedAt: b.CreatedAt, ChangedAt: b.ChangedAt, Secret: k.Secret, UnderscoreLinks: b.UnderscoreLinks,
	}
}

// delivery writes a delivery; to is the way from the request's path to the folder
// of the list of deliveries, /webhooks/{id}/.
func delivery(d *outbound.Delivery, to string) api.Delivery {
	b := api.Delivery{
		Id: d.ID, Event: d.Notice.ID, Type: d.Notice.Type, Referral: rest.Optional(d.Notice.Referral), State: api.DeliveryState(d.State.Listed()),
		CreatedAt: d.CreatedAt, SettledAt: d.SettledAt, Tries: []api.DeliveryTry{}, UnderscoreLinks: api.Links{},
	}
	if d.State.Listed() == outbound.Waiting {
		b.NextTryAt = &d.Due
	} else {
		b.UnderscoreLinks["resending"] = api.Link{Href: to + "deliveries/" + d.ID + "/resending"}
	}
	for _, t := range d.Attempts {
		try := api.DeliveryTry{At: t.At, Outcome: api.DeliveryOutcome(t.Outcome), Milliseconds: int(t.Millis)}
		if t.Status > 0 {
			try.Status = &t.Status
		}
		b.Tries = append(b.Tries, try)
	}
	return b
}
