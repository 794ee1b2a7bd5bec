package gateway

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/certificate"
	"github.com/finsam/finsam/pkg/certificate/certificatetest"
)

// maxBody is how many bytes an operation takes that says nothing else.
const maxBody = 1 << 20

const aReferral = "/finsam/v1/referrals/5b7c1c0e-52f4-5a0a-9d3e-6f0a4f6d2c11"

func TestAServiceSeesOnlyTheHeadersItMay(t *testing.T) {
	r := newRig(t)
	w := r.as("fk", actor.Integration, "GET", aReferral, "",
		"If-None-Match", `"3"`, "Accept-Language", "en", "X-Request-Id", "my-own-1", "Cookie", "a=b", "Tracestate", "a=b",
		"X-Forwarded-For", "192.0.2.1", "X-Forwarded-User", "admin", "Forwarded", "for=x", "X-Finsam-Actor", "board", "X-Real-Ip", "1.1.1.1",
		"Te", "trailers", "Upgrade", "h2c", "Proxy-Authorization", "Basic x", "Keep-Alive", "x", "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	got := r.services["referral"].last().Header
	want := []string{"Accept-Language", "Authorization", "If-None-Match", "Traceparent", "User-Agent", "X-Request-Id"}
	var names []string
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("the service saw %v", got)
	}
	trace, _, _ := strings.Cut(strings.TrimPrefix(w.Header().Get("Traceparent"), "00-"), "-")
	if !strings.HasPrefix(got.Get("Traceparent"), "00-"+trace+"-") || got.Get("X-Request-Id") != "my-own-1" {
		t.Errorf("trace and request id: %v", got)
	}
	if len(trace) != 32 || trace == "4bf92f3577b34da6a3ce929d0e0e4736" || w.Header().Get("X-Request-Id") != "my-own-1" {
		t.Errorf("the answer's trace and request id: %v", w.Header())
	}
}

func TestAPersonalNumberIsNotUsedAsRequestID(t *testing.T) {
	r := newRig(t)
	w := r.as("fk", actor.Integration, "GET", aReferral, "", "X-Request-Id", "19121212-1212")
	if id := w.Header().Get("X-Request-Id"); len(id) != 36 || r.services["referral"].last().Header.Get("X-Request-Id") != id {
		t.Errorf("the request is named %q", id)
	}
}

func TestACompressedBodyIsRefused(t *testing.T) {
	r := newRig(t)
	if w := r.as("fk", actor.Integration, "POST", "/finsam/v1/referrals", `{"a":1}`, "Content-Encoding", "gzip"); w.Code != 415 || !strings.Contains(w.Body.String(), `"content-encoding"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAConnectionHeaderRemovesNoneOfOurHeaders(t *testing.T) {
	r := newRig(t)
	r.as("fk", actor.Integration, "GET", aReferral, "", "Connection", "close, Authorization, traceparent, X-Request-Id, if-none-match", "If-None-Match", `"3"`)
	got := r.services["referral"].last().Header
	if !strings.HasPrefix(got.Get("Authorization"), "Bearer ") || got.Get("Traceparent") == "" || got.Get("X-Request-Id") == "" {
		t.Errorf("ours were taken away: %v", got)
	}
	if got.Get("If-None-Match") != "" || got.Get("Connection") != "" {
		t.Errorf("the caller's were not: %v", got)
	}
}

func TestACallerSeesOnlyTheHeadersItMay(t *testing.T) {
	r := newRig(t)
	r.services["referral"].answer = func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		for name, v := range map[string]string{"Content-Type": "application/json", "Etag": `"4"`, "Location": "referrals/1", "Set-Cookie": "a=b",
			"Server": "x", "X-Powered-By": "x", "Access-Control-Allow-Origin": "*", "Connection": "Etag", "Ratelimit": "mine",
			"X-Request-Id": "other", "Cache-Control": "public", "Deprecation": "@1", "Transfer-Encoding": "identity"} {
			h.Set(name, v)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{}`)
	}
	w := r.as("fk", actor.Integration, "POST", "/finsam/v1/referrals", "{}")
	h := w.Header()
	if w.Code != http.StatusCreated || w.Body.String() != "{}" || h.Get("Etag") != `"4"` || h.Get("Location") != "referrals/1" || h.Get("Deprecation") != "@1" {
		t.Errorf("%d %v %s", w.Code, h, w.Body)
	}
	for _, name := range []string{"Set-Cookie", "Server", "X-Powered-By", "Access-Control-Allow-Origin", "Ratelimit", "Connection"} {
		if h.Get(name) != "" {
			t.Errorf("%s: %s", name, h.Get(name))
		}
	}
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Request-Id") == "other" || h.Get("Traceparent") == "" {
		t.Errorf("%v", h)
	}
}

