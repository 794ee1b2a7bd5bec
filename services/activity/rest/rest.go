// Package rest is the activity service's HTTP face: the contract's types in, a
// verb, the contract's types out, and nothing else. Errors go back as they are;
// package problem turns them into problems.
package rest

import (
	"github.com/labstack/echo/v4"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/activity"
)

// handlers answers the operations of the contract.
type handlers struct{ service *activity.Service }

var _ api.StrictServerInterface = handlers{}

// New returns the service's HTTP handler. The contract is the service's own,
// whatever c.Spec says.
func New(s *activity.Service, c server.Config) (*echo.Echo, error) {
	c.Service, c.Spec = "activity", api.Spec
	e, err := server.New(c)
	if err != nil {
		return nil, err
	}
	strict := api.NewStrictHandler(handlers{s}, []api.StrictMiddlewareFunc{server.Gate[api.StrictHandlerFunc](c.AccessLog)})
	api.RegisterHandlersWithBaseURL(e, strict, web.BasePath)
	return e, nil
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
