// Package web is what every service's HTTP face has in common: one order of
// work for each request, one way to say what went wrong, one way to serve and
// to drain, and the client for the next service.
//
// A request is traced, named and timed; its internal token becomes the actor; its
// parameters and body are held against the contract; then the handler decides.
// Whatever error comes back is turned into a problem (RFC 9457) in one place.
package web

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/internaltoken"
)

// BasePath stands before every path of the contract.
const BasePath = "/finsam/v1"

// Options tell New what the service is and what it works with.
type Options struct {
	Service string                  // its name, such as "referral"
	Spec    []byte                  // its openapi.yaml, 3.0.3; only an Open one may do without
	Verify  *internaltoken.Verifier // whose tokens it accepts
	Open    bool                    // no internal token is asked for: only the gateway, which checks access tokens itself
	Access  *accesslog.Log          // for Gate; New does not use it
	Feed    *feed.Log               // served at GET /internal/feed; nil: not served
	Log     *slog.Logger            // nil: slog.Default
	Tracer  trace.TracerProvider    // nil: the global one
	Meter   metric.MeterProvider    // nil: the global one
}

// server is what the middleware of one service shares.
type server struct {
	Options
	tracer     trace.Tracer
	meters     *meters
	operations map[string]*operation // by method and echo's route
}

// New returns an echo that does everything but the handlers. Register those with
// the base path BasePath. It fails when the contract cannot be used.
func New(o Options) (*echo.Echo, error) {
	if o.Verify == nil && !o.Open {
		return nil, errors.New("web: a service without a verifier of tokens would be open to anybody")
	}
	if len(o.Spec) == 0 && !o.Open {
		return nil, errors.New("web: a service without a contract would take anything")
	}
	s, err := newServer(o)
	if err != nil {
		return nil, fmt.Errorf("web: %s: %w", o.Service, err)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.fail
	e.Use(s.observe, s.admit, s.validate)
	if o.Feed != nil {
		s.serveFeed(e)
	}
	return e, nil
}

func newServer(o Options) (*server, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Tracer == nil {
		o.Tracer = otel.GetTracerProvider()
	}
	if o.Meter == nil {
		o.Meter = otel.GetMeterProvider()
	}
	m, err := newMeters(o.Meter, o.Service)
	if err != nil {
		return nil, err
	}
	ops, err := contractOf(o.Spec)()
	if err != nil {
		return nil, err
	}
	return &server{Options: o, tracer: o.Tracer.Tracer(scope), meters: m, operations: ops}, nil
}

// scope names this package in traces and metrics.
const scope = "github.com/finsam/finsam/pkg/web"
