package rest

import (
	"cmp"
	"context"
	"net/url"
	"strconv"
	"time"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/referral/outbound"
)

func (h handlers) ListEvents(ctx context.Context, r api.ListEventsRequestObject) (api.ListEventsResponseObject, error) {
	p := r.Params
	q := outbound.EventQuery{
		After: rest.Value(p.After), Limit: cmp.Or(rest.Value(p.Limit), 20),
		Wait: time.Duration(rest.Value(p.Wait)) * time.Second, Ending: server.Draining(ctx),
	}
	found, err := h.service.Outbound.Events(ctx, q)
	if err != nil {
		return nil, err
	}
	link := func(name, after string) api.Link {
		limit, wait := strconv.Itoa(q.Limit), ""
		if q.Wait > 0 {
			wait = strconv.Itoa(*p.Wait)
		}
		return h.paths.Link(name, "listEvents").With(rest.Query("after", after, "limit", limit, "wait", wait))
	}
	return api.ListEvents200JSONResponse{
		Events: rest.Map(found.Items, func(n outbound.Notice) api.Event {
			of := func(key string) *string { return rest.Optional(n.Data[key]) }
			return api.Event{
				Specversion: "1.0", Id: n.ID, Source: "/services/referral", Type: api.EventType(n.Type), Subject: n.Referral, Time: n.Time,
				Datacontenttype: "application/json",
				Data: api.EventData{
					Referral: n.Referral, Municipality: of("municipality"), Unit: of("unit"), From: of("from"), To: of("to"),
					Party: of("party"), Wait: of("wait"), Since: of("since"), Due: of("due"), Corrected: of("corrected"),
				},
			}
		}),
		After: found.After, UnderscoreLinks: api.Links{link("self", q.After), link("next", found.After)},
	}, nil
}

func (h handlers) CreateWebhook(ctx context.Context, r api.CreateWebhookRequestObject) (api.CreateWebhookResponseObject, error) {
	k, err := h.service.Outbound.Create(ctx, rest.Value(r.Params.IdempotencyKey), settings(r.Body))
	if err != nil {
		return nil, err
	}
	b, tag := h.withSecret(k), rest.ETag(k.Version)
	at := b.UnderscoreLinks.Href("self")
	return api.CreateWebhook201JSONResponse{Body: b, Headers: api.CreateWebhook201ResponseHeaders{ETag: &tag, Location: &at}}, nil
}

func (h handlers) ListWebhooks(ctx context.Context, r api.ListWebhooksRequestObject) (api.ListWebhooksResponseObject, error) {
	w := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor)
	l, err := h.service.Outbound.Webhooks(ctx, w)
	if err != nil {
		return nil, err
	}
	return api.ListWebhooks200JSONResponse{
		Items:           rest.Map(l.Items, h.webhook),
		UnderscoreMeta:  rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listWebhooks"), url.Values{}, w, l.Next),
	}, nil
}

