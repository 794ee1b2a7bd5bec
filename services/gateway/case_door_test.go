package gateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
)

// TestCase_G4_PublicPagesAreChargedToTheAddress reads the pages that need no token.
func TestCase_G4_PublicPagesAreChargedToTheAddress(t *testing.T) {
	for path, want := range map[string]int{ // how many of 20 a burst of 12 allows
		"/finsam/v1/api-info": 12, "/finsam/v1/openapi.json": 2, "/finsam/v1/openapi.yaml": 1, "/finsam/v1/asyncapi.json": 6, resourcePath: 12, "/docs": 12,
		"/docs/problems": 12, "/finsam/v1": 12,
	} {
		r := newRig(t, func(o *Config) { o.Unauthenticated = strangers(t, 1, 12) })
		codes := map[int]int{}
		for range 20 {
			codes[r.ask("GET", path, "").Code]++
		}
		if n := codes[http.StatusTooManyRequests]; 20-n != want {
			t.Errorf("%s: %v", path, codes)
		}
	}
}

// TestCase_G8_BadTokensStopNoGoodNewOneOfTheSameAddress sends as many tokens of which only
// the signature is wrong as an ingress without trusted proxies would hand on in a second.
func TestCase_G8_BadTokensStopNoGoodNewOneOfTheSameAddress(t *testing.T) {
	r, m := measuredRig(t, func(o *Config) { o.Unauthenticated = strangers(t, 50, 100) })
	head, signature, _ := strings.Cut(r.token("fk", actor.Integration), ".ey")
	claims, _, _ := strings.Cut(signature, ".")
	forged := "Bearer " + head + ".ey" + claims + "." + strings.Repeat("A", 86)
	codes, refused := map[int]int{}, 0.
	for i := range 430 {
		codes[r.ask("GET", aReferral, "", "Authorization", forged).Code]++
		if i%10 != 0 {
			continue
		}
		good := r.issuer.Token(t, "fk", time.Hour+time.Duration(i-500)*time.Second, actor.Integration) // a new one
		if w := r.ask("GET", aReferral, "", "Authorization", "Bearer "+good); w.Code != http.StatusOK {
			t.Fatalf("a good new token after %d bad ones: %d", i, w.Code)
		}
		w := r.ask("GET", aReferral, "", "Authorization", "Bearer a.b.c")
		if i > 100 && w.Code != http.StatusTooManyRequests {
			t.Fatalf("one that cannot be a token after %d bad ones: %d", i, w.Code)
		}
		if w.Code == http.StatusTooManyRequests {
			refused++
		}
	}
	if n := m.Read(t)["finsam.gateway.limited{authority= by=address}"]; n != refused {
		t.Errorf("%v of %v refusals are counted", n, refused)
	}
	if codes[http.StatusUnauthorized] != 430 {
		t.Errorf("%v", codes)
	}
	if n := strings.Count(r.log.String(), "\n"); n > 300 {
		t.Errorf("%d lines of the log", n)
	}
}

func TestCase_G8_AProxyThatIsNotTrustedIsWarnedOfOnce(t *testing.T) {
	r := newRig(t, func(o *Config) { o.Unauthenticated = strangers(t, 50, 100) })
	warnings := func() int { return strings.Count(r.log.String(), "a proxy is not trusted") }
	for _, from := range []string{"192.0.2.1:5", "10.0.0.7:5", "10.0.0.8:5"} {
		req := httptest.NewRequestWithContext(context.Background(), "GET", aReferral, nil)
		req.RemoteAddr = from
		req.Header.Set("X-Forwarded-For", "198.51.100.7")
		before := warnings()
		r.g.ServeHTTP(httptest.NewRecorder(), req)
		if from == "192.0.2.1:5" && warnings() != before {
			t.Error("a caller from outside who pretends is warned of")
		}
	}
	if n := warnings(); n != 1 || strings.Contains(r.log.String(), "198.51.100.7") {
		t.Errorf("%d warnings:\n%s", n, r.log)
	}
}
