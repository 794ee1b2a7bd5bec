package internaltoken

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/finsam/finsam/pkg/actor"
)

// Verifier accepts tokens of known issuers. It is safe for concurrent use.
type Verifier struct {
	keys   map[string][]jwt.VerificationKey
	now    func() time.Time
	parser *jwt.Parser
	kept   *kept[string, verified]
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
	v := &Verifier{
		keys: map[string][]jwt.VerificationKey{},
		now:  now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithAudience(Audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
			jwt.WithLeeway(leeway), jwt.WithTimeFunc(now), jwt.WithStrictDecoding(),
		),
		kept: newKept[string, verified](maxKept),
	}
	for name, key := range keys {
		issuer, _, _ := strings.Cut(name, ".")
		v.keys[issuer] = append(v.keys[issuer], key)
	}
	return v
}

// Verify returns the actor of a valid token and who issued it, else ErrToken.
func (v *Verifier) Verify(token string) (actor.Actor, string, error) {
	if got, ok := v.kept.get(token); ok && v.now().Before(got.expires) {
		return got.actor, got.issuer, nil
	}
	if token == "" || len(token) > maxLength {
		return actor.Actor{}, "", ErrToken.Because(fmt.Errorf("%d bytes", len(token)))
	}
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, v.key); err != nil {
		return actor.Actor{}, "", ErrToken.Because(err)
	}
	a := c.actor()
	if err := c.check(a); err != nil {
		return actor.Actor{}, "", ErrToken.Because(err)
	}
	v.kept.put(strings.Clone(token), verified{actor: a, issuer: c.Issuer, expires: c.ExpiresAt.Time})
	return a, c.Issuer, nil
}

// check holds what the parser does not know of.
func (c *claims) check(a actor.Actor) error {
	switch {
	case c.IssuedAt == nil:
		return errors.New("no time of issue")
	case c.ExpiresAt.Sub(c.IssuedAt.Time) > Lifetime+time.Second:
		return errors.New("lives too long")
	case !maySpeakFor(c.Issuer, a):
		return errors.New("the issuer may not speak for this actor")
	}
	return nil
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