func TestThePathThatIsAuthorisedIsThePathThatIsServed(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{
		"/finsam/v1/referrals/..%2fparticipants", "/finsam/v1/referrals/%2e%2e/participants", "/finsam/v1/referrals/../participants",
		"/finsam/v1/referrals/./x", "/finsam/v1//referrals", "/finsam/v1/referrals/", "/finsam/v1/referrals//", "//finsam/v1/referrals",
		"/finsam/v1/Referrals", "/FINSAM/v1/referrals", "/finsam/v1/referrals%00", "/finsam/v1/referrals/a%20b", "/finsam/v1/referrals;a=b",
		"/finsam/v1/referrals/a;b", "/finsam/v1/referrals/%61", "/finsam/v1/referrals/a%2Fb", "/finsam/v1/referrals/a\\b", "/finsam/v1/referrals/å",
		"/finsam/v1/internal/persons", "/internal/feed", "/finsam/v1/referrals/x/acceptance/y", "/finsam/v1/..;/internal/feed",
	} {
		req := httptest.NewRequest("GET", "/", nil)
		req.URL.Path, req.URL.RawPath = unescape(path)
		req.Header.Set("Authorization", "Bearer "+r.token("fk", actor.Integration))
		w := httptest.NewRecorder()
		r.g.ServeHTTP(w, req)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for name, s := range r.services {
		if s.times() > 0 {
			t.Errorf("%s was asked for %s", name, s.last().URL)
		}
	}
}

// unescape does to a path what net/http's server does.
func unescape(raw string) (path, rawPath string) {
	req, err := http.NewRequest("GET", "http://x"+strings.ReplaceAll(raw, "\\", "%5C"), nil)
	if err != nil {
		return raw, ""
	}
	return req.URL.Path, req.URL.RawPath
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	r := newRig(t)
	w := r.as("fk", actor.Integration, "HEAD", aReferral, "")
	if w.Code != http.StatusOK || w.Body.Len() > 0 || r.services["referral"].last().Method != "HEAD" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAServiceThatRefusesTheGatewaysOwnTokenIsOurFault(t *testing.T) {
	r := newRig(t)
	r.services["referral"].answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
	if w := r.as("fk", actor.Integration, "GET", aReferral, ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d: the caller would look for the fault in its own token", w.Code)
	}
}

func TestABodyThatGrowsOverTheBoundIsStopped(t *testing.T) {
	r := newRig(t)
	r.services["referral"].answer = func(w http.ResponseWriter, q *http.Request) {
		if n, err := io.Copy(io.Discard, q.Body); err == nil || n > (1<<20) {
			t.Errorf("the service read %d bytes, %v", n, err)
		}
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	}
	req := httptest.NewRequest("POST", "/finsam/v1/referrals", io.MultiReader(strings.NewReader(strings.Repeat("a", (1<<20)+10))))
	req.ContentLength = -1
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.token("fk", actor.Integration))
	w := httptest.NewRecorder()
	r.g.ServeHTTP(w, req)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d", w.Code)
	}
}

func TestOverTheNetworkABodyThatGrowsOverTheBoundIs413(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { _, _ = io.Copy(io.Discard, q.Body) }))
	defer s.Close()
	r := newRig(t, func(o *Config) { toNetwork(t, o, "referral", s.URL) })
	req := httptest.NewRequest("POST", "/finsam/v1/referrals", io.MultiReader(strings.NewReader(strings.Repeat("a", (1<<20)+10))))
	req.ContentLength = -1
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.token("fk", actor.Integration))
	w := httptest.NewRecorder()
	r.g.ServeHTTP(w, req)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestCase_G9_ABrokenBodyIsTheCallersMistakeOverTheNetworkToo sends what is framed wrongly,
