package outbound

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
)

// ErrDeliveryWaits refuses to resend what is not delivered or given up yet.
var ErrDeliveryWaits = fault.New(fault.Conflict, "delivery-waits",
	"Leveransen väntar redan på att skickas. Du behöver inte göra något.", "The delivery is already waiting to be sent. You need not do anything.")

// Delivery is one notice on its way to one webhook.
type Delivery struct {
	Association string        `json:"association"`
	ID          string        `json:"id"`
	Webhook     string        `json:"webhook"`
	Notice      Notice        `json:"notice"`
	State       DeliveryState `json:"state"`
	Due         time.Time     `json:"due"`      // next attempt; while Sending: when its lease ends
	Count       int           `json:"count"`    // attempts begun since it was queued
	Attempts    []Attempt     `json:"attempts"` // the last ones, oldest first
	CreatedAt   time.Time     `json:"createdAt"`
	SettledAt   *time.Time    `json:"settledAt"` // when it was delivered or given up
}

// DeliveryState is where a delivery is on its way.
type DeliveryState string

// The states of a delivery. A delivery waits in the first three.
const (
	Queued    DeliveryState = "queued"   // not attempted yet, or sent again
	Sending   DeliveryState = "sending"  // one process attempts it until Due; then another may
	Retrying  DeliveryState = "retrying" // an attempt failed; the next one is at Due
	Delivered DeliveryState = "delivered"
	Dead      DeliveryState = "dead" // given up: a dead letter
)

// Waiting is the state of lists for Queued, Sending and Retrying.
const Waiting DeliveryState = "waiting"

// Listed returns the state as lists show it and filter by it: Waiting, Delivered or Dead.
func (s DeliveryState) Listed() DeliveryState {
	if s == Delivered || s == Dead {
		return s
	}
	return Waiting
}

// Attempt is one attempt to deliver.
type Attempt struct {
	At      time.Time `json:"at"`
	Status  int       `json:"status,omitempty"` // of HTTP; 0: no answer
	Outcome Outcome   `json:"outcome"`
	Millis  int64     `json:"millis"`
}

// Outcome is the result of an attempt in a word.
type Outcome string

// The outcomes of an attempt.
const (
	OK            Outcome = "ok"             // 2xx
	Refused       Outcome = "refused"        // another status; a redirect is not followed
	OutcomeGone   Outcome = "gone"           // 410: the webhook is turned off
	TimedOut      Outcome = "timeout"        // no answer in time
	Unreachable   Outcome = "unreachable"    // no connection, no name
	Untrusted     Outcome = "untrusted"      // the certificate is not valid for the name
	AddressClosed Outcome = "address_closed" // it led to a network that is not sent to
	Interrupted   Outcome = "interrupted"    // this process ended meanwhile
)

const (
	maxAttempts     = len(pauses) + 1  // before a delivery is given up
	maxKeptAttempts = 20               // of one delivery
	maxRetryAfter   = 2 * time.Hour    // of what a receiver asks for
	leaseTimeout    = 45 * time.Second // longer than any attempt
	testType        = "se.finsam.test"
	// maxJitter is the part of a pause by which it may be longer.
	maxJitter = 0.2
	maxResent = 200 // dead letters that one call of ResendDead sends again
)

// pauses are the shortest pauses between attempts: growing, and at least 24 hours
// together, so that a receiver may be away for a day.
var pauses = [...]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 4 * time.Hour, 7 * time.Hour, 10*time.Hour + 30*time.Minute,
}

// deliverySpace makes a delivery's id of webhook and event, so that a page of the feed
// that comes twice makes each delivery once.
var deliverySpace = uuid.MustParse("c1a2f0de-7d43-4b0c-9f56-0a6f3a4f7e21")

func newDelivery(w *Webhook, n Notice, now time.Time) *Delivery {
	n.Participant = "" // known to the access log of GET /events only
	return &Delivery{
		Association: w.Association, ID: uuid.NewSHA1(deliverySpace, []byte(w.ID+"/"+n.ID)).String(), Webhook: w.ID,
		Notice: n, State: Queued, Due: now, CreatedAt: now,
	}
}

// isTest reports whether it is a test delivery, which is attempted once.
func (d *Delivery) isTest() bool { return d.Notice.Type == testType }

// lane names the deliveries that are sent one after the other: those about one referral
// to one webhook.
func (d *Delivery) lane() string { return d.Webhook + "/" + d.Notice.Referral }

