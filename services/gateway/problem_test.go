package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/cache"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/tracecontext"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/gateway/limit"
)

// broken is a transport to nowhere.
type broken struct{}

// RoundTrip implements http.RoundTripper.
func (broken) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func TestEveryFailureIsAProblem(t *testing.T) {
	r := newRig(t, func(o *Config) {
		o.Limits = limit.New(limit.Config{Policy: limit.Policy{PerSecond: 2, Burst: 4}, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	})
	free := newRig(t, func(o *Config) { o.AnswerTimeout = 50 * time.Millisecond })
	free.services["participant"].answer = func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() }
	free.services["activity"].answer = func(http.ResponseWriter, *http.Request) { panic("Tolvan Tolvansson") }
	away := newRig(t, func(o *Config) {
		for i := range o.Services {
			o.Services[i].Transport = broken{}
		}
	})
	refusing := newRig(t)
	refusing.services["referral"].answer = func(w http.ResponseWriter, q *http.Request) {
		problem.Write(w, q.WithContext(tracecontext.Within(q.Context(), q.Header.Get("Traceparent"))), fault.ErrForbidden)
	}
	const list = "/finsam/v1/referrals"
	expired := free.issuer.Token(t, "fk", -time.Hour, actor.Integration)
	for name, ask := range map[string]func() *httptest.ResponseRecorder{
		"401-no-token": func() *httptest.ResponseRecorder { return free.ask("GET", list, "") },
		"401-no-token-en": func() *httptest.ResponseRecorder {
			return free.ask("GET", list, "", "Accept-Language", "en-GB, sv;q=0.5")
		},
		"401-basic": func() *httptest.ResponseRecorder {
			return free.ask("GET", list, "", "Authorization", "Basic ZGVtbzpkZW1v")
		},
		"401-two-headers": func() *httptest.ResponseRecorder {
			return free.as("fk", actor.Integration, "GET", list, "", "Authorization", "Bearer x")
		},
		"401-invalid": func() *httptest.ResponseRecorder { return free.ask("GET", list, "", "Authorization", "Bearer a.b.c") },
		"401-expired": func() *httptest.ResponseRecorder {
			return free.ask("GET", list, "", "Authorization", "Bearer "+expired)
		},
		"403-role": func() *httptest.ResponseRecorder { return refusing.as("forbundet", actor.Board, "GET", list, "") },
		"403-roles-combined": func() *httptest.ResponseRecorder {
			return free.ask("GET", list, "", "Authorization", "Bearer "+free.token("forbundet", actor.Board, actor.Coach))
		},
		"404-no-such-address": func() *httptest.ResponseRecorder { return free.ask("GET", "/finsam/v1/nowhere", "") },
		"404-no-such-page":    func() *httptest.ResponseRecorder { return free.ask("GET", "/finsam/v1/docs/problems/none", "") },
		"405-method":          func() *httptest.ResponseRecorder { return free.as("fk", actor.Integration, "DELETE", list, "") },
		"405-own-page":        func() *httptest.ResponseRecorder { return free.ask("POST", "/finsam/v1/api-info", "{}") },
		"413-too-large": func() *httptest.ResponseRecorder {
			return free.as("fk", actor.Integration, "POST", list, strings.Repeat("a", (1<<20)+1))
		},
		"415-media-type": func() *httptest.ResponseRecorder { return free.media("text/plain") },
		"415-charset":    func() *httptest.ResponseRecorder { return free.media("application/json; charset=latin1") },
		"429-too-many": func() *httptest.ResponseRecorder {
			for range 2 {
				r.as("fk", actor.Integration, "GET", list, "")
			}
			return r.as("fk", actor.Integration, "GET", list, "")
		},
		"500-panic": func() *httptest.ResponseRecorder { return free.panicking() },
		"503-away":  func() *httptest.ResponseRecorder { return away.as("fk", actor.Integration, "GET", list, "") },
		"503-away-en": func() *httptest.ResponseRecorder {
			return away.as("fk", actor.Integration, "GET", list, "", "Accept-Language", "en")
		},
		"504-slow": func() *httptest.ResponseRecorder {
			return free.as("molndal", actor.Coach, "GET", "/finsam/v1/enrolments", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask()
			var p problem.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Detail == "" || p.TraceID == "" || p.Type != problem.Base+p.Code {
				t.Errorf("%v: %d %s", err, w.Code, w.Body)
			}
			if page := free.ask("GET", p.Type, ""); page.Code != http.StatusOK {
				t.Errorf("the type %s leads to %d", p.Type, page.Code)
			}
			golden(t, name, w)
		})
	}
	if log := free.log.String(); strings.Contains(log, "Tolvansson") {
		t.Error("what a panic said is in the log: " + log)
	}
}

// media posts a body of another media type.
func (r *rig) media(media string) *httptest.ResponseRecorder {
	req := httptest.NewRequest("POST", "/finsam/v1/referrals", strings.NewReader("{}"))
	req.Header.Set("Content-Type", media)
	req.Header.Set("Authorization", "Bearer "+r.token("fk", actor.Integration))
	w := httptest.NewRecorder()
	r.g.ServeHTTP(w, req)
	return w
}

// panicking asks a gateway whose own cache panics.
func (r *rig) panicking() *httptest.ResponseRecorder {
	inner := newRig(r.t, func(o *Config) { o.Cache = panicCache{} })
	inner.run()
	w := inner.as("fk", actor.Integration, "GET", "/finsam/v1/municipalities/1481/week", "")
	if strings.Contains(inner.log.String(), "Tolvansson") {
		r.t.Error("what a panic said is in the log")
	}
	return w
}

type panicCache struct{ cache.Cache }

// Get implements cache.Cache.
func (panicCache) Get(context.Context, string, string) (cache.Entry, error) {
	panic("Tolvan Tolvansson")
}

// Drop implements cache.Cache.
func (panicCache) Drop(context.Context, string) error { return nil }
