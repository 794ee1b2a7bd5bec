package trust

import (
	"cmp"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/jwks"
	"github.com/finsam/finsam/pkg/personnummer"
	"github.com/finsam/finsam/pkg/web/contract"
)

// The faults of tokens. Which check failed is in the cause, for the log; a caller who
// guesses learns no more than what is said here.
var (
	ErrToken = fault.New(fault.Unauthenticated, "token-invalid",
		"Åtkomsttoken är inte giltig. Hämta en ny och försök igen.", "The access token is not valid. Get a new one and try again.")
	ErrExpired = fault.New(fault.Unauthenticated, "token-expired",
		"Åtkomsttoken har gått ut. Hämta en ny och försök igen.", "The access token has expired. Get a new one and try again.")
	ErrIssuer = fault.New(fault.Unauthenticated, "issuer-not-trusted",
		"Utfärdaren av åtkomsttoken är inte godkänd här. Använd en åtkomsttoken från en godkänd utfärdare.", "The issuer of the access token is not trusted here. Use an access token from a trusted issuer.")
	ErrSubject = fault.New(fault.Unauthenticated, "subject-not-opaque",
		"Åtkomsttoken saknar ett användbart id för den som anropar. Ange ett id som inte är ett personnummer.",
		"The access token has no usable identifier of the caller. Give an identifier that is not a personal identity number.")
	ErrRoles = fault.New(fault.Forbidden, "roles-not-combinable",
		"Rollerna i åtkomsttoken får inte innehas av samma person, eftersom förbundets egna roller aldrig får se enskilda personer. Logga in med bara den ena rollen.",
		"The roles in the access token may not be held by the same person, because the association's own roles must never see individuals. Sign in with only one of the roles.")
	ErrReviewer = fault.New(fault.Forbidden, "reviewer-not-combinable",
		"Rollen granskare får inte innehas tillsammans med en roll som granskas. Logga in med bara den ena rollen.",
		"The role reviewer may not be held together with a role that is reviewed. Sign in with only one of the roles.")
	ErrKeys = fault.New(fault.Unavailable, "issuer-keys-unavailable",
		"Utfärdarens nycklar kan inte hämtas just nu. Försök igen om en stund.",
		"The issuer's keys cannot be fetched right now. Try again shortly.")
)

// Faults are all the faults of tokens.
var Faults = []*fault.Error{ErrToken, ErrExpired, ErrIssuer, ErrSubject, ErrRoles, ErrReviewer, ErrKeys}

const (
	// maxToken bounds a token, in bytes.
	maxToken = 8 << 10
	// maxHeader bounds a token's decoded header, in bytes.
	maxHeader = 1 << 10
	// leeway is the difference of the clocks that is tolerated.
	leeway = 15 * time.Second
)

// header is what must be known of a token before its signature is verified: none of it can
// be believed yet.
type header struct {
	algorithm string
	typ       string
	kid       string
	issuer    string
}

// The causes, for the log. They have no more of a token than eight characters of its header,
// which is too short for a personal identity number.
var (
	errForm   = errors.New("not three parts of base64url")
	errHeader = errors.New("the header is not a small JSON object with alg and kid")
	errCrit   = errors.New("the header has crit, which names extensions that are not supported")
	errClaims = errors.New("the claims are not a JSON object with iss")
)

// parseToken checks size and form, without any signature work (CVE-2025-30204: the parts
// are cut without splitting the whole). Names are matched letter for letter; jku, x5u, x5c
// and jwk are not read at all.
func parseToken(token string) (header, error) {
	head, rest, ok := strings.Cut(token, ".")
	claims, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || len(token) > maxToken || head == "" || claims == "" || signature == "" || strings.Contains(signature, ".") {
		return header{}, errForm
	}
	if base64.RawURLEncoding.DecodedLen(len(head)) > maxHeader {
		return header{}, errHeader
	}
	members, err := decodeObject(head)
	if err != nil {
		return header{}, errHeader
	}
	if _, ok := members["crit"]; ok {
		return header{}, errCrit
	}
	h := header{algorithm: memberText(members["alg"]), typ: memberText(members["typ"]), kid: memberText(members["kid"])}
	if h.algorithm == "" || h.kid == "" {
		return header{}, errHeader
	}
	body, err := decodeObject(claims)
	if h.issuer = memberText(body["iss"]); err != nil || h.issuer == "" {
		return header{}, errClaims
	}
	return h, nil
}