// end records an attempt and what follows from it. retryAfter is what the receiver asks
// for; jitter from 0 to 1 places the next attempt within its bounds.
func (d *Delivery) end(a Attempt, retryAfter time.Duration, now time.Time, jitter float64) {
	if a.Outcome == Interrupted {
		d.State, d.Due = Queued, now
		d.Count--
		return
	}
	if d.Attempts = append(d.Attempts, a); len(d.Attempts) > maxKeptAttempts {
		d.Attempts = d.Attempts[len(d.Attempts)-maxKeptAttempts:]
	}
	switch {
	case a.Outcome == OK:
		d.State, d.SettledAt = Delivered, &now
	case a.Outcome == OutcomeGone, d.isTest(), d.Count >= maxAttempts:
		d.State, d.SettledAt = Dead, &now
	default:
		pause := pauses[max(d.Count-1, 0)]
		pause += time.Duration(jitter * maxJitter * float64(pause))
		d.State, d.Due = Retrying, now.Add(max(pause, min(retryAfter, maxRetryAfter)))
	}
}

// resend queues a settled delivery again, for all its attempts.
func (d *Delivery) resend(now time.Time) error {
	if d.State.Listed() == Waiting {
		return ErrDeliveryWaits
	}
	d.State, d.SettledAt, d.Count, d.Due = Queued, nil, 0, now
	return nil
}

// message returns the request of a delivery whose event has the given visible id. Its
// body is the payload that Standard Webhooks recommends: what happened, when, and ids;
// it is the same at each attempt. Every valid secret signs it, so that an owner may
// change to a new one in its own time.
func (s *Service) message(w *Webhook, d *Delivery, id string, at time.Time) (m Message, err error) {
	data := maps.Clone(d.Notice.Data)
	if _, step, ok := strings.Cut(id, "/"); ok && !d.isTest() {
		data["step"] = step // the referral's own order
	}
	body, err := json.Marshal(struct {
		Type      string            `json:"type"`
		Timestamp time.Time         `json:"timestamp"`
		Data      map[string]string `json:"data"`
	}{d.Notice.Type, d.Notice.Time, data})
	if err != nil {
		return m, fmt.Errorf("encode the payload: %w", err)
	}
	var signatures []string
	for i := len(w.Secrets) - 1; i >= 0; i-- { // the newest first
		secret := w.Secrets[i]
		if secret.Until != nil && !secret.Until.After(at) {
			continue
		}
		text, err := s.Cipher.Decrypt(secret.Ciphertext, secretBinding+w.ID)
		if err != nil {
			return m, fmt.Errorf("webhook %s: %w", w.ID, err)
		}
		signer, err := standardwebhooks.NewWebhook(string(text))
		if err != nil {
			return m, fmt.Errorf("webhook %s: the secret is not in base64 (%d bytes)", w.ID, len(text))
		}
		signature, err := signer.Sign(id, at, body)
		if err != nil {
			return m, fmt.Errorf("webhook %s: %w", w.ID, err)
		}
		signatures = append(signatures, signature)
	}
	return Message{URL: w.URL, ID: id, At: at, Signature: strings.Join(signatures, " "), Body: body}, nil
}

// Deliveries returns the deliveries of a webhook, the latest first. state narrows them to
// Waiting, Delivered or Dead; empty: all. Those that may not be seen any more are left
// out, so a page may be shorter than another. It returns store.ErrCursor for a cursor of
// another list.
func (s *Service) Deliveries(ctx context.Context, id string, state DeliveryState, w store.Window) (*store.List[*Delivery], error) {
	v, err := s.documents.Load(ctx, actor.From(ctx), guard.Call{Operation: "listDeliveries", ID: id})
	if err != nil {
		return nil, err
	}
	q := store.Query{Association: v.Value.Association, Where: []store.Cond{store.Equals(webhookKey, id)}, Sort: latestFirst}
	if state != "" {
		q.Where = append(q.Where, store.Equals(stateKey, string(state)))
	}
	page, total, err := s.deliveries.List(ctx, q, w)
	if err != nil {
		return nil, err
	}
	ids, err := s.visibleDeliveries(ctx, v.Value, page.Items)
	if err != nil {
		return nil, err
	}
	l := &store.List[*Delivery]{Next: page.Next.String(), Total: total}
	for i, d := range page.Items {
		if d.Value.Notice.ID = ids[i]; ids[i] != "" {
			l.Items = append(l.Items, d.Value)
		}
	}
	return l, nil
}