// on connections to a service that reads it all.
func TestCase_G9_ABrokenBodyIsTheCallersMistakeOverTheNetworkToo(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { _, _ = io.Copy(io.Discard, q.Body) }))
	defer s.Close()
	var log buffer
	r := newRig(t, func(o *Config) {
		toNetwork(t, o, "referral", s.URL)
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	front := httptest.NewServer(r.g)
	defer front.Close()
	for chunks, status := range map[string]int{"zz\r\n": 400, "5\r\n{\"a\":1}\r\n0\r\n\r\n": 400, "-1\r\n{}\r\n": 400, "fffffffffffffffff\r\n{}": 400,
		"2\r\n{}3\r\n": 400, "\r\n\r\n": 400, "2\n{}\n0x\n\n": 400, "8\r\n{}": statusClientClosedRequest} {
		conn, err := net.Dial("tcp", front.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = fmt.Fprintf(conn, "POST /finsam/v1/referrals HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n%s",
			r.token("fk", actor.Integration), chunks)
		_ = conn.(*net.TCPConn).CloseWrite()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != status || !resp.Close {
			t.Errorf("%q: %+v %v", chunks, resp, err)
		}
		_ = conn.Close()
	}
	if strings.Contains(log.String(), "level=ERROR") {
		t.Error(log.String())
	}
}

// What is left of a body that was refused must never be read as the next request:
// behind an Ingress that is somebody else's (request smuggling, RFC 9112 section 11.2).
func TestTheRestOfARefusedBodyIsNotReadAsARequest(t *testing.T) {
	reads := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { _, _ = io.Copy(io.Discard, q.Body) }))
	defer reads.Close()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	defer refuses.Close()
	hidden := strings.Repeat("GET /finsam/v1/api-info HTTP/1.1\r\nHost: x\r\n\r\n", 50_000)
	for what, c := range map[string]struct{ base, framing, body string }{
		"too large, in one chunk":            {reads.URL, "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)},
		"refused before it was read":         {refuses.URL, fmt.Sprintf("Content-Length: %d", maxBody), hidden[:maxBody]},
		"too large, as its length says":      {reads.URL, fmt.Sprintf("Content-Length: %d", len(hidden)), hidden},
		"too large, by a service in process": {"", "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)},
	} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t, func(o *Config) {
				if c.base != "" {
					toNetwork(t, o, "referral", c.base)
				}
			})
			front := httptest.NewServer(r.g)
			defer front.Close()
			conn, err := net.Dial("tcp", front.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				_, _ = fmt.Fprintf(conn, "POST /finsam/v1/referrals HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n%s",
					r.token("fk", actor.Integration), c.framing, c.body) // the gateway may hang up before all is sent
				_ = conn.(*net.TCPConn).CloseWrite()
			}()
			in := bufio.NewReader(conn)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode < 400 && c.base != "" {
				t.Errorf("%d %v", resp.StatusCode, err)
			}
			if more, err := http.ReadResponse(in, nil); err == nil {
				t.Errorf("the rest of the body was answered: %d", more.StatusCode)
			}
			<-sent
		})
	}
}

// toNetwork creates a service be reached over the network.
func toNetwork(t testing.TB, o *Config, name, base string) {
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	for i := range o.Services {
		if o.Services[i].Name == name {
			transport := newTransport(u, o.TLS)
			t.Cleanup(transport.CloseIdleConnections)
			o.Services[i].Base, o.Services[i].Transport = base, transport
		}
	}
}

func TestATruncatedAnswerIsNotPassedOnAsComplete(t *testing.T) {
	for size, isCut := range map[int]bool{4: false, 100_000: true} { // a short one can still be another answer
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000000")
			w.Header().Set("Etag", `"1"`)
			_, _ = io.WriteString(w, strings.Repeat("x", size))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}))
		r := newRig(t, func(o *Config) { toNetwork(t, o, "referral", s.URL) })
		front := httptest.NewServer(r.g)
		req, err := http.NewRequest("GET", front.URL+aReferral, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+r.token("fk", actor.Integration))
		resp, err := front.Client().Do(req)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		switch {
		case isCut && err == nil:
			t.Errorf("half an answer of %d bytes looked whole", size)
		case !isCut && (err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "2" || resp.Header.Get("Etag") != ""):
			t.Errorf("half an answer of %d bytes: %v %v", size, err, resp)
		}
		front.Close()
		s.Close()
	}
}