func (h handlers) GetWebhook(ctx context.Context, r api.GetWebhookRequestObject) (api.GetWebhookResponseObject, error) {
	k, err := h.service.Outbound.Get(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(k.Version)
	return api.GetWebhook200JSONResponse{Body: h.webhook(k), Headers: api.GetWebhook200ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) ChangeWebhook(ctx context.Context, r api.ChangeWebhookRequestObject) (api.ChangeWebhookResponseObject, error) {
	return rest.Changed(r.Params.IfMatch, func(version int64) (*outbound.WebhookView, error) {
		return h.service.Outbound.Change(ctx, r.Id, version, settings(r.Body))
	}, func(k *outbound.WebhookView) api.ChangeWebhookResponseObject {
		tag := rest.ETag(k.Version)
		return api.ChangeWebhook200JSONResponse{
			Body: h.webhook(k), Headers: api.ChangeWebhook200ResponseHeaders{ETag: &tag},
		}
	})
}

func (h handlers) RemoveWebhook(ctx context.Context, r api.RemoveWebhookRequestObject) (api.RemoveWebhookResponseObject, error) {
	_, err := rest.AtVersion(r.Params.IfMatch, func(version int64) (any, error) {
		return nil, h.service.Outbound.Remove(ctx, r.Id, version)
	})
	return api.RemoveWebhook204Response{}, err
}

func (h handlers) RotateWebhookSecret(ctx context.Context, r api.RotateWebhookSecretRequestObject) (api.RotateWebhookSecretResponseObject, error) {
	return rest.Changed(r.Params.IfMatch, func(version int64) (*outbound.WebhookView, error) {
		return h.service.Outbound.Rotate(ctx, r.Id, version)
	}, func(k *outbound.WebhookView) api.RotateWebhookSecretResponseObject {
		tag := rest.ETag(k.Version)
		return api.RotateWebhookSecret200JSONResponse{
			Body: h.withSecret(k), Headers: api.RotateWebhookSecret200ResponseHeaders{ETag: &tag},
		}
	})
}

func (h handlers) TestWebhook(ctx context.Context, r api.TestWebhookRequestObject) (api.TestWebhookResponseObject, error) {
	d, err := h.service.Outbound.Test(ctx, r.Id, rest.Value(r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	list := h.paths.Link("", "listDeliveries", r.Id)
	at := list.Href()
	return api.TestWebhook202JSONResponse{Body: h.delivery(d), Headers: api.TestWebhook202ResponseHeaders{Location: &at}}, nil
}

func (h handlers) ListDeliveries(ctx context.Context, r api.ListDeliveriesRequestObject) (api.ListDeliveriesResponseObject, error) {
	w, state := rest.NewWindow(r.Params.Limit, r.Params.Page, r.Params.Cursor), string(rest.Value(r.Params.State))
	l, err := h.service.Outbound.Deliveries(ctx, r.Id, outbound.DeliveryState(state), w)
	if err != nil {
		return nil, err
	}
	return api.ListDeliveries200JSONResponse{
		Items:           rest.Map(l.Items, h.delivery),
		UnderscoreMeta:  rest.NewMeta(w, len(l.Items), l.Next, l.Total),
		UnderscoreLinks: rest.ListLinks(h.paths.Link("", "listDeliveries", r.Id), rest.Query("state", state), w, l.Next),
	}, nil
}

func (h handlers) ResendDelivery(ctx context.Context, r api.ResendDeliveryRequestObject) (api.ResendDeliveryResponseObject, error) {
	d, err := h.service.Outbound.Resend(ctx, r.Id, r.Delivery)
	if err != nil {
		return nil, err
	}
	return api.ResendDelivery200JSONResponse(h.delivery(d)), nil
}

func (h handlers) ResendDeadLetters(ctx context.Context, r api.ResendDeadLettersRequestObject) (api.ResendDeadLettersResponseObject, error) {
	n, more, err := h.service.Outbound.ResendDead(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	return api.ResendDeadLetters200JSONResponse{Resent: n, More: more, UnderscoreLinks: api.Links{h.paths.Link("deliveries", "listDeliveries", r.Id).With(rest.Query("state", "waiting"))}}, nil
}

func settings(b *api.WebhookSettings) outbound.Settings {
	return outbound.Settings{
		URL: b.Url, Description: rest.Value(b.Description), On: b.Active == nil || *b.Active,
		Kinds: rest.Convert[string](rest.Value(b.Kinds)),
	}
}

// webhookStates are the states of the contract, by why a webhook is off.
var webhookStates = map[string]api.WebhookState{"": "on", outbound.OffByOwner: "off", outbound.OffGone: "gone"}

func (h handlers) webhook(k *outbound.WebhookView) api.Webhook {
	b := api.Webhook{
		Id: k.ID, Version: &k.Version, Url: k.URL, Description: rest.Optional(k.Description), State: webhookStates[k.Off],
		Kinds: rest.OptionalList(rest.Convert[api.ReferralStepKind](k.Kinds)), CreatedAt: k.CreatedAt, ChangedAt: k.ChangedAt,
		UnderscoreLinks: api.Links{h.paths.Link("self", "getWebhook", k.ID)},
	}
	b.UnderscoreLinks = h.paths.AppendActions(b.UnderscoreLinks, []string{"listDeliveries", "rotateWebhookSecret", "testWebhook"}, k.ID)
	return b
}

func (h handlers) withSecret(k *outbound.WebhookView) api.WebhookWithSecret {
	b := h.webhook(k)
	return api.WebhookWithSecret{
		Id: b.Id, Version: b.Version, Url: b.Url, Description: b.Description, State: b.State, Kinds: b.Kinds,
		CreatedAt: b.CreatedAt, ChangedAt: b.ChangedAt, Secret: k.Secret, UnderscoreLinks: b.UnderscoreLinks,
	}
}

func (h handlers) delivery(d *outbound.Delivery) api.Delivery {
	b := api.Delivery{
		Id: d.ID, Event: d.Notice.ID, Type: d.Notice.Type, Referral: rest.Optional(d.Notice.Referral), State: api.DeliveryState(d.State.Listed()),
		CreatedAt: d.CreatedAt, SettledAt: d.SettledAt, UnderscoreLinks: api.Links{},
		Tries: rest.Map(d.Attempts, func(a outbound.Attempt) api.DeliveryTry {
			return api.DeliveryTry{
				At: a.At, Outcome: api.DeliveryOutcome(a.Outcome), Milliseconds: int(a.Millis), Status: rest.Optional(a.Status),
			}
		}),
	}
	if d.State.Listed() == outbound.Waiting {
		b.NextTryAt = &d.Due
	} else {
		b.UnderscoreLinks = append(b.UnderscoreLinks, h.paths.Link("resending", "resendDelivery", d.Webhook, d.ID))
	}
	return b
}
