package standalone

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/finsam/finsam/pkg/cache/memory"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/gateway"
	"github.com/finsam/finsam/services/gateway/docs"
	"github.com/finsam/finsam/services/gateway/trust"
	"github.com/finsam/finsam/services/standalone/demo"
)

const maxCacheBytes = 32 << 20

// Door says who may enter the suite, and how.
type Door struct {
	TrustFile   string              // whose access tokens are accepted
	Demo        *demo.Issuer        // nil: no demo
	Environment gateway.Environment // limits, origins, public address
	Log         *slog.Logger
}

// Gateway constructs the gateway in front of the suite. Call closeCache when it no
// longer serves.
func (s *Suite) Gateway(keys launch.Keys, d Door) (_ *gateway.Gateway, closeCache func() error, err error) {
	o := gateway.Config{Version: launch.Version(), Revision: launch.Revision(), Log: d.Log.With("component", "gateway"), Now: time.Now}
	if d.Demo != nil {
		o.Token = d.Demo
		for _, c := range demo.Clients() {
			o.Clients = append(o.Clients, docs.Client{ID: c.ID, Secret: demo.Secret, Name: c.Name})
		}
	}
	if o.Signer, err = keys.Signer("gateway", o.Now); err != nil {
		return nil, nil, err
	}
	if o.Trust, err = trust.Open(trust.Config{Path: d.TrustFile, Log: o.Log, Now: o.Now}); err != nil {
		return nil, nil, fmt.Errorf("trust file: %w", err)
	}
	if err := d.Environment.Apply(&o, nil); err != nil {
		return nil, nil, err
	}
	for name, transport := range s.Upstreams {
		o.Services = append(o.Services, gateway.Service{
			Name: name, Base: "http://" + name, Transport: transport, Feed: s.Feeds[name],
		})
	}
	cache, err := memory.New(maxCacheBytes)
	if err != nil {
		return nil, nil, err
	}
	o.Cache = cache
	g, err := gateway.New(o)
	if err != nil {
		return nil, nil, errors.Join(err, cache.Close())
	}
	return g, cache.Close, nil
}
