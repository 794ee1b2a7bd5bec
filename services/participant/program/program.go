// Package program is the participant service as a program: what its own binary and
// `finsam participant` run. What it reads from the environment is described in the
// service's README and checked by package launch.
package program

import (
	"context"
	"net/http"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/accesslog/loghttp"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/participant/rest"
	"github.com/finsam/finsam/services/participant/service"
)

// Requirements are what Build needs.
var Requirements = launch.Requirements{
	Service: "participant", Store: true, Schema: service.Schema, Cipher: true, Programme: true, Peers: []string{"referral"},
}

// Run serves the service until ctx ends. Its error names the variable that is wrong.
func Run(ctx context.Context, environ map[string]string) error {
	return launch.Run(ctx, Requirements, environ, Build)
}

// Build puts the service together.
func Build(ctx context.Context, p *launch.App) (*service.Service, http.Handler, error) {
	c := service.Config{Parts: p.Parts}
	for _, peer := range []string{"referral", "activity"} {
		calls := p.Client(peer)
		c.Logs = append(c.Logs, func(ctx context.Context, q accesslog.Query) ([]accesslog.Found, error) {
			return loghttp.Find(ctx, calls, q)
		})
	}
	s, err := service.New(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	h, err := rest.New(s, p.Web())
	return s, h, err
}
