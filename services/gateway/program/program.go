// Package program is the front door as a program: what its own binary and `finsam
// gateway` run. What it reads from the environment is told in docs/operations/install.md
// and checked by package launch and gateway.ReadEnvironment.
package program

import (
	"context"
	"errors"
	"fmt"

	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/gateway"
	"github.com/finsam/finsam/services/gateway/trust"
)

// Run puts the gateway together, serves it until ctx ends, and takes it apart.
func Run(ctx context.Context, environ map[string]string) (err error) {
	peers := []string{"referral", "participant", "activity"}
	p, err := launch.Open(ctx, launch.Requirements{Service: "gateway", Trust: true, Peers: peers}, environ)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	c, err := gateway.ReadEnvironment(environ)
	if err != nil {
		return err
	}
	o := gateway.Config{Signer: p.Signer, Version: launch.Version(), Revision: launch.Revision(), Log: p.Log, Now: p.Now}
	shared, done, err := share(&o, p.Config.RedisURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := c.Apply(&o, shared); err != nil {
		return err
	}
	if o.Trust, err = trust.Open(trust.Options{Path: p.Config.TrustFile, Log: p.Log, Now: p.Now}); err != nil {
		return fmt.Errorf("FINSAM_TRUST_FILE: %w", err)
	}
	for _, name := range peers {
		o.Services = append(o.Services, gateway.Service{Name: name, Base: p.Config.PeerURL(name), Feed: p.Reader(name)})
	}
	g, err := gateway.New(o)
	if err != nil {
		return err
	}
	return p.Serve(ctx, g, g.Run)
}
