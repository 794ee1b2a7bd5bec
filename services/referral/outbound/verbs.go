package outbound

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
)

// Kept is a webhook with its version. Secret is set where it is shown: at its
// creation and when it is changed for another.
type Kept struct {
	*Webhook
	Version int64
	Secret  string
}

// Create creates a webhook of the caller's authority, or municipality, which is
// told what happens from now on. The same key with the same settings gives the
// same answer, the secret with it; see package once.
func (s *Service) Create(ctx context.Context, key string, set Settings) (*Kept, error) {
	a := actor.From(ctx)
	if !access.MayCall("createWebhook", a) {
		return nil, fault.ErrForbidden
	}
	own := access.Resource{Association: a.Association, Relationships: []access.Relationship{{Authority: a.Authority, Municipality: a.Municipality}}}
	if !access.Allows("createWebhook", a, own) || len(addresses("listEvents", a)) == 0 {
		return nil, ErrNoPlace
	}
	if err := s.Sender.Check(ctx, set.URL); err != nil {
		return nil, err
	}
	print, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("fingerprint: %w", err)
	}
	request := idempotency.Request{
		Actor: a, Operation: "createWebhook", Key: key, Fingerprint: s.Cipher.Fingerprint(print), Now: s.now(), NewID: s.NewID,
	}
	made, _, err := idempotency.Create(ctx, s.webhooks, request,
		func(w *Webhook) idempotency.Receipt { return w.Receipt },
		func(id string) (*Webhook, error) { return s.build(ctx, id, request, set) })
	if err != nil {
		return nil, err
	}
	k := &Kept{Webhook: made.Value, Version: made.Version}
	k.Secret, err = s.newest(made.Value)
	return k, err
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// build creates the document of a webhook that is to be stored under id.
func (s *Service) build(ctx context.Context, id string, request idempotency.Request, set Settings) (*Webhook, error) {
	a := request.Actor
	where, _ := ownWebhooks("listWebhooks", a)
	n, err := s.webhooks.Count(ctx, a.Association, where)
	if err != nil {
		return nil, err
	}
	if n >= maxWebhooks {
		return nil, ErrTooManyWebhooks
	}
	sealed, err := s.Cipher.Encrypt([]byte(newSecret()), secretContext(id))
	if err != nil {
		return nil, fmt.Errorf("webhook %s: %w", id, err)
	}
	w := &Webhook{
		Association: a.Association, ID: id, Authority: a.Authority, Municipality: a.Municipality, Recipients: addresses("listEvents", a),
		By: a.Subject, MadeAt: request.Now, Receipt: idempotency.Receipt{Fingerprint: request.Fingerprint, At: request.Now},
	}
	w.set(set, request.Now)
	w.rotate(sealed, request.Now)
	return w, nil
}

// newest opens the newest secret, to be shown.
func (s *Service) newest(w *Webhook) (string, error) {
	clear, err := s.Cipher.Decrypt(w.Secrets[len(w.Secrets)-1].Sealed, secretContext(w.ID))
	if err != nil {
		return "", fmt.Errorf("webhook %s: %w", w.ID, err)
	}
	return string(clear), nil
}

// Get returns a webhook, without its secret.
func (s *Service) Get(ctx context.Context, id string) (*Kept, error) {
	v, err := s.load(ctx, "getWebhook", id)
	return &Kept{Webhook: v.Value, Version: v.Version}, err
}

// load finds a webhook that the caller may do this to. A foreign id takes the
// same way as one that does not exist.
func (s *Service) load(ctx context.Context, operation, id string) (store.Versioned[Webhook], error) {
	a := actor.From(ctx)
	if !access.MayCall(operation, a) {
		return store.Versioned[Webhook]{}, fault.ErrForbidden
	}
	v, err := s.webhooks.Get(ctx, a.Association, id)
	if err == nil {
		_, err = access.Decide(operation, a, v.Value.Resource())
	}
	if errors.Is(err, fault.ErrNotFound) {
		err = fault.ErrNotFound // whatever the cause, so that both answer alike
	}
	return v, err
}

// loadAt is load for a change of the version ifVersion.
func (s *Service) loadAt(ctx context.Context, operation, id string, ifVersion int64) (store.Versioned[Webhook], error) {
	v, err := s.load(ctx, operation, id)
	if err == nil && v.Version != ifVersion {
		err = store.ErrStale
	}
	return v, err
}

// Change takes new settings.
func (s *Service) Change(ctx context.Context, id string, ifVersion int64, set Settings) (*Kept, error) {
	v, err := s.loadAt(ctx, "changeWebhook", id, ifVersion)
	if err != nil {
		return nil, err
	}
	if err := s.Sender.Check(ctx, set.URL); err != nil {
		return nil, err
	}
	v.Value.set(set, s.now())
	return s.save(ctx, v)
}

func (s *Service) save(ctx context.Context, v store.Versioned[Webhook]) (*Kept, error) {
	saved, err := s.webhooks.Replace(ctx, v)
	if err != nil {
		return nil, err
	}
	s.queue.wake()
	return &Kept{Webhook: saved.Value, Version: saved.Version}, nil
}

