package outbound

import (
	"context"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
)

// The keys that documents are found by.
const (
	recipientKey    = "recipient"
	lastKey         = "last"
	atKey           = "at" // of creation, Unix milliseconds
	authorityKey    = "authority"
	municipalityKey = "municipality"
	onKey           = "on"
	webhookKey      = "webhook"
	stateKey        = "state"    // as listed
	dueKey          = "due"      // Unix milliseconds; only while it waits
	laneKey         = "lane"     // only while it waits, and not of a test
	sequenceKey     = "sequence" // of the feed
)

// Collections are the collections of this package.
var Collections = []migration.Collection{noticeCollection, disposalCollection, webhookCollection, deliveryCollection}

var webhookCollection = store.Schema[Webhook]{
	Name:    "webhooks",
	Indexes: []store.Index{{authorityKey, atKey}, {municipalityKey, atKey}, {onKey}},
	ID:      func(w *Webhook) (string, string) { return w.Association, w.ID },
	Keys: func(w *Webhook) store.Keys {
		k := store.Keys{authorityKey: w.Authority, atKey: w.CreatedAt.UnixMilli(), onKey: w.IsOn()}
		if w.Municipality != "" {
			k[municipalityKey] = w.Municipality
		}
		return k
	},
}

var deliveryCollection = store.Schema[Delivery]{
	Name: "webhook_deliveries",
	Indexes: []store.Index{
		{webhookKey, dueKey}, {webhookKey, stateKey, atKey}, {webhookKey, atKey}, {atKey},
	},
	Sparse: []store.Index{{laneKey, sequenceKey}},
	ID:     func(d *Delivery) (string, string) { return d.Association, d.ID },
	Keys: func(d *Delivery) store.Keys {
		listed := d.State.Listed()
		k := store.Keys{webhookKey: d.Webhook, stateKey: string(listed), atKey: d.CreatedAt.UnixMilli(), sequenceKey: d.Notice.Sequence}
		if listed == Waiting {
			k[dueKey] = d.Due.UnixMilli()
			if !d.isTest() {
				k[laneKey] = d.lane()
			}
		}
		return k
	},
}

var noticeCollection = store.Schema[noticeBlock]{
	Name:    "notices",
	Indexes: []store.Index{{recipientKey, lastKey}, {atKey}},
	ID:      func(b *noticeBlock) (string, string) { return b.Association, b.id() },
	Keys: func(b *noticeBlock) store.Keys {
		return store.Keys{recipientKey: string(b.Recipient), lastKey: b.Last, atKey: b.At.UnixMilli()}
	},
}

// disposal records up to where a recipient's notices have been disposed of.
type disposal struct {
	Association string    `json:"association"`
	Recipient   Recipient `json:"recipient"`
	Through     int64     `json:"through"` // sequence number of the feed
}

var disposalCollection = store.Schema[disposal]{
	Name: "notice_disposals",
	ID:   func(d *disposal) (string, string) { return d.Association, string(d.Recipient) },
}

func (s *Service) activeWebhooks(ctx context.Context, association string) ([]*Webhook, error) {
	page, err := s.webhooks.Find(ctx, store.Query{
		Association: association, Where: []store.Cond{store.Equals(onKey, true)}, Limit: 1000,
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

// firstOfLane returns the first delivery that waits in a lane; nil: none does.
func (s *Service) firstOfLane(ctx context.Context, association, lane string) (*store.Versioned[Delivery], error) {
	page, err := s.deliveries.Find(ctx, store.Query{
		Association: association, Where: []store.Cond{store.Equals(laneKey, lane)},
		Sort: []store.Order{{Key: sequenceKey}}, Limit: 1,
	})
	if err != nil || len(page.Items) == 0 {
		return nil, err
	}
	return &page.Items[0], nil
}
