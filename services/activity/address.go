package activity

import (
	"time"

	"github.com/finsam/finsam/pkg/idempotency"
)

// Address is a participant's secret calendar address. The secret itself is not
// kept: only what it is found by, under a key that is not in the store.
type Address struct {
	Association string              `json:"association"`
	ID          string              `json:"id"`
	Participant string              `json:"participant"`
	Nonce       []byte              `json:"nonce"`  // 256 random bits that the secret is made from, with the key
	Lookup      string              `json:"lookup"` // keyed look-up of the secret
	Receipt     idempotency.Receipt `json:"receipt"`
	Steps       []AddressStep       `json:"steps"`
}

// AddressStep is one thing that happened to it.
type AddressStep struct {
	N           int64     `json:"n"` // from 1, without gaps
	At          time.Time `json:"at"`
	Kind        string    `json:"kind"` // "opened" or "revoked"
	By          string    `json:"by"`
	Authority   string    `json:"authority"`
	TraceParent string    `json:"traceparent,omitempty"`
}

// The kinds of step of a calendar address.
const (
	opened  = "opened"
	revoked = "revoked"
)

// Open reports whether the address is valid.
func (a *Address) Open() bool { return a.Steps[len(a.Steps)-1].Kind == opened }

// Version is the number of steps.
func (a *Address) Version() int64 { return int64(len(a.Steps)) }

// CreatedAt is when the address was made.
func (a *Address) CreatedAt() time.Time { return a.Steps[0].At }

// Revoke creates the address invalid; once is enough.
func (a *Address) Revoke(h Hand, now time.Time) (changed bool) {
	if !a.Open() {
		return false
	}
	a.step(revoked, h, now)
	return true
}

func (a *Address) step(kind string, h Hand, now time.Time) {
	a.Steps = append(a.Steps, AddressStep{
		N: int64(len(a.Steps)) + 1, At: instant(now), Kind: kind, By: h.Subject, Authority: h.Authority, TraceParent: h.TraceParent,
	})
}
