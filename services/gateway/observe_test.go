package gateway

import (
	"net/http"
	"os"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/metrics/metricstest"
	"github.com/finsam/finsam/services/gateway/limit"
)

func measuredRig(t *testing.T, change ...func(*Config)) (*rig, *metricstest.Meter) {
	m := metricstest.New(t)
	return newRig(t, change...), m
}

func TestCountersStartAtZero(t *testing.T) {
	_, m := measuredRig(t)
	got := m.Read(t)
	for _, series := range []string{
		"finsam.gateway.failures{operation=getReferral}",
		"finsam.gateway.failures{operation=unrouted}",
		"finsam.gateway.cache{operation=getMunicipalityWeek result=hit}",
		"finsam.gateway.limited{authority=molndal by=authority}",
		"finsam.gateway.limited{authority= by=address}",
		"finsam.gateway.tokens.refused{reason=token-expired}",
		"finsam.gateway.tokens.refused{reason=token-missing}",
		"finsam.gateway.trust.file.wrong{}",
		"finsam.gateway.in_flight{}",
	} {
		if v, there := got[series]; !there || v != 0 {
			t.Errorf("%s is %v (%t)", series, v, there)
		}
	}
	if n := got["finsam.gateway.issuer.keys{authority=molndal}"]; n < 1 {
		t.Errorf("%v keys", n)
	}
}

func TestRefusalsAndFailuresAreCounted(t *testing.T) {
	r, m := measuredRig(t, func(o *Config) {
		o.Limits = limit.New(limit.Config{Policy: limit.Policy{PerSecond: 1, Burst: 1}})
	})
	r.services["referral"].answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	r.ask("GET", aReferral, "")
	r.ask("GET", aReferral, "", "Authorization", "Bearer x.y.z")
	r.as("fk", actor.Integration, "GET", aReferral, "")
	r.as("fk", actor.Integration, "GET", aReferral, "")
	got := m.Read(t)
	for _, series := range []string{
		"finsam.gateway.tokens.refused{reason=token-missing}",
		"finsam.gateway.tokens.refused{reason=token-invalid}",
		"finsam.gateway.limited{authority=fk by=authority}",
		"finsam.gateway.failures{operation=getReferral}",
	} {
		if got[series] != 1 {
			t.Errorf("%s is %v", series, got[series])
		}
	}
}

func TestAnInvalidTrustFileIsMeasured(t *testing.T) {
	r, m := measuredRig(t)
	if err := os.WriteFile(r.issuer.TrustFile, []byte("issuers: 7"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.run()
	r.soon("the trust file is seen to be wrong", func() bool { return m.Read(t)["finsam.gateway.trust.file.wrong{}"] == 1 })
	if n := m.Read(t)["finsam.gateway.issuer.keys{authority=molndal}"]; n < 1 {
		t.Error("the issuers as they were no longer hold")
	}
}
