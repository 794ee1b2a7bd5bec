package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/memory"
	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/tracecontext"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/contract"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/pkg/web/server"
)

const (
	// maxAnswer bounds what a service answers, in bytes.
	maxAnswer = 16 << 20
	// busyRetryAfter is what a caller is advised to wait that gets no place.
	busyRetryAfter = time.Second
	// awayRetryAfter is what a caller is advised to wait when a service does not answer.
	awayRetryAfter = 2 * time.Second
	// writeGrace is what a write deadline leaves for the answer that it took too long.
	writeGrace = 5 * time.Second
)

// requestHeaders are the caller's headers that a service sees. All others stay here: no
// service believes what a caller says of itself.
var requestHeaders = []string{"Accept", "Accept-Language", "Content-Type", "If-Match", "If-None-Match", "If-Modified-Since", "Idempotency-Key"}

// responseHeaders are the service's headers that a caller sees.
var responseHeaders = []string{"Content-Type", "Content-Language", "Content-Disposition", "Content-Security-Policy", "Etag", "Last-Modified", "Location",
	"Link", "Retry-After", "Deprecation", "Sunset", "Vary", "Www-Authenticate"}

// forwarder has the services answer.
type forwarder struct {
	signer  *internaltoken.Signer
	tracer  trace.Tracer
	log     *slog.Logger
	timeout time.Duration     // for one answer
	long    map[class]*places // of requests that are slow by their nature, for all services
	meters  *meters
}

// class is a kind of requests with places of its own, so that the slow ones keep no place
// from the others. Of each class every authority has a share.
type class string

const (
	classCall     class = "call" // every other one
	classPoll     class = "poll" // that waits for news
	classTransfer class = "transfer"
	classExport   class = "export"
	classBatch    class = "batch"
	classBody     class = "body" // a call whose body has not come yet
)

// longParts are how many places the slow classes have, as parts of those of one service.
var longParts = map[class]int{classPoll: 4, classTransfer: 16, classExport: 64, classBatch: 128, classBody: 1}

// dear is the cost from which a request is an export or a batch.
const dear = 10

// places are those of a class, divided among the authorities by association and name.
type places = share.Places[[2]string]

const (
	// maxWait is how long a call waits for a place, at most: 128 of one authority that has
	// nobody beside it are served by a machine that does 128 a second.
	maxWait = time.Second
	// maxLongWait is that of the slow classes.
	maxLongWait = 500 * time.Millisecond
	// leastCalls is how many calls of a service are under way for each processor however
	// slow it is. Writes that come together share a commit: with 4 a POST wrote twice as
	// many bytes, with 64 a tenth fewer, and in an overload everybody waited twice as long.
	leastCalls = 32
)

// newPlaces returns the places of calls of one service, or those of a slow class: of those
// one authority alone has no more than a quarter, as they are free again only after long.
func newPlaces(most int, c class) *places {
	most = max(most/max(longParts[c], 1), 1)
	p := share.PlacesConfig{Most: most, Alone: .25, Queue: most, Wait: maxLongWait, IsFull: memory.IsFull}
	if c == classCall {
		p.Alone, p.Least, p.Wait = .75, leastCalls*runtime.GOMAXPROCS(0), maxWait
	}
	return share.NewPlaces[[2]string](p)
}

// forward has the service answer the caller.
func (f *forwarder) forward(w http.ResponseWriter, r *http.Request, op *operation, who caller) error {
	hasBody := r.ContentLength != 0 && r.Method != http.MethodGet && r.Method != http.MethodHead
	if hasBody {
		if err := contract.CheckBodyHeaders(r, op.Form, op.BodyLimit); err != nil {
			return err
		}
	}
	ctx, cancel := f.bound(w, r, op)
	defer cancel()
	kind := op.class
	switch {
	case op.waits(r):
		kind = classPoll
	case hasBody && op.Body && kind == classCall: // one that nobody asked for is not read
		kind = classBody
	}
	places, err := f.enter(ctx, op, kind, who)
	if err != nil {
		if hasBody { // which is not waited for
			w.Header()["Connection"] = []string{"close"}
		}
		return err
	}
	asked, took := time.Now(), time.Duration(0)
	var served *serving
	defer func() {
		if served != nil {
			places = served.end()
		}
		if places != nil {
			places.Leave(who.place(), took)
		}
	}()
	out, err := f.request(ctx, r, op, who.Actor)
	if err != nil {
		return err
	}
	var body *server.Body
	if hasBody {
		limit, _ := ctx.Deadline()
		body = server.Pace(w, r, limit)
		defer body.End()
		r.Body = body
		out.Body, out.ContentLength = http.MaxBytesReader(w, body, op.BodyLimit), r.ContentLength
		if kind == classBody {
			served = &serving{ReadCloser: out.Body, forwarder: f, op: op, who: who, ctx: ctx, length: r.ContentLength, places: places}
			out.Body = served
		}
	}
	resp, err := f.send(out, op.upstream)
	if err != nil {
		if body != nil {
			err = cmp.Or(body.Err(), err)
		}
		return faultOf(r.Context(), err)
	}
	defer resp.Body.Close()
	if served != nil {
		asked = served.started()
	}
	took = time.Since(asked)
	if err := f.pass(w, out, op, resp); err != nil {
		return faultOf(r.Context(), err)
	}
	return nil
}