// visibleDeliveries returns the visible id of each delivery's event; see visibleIDs.
func (s *Service) visibleDeliveries(ctx context.Context, w *Webhook, all []store.Versioned[Delivery]) ([]string, error) {
	notices := make([]Notice, len(all))
	for i, d := range all {
		notices[i] = d.Value.Notice
	}
	return s.visibleIDs(ctx, w.Association, w.Recipients, notices)
}

// drop removes a delivery whose event may not be seen any more.
func (s *Service) drop(ctx context.Context, d store.Versioned[Delivery]) error {
	err := s.deliveries.Delete(ctx, d.Value.Association, d.Value.ID, d.Version)
	if isOvertaken(err) {
		return nil
	}
	return err
}

// loadActive returns a webhook that the caller wants to be sent to, or ErrWebhookOff.
func (s *Service) loadActive(ctx context.Context, operation, id string) (*Webhook, error) {
	v, err := s.documents.Load(ctx, actor.From(ctx), guard.Call{Operation: operation, ID: id})
	if err != nil {
		return nil, err
	}
	if !v.Value.IsOn() {
		return nil, guard.Enter(ctx, s.AccessLog, accesslog.Entry{Operation: operation, Thing: "webhook/" + id}, ErrWebhookOff)
	}
	s.attempts.change(id, (*receiver).forgive)
	return v.Value, nil
}

// Test queues a test delivery to the webhook, which is attempted once. The same key
// returns the same delivery. It returns ErrWebhookOff for a webhook that is off.
func (s *Service) Test(ctx context.Context, id, key string) (*Delivery, error) {
	w, err := s.loadActive(ctx, "testWebhook", id)
	if err != nil {
		return nil, err
	}
	if key == "" {
		key = s.NewID()
	}
	now := s.now()
	d := newDelivery(w, Notice{ID: "test/" + key, Type: testType, Time: now, Data: map[string]string{"webhook": id}}, now)
	d.Notice.ID = "test/" + d.ID
	switch _, err := s.deliveries.Insert(ctx, d); {
	case errors.Is(err, store.ErrExists):
		existing, err := s.deliveries.Get(ctx, d.Association, d.ID)
		return existing.Value, err
	case err != nil:
		return nil, err
	}
	s.sending.Wake()
	return d, nil
}

// Resend queues a delivery again that was delivered or given up. It is sent before later
// ones of its referral that still wait. Errors: ErrWebhookOff; ErrDeliveryWaits;
// fault.ErrNotFound also when its event may not be seen any more; store.ErrStale.
func (s *Service) Resend(ctx context.Context, id, delivery string) (*Delivery, error) {
	w, err := s.loadActive(ctx, "resendDelivery", id)
	if err != nil {
		return nil, err
	}
	d, err := s.deliveries.Get(ctx, w.Association, delivery)
	if errors.Is(err, fault.ErrNotFound) || err == nil && d.Value.Webhook != id {
		return nil, fault.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	ids, err := s.visibleDeliveries(ctx, w, []store.Versioned[Delivery]{d})
	if err != nil {
		return nil, err
	}
	if ids[0] == "" {
		return nil, errors.Join(s.drop(ctx, d), fault.ErrNotFound)
	}
	if err := d.Value.resend(s.now()); err != nil {
		return nil, err
	}
	saved, err := s.deliveries.Replace(ctx, d)
	if err != nil {
		return nil, err
	}
	s.sending.Wake()
	saved.Value.Notice.ID = ids[0]
	return saved.Value, nil
}

// ResendDead queues the webhook's dead letters again, the oldest first and at most 200:
// what a receiver missed that was away for longer than the attempts last. Those whose
// event may not be seen any more are dropped. more reports whether others are left.
// Beside an error it returns how many are queued already. It returns ErrWebhookOff for a
// webhook that is off.
func (s *Service) ResendDead(ctx context.Context, id string) (resent int, more bool, err error) {
	w, err := s.loadActive(ctx, "resendDeadLetters", id)
	if err != nil {
		return 0, false, err
	}
	dead, err := s.deliveries.Find(ctx, store.Query{
		Association: w.Association,
		Where:       []store.Cond{store.Equals(webhookKey, id), store.Equals(stateKey, string(Dead))},
		Sort:        []store.Order{{Key: atKey}}, Limit: maxResent,
	})
	if err != nil {
		return 0, false, err
	}
	ids, err := s.visibleDeliveries(ctx, w, dead.Items)
	if err != nil {
		return 0, false, err
	}
	defer s.sending.Wake()
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
		if _, err := s.deliveries.Replace(ctx, d); isOvertaken(err) {
			continue
		} else if err != nil {
			return resent, true, err
		}
		resent++
	}
	return resent, dead.Next.ID != "", nil
}
