// Package launchtest starts a service's program in a test, as its main does.
package launchtest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/feed/feedhttp"
	"github.com/finsam/finsam/pkg/freeport"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/programme/replica"
	"github.com/finsam/finsam/pkg/web/server"
)

// Environ returns a whole environment for a service on temporary files. The other
// services have addresses and need not run, but for one that has a programme.
func Environ(t *testing.T) map[string]string {
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
		"FINSAM_ADDR": freeport.Addr(t), "FINSAM_ADMIN_ADDR": freeport.Addr(t), "FINSAM_LINGER": "0s", "FINSAM_LOG_LEVEL": "error",
		"FINSAM_STORE": "sqlite:" + filepath.Join(dir, "service.db"), "FINSAM_KEYS_DIR": keys, "FINSAM_ASSOCIATIONS_DIR": associations,
		"FINSAM_REFERRAL_URL": "http://127.0.0.1:1", "FINSAM_PARTICIPANT_URL": "http://127.0.0.1:1", "FINSAM_ACTIVITY_URL": Owner(t),
	}
}

// Owner starts what the other services see of the activity service, and returns its
// address: a programme of one association, and an empty feed.
func Owner(t *testing.T) string {
	t.Helper()
	served, err := association.NewRegistry(&association.Association{ID: "insjoriket"})
	if err != nil {
		t.Fatal(err)
	}
	whole := &programme.Object{Association: "insjoriket", ID: string(programme.Association), Kind: programme.Association}
	whole.Draw(programme.Version{From: programme.Beginning, Content: programme.Content{Association: &association.Members{Name: "Insjöriket"}}}, history.System("activity"), time.Now())
	whole.Activate(history.System("activity"), time.Now())
	mux := http.NewServeMux()
	mux.Handle(replica.Path, replica.Handler(served, func(context.Context) {}, func(context.Context, string, []string) ([]*programme.Object, error) {
		return []*programme.Object{whole}, nil
	}))
	mux.HandleFunc(feedhttp.Path, func(w http.ResponseWriter, r *http.Request) {
		if server.Waits(r) {
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, `{"events":[]}`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// Run is a program: it serves until the context ends.
type Run func(ctx context.Context, environ map[string]string) error

// Serves tests that the program becomes ready, asks for a token at the API's path, and
// ends with its context.
func Serves(t *testing.T, run Run, path string) {
	t.Helper()
	env := Environ(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- run(ctx, env) }()
	for address, want := range map[string]int{
		"http://" + env["FINSAM_ADMIN_ADDR"] + "/readyz":     http.StatusOK,
		"http://" + env["FINSAM_ADDR"] + "/finsam/v1" + path: http.StatusUnauthorized,
	} {
		got := http.StatusServiceUnavailable // until somebody listens
		for end := time.Now().Add(20 * time.Second); got == http.StatusServiceUnavailable && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if resp, err := http.Get(address); err == nil {
				_ = resp.Body.Close()
				got = resp.StatusCode
			}
		}
		if got != want {
			t.Errorf("%s: want %d, got %d", address, want, got)
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

// RefusesEach tests that a start with any one of the variables at this value fails with
// an error that names the variable; empty: the variable is not set.
func RefusesEach(t *testing.T, run Run, wrong map[string]string) {
	t.Helper()
	for variable, value := range wrong {
		env := Environ(t)
		env[variable] = value
		if value == "" {
			delete(env, variable)
		}
		if err := run(t.Context(), env); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s=%q: got %v", variable, value, err)
		}
	}
}
