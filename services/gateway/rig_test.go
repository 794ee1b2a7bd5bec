package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/cache"
	"github.com/finsam/finsam/pkg/cache/memory"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/inprocess"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/gateway/contract"
	"github.com/finsam/finsam/services/gateway/trust"
	"github.com/finsam/finsam/services/gateway/trust/trusttest"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a service behind the gateway that answers as the test says and
// remembers what it was asked.
type service struct {
	mu     sync.Mutex
	answer http.HandlerFunc
	asked  []*http.Request
	feed   events
}

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r)
	answer := s.answer
	s.mu.Unlock()
	if answer == nil {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, `{"ok":true}`)
		return
	}
	answer(w, r)
}

func (s *service) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// last returns the latest request, nil when there was none.
func (s *service) last() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) == 0 {
		return nil
	}
	return s.asked[len(s.asked)-1]
}

// events is a feed in memory.
type events struct {
	mu   sync.Mutex
	all  []feed.Event
	away atomic.Bool
}

// After implements feed.Reader.
func (e *events) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]feed.Event, error) {
	for end := time.Now().Add(wait); ; {
		e.mu.Lock()
		some := e.all[min(int(seq), len(e.all)):]
		e.mu.Unlock()
		if e.away.Load() {
			return nil, io.ErrUnexpectedEOF
		}
		if len(some) > 0 || time.Now().After(end) {
			return some[:min(len(some), limit)], nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (e *events) add(kind, association string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, feed.Event{Sequence: int64(len(e.all)) + 1, Type: kind, Association: association})
}

// operations returns the contract's, the gateway's own among them.
func operations(t testing.TB) []contract.Operation {
	t.Helper()
	_, all, err := contract.Read()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// rig is a gateway with fake services, the real contract, and an issuer of tokens.
type rig struct {
	t        testing.TB
	g        *Gateway
	config   Config
	cache    cache.Cache
	issuer   *trusttest.Issuer
	internal *webtest.Trust
	services map[string]*service
	log      *buffer
}

// buffer is a log that may be written by many.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, issuer: trusttest.New(t), internal: webtest.NewTrust(t, nil), services: map[string]*service{}, log: &buffer{}}
	o := Config{Version: "1.0.0", Revision: "abc", Signer: r.internal.Signers[internaltoken.Gateway],
		Log: slog.New(slog.NewJSONHandler(r.log, nil)), PublicURL: "https://api.finsam.example"}
	var err error
	if o.Trust, err = trust.Open(trust.Config{Path: r.issuer.TrustFile, Log: o.Log}); err != nil {
		t.Fatal(err)
	}
	inMemory, err := memory.New(16 << 20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inMemory.Close() })
	o.Cache = inMemory
	for _, name := range []string{"referral", "participant", "activity"} {
		s := &service{}
		r.services[name] = s
		o.Services = append(o.Services, Service{Name: name, Transport: inprocess.Transport{Handler: s}, Feed: &s.feed})
	}
	for _, c := range change {
		c(&o)
	}
	r.config, r.cache = o, o.Cache
	if r.g, err = New(o); err != nil {
		t.Fatal(err)
	}
	return r
}

// run follows feeds and trust until the test ends, and waits until the cache may
// be used.
func (r *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.g.Run(ctx) })
	r.t.Cleanup(func() { cancel(); wg.Wait() })
	r.soon("the feeds are followed", r.g.cached.isFresh)
}

func (r *rig) soon(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	r.t.Errorf("not soon: %s", what)
}

func (r *rig) token(authority string, roles ...actor.Role) string {
	r.t.Helper()
	return r.issuer.Token(r.t, authority, time.Hour, roles...)
}

// ask sends a request; headers are name, value, name, value.
func (r *rig) ask(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Content-Type" {
			req.Header.Del(headers[i])
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.g.ServeHTTP(w, req)
	return w
}

// as is ask by a token of the authority and role.
func (r *rig) as(authority string, role actor.Role, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	return r.ask(method, target, body, append([]string{"Authorization", "Bearer " + r.token(authority, role)}, headers...)...)
}

// changing are the parts of a problem that differ each time.
var changing = regexp.MustCompile(`urn:uuid:[0-9a-f-]{36}|"traceId": "[0-9a-f]{32}"`)

// golden compares an answer with the file testdata/<name>.golden.
func golden(t *testing.T, name string, w *httptest.ResponseRecorder) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(http.StatusText(w.Code) + "\n")
	for _, h := range []string{"Content-Type", "Content-Language", "Www-Authenticate", "Allow", "Retry-After", "Cache-Control", "Ratelimit-Policy"} {
		if v := w.Header().Get(h); v != "" {
			b.WriteString(h + ": " + v + "\n")
		}
	}
	b.WriteByte('\n')
	if err := json.Indent(&b, w.Body.Bytes(), "", "  "); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	b.WriteByte('\n')
	got := changing.ReplaceAllStringFunc(b.String(), func(s string) string {
		if strings.HasPrefix(s, "urn") {
			return "urn:uuid:…"
		}
		return `"traceId": "…"`
	})
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
