// Package rest is the activity service's HTTP face: the contract's types in, a
// verb, the contract's types out, and nothing else. Errors go back as they are;
// package web turns them into problems.
package rest

import (
	"github.com/labstack/echo/v4"
	strictecho "github.com/oapi-codegen/runtime/strictmiddleware/echo"

	"github.com/finsam/finsam/pkg/accesslog"
	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/services/activity"
)

// handlers answers the operations of the contract.
type handlers struct{ service *activity.Service }

var _ api.StrictServerInterface = handlers{}

// New returns the service's HTTP handler. The contract is the service's own,
// whatever o.Spec says.
func New(s *activity.Service, o web.Options) (*echo.Echo, error) {
	o.Service, o.Spec = "activity", api.Spec
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

// value returns what an optional field bears, or nothing.
func value[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

// optional returns nil for nothing.
func optional[T ~string](s string) *T {
	if s == "" {
		return nil
	}
	t := T(s)
	return &t
}

// window reads which part of a list is wanted.
func window(limit, page *int, cursor *string) activity.Window {
	w := activity.Window{Limit: 20, Page: 1, Cursor: value(cursor)}
	if limit != nil {
		w.Limit = *limit
	}
	if page != nil {
		w.Page = *page
	}
	return w
}
