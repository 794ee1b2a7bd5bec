// Package rest is the referral service's HTTP face: the contract's types in, a
// verb, the contract's types out, and nothing else. Errors go back as they are;
// package problem turns them into problems.
package rest

import (
	"github.com/labstack/echo/v4"

	participantapi "github.com/finsam/finsam/pkg/api/participant"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/contract"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/referral/service"
)

// handlers answers the operations of the contract, each by the method of its name.
type handlers struct {
	service     *service.Service
	paths       rest.Paths // of all operations that a body leads to
	batchItem   *contract.Schema
	newReferral *contract.Schema
}

var _ api.StrictServerInterface = handlers{}

// New returns the service's HTTP handler. Contract and admission are the service's own,
// whatever c says of them.
func New(s *service.Service, c server.Config) (*echo.Echo, error) {
	var err error
	if c.Contract, err = contract.Read(api.Contract); err != nil {
		return nil, err
	}
	c.Service, c.Admit = "referral", s.Admit
	e, err := server.New(c)
	if err != nil {
		return nil, err
	}
	item, err := c.Contract.Schema("NewReferralInBatch")
	if err != nil {
		return nil, err
	}
	whole, err := c.Contract.Schema("NewReferral")
	if err != nil {
		return nil, err
	}
	strict := api.NewStrictHandler(handlers{s, rest.Below(c.Prefix+web.BasePath, api.Paths, participantapi.Paths), item, whole}, []api.StrictMiddlewareFunc{server.Gate[api.StrictHandlerFunc](c.AccessLog)})
	api.RegisterHandlersWithBaseURL(server.Routes{Echo: e}, strict, web.BasePath)
	return e, nil
}