// serving is the body of a call with the place of the call: one of classBody until all of
// it has come, and only then one of the service, so that who sends slowly keeps no service
// from the others. The service has the end of the body when it has a place.
type serving struct {
	io.ReadCloser
	*forwarder
	op  *operation
	who caller
	ctx context.Context

	mu     sync.Mutex
	length int64     // that is still to come; below zero: unknown
	places *places   // nil: none, and it has ended
	since  time.Time // when it got one of the service
}

// Read implements io.Reader.
func (s *serving) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.length -= int64(n); s.places == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	if s.places != s.long[classBody] || err != io.EOF && s.length != 0 {
		return n, err
	}
	s.places.Leave(s.who.place(), 0)
	var refused error
	if s.places, refused = s.enter(s.ctx, s.op, classCall, s.who); refused != nil {
		return 0, refused
	}
	s.since = time.Now()
	return n, err
}

func (s *serving) started() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since
}

// end returns the place that is to be put back, or nil.
func (s *serving) end() *places {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.places
	s.places = nil
	return last
}

// enter takes a place of the class for the caller's authority. Who asks for more than its
// share is answered 429; if there is no place for others either, it is 503.
func (f *forwarder) enter(ctx context.Context, op *operation, kind class, who caller) (*places, error) {
	p := f.long[kind]
	if kind == classCall {
		p = op.upstream.calls
	}
	waited, err := p.Enter(ctx, who.place())
	if waited > 0 {
		f.meters.waits.Record(ctx, waited.Seconds(), metrics.Labels{"class": string(kind)}.Option())
	}
	if err == nil {
		return p, nil
	}
	reason, answer := shedFull, fault.ErrUnavailable.After(busyRetryAfter)
	switch {
	case errors.Is(err, share.ErrShare):
		reason, answer = shedShare, problem.ErrTooMany.After(busyRetryAfter)
	case !errors.Is(err, share.ErrFull): // the caller has gone, or its time is up
		return nil, faultOf(ctx, err)
	}
	f.meters.shed.Add(ctx, 1, metrics.Labels{"authority": who.Authority, "class": string(kind), "reason": reason}.Option())
	return nil, answer.Because(err)
}

// bound returns the context in which the service must answer.
func (f *forwarder) bound(w http.ResponseWriter, r *http.Request, op *operation) (context.Context, context.CancelFunc) {
	if op.waits(r) {
		timeout := feed.MaxWait + f.timeout
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout + writeGrace)) // the server's own is shorter
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		if draining := server.Draining(ctx); draining != nil {
			go func() { // a server that drains asks the caller to try again
				select {
				case <-draining:
					cancel()
				case <-ctx.Done():
				}
			}()
		}
		return ctx, cancel
	}
	timeout := f.timeout
	if op.Transfer {
		timeout = server.TransferTimeout
		server.ExtendDeadline(w, time.Now().Add(timeout))
	}
	return context.WithTimeout(r.Context(), timeout)
}

var userAgent = []string{"finsam-gateway"}

