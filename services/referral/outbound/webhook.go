package outbound

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/retention"
	"github.com/finsam/finsam/pkg/store"
)

// The faults of webhooks.
var (
	ErrAddress = fault.New(fault.Unprocessable, "webhook-address",
		"Adressen måste börja med https, leda till ett publikt namn på port 443 eller en port över 1023, och får inte ha användarnamn eller fragment.",
		"The address must begin with https and a public name, on port 443 or a port above 1023, and must have no user name or fragment.")
	ErrAddressNumber = fault.New(fault.Unprocessable, "webhook-address-number",
		"Adressen får inte innehålla ett personnummer.", "The address must not contain a personal identity number.")
	ErrAddressClosed = fault.New(fault.Unprocessable, "webhook-address-closed",
		"Adressen leder till ett nät som installationen inte skickar till. Ange en annan adress.", "The address leads to a network that the installation does not send to. Give another address.")
	ErrTooManyWebhooks = fault.New(fault.Conflict, "too-many-webhooks",
		"Er myndighet har redan 20 webhookar. Ta bort en som inte används.", "Your authority already has 20 webhooks. Remove one that is not used.")
	ErrNoPlace = fault.New(fault.Unprocessable, "no-place-of-ones-own",
		"Er inloggning anger ingen myndighet eller kommun att skicka till. Logga in för en myndighet eller en kommun.", "Your sign-in names no authority or municipality to send to. Sign in for an authority or a municipality.")
	ErrWebhookOff = fault.New(fault.Conflict, "webhook-off",
		"Webhooken är avstängd. Slå på den först.", "The webhook is off. Turn it on first.")
)

const (
	maxWebhooks = 20 // of an authority, or of a municipality
	// maxSecrets bounds how many secrets sign at once: an owner who rotates more
	// often within retention.ReplacedSecret loses the oldest.
	maxSecrets = 3
	// secretPrefix and secretSize are those of Standard Webhooks.
	secretPrefix = "whsec_"
	secretSize   = 32
)

// Webhook is an authority's wish to be called when something has happened.
type Webhook struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Authority    string              `json:"authority"`
	Municipality string              `json:"municipality,omitempty"` // four-digit code, of a municipality's
	Recipients   []Recipient         `json:"recipients"`             // whose notices it is sent
	URL          string              `json:"url"`
	Kinds        []string            `json:"kinds,omitempty"` // empty: all
	Description  string              `json:"description,omitempty"`
	Off          string              `json:"off,omitempty"` // why it is off; empty: it is on
	Secrets      []Secret            `json:"secrets"`       // the newest last
	By           string              `json:"by"`            // subject of the creator
	CreatedAt    time.Time           `json:"createdAt"`
	ChangedAt    time.Time           `json:"changedAt"`
	Receipt      idempotency.Receipt `json:"receipt"`
}

// Why a webhook is off.
const (
	OffByOwner = "owner" // turned off by the authority
	OffGone    = "gone"  // its receiver answered 410 Gone
)

// Secret signs deliveries.
type Secret struct {
	Ciphertext []byte     `json:"ciphertext"`
	CreatedAt  time.Time  `json:"createdAt"`
	Until      *time.Time `json:"until,omitempty"` // nil: the newest
}

// Settings are what the owner decides of a webhook.
type Settings struct {
	URL         string
	Kinds       []string
	Description string
	On          bool
}

// IsOn reports whether it is delivered to.
func (w *Webhook) IsOn() bool { return w.Off == "" }

// owner returns whose share of the attempts its deliveries take.
func (w *Webhook) owner() string {
	return actor.Actor{Association: w.Association, Authority: w.Authority}.Owner()
}

// apply takes the owner's settings. A receiver that answered 410 is called again when
// the owner turns the webhook on.
func (w *Webhook) apply(s Settings, now time.Time) {
	w.URL, w.Description, w.Kinds, w.ChangedAt = s.URL, s.Description, slices.Clone(s.Kinds), now
	switch {
	case s.On:
		w.Off = ""
	case w.Off == "":
		w.Off = OffByOwner
	}
}

