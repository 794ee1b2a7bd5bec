// Package program is the referral service as a program: what its own binary and
// `finsam referral` run. What it reads from the environment is in the service's README
// and checked by package launch.
package program

import (
	"context"
	"net/http"

	"github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/referral/outbound/send"
	"github.com/finsam/finsam/services/referral/rest"
	"github.com/finsam/finsam/services/referral/service"
	"github.com/finsam/finsam/services/referral/vault"
)

// Requirements are what Build needs.
var Requirements = launch.Requirements{
	Service: "referral", Store: true, Schema: service.Schema, Blobs: true, Cipher: true, Programme: true, Peers: []string{"participant"},
}

// Run serves the service until ctx ends. Its error names the variable that is wrong.
func Run(ctx context.Context, environ map[string]string) error {
	webhooks, err := send.ReadConfig(environ)
	if err != nil {
		return err
	}
	sender, err := send.New(webhooks)
	if err != nil {
		return err
	}
	return launch.Run(ctx, Requirements, environ, func(ctx context.Context, p *launch.App) (*service.Service, http.Handler, error) {
		return Build(ctx, p, vault.New(&participant.Client{Calls: p.Client("participant")}), sender)
	})
}

// Build puts the service together; sender sends its webhooks.
func Build(ctx context.Context, p *launch.App, people service.People, sender *send.Sender) (*service.Service, http.Handler, error) {
	s, err := service.New(ctx, service.Config{
		Parts: p.Parts, People: people, Blobs: p.Blobs, Webhooks: sender,
	})
	if err != nil {
		return nil, nil, err
	}
	h, err := rest.New(s, p.Web())
	return s, h, err
}
