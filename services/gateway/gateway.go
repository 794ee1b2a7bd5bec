// Package gateway is the front door: tokens in, routes, limits, cache, documents.
// It has no domain words: what it must know of an operation it reads from the
// joined contract.
//
// A request takes one way through it: its path is matched, its token verified
// and turned into an actor, its role held against the access table, its authority
// limited; then the answer comes from the cache or from the service, which is
// shown a short internal token and decides for itself.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/finsam/finsam/pkg/cache"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/services/gateway/contract"
	"github.com/finsam/finsam/services/gateway/docs"
	"github.com/finsam/finsam/services/gateway/limit"
	"github.com/finsam/finsam/services/gateway/trust"
)

// Service is one service behind the gateway.
type Service struct {
	Name      string            // such as "referral"
	Base      string            // where it is, such as "http://referral:8080"
	Transport http.RoundTripper // nil: over the network
	Feed      feed.Reader       // its events, which empty the cache; nil: what they would empty is not cached
}

// Options are the parts of a Gateway. Services, Trust and Signer are needed.
type Options struct {
	Services  []Service
	Trust     *trust.Verifier
	Signer    *internaltoken.Signer         // of the issuer "gateway"
	Cache     cache.Cache                   // nil: nothing is cached
	Limits    *limit.Limiter                // per authority; nil: none
	Strangers *limit.UnauthenticatedLimiter // per address; nil: none
	Token     http.Handler                  // answers /token in a demo; nil: no such address
	Clients   []docs.Client                 // of the demo, shown on the documentation page

	PublicURL string         // where the installation is reached, such as https://api.example.se; empty: not said
	Origins   []string       // of browsers that may call, such as https://app.example.se
	Proxies   []netip.Prefix // whose X-Forwarded-For is believed
	InFlight  int            // requests to the services at once; zero: 1,024
	Patience  time.Duration  // for one answer of a service; zero: 15 s
	Version   string         // of the software, as /api-info tells it; empty: not told
	Revision  string         // the commit that it was built from; empty: not told

	Log    *slog.Logger
	Tracer trace.TracerProvider // nil: the global one
	Meter  metric.MeterProvider // nil: the global one
	Now    func() time.Time
}

const (
	defaultInFlight = 1024
	defaultPatience = 15 * time.Second
)

// Gateway is the front door as a handler. Run must run beside it.
type Gateway struct {
	Options
	info       contract.Info
	echo       *echo.Echo
	operations map[string]*operation // by operationId
	upstreams  map[string]*upstream
	followers  map[string]*follower
	emptying   map[string]bool // events that empty the cache
	flights    singleflight.Group
	inFlight   atomic.Int64
	polls      atomic.Int64 // long polls that wait for a service
	own        *ownPages
	origins    map[string]bool
	secure     bool // reached by https
	tracer     trace.Tracer
	meters     *meters
}

// New creates the gateway. Every service of the contract must be there.
func New(o Options) (*Gateway, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g := &Gateway{
		Options: o, upstreams: map[string]*upstream{}, followers: map[string]*follower{},
		emptying: map[string]bool{}, origins: map[string]bool{}, secure: strings.HasPrefix(o.PublicURL, "https://"),
		tracer: o.Tracer.Tracer(scope), operations: map[string]*operation{},
	}
	for _, origin := range o.Origins {
		g.origins[origin] = true
	}
	var err error
	if g.meters, err = newMeters(g); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if err := g.connect(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if g.own, err = newOwnPages(g); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.meters.begin(g)
	g.echo = g.door()
	return g, nil
}

// scope names this package in traces and metrics.
const scope = "github.com/finsam/finsam/services/gateway"

func (o *Options) complete() error {
	switch {
	case o.Trust == nil || o.Signer == nil:
		return errors.New("without trust and a signer there is nobody to let in")
	case o.Signer.Issuer() != internaltoken.Gateway:
		return fmt.Errorf("the signer is %q, but only %q may speak for others", o.Signer.Issuer(), internaltoken.Gateway)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tracer == nil {
		o.Tracer = otel.GetTracerProvider()
	}
	if o.Meter == nil {
		o.Meter = otel.GetMeterProvider()
	}
	if o.Limits == nil {
		o.Limits = limit.New(limit.Options{})
	}
	if o.InFlight == 0 {
		o.InFlight = defaultInFlight
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if o.Strangers != nil {
		return nil
	}
	var err error
	o.Strangers, err = limit.NewStrangers(limit.Policy{}, o.Now)
	return err
}

// connect reads the contract and connects its operations with the services.
func (g *Gateway) connect() error {
	for _, s := range g.Services {
		u, err := newUpstream(s)
		if err != nil {
			return err
		}
		if g.upstreams[s.Name] != nil {
			return fmt.Errorf("the service %s is named twice", s.Name)
		}
		g.upstreams[s.Name] = u
		if s.Feed != nil && g.Cache != nil {
			g.followers[s.Name] = &follower{service: s.Name, reader: s.Feed, handle: g.empty, log: g.Log, now: g.Now,
				measured: feed.NewFollowing("gateway", s.Name)}
		}
	}
	info, operations, err := contract.Read()
	if err != nil {
		return fmt.Errorf("the contract: %w", err)
	}
	g.info = info
	for _, o := range operations {
		if o.Service == contract.Own {
			continue
		}
		u := g.upstreams[o.Service]
		if u == nil {
			return fmt.Errorf("the contract has %s of the service %s, which is not among the gateway's", o.ID, o.Service)
		}
		op := newOperation(o, u)
		g.operations[op.ID] = op
		for _, event := range o.Cache.EmptiedBy {
			g.emptying[event] = true
		}
	}
	return nil
}

// Run watches the trust file and follows the services' feeds until ctx ends.
func (g *Gateway) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return g.Trust.Run(ctx) })
	for _, f := range g.followers {
		group.Go(func() error { return f.run(ctx) })
	}
	return group.Wait()
}

var _ http.Handler = (*Gateway)(nil)

// BasePath is where the API is, under every host.
const BasePath = web.BasePath
