package standalone_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/telemetry"
	"github.com/finsam/finsam/services/gateway"
	"github.com/finsam/finsam/services/referral/outbound/send"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/demo"
	"github.com/finsam/finsam/services/standalone/example"
)

// BenchmarkGet measures what being measured costs: a referral is read through
// the front door, the service, the store and the access log, without metrics and
// with all of them. The processor's time counts; the rest is the disk's.
func BenchmarkGet(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		otel.SetMeterProvider(noop.NewMeterProvider())
		metrics.Use(noop.NewMeterProvider())
		readReferral(b)
	})
	b.Run("measured", func(b *testing.B) {
		stop, err := telemetry.Start(b.Context(), telemetry.Program{Service: "finsam"})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = stop(b.Context()) }()
		readReferral(b)
	})
}

func readReferral(b *testing.B) {
	g, issuer := served(b)
	ask := func(role actor.Role, method, path, body string, header ...string) *httptest.ResponseRecorder {
		token, err := issuer.Token(demo.Claims{Authority: "fk", Roles: []actor.Role{role}})
		if err != nil {
			b.Fatal(err)
		}
		r := httptest.NewRequest(method, gateway.BasePath+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		return w
	}
	w := ask(actor.Integration, "POST", "/referrals", aReferral, "Idempotency-Key", "bench-1")
	if w.Code != http.StatusCreated {
		b.Fatal(w.Code, w.Body)
	}
	token, err := issuer.Token(demo.Claims{Authority: "fk", Roles: []actor.Role{actor.Integration}})
	if err != nil {
		b.Fatal(err)
	}
	target := gateway.BasePath + "/" + w.Header().Get("Location")
	b.SetParallelism(32) // so that the entries of many share one flush of the disk
	b.ReportAllocs()
	b.ResetTimer()
	before := processor()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest("GET", target, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			if g.ServeHTTP(w, r); w.Code != http.StatusOK {
				b.Error(w.Code, w.Body)
				return
			}
		}
	})
	b.ReportMetric(float64((processor()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// aReferral is of an invented person.
const aReferral = `{"person":{"personalIdentityNumber":"198001012387","givenName":"Tolvan","familyName":"Påhittad","gender":"female"},
"unit":"fk-molndal","targetGroup":{"reasons":["long_absence"],"authoritiesConcerned":["social_insurance","region"]},
"consent":{"given":true,"givenOn":"2026-01-01","textVersion":"2026-1","authorities":["fk","molndal"]},
"wishedMunicipality":"1481","reason":"Påhittat exempel."}`

// served returns the suite behind its front door, in this process.
func served(b testing.TB) (http.Handler, *demo.Issuer) {
	data := standalone.Layout(b.TempDir())
	if err := launch.WriteKeys(data.Keys()); err != nil {
		b.Fatal(err)
	}
	if _, err := association.Save(data.Associations(), example.Insjoriket); err != nil {
		b.Fatal(err)
	}
	issuer, err := demo.Open(demo.Options{Folder: data.Demo()})
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	suite, err := standalone.Open(b.Context(), data, send.Config{}, log)
	if err != nil {
		b.Fatal(err)
	}
	config, err := gateway.ReadConfig(map[string]string{"FINSAM_RATE_PER_SECOND": "0"})
	if err != nil {
		b.Fatal(err)
	}
	g, done, err := suite.Gateway(launch.ReadKeys(data.Keys()), standalone.Door{TrustFile: issuer.TrustFile(), Demo: issuer, Config: config, Log: log})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = done(), suite.Close() })
	return g, issuer
}

// processor is the processor's time that this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
