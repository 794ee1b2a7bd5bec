package internaltoken

import (
	"crypto/ed25519"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/finsam/finsam/pkg/actor"
)

// Signer signs tokens as one issuer. It is safe for concurrent use.
type Signer struct {
	issuer string
	key    ed25519.PrivateKey
	now    func() time.Time
	kept   *kept[string, signed]
}

type signed struct {
	token   string
	expires time.Time
}

// fresh is how long a token must still be valid to be given out again; the one
// who receives it may pass it on.
const fresh = 20 * time.Second

// maxKept bounds how many tokens are remembered on each side.
const maxKept = 8192

// NewSigner creates a signer. The issuer is "gateway" or the service's name.
func NewSigner(issuer string, key ed25519.PrivateKey, now func() time.Time) *Signer {
	return &Signer{issuer: issuer, key: key, now: now, kept: newKept[string, signed](maxKept)}
}

// Issuer returns the name that the signer signs as.
func (s *Signer) Issuer() string { return s.issuer }

// Token returns a token for the actor, valid for another 20 to 60 seconds. An
// issuer that may not speak for the actor gets an error.
func (s *Signer) Token(a actor.Actor) (string, error) {
	now := s.now()
	id := identity(a)
	if t, ok := s.kept.get(id); ok && now.Add(fresh).Before(t.expires) {
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
		Unit: a.Unit, Municipality: a.Municipality, Participant: a.Participant, Roles: a.Roles,
	})
	t.Header["typ"] = Type
	text, err := t.SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("internal token: sign: %w", err)
	}
	if len(text) > maxLength {
		return "", fmt.Errorf("internal token: %d bytes, at most %d are accepted", len(text), maxLength)
	}
	s.kept.put(id, signed{token: text, expires: expires})
	return text, nil
}

// identity tells actors apart: every part with its length in front, so that no
// content of one part can look like another's.
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
	return string(b)
}
