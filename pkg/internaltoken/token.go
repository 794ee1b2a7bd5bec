// Package internaltoken carries the actor from one service to the next.
//
// The gateway turns an authority's access token into a short one of its own,
// signed with Ed25519 and valid for at most a minute; the services accept
// nothing else. A service that acts on an event signs for itself, and for itself
// only. Signing and verifying are remembered for as long as the token lives, so
// that a hop costs microseconds.
package internaltoken

import (
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
)

// What every token of ours says of itself.
const (
	Audience = "finsam-internal"
	Type     = "finsam-internal+jwt"
	// Gateway is the issuer that may speak for any actor.
	Gateway = "gateway"
)

// Lifetime is how long a token is valid.
const Lifetime = 60 * time.Second

// leeway is how far the clocks of two machines may be apart.
const leeway = 5 * time.Second

// maxLength bounds a token before anything in it is read, in bytes.
const maxLength = 4096

// ErrToken answers a missing or invalid internal token.
var ErrToken = fault.New(fault.Unauthenticated, "no-valid-token",
	"Anropet saknar en giltig åtkomsttoken. Logga in igen.", "The request has no valid access token. Sign in again.")

// claims are the contents of a token: the whole actor, under short names.
type claims struct {
	jwt.RegisteredClaims
	Association   string              `json:"asc,omitempty"`
	Authority     string              `json:"aut,omitempty"`
	AuthorityKind actor.AuthorityKind `json:"knd,omitempty"`
	Unit          string              `json:"unt,omitempty"`
	Municipality  string              `json:"mun,omitempty"`
	Participant   string              `json:"par,omitempty"`
	Roles         []actor.Role        `json:"rol,omitempty"`
}

func (c *claims) actor() actor.Actor {
	return actor.Actor{
		Subject: c.Subject, Association: c.Association, Authority: c.Authority, AuthorityKind: c.AuthorityKind,
		Unit: c.Unit, Municipality: c.Municipality, Participant: c.Participant, Roles: c.Roles,
	}
}

// maySpeakFor reports whether the issuer may sign for the actor: the gateway for
// anyone who has shown it a token, and each service for itself. Nobody but the
// service of that name has the role system.
func maySpeakFor(issuer string, a actor.Actor) bool {
	if issuer == Gateway && !a.Has(actor.System) {
		return true
	}
	own := actor.ForService(issuer, a.Association)
	return a.Subject == own.Subject && a.Authority == own.Authority && slices.Equal(a.Roles, own.Roles) &&
		a.AuthorityKind == "" && a.Unit == "" && a.Municipality == "" && a.Participant == ""
}
