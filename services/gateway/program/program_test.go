package program_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/freeport"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/gateway/program"
	"github.com/finsam/finsam/services/gateway/trust/trusttest"
)

// environment is one that a gateway starts with, before one service that
// answers everything.
func environment(t *testing.T) (map[string]string, *trusttest.Issuer) {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(r.URL.Path, "/internal/feed") {
			_, _ = io.WriteString(w, `{"events":[]}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"path": r.URL.Path})
	}))
	t.Cleanup(service.Close)
	issuer := trusttest.New(t)
	keys := t.TempDir()
	if err := launch.WriteKeys(keys); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"FINSAM_ADDR": freeport.Addr(t), "FINSAM_ADMIN_ADDR": "off", "FINSAM_LINGER": "0s", "FINSAM_KEYS_DIR": keys, "FINSAM_LOG_LEVEL": "error",
		"FINSAM_TRUST_FILE": issuer.TrustFile, "FINSAM_REFERRAL_URL": service.URL, "FINSAM_PARTICIPANT_URL": service.URL, "FINSAM_ACTIVITY_URL": service.URL,
	}, issuer
}

func TestTheProgramServesAndEnds(t *testing.T) {
	environ, issuer := environment(t)
	token := issuer.Token(t, "fk", time.Hour, actor.Integration)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- program.Run(ctx, environ) }()
	var status int
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && status != http.StatusOK; time.Sleep(20 * time.Millisecond) {
		req, err := http.NewRequest("GET", "http://"+environ["FINSAM_ADDR"]+"/finsam/v1/referrals", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			status = resp.StatusCode
			_ = resp.Body.Close()
		}
	}
	if status != http.StatusOK {
		t.Errorf("answered %d", status)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it does not end")
	}
}

func TestAnInvalidVariableStopsTheStartAndIsNamed(t *testing.T) {
	for variable, value := range map[string]string{
		"FINSAM_TRUST_FILE": "/nowhere/trust.yaml", "FINSAM_REFERRAL_URL": "referral", "FINSAM_CORS_ORIGINS": "*",
		"FINSAM_PUBLIC_URL": "api.example.se", "FINSAM_RATE_PER_SECOND": "-1", "FINSAM_REDIS_URL": "redis://%zz", "FINSAM_KEYS_DIR": "",
	} {
		environ, _ := environment(t)
		environ[variable] = value
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := program.Run(ctx, environ); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s=%q: %v", variable, value, err)
		}
		cancel()
	}
}
