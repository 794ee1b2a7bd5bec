// Package rest is the participant service's HTTP face: the contract's types in,
// a verb, the contract's types out, and nothing else. Errors go back as they are;
// package web turns them into problems.
package rest

import (
	"github.com/labstack/echo/v4"
	strictecho "github.com/oapi-codegen/runtime/strictmiddleware/echo"

	"github.com/finsam/finsam/pkg/accesslog"
	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/services/participant"
)

// handlers answers the operations of the contract.
type handlers struct{ service *participant.Service }

var _ api.StrictServerInterface = handlers{}

// New returns the service's HTTP handler. The contract is the service's own,
// whatever o.Spec says.
func New(s *participant.Service, o web.Options) (*echo.Echo, error) {
	o.Service, o.Spec = "participant", api.Spec
	e, err := web.New(o)
	if err != nil {
		return nil, err
	}
	strict := api.NewStrictHandler(handlers{s}, []api.StrictMiddlewareFunc{gate(o.Access)})
	api.RegisterHandlersWithBaseURL(e, strict, web.BasePath)
	return e, nil
}

// gate is web.Gate in the types of the generated code.
func gate(l *accesslog.Log) api.StrictMiddlewareFunc {
	hold := web.Gate(l)
	return func(next api.StrictHandlerFunc, operation string) api.StrictHandlerFunc {
		return api.StrictHandlerFunc(hold(strictecho.StrictEchoHandlerFunc(next), operation))
	}
}

// value returns what a pointer points at, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// optional returns nil for the zero value.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
