// Package rest is the referral service's HTTP face: the contract's types in, a
// verb, the contract's types out, and nothing else. Errors go back as they are;
// package web turns them into problems.
package rest

import (
	"github.com/labstack/echo/v4"
	strictecho "github.com/oapi-codegen/runtime/strictmiddleware/echo"

	"github.com/finsam/finsam/pkg/accesslog"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/services/referral"
)

// handlers answers the operations of the contract.
type handlers struct {
	service     *referral.Service
	batchItem   web.Shape
	newReferral web.Shape
}

var _ api.StrictServerInterface = handlers{}

// New returns the service's HTTP handler. The contract is the service's own,
// whatever o.Spec says.
func New(s *referral.Service, o web.Options) (*echo.Echo, error) {
	o.Service, o.Spec = "referral", api.Spec
	e, err := web.New(o)
	if err != nil {
		return nil, err
	}
	item, err := web.NewShape(api.Spec, "NewReferralInBatch")
	if err != nil {
		return nil, err
	}
	whole, err := web.NewShape(api.Spec, "NewReferral")
	if err != nil {
		return nil, err
	}
	strict := api.NewStrictHandler(handlers{s, item, whole}, []api.StrictMiddlewareFunc{gate(o.Access)})
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
