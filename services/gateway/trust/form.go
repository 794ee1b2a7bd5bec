package trust

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// maxToken bounds a token, in bytes: more costs nobody but us.
const maxToken = 8 << 10

// maxHeader bounds a token's decoded header, in bytes.
const maxHeader = 1 << 10

// form is what must be known of a token before its signature is looked at:
// nothing in it is to be believed yet.
type form struct {
	algorithm string
	typ       string
	kid       string
	issuer    string
}

// What a token's form can lack; causes, for the log.
var (
	errForm   = errors.New("not three parts of base64url")
	errHeader = errors.New("the header is not a small JSON object with alg and kid")
	errCrit   = errors.New("the header has crit, which names extensions that are not understood here")
	errClaims = errors.New("the claims are no JSON object with iss")
)

// parseForm checks size and form, with no signature work (CVE-2025-30204: the
// parts are cut without splitting the whole). Names are matched letter for
// letter; jku, x5u, x5c and jwk are not read at all.
func parseForm(token string) (form, error) {
	head, rest, ok := strings.Cut(token, ".")
	claims, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || len(token) > maxToken || head == "" || claims == "" || signature == "" || strings.Contains(signature, ".") {
		return form{}, errForm
	}
	if base64.RawURLEncoding.DecodedLen(len(head)) > maxHeader {
		return form{}, errHeader
	}
	header, err := object(head)
	if err != nil {
		return form{}, errHeader
	}
	if _, ok := header["crit"]; ok {
		return form{}, errCrit
	}
	f := form{algorithm: text(header["alg"]), typ: text(header["typ"]), kid: text(header["kid"])}
	if f.algorithm == "" || f.kid == "" {
		return form{}, errHeader
	}
	body, err := object(claims)
	if err != nil {
		return form{}, errClaims
	}
	if f.issuer = text(body["iss"]); f.issuer == "" {
		return form{}, errClaims
	}
	return f, nil
}

// object decodes one part of a token. A map and not a struct: a struct's fields
// would also match names that differ in case.
func object(part string) (map[string]json.RawMessage, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, err
	}
	var m map[string]json.RawMessage
	err = json.Unmarshal(b, &m)
	return m, err
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// sameType compares media types as RFC 7515 section 4.1.9 does: without regard
// to case, and with "application/" understood.
func sameType(got, want string) bool {
	return strings.EqualFold(strings.TrimPrefix(strings.ToLower(got), "application/"), want)
}
