// Package gateway is the front door: tokens in, routes, limits, cache, documents. It has
// no domain words: what it must know of an operation it reads from the joined contract.
//
// A request passes these stages: its path is matched to an operation; its token is
// verified and becomes an actor, whose authority has a limit; then the answer comes from
// the cache or from the service, which receives a short internal token and decides for
// itself. Each stage has its own type, which holds what it uses.
package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/cache"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/telemetry"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/client"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/gateway/contract"
	"github.com/finsam/finsam/services/gateway/docs"
	"github.com/finsam/finsam/services/gateway/limit"
	"github.com/finsam/finsam/services/gateway/trust"
)

// Service is one service behind the gateway.
type Service struct {
	Name      string            // such as "referral"
	Base      string            // its address, such as "http://referral:8080"
	Transport http.RoundTripper // nil: over the network
	Feed      feed.Reader       // its events, which empty the cache; nil: nothing is cached
}

// Config is what New takes. Services, Trust and Signer are required.
type Config struct {
	Services        []Service // every one of the contract's
	Trust           *trust.Verifier
	Signer          *internaltoken.Signer         // of the issuer "gateway"
	Cache           cache.Cache                   // nil: nothing is cached
	Limits          *limit.Limiter                // per authority; nil: no limit
	Unauthenticated *limit.UnauthenticatedLimiter // per address; nil: no limit
	TLS             func() *tls.Config            // to services whose address is https; nil: by the system's authorities
	Token           http.Handler                  // answers /token in a demo; nil: no such address
	Clients         []docs.Client                 // of the demo, shown on the documentation page

	PublicURL     string         // the installation's address, such as https://api.example.se or https://example.se/api; empty: unknown
	Origins       []string       // of browsers that may call, such as https://app.example.se
	Proxies       []netip.Prefix // whose X-Forwarded-For is believed
	MaxInFlight   int            // requests to each service at once, at most; zero: 1,024
	AnswerTimeout time.Duration  // for one answer of a service; zero: 15 s
	Version       string         // of the software, for /api-info; empty: left out
	Revision      string         // the commit that it was built from; empty: left out

	Log    *slog.Logger
	Tracer trace.TracerProvider // nil: the global one
	Now    func() time.Time
}

// Gateway is the front door as a handler. Run must run beside it.
type Gateway struct {
	log       *slog.Logger
	trust     *trust.Verifier
	router    http.Handler
	observer  *observer
	headers   *headers
	pages     *pages
	admission *admission
	forwarder *forwarder
	cached    *cachedAnswers // nil: nothing is cached
}

// BasePath is the path of the API, under every host.
const BasePath = web.BasePath

// scope names this package in traces and metrics.
const scope = "github.com/finsam/finsam/services/gateway"

// New creates the gateway.
func New(c Config) (_ *Gateway, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("gateway: %w", err)
		}
	}()
	if err := c.complete(); err != nil {
		return nil, err
	}
	prefix, err := web.Prefix(c.PublicURL)
	if err != nil {
		return nil, err
	}
	info, all, err := contract.Read()
	if err != nil {
		return nil, fmt.Errorf("the contract: %w", err)
	}
	operations, err := newOperations(all, c.Services, c.TLS, c.MaxInFlight)
	if err != nil {
		return nil, err
	}
	tracer := c.Tracer.Tracer(scope)
	forwarder := &forwarder{signer: c.Signer, tracer: tracer, log: c.Log, timeout: c.AnswerTimeout, long: map[class]*places{}}
	for kind := range longParts {
		forwarder.long[kind] = newPlaces(c.MaxInFlight, kind)
	}
	cached := newCachedAnswers(c, prefix, operations, forwarder)
	meters := newMeters(operations, cached != nil, c.Trust)
	forwarder.meters = meters
	headers := &headers{isSecure: strings.HasPrefix(c.PublicURL, "https://"), origins: map[string]bool{}}
	for _, origin := range c.Origins {
		headers.origins[origin] = true
	}
	addresses := addresses{limit: c.Unauthenticated, proxies: c.Proxies, meters: meters, warn: sync.OnceFunc(func() {
		c.Log.Warn("a proxy is not trusted: all callers behind it share the limit of one address; name its network in FINSAM_TRUSTED_PROXIES (api.trustedProxies)")
	})}
	g := &Gateway{
		log: c.Log, trust: c.Trust, headers: headers, forwarder: forwarder, cached: cached,
		observer:  &observer{log: telemetry.Buffered(c.Log), tracer: tracer, meters: meters, now: c.Now, refusals: map[[2]string]refusals{}},
		admission: &admission{trust: c.Trust, limits: c.Limits, addresses: addresses, meters: meters, log: c.Log, rest: rate.NewLimiter(restPerSecond, restPerSecond)},
	}
	for _, op := range operations {
		if op.Service == vault {
			calls := client.New(op.upstream.scheme+"://"+op.upstream.host, op.upstream.transport, c.Signer)
			c.Trust.IdentifyBy(func(ctx context.Context, a actor.Actor, number string) (string, error) {
				var own struct {
					Participant string `json:"participant"`
				}
				err := callFor(ctx, calls, c.Signer, a, "/internal/persons/own", map[string]string{"personalIdentityNumber": number}, &own)
				return own.Participant, err
			})
			c.Trust.IntroduceBy(func(ctx context.Context, a actor.Actor, name string) error {
				return callFor(ctx, calls, c.Signer, a, "/internal/staff", map[string]string{"name": name}, nil)
			})
			break
		}
	}
	if c.PublicURL != "" {
		g.admission.resource = strings.TrimSuffix(c.PublicURL, "/") + resourcePath
	}
	if p := c.Limits.Policy; c.Limits.IsLimited() {
		g.admission.policy = []string{fmt.Sprintf(`"authority";q=%d;w=%d`, p.Burst, (p.Burst+p.PerSecond-1)/p.PerSecond)}
	}
	if g.pages, err = newPages(c, prefix, info, addresses); err != nil {
		return nil, err
	}
	g.router = newRouter(operations, g.serve)
	return g, nil
}