// decodeObject decodes one part of a token. A map and not a struct: a struct's fields would
// also match names that differ in case.
func decodeObject(part string) (map[string]json.RawMessage, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, err
	}
	var m map[string]json.RawMessage
	err = json.Unmarshal(b, &m)
	return m, err
}

// memberText returns a member that is a text; another one is empty.
func memberText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// verify checks a token by its issuer's rules and keys. It returns its claims, and the key
// set by which they were verified.
func (is *issuer) verify(ctx context.Context, h header, token string) (*keySet, jwt.MapClaims, error) {
	// Media types are compared as in RFC 7515 section 4.1.9.
	if !strings.EqualFold(strings.TrimPrefix(strings.ToLower(h.typ), "application/"), is.Typ) {
		return nil, nil, ErrToken.Because(fmt.Errorf("typ is %.8q, not %q", h.typ, is.Typ))
	}
	if !slices.Contains(is.Algorithms, h.algorithm) {
		return nil, nil, ErrToken.Because(fmt.Errorf("alg %.8q is not allowed", h.algorithm))
	}
	keys, key, err := is.keys.find(ctx, h.kid)
	if err != nil {
		return nil, nil, err
	}
	if !fits(key, h.algorithm) {
		return nil, nil, ErrToken.Because(fmt.Errorf("the key is not for %s", h.algorithm))
	}
	claims := jwt.MapClaims{}
	_, err = is.parser.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return key.Public, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, nil, ErrExpired.Because(err)
	case err != nil:
		return nil, nil, ErrToken.Because(err)
	case h.algorithm == "PS256" && !hasSaltOfHash(key, token):
		return nil, nil, ErrToken.Because(errors.New("the salt of PS256 does not have 32 bytes"))
	}
	return keys, claims, nil
}

