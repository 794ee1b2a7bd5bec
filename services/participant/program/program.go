// Package program is the participant service as a program: what its own binary
// and `finsam participant` run. What it reads from the environment is described in the
// service's README and checked by package launch.
package program

import (
	"context"
	"errors"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/participant/rest"
	"github.com/finsam/finsam/services/participant/service"
)

var needs = launch.Requirements{
	Service: "participant", Store: true, Schema: service.Schema, Cipher: true, Associations: true, Peers: []string{"referral"},
}

// Run puts the service together, serves it until ctx ends, and takes it apart.
// Its error names the variable that is wrong.
func Run(ctx context.Context, environ map[string]string) (err error) {
	parts, err := launch.Open(ctx, needs, environ)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	s, err := service.New(ctx, service.Config{
		Engine: parts.Engine, Feed: parts.Feed, Peers: parts.Readers(needs.Peers...), AccessLog: parts.AccessLog,
		Cipher: parts.Cipher, Associations: parts.Associations, Now: parts.Now, NewID: parts.NewID, Log: parts.Log,
	})
	if err != nil {
		return err
	}
	handler, err := rest.New(s, parts.Web(api.Spec))
	if err != nil {
		return err
	}
	return parts.Serve(ctx, handler, s.Run)
}