// vault is the service that knows participants by their number, and staff by name.
const vault = "participant"

// callFor posts to an internal operation for who is signed in. What the token says of them
// is in the body of that one call.
func callFor(ctx context.Context, calls *client.Client, s *internaltoken.Signer, a actor.Actor, path string, in, out any) error {
	token, err := s.Token(a)
	if err != nil {
		return err
	}
	return calls.Call(web.With(ctx, web.Request{ID: web.From(ctx).ID, Token: token}), http.MethodPost, path, in, out)
}

// complete checks what is required and sets the defaults.
func (c *Config) complete() (err error) {
	switch {
	case c.Trust == nil || c.Signer == nil:
		return errors.New("the gateway needs Trust and Signer: without them no request can be let in")
	case c.Signer.Issuer() != internaltoken.Gateway:
		return fmt.Errorf("the signer is %q, but only %q may speak for others", c.Signer.Issuer(), internaltoken.Gateway)
	}
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Tracer = cmp.Or(c.Tracer, otel.GetTracerProvider())
	c.MaxInFlight = cmp.Or(c.MaxInFlight, 1024)
	if c.TLS == nil {
		c.TLS = func() *tls.Config { return &tls.Config{} }
	}
	c.AnswerTimeout = cmp.Or(c.AnswerTimeout, 15*time.Second)
	c.Limits = cmp.Or(c.Limits, limit.New(limit.Config{}))
	if c.Unauthenticated == nil {
		c.Unauthenticated, err = limit.NewUnauthenticated(limit.Policy{}, c.Now)
	}
	return err
}

// Run watches the trust file and follows the services' feeds until ctx ends.
func (g *Gateway) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return g.trust.Run(ctx) })
	if g.cached != nil {
		for _, f := range g.cached.followers {
			group.Go(func() error { return f.run(ctx) })
		}
	}
	return group.Wait()
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.router.ServeHTTP(w, r) }

// serve answers a request for op; nil: for what is no operation, with the methods that its
// path has, if any.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, op *operation, allow string) {
	a, r := g.observer.begin(w, r, op)
	defer g.observer.end(a, r)
	defer func() {
		if p := recover(); p != nil {
			g.fail(a, r, server.Recovered(r.Context(), g.log, p))
		}
	}()
	var err error
	switch isPreflight := g.headers.set(a.Header(), r); {
	case isPreflight:
		a.WriteHeader(http.StatusNoContent)
	case op == nil:
		a.operation, err = g.pages.serve(a, r, allow)
	default:
		err = g.answer(a, r, op)
	}
	if err != nil {
		g.fail(a, r, err)
	}
}

// answer takes a request for an operation through the stages.
func (g *Gateway) answer(a *answer, r *http.Request, op *operation) (err error) {
	if a.caller, err = g.admission.admit(a.Header(), r, op); err != nil {
		return err
	}
	if err := g.admission.take(a.Header(), r, op, a.caller); err != nil {
		return err
	}
	if op.upstream == nil {
		return g.pages.writeMe(a, r, a.caller.Actor)
	}
	if op.Cache.Seconds > 0 && g.cached != nil && g.cached.isFresh() {
		a.cached, err = g.cached.serve(a, r, op, a.caller)
		return err
	}
	return g.forwarder.forward(a, r, op, a.caller)
}

// statusClientClosedRequest is for a caller that did not wait. A half-closed client looks
// like a disconnected one, so it gets a status rather than an empty 200.
const statusClientClosedRequest = 499

// fail answers with the problem of err; what is our fault is logged with its cause.
func (g *Gateway) fail(a *answer, r *http.Request, err error) {
	if a.status != 0 { // too late for another answer
		g.log.WarnContext(r.Context(), "the answer ended before it was complete", "operation", a.operation, "error", err)
		return
	}
	a.isShed = errors.Is(err, share.ErrShare) || errors.Is(err, share.ErrFull)
	// Nobody reads the answer, but a sender that was cut off for its rate.
	if errors.Is(r.Context().Err(), context.Canceled) && !errors.Is(err, os.ErrDeadlineExceeded) {
		a.Header().Set("Connection", "close")
		a.WriteHeader(statusClientClosedRequest)
		return
	}
	f := fault.Of(err)
	if !a.isShed && !errors.Is(err, errNoAnswer) && (f.Status == fault.Internal || f.Status == fault.Unavailable || f.Status == fault.Timeout) {
		g.log.ErrorContext(r.Context(), "request failed", "operation", a.operation, "code", f.Code, "error", err)
	}
	problem.Write(a, r, err)
}
