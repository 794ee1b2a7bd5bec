package rest

import (
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/services/referral/outbound"
)

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

func webhook(k *outbound.Kept, from depth) api.Webhook {
	self := string(from) + "webhooks/" + k.ID
	b := api.Webhook{
		Id: k.ID, Url: k.URL, Description: optional[string](k.Description), State: stateOf(k),
		CreatedAt: k.MadeAt, ChangedAt: k.ChangedAt,
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

func stateOf(k *outbound.Kept) api.WebhookState {
	switch k.Off {
	case "":
		return "on"
	case outbound.OffGone:
		return "gone"
	}
	return "off"
}

func withSecret(k *outbound.Kept, from depth) api.WebhookWithSecret {
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
		Id: d.ID, Event: d.Event, Type: d.Type, Referral: optional[string](d.Referral), State: api.DeliveryState(d.State),
		CreatedAt: d.MadeAt, SettledAt: d.Settled, Tries: []api.DeliveryTry{}, UnderscoreLinks: api.Links{},
	}
	if d.State == outbound.Waiting {
		b.NextTryAt = &d.Due
	} else {
		b.UnderscoreLinks["resending"] = api.Link{Href: to + "deliveries/" + d.ID + "/resending"}
	}
	for _, t := range d.Tries {
		try := api.DeliveryTry{At: t.At, Outcome: api.DeliveryOutcome(t.Outcome), Milliseconds: int(t.Millis)}
		if t.Status > 0 {
			try.Status = &t.Status
		}
		b.Tries = append(b.Tries, try)
	}
	return b
}