// request creates the request for the service, without a body: the path that was matched,
// the headers that a service sees, and the actor's internal token. Headers that the
// caller's Connection header names are for the caller's hop only (RFC 9110 section 7.6.1);
// ours are set after them, so that a caller can never remove one (CVE-2025-48865). The
// request has a span of its own, which send ends.
func (f *forwarder) request(ctx context.Context, r *http.Request, op *operation, who actor.Actor) (*http.Request, error) {
	h := make(http.Header, 8) // as many as one group of a map holds
	for _, name := range requestHeaders {
		if v := r.Header[name]; len(v) > 0 {
			h[name] = v
		}
	}
	for _, connection := range r.Header["Connection"] {
		for name := range strings.SplitSeq(connection, ",") {
			delete(h, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	values := make([]string, 3) // in one piece of memory
	if !op.Public {
		token, err := f.signer.Token(who)
		if err != nil {
			return nil, fault.ErrInternal.Because(err)
		}
		values[0] = "Bearer " + token
		h["Authorization"] = values[:1:1]
	}
	values[1] = web.From(ctx).ID
	if spanned, span := f.tracer.Start(ctx, op.upstream.span, clientSpan...); span.SpanContext().IsValid() {
		ctx = spanned
	}
	values[2] = tracecontext.Header(ctx)
	h[web.HeaderRequestID], h[web.HeaderTraceParent] = values[1:2:2], values[2:]
	h["User-Agent"] = userAgent
	u := op.upstream
	out := new(http.Request).WithContext(ctx)
	out.Method, out.Header, out.Host, out.Proto, out.ProtoMajor, out.ProtoMinor = r.Method, h, u.host, "HTTP/1.1", 1, 1
	out.URL = &url.URL{Scheme: u.scheme, Host: u.host, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	return out, nil
}

var clientSpan = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient)}

// send calls a service, and ends the span of the request.
func (f *forwarder) send(r *http.Request, u *upstream) (*http.Response, error) {
	defer trace.SpanFromContext(r.Context()).End()
	if u.isSilent(time.Now()) {
		return nil, fmt.Errorf("%s: %w", u.name, errNoAnswer)
	}
	resp, err := u.transport.RoundTrip(r)
	if err == nil && (resp.StatusCode == http.StatusUnauthorized || resp.ContentLength > maxAnswer) {
		resp.Body.Close()
		err = fmt.Errorf("%s answered %d with %d bytes", u.name, resp.StatusCode, resp.ContentLength)
	}
	if err != nil {
		return nil, f.noAnswer(r, u, err)
	}
	return resp, nil
}

const (
	// maxTimeouts is how many calls in a row time out until a service is taken for silent.
	maxTimeouts = 3
	// tryInterval is how often a silent service is called all the same.
	tryInterval = time.Second
)

// errNoAnswer is in every error of a call that brought no whole answer. It is logged once,
// not with each request.
var errNoAnswer = errors.New("no answer of the service")

// noAnswer returns the error of a call that failed, and remembers it of the service unless
// the caller is to blame.
func (f *forwarder) noAnswer(r *http.Request, u *upstream, err error) error {
	if errors.Is(r.Context().Err(), context.Canceled) || errors.As(err, new(*fault.Error)) || errors.As(err, new(*http.MaxBytesError)) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) && f.hadTime(r) {
		if u.timeouts.Add(1) >= maxTimeouts {
			u.tryAt.Store(time.Now().Add(tryInterval).UnixNano())
		}
	}
	if !u.isFailing.Swap(true) {
		f.log.WarnContext(r.Context(), "a service does not answer as it should", "to", u.name, "error", err)
	}
	return fmt.Errorf("%s: %w: %w", u.name, errNoAnswer, err)
}

// hadTime reports whether a service had most of the time to answer a request. Of one with a
// body the caller may have been the slow one.
func (f *forwarder) hadTime(r *http.Request) bool {
	if s, ok := r.Body.(*serving); ok {
		since := s.started()
		return !since.IsZero() && time.Since(since) > f.timeout/2
	}
	return r.Body == nil
}

// answered notes that a service has answered whole.
func (f *forwarder) answered(ctx context.Context, u *upstream) {
	if u.isFailing.Load() && u.isFailing.Swap(false) {
		u.timeouts.Store(0)
		f.log.InfoContext(ctx, "a service answers again", "to", u.name)
	}
}

// faultOf returns the fault of a call that brought no answer. ctx is the caller's.
func faultOf(ctx context.Context, err error) error {
	var f *fault.Error
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem.TooLarge(large.Limit)
	case errors.As(err, &f):
		return f
	case errors.Is(err, context.DeadlineExceeded):
		return problem.ErrTimeout.Because(err).After(awayRetryAfter)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fault.ErrUnavailable.Because(err).After(awayRetryAfter)
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// pass passes the service's answer on to the caller. An answer that breaks off in its first
// 32 KiB is an error; of a longer one that does the connection is cut, so that the caller
// does not take half of it for the whole.
func (f *forwarder) pass(w http.ResponseWriter, out *http.Request, op *operation, resp *http.Response) (err error) {
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	have := 0
	if resp.ContentLength == 0 || out.Method == http.MethodHead {
		err = io.EOF
	}
	for have < len(*b) && err == nil {
		var n int
		n, err = resp.Body.Read((*b)[have:])
		have += n
	}
	if err != nil && err != io.EOF {
		return f.noAnswer(out, op.upstream, err)
	}
	h := w.Header()
	copyHeaders(h, resp.Header)
	if v := resp.Header["Cache-Control"]; op.Public && len(v) > 0 { // a calendar program may keep what it read for a while
		h["Cache-Control"] = v
	}
	if resp.ContentLength >= 0 && resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.FormatInt(resp.ContentLength, 10)}
	}
	w.WriteHeader(resp.StatusCode)
	for total := have; ; total += have {
		if have > 0 { // nothing may be written of a 204, not even nothing
			if _, gone := w.Write((*b)[:have]); gone != nil {
				panic(http.ErrAbortHandler)
			}
		}
		switch {
		case err == io.EOF:
			f.answered(out.Context(), op.upstream)
			return nil
		case err == nil && total > maxAnswer:
			err = fmt.Errorf("more than %d bytes", maxAnswer)
		}
		if err != nil {
			if out.Context().Err() == nil { // else its time is up, and the caller may have been the slow one
				_ = f.noAnswer(out, op.upstream, err)
			}
			panic(http.ErrAbortHandler)
		}
		have, err = resp.Body.Read(*b)
	}
}

// copyHeaders copies those of a service's headers that a caller sees. Vary is added to.
func copyHeaders(to, from http.Header) {
	for _, name := range responseHeaders {
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