// Remove removes a webhook. What waits for it is not sent, and is disposed of
// when it is old.
func (s *Service) Remove(ctx context.Context, id string, ifVersion int64) error {
	v, err := s.loadAt(ctx, "removeWebhook", id, ifVersion)
	if err != nil {
		return err
	}
	return s.webhooks.Delete(ctx, v.Value.Association, id, v.Version)
}

// Rotate returns the webhook a new secret, and shows it. The old one signs beside
// it for 24 hours.
func (s *Service) Rotate(ctx context.Context, id string, ifVersion int64) (*Kept, error) {
	v, err := s.loadAt(ctx, "rotateWebhookSecret", id, ifVersion)
	if err != nil {
		return nil, err
	}
	secret := newSecret()
	sealed, err := s.Cipher.Encrypt([]byte(secret), secretContext(id))
	if err != nil {
		return nil, fmt.Errorf("webhook %s: %w", id, err)
	}
	v.Value.rotate(sealed, s.now())
	k, err := s.save(ctx, v)
	if err == nil {
		k.Secret = secret
	}
	return k, err
}

// Try lets a test delivery wait for the webhook, which is tried once. The same
// key returns the same delivery.
func (s *Service) Test(ctx context.Context, id, key string) (*Delivery, error) {
	v, err := s.load(ctx, "testWebhook", id)
	if err != nil {
		return nil, err
	}
	if !v.Value.On() {
		return nil, ErrWebhookOff
	}
	if key == "" {
		key = s.NewID()
	}
	now := s.now()
	d := &Delivery{
		Association: v.Value.Association, ID: uuid.NewSHA1(deliveries, []byte(id+"/test/"+key)).String(), Webhook: id,
		Type: testType, Time: now, Data: map[string]string{"webhook": id}, State: Waiting, Due: now, MadeAt: now,
	}
	d.Event = "test/" + d.ID
	switch _, err := s.deliveries.Insert(ctx, d); {
	case errors.Is(err, store.ErrExists):
		old, err := s.deliveries.Get(ctx, d.Association, d.ID)
		return old.Value, err
	case err != nil:
		return nil, err
	}
	s.queue.wake()
	return d, nil
}

// mostResent bounds how many dead letters one call sends again.
const mostResent = 200

// ResendDead lets the webhook's dead letters be tried again, the oldest first and
// at most mostResent of them: what a receiver missed that was away for longer than
// the tries last. What may not be told any more is dropped. more tells whether there are others.
func (s *Service) ResendDead(ctx context.Context, id string) (resent int, more bool, err error) {
	w, err := s.load(ctx, "resendDeadLetters", id)
	if err != nil {
		return 0, false, err
	}
	if !w.Value.On() {
		return 0, false, ErrWebhookOff
	}
	dead, err := s.deliveries.Find(ctx, store.Query{
		Association: w.Value.Association,
		Where:       []store.Cond{{Key: keyWebhook, Op: store.Eq, Value: id}, {Key: keyState, Op: store.Eq, Value: string(Dead)}},
		Sort:        []store.Order{{Key: keyAt}}, Limit: mostResent,
	})
	if err != nil {
		return 0, false, err
	}
	all := make([]*Delivery, 0, len(dead.Items))
	for _, d := range dead.Items {
		all = append(all, d.Value)
	}
	ids, err := s.deliveryIDs(ctx, w.Value, all...)
	if err != nil {
		return 0, false, err
	}
	for i, d := range dead.Items {
		if ids[i] == "" {
			if err := s.drop(ctx, d); err != nil {
				return resent, true, err
			}
			continue
		}
		if err := d.Value.resend(s.now()); err != nil {
			return resent, true, err
		}
		switch _, err := s.deliveries.Replace(ctx, d); {
		case errors.Is(err, store.ErrStale), errors.Is(err, store.ErrNotFound):
			continue // somebody else was faster
		case err != nil:
			return resent, true, err
		}
		resent++
	}
	s.queue.wake()
	return resent, dead.Next.ID != "", nil
}

// Resend lets a delivery that was settled, delivered or dead, be tried again. It
// goes before later ones of its referral that still wait, and behind those that
// were sent. One that may not be told any more is not there.
func (s *Service) Resend(ctx context.Context, id, delivery string) (*Delivery, error) {
	w, err := s.load(ctx, "resendDelivery", id)
	if err != nil {
		return nil, err
	}
	if !w.Value.On() {
		return nil, ErrWebhookOff
	}
	d, err := s.deliveries.Get(ctx, w.Value.Association, delivery)
	if err == nil && d.Value.Webhook != id {
		err = fault.ErrNotFound
	}
	if errors.Is(err, fault.ErrNotFound) {
		return nil, fault.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	ids, err := s.deliveryIDs(ctx, w.Value, d.Value)
	if err != nil {
		return nil, err
	}
	if ids[0] == "" {
		if err := s.drop(ctx, d); err != nil {
			return nil, err
		}
		return nil, fault.ErrNotFound
	}
	if err := d.Value.resend(s.now()); err != nil {
		return nil, err
	}
	saved, err := s.deliveries.Replace(ctx, d)
	if err != nil {
		return nil, err
	}
	s.queue.wake()
	saved.Value.Event = ids[0]
	return saved.Value, nil
}
