// Package program is the front door as a program, for its own binary and `finsam
// gateway`. docs/operations/install.md documents the environment variables; package launch
// and gateway.ReadEnvironment check them.
package program

import (
	"context"
	"errors"
	"fmt"

	cachememory "github.com/finsam/finsam/pkg/cache/memory"
	cacheredis "github.com/finsam/finsam/pkg/cache/redis"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/gateway"
	"github.com/finsam/finsam/services/gateway/trust"
)

// maxCacheBytes bounds the cache of a gateway without Redis.
const maxCacheBytes = 64 << 20

// Run serves the gateway until ctx ends.
func Run(ctx context.Context, environ map[string]string) (err error) {
	peers := []string{"referral", "participant", "activity"}
	app, err := launch.Open(ctx, launch.Requirements{Service: "gateway", Trust: true, Peers: peers}, environ)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	environment, err := gateway.ReadEnvironment(environ)
	if err != nil {
		return err
	}
	c := gateway.Config{Signer: app.Signer, Version: launch.Version(), Revision: launch.Revision(), Log: app.Log, Now: app.Now}
	if app.TLS != nil {
		c.TLS = app.TLS.Client
	}
	shared, closeCache, err := openCache(&c, app.Config.RedisURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeCache()) }()
	if err := environment.Apply(&c, shared); err != nil {
		return err
	}
	if c.Trust, err = trust.Open(trust.Config{Path: app.Config.TrustFile, Log: app.Log, Now: app.Now}); err != nil {
		return fmt.Errorf("FINSAM_TRUST_FILE: %w", err)
	}
	for _, name := range peers {
		c.Services = append(c.Services, gateway.Service{Name: name, Base: app.Config.PeerURL(name), Feed: app.Peers[name]})
	}
	g, err := gateway.New(c)
	if err != nil {
		return err
	}
	return app.Serve(ctx, g, g.Run)
}

// openCache sets the gateway's cache. It returns the limits' buckets that all gateways
// share, nil without Redis, and a function that closes both.
func openCache(c *gateway.Config, redisURL string) (*cacheredis.Buckets, func() error, error) {
	if redisURL == "" {
		cache, err := cachememory.New(maxCacheBytes)
		if err != nil {
			return nil, nil, err
		}
		c.Cache = cache
		return nil, cache.Close, nil
	}
	cache, buckets, err := cacheredis.Open(redisURL, c.Log)
	if err != nil {
		return nil, nil, fmt.Errorf("FINSAM_REDIS_URL: %w", err)
	}
	c.Cache = cache
	return buckets, cache.Close, nil
}
