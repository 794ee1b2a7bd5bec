package demo

import (
	"crypto/subtle"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"
)

const maxFormBytes = 4 << 10

// tokenError is an error response (RFC 6749 section 5.2).
type tokenError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

var (
	errInvalidRequest   = &tokenError{400, "invalid_request", "Send grant_type, client_id and client_secret once each, as application/x-www-form-urlencoded."}
	errUnsupportedGrant = &tokenError{400, "unsupported_grant_type", "Only client_credentials is offered here."}
	errInvalidScope     = &tokenError{400, "invalid_scope", "No scopes are offered here; leave scope out."}
	errInvalidClient    = &tokenError{401, "invalid_client", "No such client, or another secret. The demo's clients are listed on the documentation page."}
	errServer           = &tokenError{500, "server_error", "The token could not be made."}
)

// ServeHTTP answers POST /token: OAuth 2.0 client credentials (RFC 6749 section
// 4.4) for the invented clients, with their secret in the body or by Basic.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	answer, failure := i.answer(r)
	if failure != nil {
		if failure == errInvalidClient {
			h.Set("WWW-Authenticate", `Basic realm="finsam demo", charset="UTF-8"`)
		}
		w.WriteHeader(failure.status)
		_ = json.NewEncoder(w).Encode(failure)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// answer returns a successful response (RFC 6749 section 5.1), or the error response.
func (i *Issuer) answer(r *http.Request) (map[string]any, *tokenError) {
	form, ok := readForm(r)
	if !ok || form.Get("grant_type") == "" {
		return nil, errInvalidRequest
	}
	if form.Get("grant_type") != "client_credentials" {
		return nil, errUnsupportedGrant
	}
	if form.Get("scope") != "" {
		return nil, errInvalidScope
	}
	client, failure := authenticate(r, form)
	if failure != nil {
		return nil, failure
	}
	claims := client.Claims
	claims.Lifetime = time.Hour
	token, err := i.Token(claims)
	if err != nil {
		return nil, errServer
	}
	return map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(claims.Lifetime / time.Second)}, nil
}

// readForm reads the body, and the body only: a secret in an address would be in every
// log. It refuses a parameter that occurs twice.
func readForm(r *http.Request) (url.Values, bool) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		return nil, false
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxFormBytes+1))
	if err != nil || len(text) > maxFormBytes {
		return nil, false
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, false
	}
	for _, values := range form {
		if len(values) > 1 {
			return nil, false
		}
	}
	return form, true
}

// authenticate finds the client by its id and secret, which must be sent in one way
// only.
func authenticate(r *http.Request, form url.Values) (Client, *tokenError) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		if secret != "" || id != "" && id != user {
			return Client{}, errInvalidRequest
		}
		id, secret = user, password
	} else if id == "" || secret == "" {
		return Client{}, errInvalidRequest
	}
	for _, c := range Clients() {
		if c.ID == id && subtle.ConstantTimeCompare([]byte(Secret), []byte(secret)) == 1 {
			return c, nil
		}
	}
	return Client{}, errInvalidClient
}
