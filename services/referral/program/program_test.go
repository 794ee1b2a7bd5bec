package program

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/launch"
)

// environ is a whole environment on temporary files; the participant service is
// named, and need not be there for the start.
func environ(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	keys, associations := filepath.Join(dir, "keys"), filepath.Join(dir, "associations")
	if err := launch.WriteKeys(keys); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(associations, 0o755); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"FINSAM_ADDR": freeAddr(t), "FINSAM_ADMIN_ADDR": freeAddr(t), "FINSAM_LINGER": "0s", "FINSAM_LOG_LEVEL": "error",
		"FINSAM_STORE": "sqlite:" + filepath.Join(dir, "referral.db"), "FINSAM_KEYS_DIR": keys,
		"FINSAM_ASSOCIATIONS_DIR": associations, "FINSAM_PARTICIPANT_URL": "http://127.0.0.1:1",
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestTheProgramServesUntilItIsToldToEnd(t *testing.T) {
	env := environ(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, env) }()
	for path, want := range map[string]int{
		"http://" + env["FINSAM_ADMIN_ADDR"] + "/readyz":        200,
		"http://" + env["FINSAM_ADDR"] + "/finsam/v1/referrals": 401,
	} {
		if got := answer(t, path); got != want {
			t.Errorf("%s: want %d, got %d", path, want, got)
		}
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it did not end")
	}
}

// answer asks until somebody listens.
func answer(t *testing.T, address string) int {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get(address)
		if err != nil || resp.StatusCode == http.StatusServiceUnavailable {
			continue
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	t.Fatalf("nobody answers at %s", address)
	return 0
}

func TestAWrongValueStopsTheStartAndNamesTheVariable(t *testing.T) {
	for variable, value := range map[string]string{
		"FINSAM_STORE": "", "FINSAM_PARTICIPANT_URL": "participant", "FINSAM_KEYS_DIR": "/nowhere", "FINSAM_ASSOCIATIONS_DIR": "/nowhere", "FINSAM_ADDR": "8080", "FINSAM_BLOBS": "s3://bucket", "FINSAM_WEBHOOK_ALLOW": "10.0.0.1", "FINSAM_WEBHOOK_PROXY": "proxy:3128",
	} {
		env := environ(t)
		env[variable] = value
		if err := Run(t.Context(), env); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s=%q: got %v", variable, value, err)
		}
	}
}
