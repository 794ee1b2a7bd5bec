// Package program is the referral service as a program: what its own binary and
// `finsam referral` run. What it reads from the environment is in the service's README
// and checked by package launch.
package program

import (
	"context"
	"errors"

	"github.com/finsam/finsam/pkg/api/participant"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/referral/outbound/send"
	"github.com/finsam/finsam/services/referral/rest"
	"github.com/finsam/finsam/services/referral/service"
	"github.com/finsam/finsam/services/referral/vault"
)

// Run puts the service together, serves it until ctx ends, and takes it apart.
func Run(ctx context.Context, environ map[string]string) (err error) {
	webhooks, err := send.ReadConfig(environ)
	if err != nil {
		return err
	}
	sender, err := send.New(webhooks)
	if err != nil {
		return err
	}
	p, err := launch.Open(ctx, launch.Requirements{
		Service: "referral", Store: true, Schema: service.Schema, Blobs: true, Cipher: true, Associations: true, Peers: []string{"participant"},
	}, environ)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	s, err := service.New(ctx, service.Config{
		Engine: p.Engine, Feed: p.Feed, Peers: p.Readers("participant"), AccessLog: p.AccessLog, Cipher: p.Cipher,
		Associations: p.Associations, People: vault.New(participant.NewClient(p.Client("participant"))),
		Blobs: p.Blobs, Webhooks: sender, Now: p.Now, NewID: p.NewID, Log: p.Log,
	})
	if err != nil {
		return err
	}
	h, err := rest.New(s, p.Web(api.Spec))
	if err != nil {
		return err
	}
	return p.Serve(ctx, h, s.Run)
}