// rotate adds a secret. The one before signs beside it for retention.ReplacedSecret, and those that
// have ended are dropped.
func (w *Webhook) rotate(ciphertext []byte, now time.Time) {
	until := now.Add(retention.ReplacedSecret)
	var all []Secret
	for _, s := range w.Secrets {
		if s.Until == nil {
			s.Until = &until
		}
		if s.Until.After(now) {
			all = append(all, s)
		}
	}
	if n := len(all); n >= maxSecrets {
		all = all[n-maxSecrets+1:]
	}
	w.Secrets, w.ChangedAt = append(all, Secret{Ciphertext: ciphertext, CreatedAt: now}), now
}

// WebhookView is a webhook with its version. Secret is set where it is shown: when it
// is created and when it is rotated.
type WebhookView struct {
	*Webhook
	Version int64
	Secret  string
}

// secretBinding and the webhook's id are what its encrypted secrets are bound to.
const secretBinding = "webhook/"

// newSecret returns a secret as it is shown to its owner, and encrypted for storage.
func (s *Service) newSecret(webhook string) (secret string, ciphertext []byte, err error) {
	var b [secretSize]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	secret = secretPrefix + base64.StdEncoding.EncodeToString(b[:])
	if ciphertext, err = s.Cipher.Encrypt([]byte(secret), secretBinding+webhook); err != nil {
		return "", nil, fmt.Errorf("webhook %s: %w", webhook, err)
	}
	return secret, ciphertext, nil
}

// Create creates a webhook of the caller's authority or municipality, which is called
// for what happens from then on. The same key with the same settings returns the same
// webhook and its newest secret; see package idempotency.
//
// Errors: ErrNoPlace, ErrAddress, ErrAddressNumber, ErrAddressClosed,
// ErrTooManyWebhooks, idempotency.ErrKeyReused.
func (s *Service) Create(ctx context.Context, key string, set Settings) (*WebhookView, error) {
	const operation = "createWebhook"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "webhooks")
	if err != nil {
		return nil, err
	}
	created, err := s.create(ctx, idempotency.Request{Actor: a, Operation: operation, Key: key, Now: s.now(), NewID: s.NewID}, set)
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, accesslog.Entry{Operation: operation, Thing: "webhooks", Why: string(access.Scope(operation, a))}, err)
	}
	if err := guard.Enter(ctx, s.AccessLog, accesslog.Entry{Operation: operation, Thing: "webhook/" + created.ID, Why: string(access.Scope(operation, a))}, nil); err != nil {
		return nil, err
	}
	return created, nil
}

func (s *Service) create(ctx context.Context, r idempotency.Request, set Settings) (*WebhookView, error) {
	a := r.Actor
	own := access.Resource{Association: a.Association, Relationships: []access.Relationship{{Authority: a.Authority, Municipality: a.Municipality}}}
	if !access.Allows(r.Operation, a, own) || len(recipientsFor(a)) == 0 {
		return nil, ErrNoPlace
	}
	if err := s.Sender.Check(ctx, set.URL); err != nil {
		return nil, err
	}
	text, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("fingerprint: %w", err)
	}
	r.Fingerprint = s.Cipher.Fingerprint(text)
	build := func(id string) (*Webhook, error) {
		where, _ := ownWebhooks(a)
		n, err := s.webhooks.Count(ctx, a.Association, where)
		if err != nil {
			return nil, err
		}
		if n >= maxWebhooks {
			return nil, ErrTooManyWebhooks
		}
		_, ciphertext, err := s.newSecret(id)
		if err != nil {
			return nil, err
		}
		w := &Webhook{
			Association: a.Association, ID: id, Authority: a.Authority, Municipality: a.Municipality, Recipients: recipientsFor(a),
			By: a.Subject, CreatedAt: r.Now, Receipt: idempotency.Receipt{Fingerprint: r.Fingerprint, At: r.Now},
		}
		w.apply(set, r.Now)
		w.rotate(ciphertext, r.Now)
		return w, nil
	}
	v, _, err := idempotency.Create(ctx, s.webhooks, r, func(w *Webhook) idempotency.Receipt { return w.Receipt }, build)
	if err != nil {
		return nil, err
	}
	secret, err := s.Cipher.Decrypt(v.Value.Secrets[len(v.Value.Secrets)-1].Ciphertext, secretBinding+v.Value.ID)
	if err != nil {
		return nil, fmt.Errorf("webhook %s: %w", v.Value.ID, err)
	}
	return &WebhookView{Webhook: v.Value, Version: v.Version, Secret: string(secret)}, nil
}

