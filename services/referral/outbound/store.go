package outbound

import (
	"context"
	"time"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
)

// The keys that things of this package are found by.
const (
	keyRecipient = "recipient"
	keyLast      = "last"
	keyAt        = "at" // Unix milliseconds
	keyAuthority = "authority"
	keyPlace     = "municipality"
	keyOn        = "on"
	keyWebhook   = "webhook"
	keyState     = "state"
	keyDue       = "due"      // Unix milliseconds; only while it waits
	keyLane      = "lane"     // webhook and referral; only while it waits
	keySequence  = "sequence" // of the feed
)

// kept is for how long notices and settled deliveries are kept.
const kept = 90 * 24 * time.Hour

// Collections are the collections of this package.
func Collections() []migration.Collection {
	return []migration.Collection{blockKind(), sweptKind(), webhookKind(), deliveryKind()}
}

func webhookKind() store.Schema[Webhook] {
	return store.Schema[Webhook]{
		Name:    "webhooks",
		Indexes: []store.Index{{keyAuthority, keyAt}, {keyPlace, keyAt}, {keyOn}},
		ID:      func(w *Webhook) (string, string) { return w.Association, w.ID },
		Keys: func(w *Webhook) store.Keys {
			k := store.Keys{keyAuthority: w.Authority, keyAt: w.MadeAt.UnixMilli(), keyOn: w.On()}
			if w.Municipality != "" {
				k[keyPlace] = w.Municipality
			}
			return k
		},
	}
}

func deliveryKind() store.Schema[Delivery] {
	return store.Schema[Delivery]{
		Name:    "webhook_deliveries",
		Indexes: []store.Index{{keyWebhook, keyDue}, {keyLane, keySequence}, {keyWebhook, keyState, keyAt}, {keyWebhook, keyAt}, {keyAt}},
		ID:      func(d *Delivery) (string, string) { return d.Association, d.ID },
		Keys: func(d *Delivery) store.Keys {
			k := store.Keys{keyWebhook: d.Webhook, keyState: string(d.State), keyAt: d.MadeAt.UnixMilli(), keySequence: d.Sequence}
			if d.State == Waiting {
				k[keyDue] = d.Due.UnixMilli()
				if d.Referral != "" {
					k[keyLane] = d.lane()
				}
			}
			return k
		},
	}
}

// lane is where deliveries go one after the other: those about one referral to
// one webhook.
func (d *Delivery) lane() string { return d.Webhook + "/" + d.Referral }

func blockKind() store.Schema[block] {
	return store.Schema[block]{
		Name:    "notices",
		Indexes: []store.Index{{keyRecipient, keyLast}, {keyAt}},
		ID:      func(b *block) (string, string) { return b.Association, b.id() },
		Keys: func(b *block) store.Keys {
			return store.Keys{keyRecipient: string(b.Recipient), keyLast: b.Last, keyAt: b.At.UnixMilli()}
		},
	}
}

// swept tells up to where a recipient's notices have been disposed of.
type swept struct {
	Association string    `json:"association"`
	Recipient   Recipient `json:"recipient"`
	Through     int64     `json:"through"` // sequence number of the feed
}

func sweptKind() store.Schema[swept] {
	return store.Schema[swept]{
		Name: "notices_swept",
		ID:   func(s *swept) (string, string) { return s.Association, string(s.Recipient) },
	}
}

// blocksOf returns a recipient's blocks behind a position, and whether there are
// more than those.
func (s *Service) blocksOf(ctx context.Context, association string, r Recipient, after int64) ([]block, bool, error) {
	page, err := s.blocks.Find(ctx, store.Query{
		Association: association,
		Where: []store.Cond{
			{Key: keyRecipient, Op: store.Eq, Value: string(r)}, {Key: keyLast, Op: store.Gt, Value: after},
		},
		Sort: []store.Order{{Key: keyLast}}, Limit: blocksAtOnce,
	})
	if err != nil {
		return nil, false, err
	}
	all := make([]block, 0, len(page.Items))
	for _, v := range page.Items {
		all = append(all, *v.Value)
	}
	return all, page.Next.ID != "", nil
}

// blocksAtOnce bounds how many blocks one look reads.
const blocksAtOnce = 32

// webhooksOn returns the webhooks of an association that are on.
func (s *Service) webhooksOn(ctx context.Context, association string) ([]*Webhook, error) {
	page, err := s.webhooks.Find(ctx, store.Query{
		Association: association, Where: []store.Cond{{Key: keyOn, Op: store.Eq, Value: true}}, Limit: 1000,
	})
	if err != nil {
		return nil, err
	}
	all := make([]*Webhook, 0, len(page.Items))
	for _, v := range page.Items {
		all = append(all, v.Value)
	}
	return all, nil
}

// due returns deliveries of a webhook that are to be tried by now.
func (s *Service) due(ctx context.Context, w *Webhook, now time.Time, limit int) ([]store.Versioned[Delivery], error) {
	page, err := s.deliveries.Find(ctx, store.Query{
		Association: w.Association,
		Where: []store.Cond{
			{Key: keyWebhook, Op: store.Eq, Value: w.ID}, {Key: keyDue, Op: store.Lte, Value: now.UnixMilli()},
		},
		Sort: []store.Order{{Key: keyDue}}, Limit: limit,
	})
	return page.Items, err
}

// ahead returns the first of those that wait in a delivery's lane.
func (s *Service) ahead(ctx context.Context, association, lane string) (*store.Versioned[Delivery], error) {
	page, err := s.deliveries.Find(ctx, store.Query{
		Association: association, Where: []store.Cond{{Key: keyLane, Op: store.Eq, Value: lane}},
		Sort: []store.Order{{Key: keySequence}}, Limit: 1,
	})
	if err != nil || len(page.Items) == 0 {
		return nil, err
	}
	return &page.Items[0], nil
}
