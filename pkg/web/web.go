// Package web is what both sides of HTTP agree on: the base path, the headers that
// name and trace a request, and what a request carries beside its actor.
//
// Package server answers requests, contract checks them, problem words what went
// wrong, and client calls the next service.
package web

import (
	"context"
	"strings"
)

// BasePath precedes every path of the contract.
const BasePath = "/finsam/v1"

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

type requestKey struct{}

// With returns a context that carries r.
func With(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// From returns what the request of ctx carries, never nil.
func From(ctx context.Context) *Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return r
	}
	return &Request{}
}
