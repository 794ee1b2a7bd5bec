package gateway

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/tracecontext"
	"github.com/finsam/finsam/services/gateway/limit"
)

// strangers creates a limit of addresses whose clock does not move.
func strangers(t *testing.T, perSecond, burst int) *limit.UnauthenticatedLimiter {
	t.Helper()
	s, err := limit.NewUnauthenticated(limit.Policy{PerSecond: perSecond, Burst: burst}, func() time.Time { return time.Unix(1_800_000_000, 0) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAFloodOfInvalidTokensIsLimitedAndStopsNobodyElse(t *testing.T) {
	r := newRig(t, func(o *Config) { o.Unauthenticated = strangers(t, 1, 10) })
	good := "Bearer " + r.token("fk", actor.Integration)
	if w := r.ask("GET", aReferral, "", "Authorization", good); w.Code != http.StatusOK {
		t.Fatal(w.Code)
	}
	codes := map[int]int{}
	for range 50 {
		codes[r.ask("GET", aReferral, "", "Authorization", "Bearer a.b.c").Code]++
	}
	if codes[401] != 10 || codes[429] != 40 {
		t.Errorf("%v", codes)
	}
	if w := r.ask("GET", aReferral, "", "Authorization", good); w.Code != http.StatusOK {
		t.Errorf("a token known before, from the same address: %d", w.Code)
	}
}

func TestAPublicOperationIsLimitedByAddress(t *testing.T) {
	r := newRig(t, func(o *Config) { o.Unauthenticated = strangers(t, 1, 4) })
	codes := map[int]int{}
	for range 10 {
		codes[r.ask("GET", "/finsam/v1/calendars/"+strings.Repeat("ab", 32), "").Code]++
	}
	if codes[200] != 2 || codes[429] != 8 { // a calendar costs 2
		t.Errorf("%v", codes)
	}
}

func TestAnAuthorityIsLimitedByCost(t *testing.T) {
	r := newRig(t, func(o *Config) {
		o.Limits = limit.New(limit.Config{Policy: limit.Policy{PerSecond: 5, Burst: 10}, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	})
	w := r.as("fk", actor.Integration, "POST", "/finsam/v1/referrals", "{}") // costs 3
	if h := w.Header(); h.Get("Ratelimit-Policy") != `"authority";q=10;w=2` || h.Get("Ratelimit") != `"authority";r=7;t=1` {
		t.Errorf("%v", h)
	}
	for range 2 {
		r.as("fk", actor.Referrer, "POST", "/finsam/v1/referrals", "{}")
	}
	w = r.as("fk", actor.Integration, "POST", "/finsam/v1/referrals", "{}")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := r.as("af", actor.Integration, "POST", "/finsam/v1/referrals", "{}"); w.Code != http.StatusOK {
		t.Errorf("another authority: %d", w.Code)
	}
}

// TestAnotherDayCostsMore is: what holds today is at hand, and another day is put together.
func TestAnotherDayCostsMore(t *testing.T) {
	r := newRig(t, func(o *Config) {
		o.Limits = limit.New(limit.Config{Policy: limit.Policy{PerSecond: 5, Burst: 100}, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	})
	for _, c := range []struct{ path, left string }{
		{"/plans", `r=99;`}, {"/plans?on=2027-01-11", `r=88;`}, {"/code-lists?on=2027-01-11", `r=77;`}, {"/plans?off=2027-01-11", `r=76;`}, {"/programme-objects?on=2027-01-11", `r=74;`},
	} {
		if w := r.as("fk", actor.Integration, "GET", "/finsam/v1"+c.path, ""); !strings.Contains(w.Header().Get("Ratelimit"), c.left) {
			t.Errorf("%s: %v, want %s", c.path, w.Header()["Ratelimit"], c.left)
		}
	}
}

func TestTheCallersAddressIsThatOfTheLastUntrustedHop(t *testing.T) {
	a := addresses{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for sentence, c := range map[string]struct{ from, forwarded, want string }{
		"a direct caller":                 {"192.0.2.1:5", "", "192.0.2.1"},
		"a direct caller who pretends":    {"192.0.2.1:5", "198.51.100.7", "192.0.2.1"},
		"behind a proxy":                  {"10.0.0.1:5", "198.51.100.7", "198.51.100.7"},
		"behind two proxies":              {"10.0.0.1:5", "198.51.100.7, 10.2.2.2", "198.51.100.7"},
		"behind a proxy, pretending":      {"10.0.0.1:5", "1.2.3.4, 198.51.100.7", "198.51.100.7"},
		"a proxy that hands on nonsense":  {"10.0.0.1:5", "unknown", "10.0.0.1"},
		"an IPv4 address written as IPv6": {"[::ffff:192.0.2.1]:5", "", "192.0.2.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.from
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := a.callerAddress(r); got.String() != c.want {
			t.Errorf("%s: %s", sentence, got)
		}
	}
}

func TestDecisionsAreLoggedWithoutPersons(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := trace.NewTracerProvider(trace.WithSyncer(spans), trace.WithSampler(trace.AlwaysSample()))
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	r := newRig(t, func(o *Config) { o.Tracer = provider })
	secret := strings.Repeat("5ec3e7", 10) + "abcd"
	r.ask("GET", "/finsam/v1/calendars/"+secret, "")
	r.as("fk", actor.Integration, "GET", aReferral, "")
	r.services["referral"].answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }
	r.as("forbundet", actor.Board, "GET", aReferral, "")
	r.ask("GET", aReferral, "", "Authorization", "Bearer a.b.c")
	r.ask("GET", "/finsam/v1/19121212-1212", "")
	log := r.log.String()
	for _, want := range []string{
		`"operation":"getReferral","outcome":"allowed"`, `"operation":"getReferral","outcome":"forbidden"`, `"operation":"getReferral","outcome":"unauthenticated"`,
		`"operation":"readCalendar","outcome":"allowed"`, `"operation":"unrouted","outcome":"not-found"`, `"authority":"fk","role":"integration"`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	var said strings.Builder
	said.WriteString(log)
	h := slog.New(slog.NewTextHandler(&said, nil))
	for _, s := range spans.GetSpans() {
		h.Info(s.Name, "attributes", s.Attributes, "events", s.Events, "status", s.Status)
	}
	if n := len(spans.GetSpans()); n < 6 {
		t.Errorf("only %d spans", n)
	}
	for _, never := range []string{secret, "integration-fk-1", "board-forbundet-1", "5b7c1c0e-52f4", "19121212"} {
		if strings.Contains(said.String(), never) {
			t.Errorf("%s is in the log or a span", never)
		}
	}
}

func TestTheTraceIsOneFromTheDoorToTheService(t *testing.T) {
	header := func(sc oteltrace.SpanContext) string {
		return tracecontext.Header(oteltrace.ContextWithSpanContext(t.Context(), sc))
	}
	spans := tracetest.NewInMemoryExporter()
	provider := trace.NewTracerProvider(trace.WithSyncer(spans), trace.WithSampler(trace.AlwaysSample()))
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	r := newRig(t, func(o *Config) { o.Tracer = provider })
	w := r.as("fk", actor.Integration, "GET", aReferral, "")
	all := spans.GetSpans()
	if len(all) != 2 || all[0].Name != "call referral" || all[1].Name != "GET /referrals/{id}" || all[0].Parent.SpanID() != all[1].SpanContext.SpanID() {
		t.Fatalf("%v", all)
	}
	if got := r.services["referral"].last().Header.Get("Traceparent"); got != header(all[0].SpanContext) {
		t.Errorf("the service was given %s", got)
	}
	if got := w.Header().Get("Traceparent"); got != header(all[1].SpanContext) {
		t.Errorf("the caller was given %s", got)
	}
}

func TestABrowserMayCallFromListedOriginsOnly(t *testing.T) {
	r := newRig(t, func(o *Config) { o.Origins = []string{"https://app.example.se"} })
	ask := func(origin string) http.Header {
		w := r.ask("OPTIONS", aReferral, "", "Origin", origin, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization")
		if w.Code != http.StatusNoContent {
			t.Errorf("%s: %d", origin, w.Code)
		}
		return w.Header()
	}
	h := ask("https://app.example.se")
	if h.Get("Access-Control-Allow-Origin") != "https://app.example.se" || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "If-Match") ||
		h.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
		t.Errorf("%v", h)
	}
	for _, origin := range []string{"https://evil.example", "null", "https://app.example.se.evil.example", "http://app.example.se", "*"} {
		if h := ask(origin); h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", origin, h)
		}
	}
	w := r.as("fk", actor.Integration, "GET", aReferral, "", "Origin", "https://app.example.se")
	if w.Header().Get("Access-Control-Allow-Origin") != "https://app.example.se" || !strings.Contains(w.Header().Get("Access-Control-Expose-Headers"), "ETag") {
		t.Errorf("%v", w.Header())
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	r := newRig(t)
	plain := newRig(t, func(o *Config) { o.PublicURL = "" })
	for _, path := range []string{aReferral, "/finsam/v1/api-info", "/finsam/v1/docs", "/finsam/v1/docs/problems", "/nowhere"} {
		h := r.as("fk", actor.Integration, "GET", path, "").Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Strict-Transport-Security") == "" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("Traceparent") == "" || h.Get("X-Request-Id") == "" || h.Get("Cache-Control") == "" {
			t.Errorf("%s: %v", path, h)
		}
		if plain.ask("GET", path, "").Header().Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS without https", path)
		}
	}
}
