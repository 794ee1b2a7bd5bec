package program

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/launch"
)

// environ is a whole environment in a temporary folder; no referral service
// answers in it, which the follower waits for.
func environ(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := launch.WriteKeys(dir); err != nil {
		t.Fatal(err)
	}
	associations := filepath.Join(dir, "associations")
	if err := os.Mkdir(associations, 0o755); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"FINSAM_ADDR": "127.0.0.1:0", "FINSAM_ADMIN_ADDR": "127.0.0.1:0", "FINSAM_LOG_LEVEL": "error",
		"FINSAM_STORE": "sqlite:" + filepath.Join(dir, "participant.db"), "FINSAM_KEYS_DIR": dir,
		"FINSAM_ASSOCIATIONS_DIR": associations, "FINSAM_REFERRAL_URL": "http://127.0.0.1:1",
	}
}

func TestItServesUntilItIsToldToEnd(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- Run(ctx, environ(t)) }()
	select {
	case err := <-done:
		if err != nil || ctx.Err() == nil {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("does not end")
	}
}

func TestAMissingVariableIsNamed(t *testing.T) {
	for _, name := range []string{"FINSAM_STORE", "FINSAM_KEYS_DIR", "FINSAM_ASSOCIATIONS_DIR", "FINSAM_REFERRAL_URL"} {
		e := environ(t)
		delete(e, name)
		if err := Run(context.Background(), e); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}