// Get returns a webhook, without its secret.
func (s *Service) Get(ctx context.Context, id string) (*WebhookView, error) {
	v, err := s.documents.Load(ctx, actor.From(ctx), guard.Call{Operation: "getWebhook", ID: id})
	if err != nil {
		return nil, err
	}
	return &WebhookView{Webhook: v.Value, Version: v.Version}, nil
}

// Change applies new settings to the webhook at ifVersion, else it returns ErrStale. The
// errors of the address are those of Create.
func (s *Service) Change(ctx context.Context, id string, ifVersion int64, set Settings) (*WebhookView, error) {
	return s.change(ctx, "changeWebhook", id, ifVersion, func(w *Webhook) error {
		if err := s.Sender.Check(ctx, set.URL); err != nil {
			return err
		}
		w.apply(set, s.now())
		return nil
	})
}

// Rotate adds a new secret to the webhook at ifVersion and returns it, else ErrStale. The
// old secret signs beside it for 24 hours.
func (s *Service) Rotate(ctx context.Context, id string, ifVersion int64) (*WebhookView, error) {
	secret, ciphertext, err := s.newSecret(id)
	if err != nil {
		return nil, err
	}
	v, err := s.change(ctx, "rotateWebhookSecret", id, ifVersion, func(w *Webhook) error {
		w.rotate(ciphertext, s.now())
		return nil
	})
	if err != nil {
		return nil, err
	}
	v.Secret = secret
	return v, nil
}

func (s *Service) change(ctx context.Context, operation, id string, ifVersion int64, change func(*Webhook) error) (*WebhookView, error) {
	saved, err := s.documents.Change(ctx, actor.From(ctx), guard.Call{Operation: operation, ID: id, IfVersion: ifVersion}, func(v store.Versioned[Webhook]) error {
		return change(v.Value)
	})
	if err != nil {
		return nil, err
	}
	s.attempts.change(id, (*receiver).forgive)
	s.sending.Wake()
	return &WebhookView{Webhook: saved.Value, Version: saved.Version}, nil
}

// Remove removes the webhook at ifVersion, else it returns ErrStale. What waits for it is
// not sent, and is disposed of when it is old.
func (s *Service) Remove(ctx context.Context, id string, ifVersion int64) error {
	const operation = "removeWebhook"
	v, err := s.documents.Load(ctx, actor.From(ctx), guard.Call{Operation: operation, ID: id})
	if err != nil {
		return err
	}
	if err := s.webhooks.Delete(ctx, v.Value.Association, id, cmp.Or(ifVersion, v.Version)); err != nil {
		return guard.Enter(ctx, s.AccessLog, accesslog.Entry{Operation: operation, Thing: "webhook/" + id}, err)
	}
	return nil
}

// latestFirst is the order of the lists.
var latestFirst = []store.Order{{Key: atKey, Desc: true}}

// ownWebhooks returns the conditions that the caller's webhooks fulfil; ok is false when
// it has neither an authority nor a municipality of its own.
func ownWebhooks(a actor.Actor) (where []store.Cond, ok bool) {
	switch relation := access.Scope("listWebhooks", a); {
	case relation == access.OwnMunicipality && a.Municipality != "":
		return []store.Cond{store.Equals(municipalityKey, a.Municipality)}, true
	case relation == access.OwnAuthority && a.Authority != "":
		return []store.Cond{store.Equals(authorityKey, a.Authority)}, true
	}
	return nil, false
}

// Webhooks returns the webhooks of the caller's authority or municipality, the latest
// first. It returns store.ErrCursor for a cursor of another list.
func (s *Service) Webhooks(ctx context.Context, w store.Window) (*store.List[*WebhookView], error) {
	const operation = "listWebhooks"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "webhooks")
	if err != nil {
		return nil, err
	}
	l := &store.List[*WebhookView]{Total: &store.Total{}}
	if where, ok := ownWebhooks(a); ok {
		page, total, err := s.webhooks.List(ctx, store.Query{Association: a.Association, Where: where, Sort: latestFirst}, w)
		if err != nil {
			return nil, err
		}
		l.Next, l.Total = page.Next.String(), total
		for _, v := range page.Items {
			l.Items = append(l.Items, &WebhookView{Webhook: v.Value, Version: v.Version})
		}
	}
	return l, guard.Enter(ctx, s.AccessLog, accesslog.Entry{Operation: operation, Thing: "webhooks", Why: string(access.Scope(operation, a))}, nil)
}
