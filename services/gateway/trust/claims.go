package trust

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/personnummer"
)

// claims checks the token by its issuer's rules and keys and gives its claims,
// with the key set that they were found true by.
func (is *issuer) claims(ctx context.Context, f form, token string) (*keySet, jwt.MapClaims, error) {
	if !sameType(f.typ, is.Typ) {
		return nil, nil, ErrToken.Because(fmt.Errorf("typ is %.20q, not %q", f.typ, is.Typ))
	}
	if !slices.Contains(is.Algorithms, f.algorithm) {
		return nil, nil, ErrToken.Because(fmt.Errorf("alg %.20q is not allowed", f.algorithm))
	}
	keys, key, err := is.keys.find(ctx, f.kid)
	if err != nil {
		return nil, nil, err
	}
	if !fits(key, f.algorithm) {
		return nil, nil, ErrToken.Because(fmt.Errorf("the key is not one for %s", f.algorithm))
	}
	claims := jwt.MapClaims{}
	_, err = is.parser.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return key.Public, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, nil, ErrExpired.Because(err)
	case err != nil:
		return nil, nil, ErrToken.Because(err)
	}
	return keys, claims, nil
}

// newParser creates the check of an issuer's tokens: its algorithms, name and
// audience, a time of expiry, and no time in the future.
func (is *Issuer) newParser(now func() time.Time) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods(is.Algorithms),
		jwt.WithIssuer(is.Issuer),
		jwt.WithAudience(is.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(),
	)
}

// actor reads verified claims as the trust file says, and gives the time until
// which they hold.
func (is *issuer) actor(claims jwt.MapClaims) (actor.Actor, time.Time, error) {
	until, err := is.lifetime(claims)
	if err != nil {
		return actor.Actor{}, until, err
	}
	a := actor.Actor{
		Subject: single(claims, is.Claims.Subject), Association: is.Association,
		Authority: is.Authority, AuthorityKind: is.AuthorityKind,
		Unit: single(claims, is.Claims.Unit), Participant: single(claims, is.Claims.Participant),
		Municipality: single(claims, is.Claims.Municipality),
	}
	// Subject and unit are kept in steps and in the access log.
	if a.Subject == "" || !plain(a.Subject) || personnummer.Contains(a.Subject) {
		return actor.Actor{}, until, ErrSubject
	}
	if is.Municipality != "" && a.Municipality == "" {
		a.Municipality = is.Municipality
	}
	switch {
	case is.Municipality != "" && a.Municipality != is.Municipality,
		a.Municipality != "" && !municipalityForm.MatchString(a.Municipality):
		return actor.Actor{}, until, ErrToken.Because(errors.New("the issuer may not speak for this municipality"))
	case !plain(a.Unit) || !plain(a.Participant):
		return actor.Actor{}, until, ErrToken.Because(errors.New("unit or participant is not a short plain text"))
	case personnummer.Contains(a.Unit) || personnummer.Contains(a.Participant):
		return actor.Actor{}, until, ErrToken.Because(errors.New("unit or participant contains a personal identity number"))
	}
	for _, value := range list(claims, is.Claims.Roles.Claim) {
		if role, ok := is.Claims.Roles.Map[value]; ok && !a.Has(role) {
			a.Roles = append(a.Roles, role)
		}
	}
	if !combinable(a.Roles) {
		return actor.Actor{}, until, ErrRoles
	}
	return a, until, nil
}

// lifetime bounds how long a token was made to live, and gives its end.
func (is *issuer) lifetime(claims jwt.MapClaims) (time.Time, error) {
	until, err := claims.GetExpirationTime()
	if err != nil || until == nil {
		return time.Time{}, ErrToken.Because(errors.New("exp is missing"))
	}
	from, err := claims.GetIssuedAt()
	if err != nil || from == nil {
		return time.Time{}, ErrToken.Because(errors.New("iat is missing"))
	}
	if until.Sub(from.Time) > is.MaxLifetime {
		return time.Time{}, ErrToken.Because(fmt.Errorf("made to live %s, longer than %s", until.Sub(from.Time), is.MaxLifetime))
	}
	return until.Time, nil
}

// combinable reports whether one person may hold all the roles: the association's
// staff and board meet no person (Finsam Act 7 §).
func combinable(roles []actor.Role) bool {
	own := slices.Contains(roles, actor.AssociationAdmin) || slices.Contains(roles, actor.Board)
	return !own || !slices.ContainsFunc(roles, access.SeesPersons)
}

// plain reports whether a claim's text is short and printable, so that it can
// stand in a log line and a header of our own.
func plain(s string) bool {
	return len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// single returns a claim that is one text; an absent one is empty.
func single(claims jwt.MapClaims, name string) string {
	s, _ := lookup(claims, name).(string)
	return s
}

// list returns a claim that is a list of texts, or one text of words parted by
// blanks as scope has them (RFC 9068 section 2.2.3).
func list(claims jwt.MapClaims, name string) []string {
	switch v := lookup(claims, name).(type) {
	case string:
		return strings.Fields(v)
	case []any:
		var all []string
		for _, one := range v {
			if s, ok := one.(string); ok {
				all = append(all, s)
			}
		}
		return all
	}
	return nil
}

// lookup finds a claim by its whole name, else by a path into nested objects.
func lookup(claims map[string]any, name string) any {
	if name == "" {
		return nil
	}
	if v, ok := claims[name]; ok {
		return v
	}
	first, rest, ok := strings.Cut(name, ".")
	inner, isObject := claims[first].(map[string]any)
	if !ok || !isObject {
		return nil
	}
	return lookup(inner, rest)
}