// hasSaltOfHash reports whether the signature of PS256 has a salt as long as the hash
// (RFC 7518 section 3.5), which the parser does not ask for.
func hasSaltOfHash(key jwks.Key, token string) bool {
	public, ok := key.Public.(*rsa.PublicKey)
	end := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	sum := sha256.Sum256([]byte(token[:end]))
	return ok && err == nil && rsa.VerifyPSS(public, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
}

// NoRole says why a token that is valid has no role.
const NoRole = "every operation will refuse it: the claim in claims.roles.claim is missing, or none of its values is in claims.roles.map"

// pseudonym returns what replaces a subject: 32 letters, the same for the same subject of
// an issuer under the same key, and for every spelling of a personal identity number.
func (is *issuer) pseudonym(subject string, key []byte) string {
	if n, err := personnummer.Parse(subject, civil.DateOf(time.Now())); err == nil {
		subject = string(n)
	}
	hash := hmac.New(sha256.New, key)
	fmt.Fprintf(hash, "%q %q", is.Issuer.Issuer, subject)
	letters := make([]byte, 0, 32)
	for _, b := range hash.Sum(nil)[:16] { // no digits, so that it never looks like a number
		letters = append(letters, 'a'+b>>4, 'a'+b&15)
	}
	return string(letters)
}

// actor reads verified claims as the trust file says. It also returns the time until which
// they are valid. The key is of pseudonyms.
func (is *issuer) actor(claims jwt.MapClaims, key []byte) (actor.Actor, time.Time, error) {
	until, err := claims.GetExpirationTime()
	if err != nil || until == nil {
		return actor.Actor{}, time.Time{}, ErrToken.Because(errors.New("exp is missing"))
	}
	issued, err := claims.GetIssuedAt()
	if err != nil || issued == nil {
		return actor.Actor{}, time.Time{}, ErrToken.Because(errors.New("iat is missing"))
	}
	if lifetime := until.Sub(issued.Time); lifetime > is.MaxLifetime {
		return actor.Actor{}, time.Time{}, ErrToken.Because(fmt.Errorf("issued for %s, longer than %s", lifetime, is.MaxLifetime))
	}
	a := actor.Actor{
		Association: is.Association, Authority: is.Authority, AuthorityKind: is.AuthorityKind,
		Unit: claimText(claims, is.Claims.Unit), Participant: claimText(claims, is.Claims.Participant),
		Municipality: cmp.Or(claimText(claims, is.Claims.Municipality), is.Municipality),
	}
	a.Subject = claimText(claims, is.Claims.Subject.Claim)
	if is.Claims.Subject.Pseudonym && a.Subject != "" {
		a.Subject = is.pseudonym(a.Subject, key)
	}
	// Subject and unit are kept in steps and in the access log.
	if a.Subject == "" || !isPlain(a.Subject) || personnummer.Contains(a.Subject) {
		return actor.Actor{}, time.Time{}, ErrSubject
	}
	switch {
	case is.Municipality != "" && a.Municipality != is.Municipality,
		a.Municipality != "" && !municipalityForm.MatchString(a.Municipality):
		return actor.Actor{}, time.Time{}, ErrToken.Because(errors.New("the issuer may not speak for this municipality"))
	case !isPlain(a.Unit) || !isPlain(a.Participant):
		return actor.Actor{}, time.Time{}, ErrToken.Because(errors.New("unit or participant is not a short plain text"))
	case personnummer.Contains(a.Unit) || personnummer.Contains(a.Participant):
		return actor.Actor{}, time.Time{}, ErrToken.Because(errors.New("unit or participant contains a personal identity number"))
	}
	for _, value := range claimList(claims, is.Claims.Roles.Claim) {
		if role, ok := is.Claims.Roles.Map[value]; ok && !a.Has(role) {
			a.Roles = append(a.Roles, role)
		}
	}
	if len(is.Claims.Scopes) > 0 && a.Has(actor.Integration) {
		a.Scopes = []string{}
		for _, scope := range access.Scopes {
			if slices.Contains(claimList(claims, is.Claims.Scopes), scope) {
				a.Scopes = append(a.Scopes, scope)
			}
		}
	}
	// The association's staff and board meet no person (Finsam Act 7 §), and nobody reviews
	// what they may have done themselves.
	isOwn := a.Has(actor.AssociationAdmin) || a.Has(actor.Board)
	isReviewed := func(r actor.Role) bool { return r != actor.Reviewer && access.SeesPersons(r) }
	switch {
	case isOwn && slices.ContainsFunc(a.Roles, access.SeesPersons):
		return actor.Actor{}, time.Time{}, ErrRoles
	case a.Has(actor.Reviewer) && slices.ContainsFunc(a.Roles, isReviewed):
		return actor.Actor{}, time.Time{}, ErrReviewer
	}
	return a, until.Time, nil
}

// isPlain reports whether a claim's text is short and printable, so that it can be in a log
// line and a header of our own.
func isPlain(s string) bool {
	return len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// maxName bounds a name, in characters.
const maxName = 100

// isName reports whether a claim's text can be somebody's name: one short line of visible
// text, and no personal identity number.
func isName(s string) bool {
	n := utf8.RuneCountInString(s)
	return n >= 2 && n <= maxName && utf8.ValidString(s) && contract.IsLine(s) && !personnummer.Contains(s) && strings.ContainsFunc(s, unicode.IsLetter)
}

// claimText returns a claim that is a text; an absent one is empty.
func claimText(claims jwt.MapClaims, path Path) string {
	s, _ := claim(claims, path).(string)
	return s
}

// claimList returns a claim that is a list of texts, or one text of words separated by
// blanks as in scope (RFC 9068 section 2.2.3).
func claimList(claims jwt.MapClaims, path Path) (texts []string) {
	switch v := claim(claims, path).(type) {
	case string:
		return strings.Fields(v)
	case []any:
		for _, item := range v {
			if s, ok := item.(string); ok {
				texts = append(texts, s)
			}
		}
	}
	return texts
}

// claim returns a claim by its path; nil where it is missing.
func claim(claims map[string]any, path Path) any {
	switch len(path) {
	case 0:
		return nil
	case 1:
		return claimNamed(claims, path[0])
	}
	for _, name := range path[:len(path)-1] {
		claims, _ = claims[name].(map[string]any)
	}
	return claims[path[len(path)-1]]
}

// claimNamed returns a claim by its whole name, else by a path with dots.
func claimNamed(claims map[string]any, name string) any {
	if v, ok := claims[name]; ok {
		return v
	}
	first, rest, ok := strings.Cut(name, ".")
	inner, isObject := claims[first].(map[string]any)
	if !ok || !isObject {
		return nil
	}
	return claimNamed(inner, rest)
}
