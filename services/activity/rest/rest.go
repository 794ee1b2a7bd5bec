// Package rest is the activity service's HTTP face: the contract's types in, a
// verb, the contract's types out, and nothing else. Errors go back as they are;
// package problem turns them into problems. The files are named as those of the verbs.
package rest

import (
	"github.com/labstack/echo/v4"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/contract"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/activity/service"
)

// handlers answers the operations of the contract, each by the method of its name.
type handlers struct {
	service *service.Service
	paths   rest.Paths       // of all operations that a body leads to
	row     *contract.Schema // of a day's list
}

var _ api.StrictServerInterface = handlers{}

// New returns the service's HTTP handler. Contract and admission are the service's own,
// whatever c says of them.
func New(s *service.Service, c server.Config) (*echo.Echo, error) {
	var err error
	if c.Contract, err = contract.Read(api.Contract); err != nil {
		return nil, err
	}
	c.Service, c.Admit = "activity", guard.Admit(c.AccessLog)
	e, err := server.New(c)
	if err != nil {
		return nil, err
	}
	row, err := c.Contract.Schema("NewDayAttendance")
	if err != nil {
		return nil, err
	}
	strict := api.NewStrictHandler(handlers{s, rest.Below(c.Prefix+web.BasePath, api.Paths), row}, []api.StrictMiddlewareFunc{server.Gate[api.StrictHandlerFunc](c.AccessLog)})
	api.RegisterHandlersWithBaseURL(server.Routes{Echo: e}, strict, web.BasePath)
	return e, nil
}
