// Package web is what both sides of HTTP agree on: the base path, the headers that
// name and trace a request, and what a request carries beside its actor.
//
// Package server answers requests, contract checks them, problem words what went
// wrong, and client calls the next service.
package web

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/finsam/finsam/pkg/carry"
)

// BasePath precedes every path of the contract.
const BasePath = "/finsam/v1"

// prefix is a path that an address can have in front of BasePath.
var prefix = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$`)

// Prefix returns the path of an installation's public address, such as /api of
// https://example.se/api: what is before BasePath in every link. It is empty for an
// address without a path, and for none.
func Prefix(publicURL string) (string, error) {
	u, err := url.Parse(publicURL)
	if publicURL == "" {
		return "", nil
	}
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		!prefix.MatchString(u.EscapedPath()) {
		return "", errors.New("must be an address such as https://api.example.se or https://example.se/api")
	}
	return strings.TrimSuffix(u.Path, "/"), nil
}

// routes turns a path of the contract into one of echo: /referrals/{id} is /referrals/:id.
var routes = strings.NewReplacer("{", ":", "}", "")

// Route returns echo's route of a path of the contract, behind BasePath.
func Route(path string) string { return BasePath + routes.Replace(path) }

// The headers that name and trace a request, and choose the language of its answer.
const (
	HeaderRequestID   = "X-Request-Id"
	HeaderTraceParent = "Traceparent"
	HeaderLanguage    = "Accept-Language"
)

// Request is what a request carries beside its actor. All of it goes on to the next
// service, which then decides for the same actor and answers in the same language.
type Request struct {
	ID       string
	Language string // Accept-Language
	Token    string // the internal token
	Issuer   string // of Token
}

// With returns a context that carries r.
func With(ctx context.Context, r Request) context.Context { return carry.With(ctx, r) }

// From returns what the request of ctx carries, never nil.
func From(ctx context.Context) *Request {
	if r := carry.From[Request](ctx); r != nil {
		return r
	}
	return &Request{}
}