func TestRequestsInFlightAreBounded(t *testing.T) {
	r := newRig(t, func(o *Config) { o.MaxInFlight = 2 })
	gate := make(chan struct{})
	r.services["referral"].answer = func(w http.ResponseWriter, _ *http.Request) { <-gate; w.WriteHeader(http.StatusOK) }
	token := "Bearer " + r.token("fk", actor.Integration)
	done := make(chan int, 2)
	for range 2 {
		go func() { done <- r.ask("GET", aReferral, "", "Authorization", token).Code }()
	}
	r.soon("both places are taken", func() bool { return r.services["referral"].times() == 2 })
	for authority, want := range map[string]int{"fk": http.StatusTooManyRequests, "af": http.StatusServiceUnavailable} {
		w := r.as(authority, actor.Integration, "GET", aReferral, "")
		if w.Code != want || w.Header().Get("Retry-After") != "1" {
			t.Errorf("the third, of %s: %d %v", authority, w.Code, w.Header())
		}
	}
	close(gate)
	for range 2 {
		if code := <-done; code != http.StatusOK {
			t.Errorf("one of the two: %d", code)
		}
	}
	if w := r.ask("GET", aReferral, "", "Authorization", token); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d", w.Code)
	}
}

func TestACancelledRequestEndsTheCall(t *testing.T) {
	r := newRig(t)
	ended := make(chan struct{})
	r.services["referral"].answer = func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done(); close(ended) }
	ctx, cancel := context.WithCancel(t.Context())
	req := httptest.NewRequest("GET", aReferral, nil).WithContext(ctx)
	req.Header.Set("Authorization", "Bearer "+r.token("fk", actor.Integration))
	go func() { time.Sleep(20 * time.Millisecond); cancel() }()
	r.g.ServeHTTP(httptest.NewRecorder(), req)
	select {
	case <-ended:
	case <-time.After(2 * time.Second):
		t.Error("the service still works for nobody")
	}
}

func FuzzPlainPath(f *testing.F) {
	for _, p := range []string{"/finsam/v1/referrals", "//", "/a/../b", "/a%2fb", "/.well-known"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if !isPlain(&url.URL{Path: path}) {
			return
		}
		if got, raw := unescape(path); got != path || raw != "" || strings.Contains(path, "//") || strings.Contains(path, "/.") {
			t.Errorf("%q may mean something else", path)
		}
	})
}

// The hop to a service over TLS is the one without: only its connections differ.
func TestAServiceOverTLSIsAskedOnOneConnection(t *testing.T) {
	dir := t.TempDir()
	certificatetest.New(t).Issue(t, dir, time.Now().Add(time.Hour))
	certificates, err := certificate.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var made atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made.Add(1)
		}
	}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.Listener = tls.NewListener(s.Listener, certificates.Server())
	s.Start()
	defer s.Close()
	secure := "https://" + s.Listener.Addr().String()
	r := newRig(t, func(o *Config) {
		o.TLS = certificates.Client
		toNetwork(t, o, "referral", secure)
	})
	for range 3 {
		if w := r.as("fk", actor.Integration, "GET", aReferral, ""); w.Code != http.StatusOK {
			t.Fatal(w.Code, w.Body)
		}
		if w := r.as("fk", actor.Integration, "POST", "/finsam/v1/referrals", `{"a":1}`); w.Code != http.StatusOK || w.Body.String() != `{"a":1}` {
			t.Fatal(w.Code, w.Body)
		}
	}
	if made.Load() != 1 {
		t.Errorf("%d connections", made.Load())
	}
	stranger := newRig(t, func(o *Config) { // who does not know the authority
		o.TLS = func() *tls.Config { return &tls.Config{} }
		toNetwork(t, o, "referral", secure)
	})
	if w := stranger.as("fk", actor.Integration, "GET", aReferral, ""); w.Code != http.StatusServiceUnavailable {
		t.Error(w.Code, w.Body)
	}
}
