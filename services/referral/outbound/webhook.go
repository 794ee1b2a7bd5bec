package outbound

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
)

// What a webhook can answer instead of what was asked for.
var (
	ErrAddress = fault.New(fault.Unprocessable, "webhook-address",
		"Adressen måste vara https till ett publikt namn, på port 443 eller över 1023, utan användarnamn och fragment.",
		"The address must be https to a public name, on port 443 or above 1023, without user name and fragment.")
	ErrAddressNumber = fault.New(fault.Unprocessable, "webhook-address-number",
		"Ett personnummer får inte stå i adressen.", "A personal identity number must not stand in the address.")
	ErrAddressClosed = fault.New(fault.Unprocessable, "webhook-address-closed",
		"Adressen leder till ett nät som installationen inte skickar till.",
		"The address leads to a network that the installation does not send to.")
	ErrTooManyWebhooks = fault.New(fault.Conflict, "too-many-webhooks",
		"Er myndighet har redan 20 webhookar. Ta bort en som inte används.",
		"Your authority already has 20 webhooks. Remove one that is not used.")
	ErrNoPlace = fault.New(fault.Unprocessable, "no-place-of-ones-own",
		"Er inloggning anger ingen myndighet eller kommun att skicka till.",
		"Your sign-in names no authority or municipality to send to.")
	ErrWebhookOff = fault.New(fault.Conflict, "webhook-off",
		"Webhooken är avstängd. Sätt på den först.", "The webhook is off. Turn it on first.")
	ErrDeliveryWaits = fault.New(fault.Conflict, "delivery-waits",
		"Leveransen väntar redan på att skickas.", "The delivery waits to be sent already.")
)

// maxWebhooks bounds how many webhooks an authority, or a municipality, has.
const maxWebhooks = 20

// Webhook is an authority's wish to be called when something has happened.
type Webhook struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Authority    string              `json:"authority"`
	Municipality string              `json:"municipality,omitempty"` // four-digit code, of a municipality's
	Recipients   []Recipient         `json:"recipients"`             // whose notices it is told
	URL          string              `json:"url"`
	Kinds        []string            `json:"kinds,omitempty"` // empty: all
	Description  string              `json:"description,omitempty"`
	Off          string              `json:"off,omitempty"` // why it is off; empty: it is on
	Secrets      []Secret            `json:"secrets"`       // the newest last
	By           string              `json:"by"`            // subject of the one who made it
	MadeAt       time.Time           `json:"madeAt"`
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
	Sealed []byte     `json:"sealed"`
	MadeAt time.Time  `json:"madeAt"`
	Until  *time.Time `json:"until,omitempty"` // nil: the newest
}

// overlap is how long an old secret signs beside the new one.
const overlap = 24 * time.Hour

// Settings are what the owner says of a webhook.
type Settings struct {
	URL         string
	Kinds       []string
	Description string
	On          bool
}

// On reports whether it is delivered to.
func (w *Webhook) On() bool { return w.Off == "" }

// Resource is the webhook as far as access to it depends on it.
func (w *Webhook) Resource() access.Resource {
	return access.Resource{Association: w.Association, Relationships: []access.Relationship{{Authority: w.Authority, Municipality: w.Municipality}}}
}

// set takes what the owner says. A receiver that said it was gone is called
// again when the owner turns it on.
func (w *Webhook) set(s Settings, now time.Time) {
	w.URL, w.Description, w.ChangedAt = s.URL, s.Description, now
	w.Kinds = slices.Clone(s.Kinds)
	switch {
	case s.On:
		w.Off = ""
	case w.Off == "":
		w.Off = OffByOwner
	}
}

// wants reports whether it is told of a notice to one of its recipients.
func (w *Webhook) wants(n Notice) bool {
	return w.On() && (len(w.Kinds) == 0 || slices.Contains(w.Kinds, n.Kind()))
}

// rotate adds a secret; the one before signs beside it for a day, and those that
// have ended are dropped.
func (w *Webhook) rotate(sealed []byte, now time.Time) {
	until := now.Add(overlap)
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
	w.Secrets, w.ChangedAt = append(all, Secret{Sealed: sealed, MadeAt: now}), now
}

// maxSecrets bounds how many secrets sign at once: who rotates more often than
// that in a day loses the oldest.
const maxSecrets = 3

// signing returns the secrets that sign now, the newest first.
func (w *Webhook) signing(now time.Time) []Secret {
	var all []Secret
	for _, s := range w.Secrets {
		if s.Until == nil || s.Until.After(now) {
			all = append(all, s)
		}
	}
	slices.Reverse(all)
	return all
}

// secretPrefix and secretSize are as Standard Webhooks has them.
const (
	secretPrefix = "whsec_"
	secretSize   = 32
)

// newSecret creates a secret as it is shown to its owner.
func newSecret() string {
	var b [secretSize]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return secretPrefix + base64.StdEncoding.EncodeToString(b[:])
}
