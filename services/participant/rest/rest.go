// Package rest is the participant service's HTTP face: the contract's types in,
// a verb, the contract's types out, and nothing else. Errors go back as they are;
// package problem turns them into problems.
package rest

import (
	"github.com/labstack/echo/v4"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/participant"
)

// handlers answers the operations of the contract.
type handlers struct{ service *participant.Service }

var _ api.StrictServerInterface = handlers{}

// New returns the service's HTTP handler. Contract and admission are the service's own,
// whatever c says of them.
func New(s *participant.Service, c server.Config) (*echo.Echo, error) {
	c.Service, c.Spec, c.Admit = "participant", api.Spec, guard.Admit(c.AccessLog)
	e, err := server.New(c)
	if err != nil {
		return nil, err
	}
	strict := api.NewStrictHandler(handlers{s}, []api.StrictMiddlewareFunc{server.Gate[api.StrictHandlerFunc](c.AccessLog)})
	api.RegisterHandlersWithBaseURL(e, strict, web.BasePath)
	return e, nil
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
