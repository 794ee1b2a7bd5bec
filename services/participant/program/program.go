// Package program is the participant service as a program: what its own binary
// and `finsam participant` run. What it reads from the environment is told in the
// service's README and checked by package launch.
package program

import (
	"context"
	"errors"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/participant"
	"github.com/finsam/finsam/services/participant/rest"
)

var needs = launch.Requirements{
	Service: "participant", Store: true, Schema: participant.Schema, Cipher: true, Associations: true, Peers: []string{"referral"},
}

// Run puts the service together, serves it until ctx ends, and takes it apart.
// Its error names the variable that is wrong.
func Run(ctx context.Context, environ map[string]string) (err error) {
	parts, err := launch.Open(ctx, needs, environ)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	service, err := participant.New(ctx, participant.Config{
		Engine: parts.Engine, Feed: parts.Feed, Peers: parts.Readers(needs.Peers...), AccessLog: parts.AccessLog,
		Cipher: parts.Cipher, Associations: parts.Associations, Now: parts.Now, NewID: parts.NewID, Log: parts.Log,
	})
	if err != nil {
		return err
	}
	handler, err := rest.New(service, parts.Web(api.Spec))
	if err != nil {
		return err
	}
	return parts.Serve(ctx, handler, service.Run)
}
