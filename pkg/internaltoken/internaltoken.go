// Package internaltoken carries the actor from one service to the next.
//
// The gateway turns an authority's access token into a short one of its own,
// signed with Ed25519 and valid for a minute at most; the services accept nothing
// else. A service that acts on an event signs for itself, and for itself only.
// Both sides remember what they signed and verified for as long as the token
// lives, so that a hop costs microseconds.
package internaltoken

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
)

// What every internal token says of itself.
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
	Scopes        []string            `json:"scp,omitzero"` // an empty list is no nil
}

// maySpeakFor reports whether the issuer may sign for the actor: the gateway for
// anyone whose access token it has verified, and each service for itself. Only a
// service, for itself, has the role system.
func maySpeakFor(issuer string, a actor.Actor) bool {
	if issuer == Gateway && !a.Has(actor.System) {
		return true
	}
	own := actor.ForService(issuer, a.Association)
	return a.Subject == own.Subject && a.Authority == own.Authority && slices.Equal(a.Roles, own.Roles) &&
		a.AuthorityKind == "" && a.Unit == "" && a.Municipality == "" && a.Participant == "" && a.Scopes == nil
}

// Signer signs tokens as one issuer. It is safe for concurrent use.
type Signer struct {
	issuer string
	key    ed25519.PrivateKey
	now    func() time.Time
	signed *lru.Cache[string, signed] // by identity
}

type signed struct {
	token   string
	expires time.Time
}

// minRemaining is how long a token must still be valid to be returned again: the
// service that receives it may pass it on.
const minRemaining = 20 * time.Second

// maxRemembered bounds how many tokens are remembered on each side.
const maxRemembered = 8192

// NewSigner creates a signer. The issuer is "gateway" or the service's name.
func NewSigner(issuer string, key ed25519.PrivateKey, now func() time.Time) *Signer {
	remembered, _ := lru.New[string, signed](maxRemembered) // fails for a size below 1 only
	return &Signer{issuer: issuer, key: key, now: now, signed: remembered}
}

// Issuer returns the name that the signer signs as.
func (s *Signer) Issuer() string { return s.issuer }

// Token returns a token for the actor, valid for another 20 to 60 seconds. An
// issuer that may not speak for the actor gets an error.
func (s *Signer) Token(a actor.Actor) (string, error) {
	now := s.now()
	id := identity(a)
	if t, ok := s.signed.Get(id); ok && now.Add(minRemaining).Before(t.expires) {
		return t.token, nil
	}
	if !maySpeakFor(s.issuer, a) {
		return "", fmt.Errorf("internal token: %s may not speak for %s", s.issuer, a.Subject)
	}
	expires := now.Add(Lifetime).Truncate(time.Second)
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, &claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Subject: a.Subject, Audience: jwt.ClaimStrings{Audience},
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Association: a.Association, Authority: a.Authority, AuthorityKind: a.AuthorityKind,
		Unit: a.Unit, Municipality: a.Municipality, Participant: a.Participant, Roles: a.Roles, Scopes: a.Scopes,
	})
	t.Header["typ"] = Type
	text, err := t.SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("internal token: sign: %w", err)
	}
	if len(text) > maxLength {
		return "", fmt.Errorf("internal token: %d bytes, at most %d are accepted", len(text), maxLength)
	}
	s.signed.Add(id, signed{token: text, expires: expires})
	return text, nil
}

// identity is different for actors that differ: every part has its length in
// front, so that no content of one part can look like another's.
func identity(a actor.Actor) string {
	b := make([]byte, 0, 192)
	for _, part := range [...]string{
		a.Subject, a.Association, a.Authority, string(a.AuthorityKind), a.Unit, a.Municipality, a.Participant,
	} {
		b = append(append(strconv.AppendInt(b, int64(len(part)), 10), ':'), part...)
	}
	for _, r := range a.Roles {
		b = append(append(strconv.AppendInt(b, int64(len(r)), 10), ':'), r...)
	}
	if a.Scopes != nil {
		b = append(b, 's')
	}
	for _, scope := range a.Scopes {
		b = append(append(strconv.AppendInt(b, int64(len(scope)), 10), ':'), scope...)
	}
	return string(b)
}

// Verifier accepts tokens of known issuers. It is safe for concurrent use.
type Verifier struct {
	keys     map[string][]jwt.VerificationKey
	now      func() time.Time
	parser   *jwt.Parser
	verified *lru.Cache[string, verified] // by token
}

type verified struct {
	actor   actor.Actor
	issuer  string
	expires time.Time
}

// NewVerifier creates a verifier of the issuers' public keys. While an issuer's
// key is rotated it may have two, the other under its name with a suffix behind
// a dot: "gateway" and "gateway.next".
func NewVerifier(keys map[string]ed25519.PublicKey, now func() time.Time) *Verifier {
	remembered, _ := lru.New[string, verified](maxRemembered) // fails for a size below 1 only
	v := &Verifier{
		keys: map[string][]jwt.VerificationKey{},
		now:  now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithAudience(Audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
			jwt.WithLeeway(leeway), jwt.WithTimeFunc(now), jwt.WithStrictDecoding(),
		),
		verified: remembered,
	}
	for name, key := range keys {
		issuer, _, _ := strings.Cut(name, ".")
		v.keys[issuer] = append(v.keys[issuer], key)
	}
	return v
}

// Verify returns the actor of a valid token and who issued it, else ErrToken.
func (v *Verifier) Verify(token string) (actor.Actor, string, error) {
	if got, ok := v.verified.Get(token); ok && v.now().Before(got.expires) {
		return got.actor, got.issuer, nil
	}
	if token == "" || len(token) > maxLength {
		return actor.Actor{}, "", ErrToken.Because(fmt.Errorf("%d bytes", len(token)))
	}
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, v.key); err != nil {
		return actor.Actor{}, "", ErrToken.Because(err)
	}
	a := actor.Actor{
		Subject: c.Subject, Association: c.Association, Authority: c.Authority, AuthorityKind: c.AuthorityKind,
		Unit: c.Unit, Municipality: c.Municipality, Participant: c.Participant, Roles: c.Roles, Scopes: c.Scopes,
	}
	switch { // what the parser does not check
	case c.IssuedAt == nil:
		return actor.Actor{}, "", ErrToken.Because(errors.New("no time of issue"))
	case c.ExpiresAt.Sub(c.IssuedAt.Time) > Lifetime+time.Second:
		return actor.Actor{}, "", ErrToken.Because(errors.New("lives too long"))
	case !maySpeakFor(c.Issuer, a):
		return actor.Actor{}, "", ErrToken.Because(errors.New("the issuer may not speak for this actor"))
	}
	v.verified.Add(strings.Clone(token), verified{actor: a, issuer: c.Issuer, expires: c.ExpiresAt.Time})
	return a, c.Issuer, nil
}

// key returns the keys of the issuer that the token names. It is called before the
// signature is checked: a key belongs to its issuer, and no other key is tried.
func (v *Verifier) key(t *jwt.Token) (any, error) {
	if t.Header["typ"] != Type {
		return nil, errors.New("not of our type")
	}
	c, ok := t.Claims.(*claims)
	if !ok || len(v.keys[c.Issuer]) == 0 {
		return nil, errors.New("unknown issuer")
	}
	return jwt.VerificationKeySet{Keys: v.keys[c.Issuer]}, nil
}
