package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/tracecontext"
	"github.com/finsam/finsam/pkg/web/contract"
	"github.com/finsam/finsam/pkg/web/problem"
)

const (
	// maxAnswer bounds what a service answers, in bytes.
	maxAnswer = 16 << 20
	// busyPause is what a caller is advised to wait when all places are taken.
	busyPause = time.Second
	// awayPause is what a caller is advised to wait when a service is away.
	awayPause = 2 * time.Second
)

// asked are the headers of a caller that a service sees. All else stays here:
// anyone who the caller says to be or to come from is nothing a service believes.
var asked = []string{"Accept", "Accept-Language", "Content-Type", "If-Match", "If-None-Match", "If-Modified-Since", "Idempotency-Key"}

// answered are the headers of a service that a caller sees.
var answered = []string{"Content-Type", "Content-Language", "Content-Disposition", "Content-Security-Policy", "Etag", "Last-Modified", "Location",
	"Link", "Retry-After", "Deprecation", "Sunset", "Vary"}

// forward lets the service answer.
func (x *request) forward() error {
	if err := x.checkBody(); err != nil {
		return err
	}
	ctx, cancel, send := x.patience()
	defer cancel()
	r, err := x.request(ctx, false)
	if err != nil {
		return err
	}
	resp, err := send(x.op.upstream, r)
	if err != nil {
		return x.unanswered(err)
	}
	defer resp.Body.Close()
	return x.pass(resp)
}

// checkBody refuses what no service would take, before it is sent there.
func (x *request) checkBody() error {
	if x.r.ContentLength == 0 || x.r.Method == http.MethodGet || x.r.Method == http.MethodHead {
		return nil
	}
	if err := contract.CheckBodyHeaders(x.r, x.op.Form, x.op.BodyLimit); err != nil {
		return err
	}
	// The server looks at the body of its own request to learn whether something is
	// left of it on the connection: that one stays as it is.
	bounded := *x.r
	bounded.Body = http.MaxBytesReader(x, x.r.Body, x.op.BodyLimit)
	x.r = &bounded
	return nil
}

// request creates the request for the service: the path that was matched, the
// headers that a service may see, and the internal token of the actor. One for
// the cache asks for the whole answer.
func (x *request) request(ctx context.Context, whole bool) (*http.Request, error) {
	u := x.op.upstream
	h := make(http.Header, 8) // as many as one group of a map holds
	dropped := connectionNamed(x.r.Header)
	for _, name := range asked {
		if v := x.r.Header[name]; len(v) > 0 && !dropped[name] {
			h[name] = v
		}
	}
	if whole {
		delete(h, "If-None-Match")
		delete(h, "If-Modified-Since")
	}
	if !x.op.Public {
		token, err := x.g.Signer.Token(x.actor)
		if err != nil {
			return nil, fault.ErrInternal.Because(err)
		}
		h["Authorization"] = []string{"Bearer " + token}
	}
	h["Traceparent"] = []string{tracecontext.Header(ctx)}
	h["X-Request-Id"] = []string{x.requestID}
	h["User-Agent"] = gatewayAgent
	r := &http.Request{
		Method: x.r.Method, Header: h, Host: u.host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		URL: &url.URL{Scheme: u.scheme, Host: u.host, Path: x.r.URL.Path, RawQuery: x.r.URL.RawQuery},
	}
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead && x.r.ContentLength != 0 {
		r.Body, r.ContentLength = x.r.Body, x.r.ContentLength
	}
	if whole {
		r.Method = http.MethodGet
	}
	return r.WithContext(ctx), nil
}

var gatewayAgent = []string{"finsam-gateway"}

// connectionNamed returns the headers that the caller's Connection header names:
// they are for this hop only (RFC 9110 section 7.6.1). Ours are set after them,
// so a caller can never take one of those away (CVE-2025-48865).
func connectionNamed(h http.Header) map[string]bool {
	values := h["Connection"]
	if len(values) == 0 {
		return nil
	}
	names := map[string]bool{}
	for name := range strings.SplitSeq(strings.Join(values, ","), ",") {
		names[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))] = true
	}
	return names
}

// errBusy says that as many requests wait for services as may.
var errBusy = fault.ErrUnavailable.Because(errors.New("too many requests in flight")).After(busyPause)

// send calls a service while there is a place.
func (g *Gateway) send(u *upstream, r *http.Request) (*http.Response, error) {
	return g.within(&g.inFlight, g.InFlight, u, r)
}

// within calls a service, in a span of its own, unless as many calls as there may
// be are counted already.
func (g *Gateway) within(count *atomic.Int64, most int, u *upstream, r *http.Request) (*http.Response, error) {
	if count.Add(1) > int64(most) {
		count.Add(-1)
		return nil, errBusy
	}
	defer count.Add(-1)
	ctx, span := g.tracer.Start(r.Context(), "call "+u.name, trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	if header := tracecontext.Header(ctx); header != "" {
		r.Header["Traceparent"] = []string{header}
		r = r.WithContext(ctx)
	}
	resp, err := u.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusUnauthorized || resp.ContentLength > maxAnswer {
		resp.Body.Close()
		return nil, fault.ErrUnavailable.Because(fmt.Errorf("%s answered %d with %d bytes", u.name, resp.StatusCode, resp.ContentLength)).After(awayPause)
	}
	return resp, nil
}

// unanswered says what it means that a service gave no answer.
func (x *request) unanswered(err error) error {
	var f *fault.Error
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem.TooLarge(large.Limit)
	case errors.As(err, &f):
		return f
	case errors.Is(err, context.DeadlineExceeded):
		return problem.ErrTimeout.Because(err)
	case x.r.Context().Err() != nil:
		return x.r.Context().Err()
	}
	return fault.ErrUnavailable.Because(err).After(awayPause)
}

// buffers are for the copying of answers.
var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// pass returns the service's answer to the caller.
func (x *request) pass(resp *http.Response) error {
	h := x.Header()
	copyHeaders(h, resp.Header)
	if x.op.Public { // a calendar program may keep what it read for a while
		if v := resp.Header["Cache-Control"]; len(v) > 0 {
			h["Cache-Control"] = v
		}
	}
	if resp.ContentLength >= 0 && resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.FormatInt(resp.ContentLength, 10)}
	}
	x.WriteHeader(resp.StatusCode)
	if resp.ContentLength == 0 || x.r.Method == http.MethodHead {
		return nil
	}
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	n, err := io.CopyBuffer(plainWriter{x}, io.LimitReader(resp.Body, maxAnswer+1), *b)
	if err == nil && n > maxAnswer {
		err = fmt.Errorf("%s answered more than %d bytes", x.op.upstream.name, maxAnswer)
	}
	if err != nil { // the caller must not take half an answer for a whole one
		x.g.Log.WarnContext(x.ctx, "an answer broke off", "operation", x.route, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// plainWriter hides what else the writer can do, so that the buffer is used.
type plainWriter struct{ io.Writer }

// copyHeaders copies those of a service's headers that a caller sees; Vary is
// added to what stands there.
func copyHeaders(to, from http.Header) {
	for _, name := range answered {
		v := from[name]
		if len(v) == 0 {
			continue
		}
		if name == "Vary" {
			v = append(v[:len(v):len(v)], to[name]...)
		}
		to[name] = v
	}
}
