// Package rest is the participant service's HTTP face: the contract's types in,
// a verb, the contract's types out, and nothing else. Errors go back as they are;
// package problem turns them into problems. The files are named as those of the verbs.
package rest

import (
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/participant/service"
)

// handlers answers the operations of the contract.
type handlers struct{ service *service.Service }

var _ api.StrictServerInterface = handlers{}

// New returns the service's HTTP handler. Contract and admission are the service's own,
// whatever c says of them.
func New(s *service.Service, c server.Config) (*echo.Echo, error) {
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

// depth is how far below the base path a request's own path lies. Links are
// relative to it, so that they are right behind any proxy or prefix.
type depth string

// The depths of this service's operations, as the way back to the base path.
const (
	fromList depth = ""             // /enrolments
	fromItem depth = "../"          // /enrolments/{id}
	fromAct  depth = "../../"       // /enrolments/{id}/start
	fromPart depth = "../../../../" // /enrolments/{id}/blocks/{number}/start
)

// window reads which part of a list is wanted.
func window(limit, page *int, cursor *string) store.Window {
	w := store.Window{Limit: 20, Page: 1, Cursor: value(cursor)}
	if limit != nil {
		w.Limit = *limit
	}
	if page != nil {
		w.Page = *page
	}
	return w
}

// listLinks returns this part of a list and the next one.
func listLinks(from depth, path string, q url.Values, w store.Window, next string) api.Links {
	q.Set("limit", strconv.Itoa(w.Limit))
	links := api.Links{}
	if next != "" {
		q.Set("cursor", next)
		links["next"] = api.Link{Href: string(from) + path + "?" + q.Encode()}
		q.Del("cursor")
	}
	if w.Cursor != "" {
		q.Set("cursor", w.Cursor)
	} else {
		q.Set("page", strconv.Itoa(w.Page))
	}
	links["self"] = api.Link{Href: string(from) + path + "?" + q.Encode()}
	return links
}

// meta says where in a list an answer is. A page number and totals belong to a
// list read by page; read by cursor it has neither.
func meta(w store.Window, count int, next string, total *store.Total) api.Meta {
	m := api.Meta{Limit: w.Limit, Count: count, NextCursor: optional(next)}
	if total != nil {
		records := int(total.Records)
		pages := (records + w.Limit - 1) / w.Limit
		m.Page, m.TotalRecords, m.TotalPages = &w.Page, &records, &pages
		m.TotalRecordsIsMinimum = &total.Minimum
	}
	return m
}
