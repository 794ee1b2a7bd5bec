package standalone_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/telemetry"
	"github.com/finsam/finsam/services/gateway"
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
	o := open(b, newData(b))
	made := o.do(sender, http.StatusCreated, http.MethodPost, "/referrals", map[string]string{"Idempotency-Key": "bench-1"}, json.RawMessage(aReferral))
	token, err := o.issuer.Token(sender)
	if err != nil {
		b.Fatal(err)
	}
	target := fmt.Sprintf("%s/referrals/%s", gateway.BasePath, made["id"])
	b.SetParallelism(32) // so that the entries of many share one flush of the disk
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest("GET", target, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			if o.door.ServeHTTP(w, r); w.Code != http.StatusOK {
				b.Error(w.Code, w.Body)
				return
			}
		}
	})
	b.ReportMetric(float64((processorTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// aReferral is of an invented person.
const aReferral = `{"person":{"personalIdentityNumber":"198001012387","givenName":"Tolvan","familyName":"Påhittad","gender":"female"},
"unit":"fk-molndal","targetGroup":{"reasons":["long_absence"],"authoritiesConcerned":["social_insurance","region"]},
"consent":{"given":true,"givenOn":"2026-01-01","textVersion":"2026-1","authorities":["fk","molndal"]},
"wishedMunicipality":"1481","reason":"Påhittat exempel."}`

// processorTime returns the processor's time that this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
