//go:build cluster

package cluster

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// What the runner (scripts/cluster-test.sh) says.
var (
	chart    = env("FINSAM_CHART", "../../deploy/helm/finsam")
	registry = env("FINSAM_IMAGE_REGISTRY", "localhost")
	tag      = env("FINSAM_IMAGE_TAG", "dev")
	before   = env("FINSAM_IMAGE_BEFORE", tag) // tag of the version before it; the same: none is at hand
	programs = env("FINSAM_BIN", "../../bin")
	story    = env("FINSAM_STORY", "./e2e.test") // test/e2e, built with the tag
	hostPath = os.Getenv("FINSAM_CLUSTER_HOSTPATH")
	mongoURI = os.Getenv("FINSAM_TEST_MONGO_URI")
	ingress  = os.Getenv("FINSAM_TEST_INGRESS") // host:port of the controller's TLS
	class    = os.Getenv("FINSAM_TEST_INGRESS_CLASS")
)

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// run runs a program within its timeout and returns what it printed.
func run(t *testing.T, timeout time.Duration, environ []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func must(t *testing.T, timeout time.Duration, name string, args ...string) string {
	t.Helper()
	out, err := run(t, timeout, nil, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// undo runs a program when a test has ended, as well as it can.
func undo(name string, args ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = exec.CommandContext(ctx, name, args...).Run()
}
