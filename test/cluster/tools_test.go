//go:build cluster

package cluster

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the runner (scripts/cluster-test.sh) says.
var (
	chart    = env("FINSAM_CHART", "../../deploy/helm/finsam")
	registry = env("FINSAM_IMAGE_REGISTRY", "localhost")
	tag      = env("FINSAM_IMAGE_TAG", "dev")
	programs = env("FINSAM_BIN", "../../bin")
	story    = env("FINSAM_STORY", "./e2e.test") // test/e2e, built with the tag
	hostPath = os.Getenv("FINSAM_CLUSTER_HOSTPATH")
)

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// run runs a program within its patience and gives what it printed.
func run(t *testing.T, patience time.Duration, environ []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func must(t *testing.T, patience time.Duration, name string, args ...string) string {
	t.Helper()
	out, err := run(t, patience, nil, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// room is a namespace with a release in it.
type room struct {
	*testing.T
	name string // of the namespace
	data string // keys, association and demo issuers
}

// newRoom makes a namespace that admits restricted pods only, with the keys, the
// trust and the association of a demo in it.
func newRoom(t *testing.T, name string) room {
	t.Helper()
	r := room{t, name, t.TempDir()}
	must(t, time.Minute, "kubectl", "delete", "namespace", name, "--ignore-not-found", "--wait")
	must(t, time.Minute, "kubectl", "create", "namespace", name)
	must(t, time.Minute, "kubectl", "label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
	finsam := filepath.Join(programs, "finsam")
	must(t, time.Minute, finsam, "load", "--data", r.data, "../../services/standalone/example/insjoriket.yaml")
	must(t, time.Minute, finsam, "keys", "--data", r.data)
	must(t, time.Minute, finsam, "token", "--data", r.data, "--role", "coach", "--authority", "molndal")
	r.kubectl("create", "secret", "generic", "finsam-keys", "--from-file="+filepath.Join(r.data, "keys"))
	trust := []string{"create", "configmap", "finsam-trust", "--from-file=" + filepath.Join(r.data, "demo", "trust.yaml")}
	sets, err := filepath.Glob(filepath.Join(r.data, "demo", "*.jwks.json"))
	if err != nil || len(sets) == 0 {
		t.Fatalf("no key sets of the demo issuers: %v", err)
	}
	for _, s := range sets {
		trust = append(trust, "--from-file="+s)
	}
	r.kubectl(trust...)
	r.kubectl("create", "configmap", "finsam-associations", "--from-file="+filepath.Join(r.data, "associations"))
	t.Cleanup(func() {
		if t.Failed() {
			r.tell()
		}
	})
	return r
}

func (r room) kubectl(args ...string) string {
	r.Helper()
	return must(r.T, 3*time.Minute, "kubectl", append([]string{"-n", r.name}, args...)...)
}

func (r room) helm(args ...string) string {
	r.Helper()
	return must(r.T, 5*time.Minute, "helm", append([]string{"-n", r.name}, args...)...)
}

// install installs the chart with an example's values and more.
func (r room) install(example string, more ...string) {
	r.Helper()
	began := time.Now()
	r.helm(append([]string{
		"install", "finsam", chart, "-f", filepath.Join(chart, "examples", example), "--wait", "--timeout", "4m",
		"--set", "image.registry=" + registry, "--set", "image.repository=finsam", "--set", "image.tag=" + tag,
	}, more...)...)
	r.Logf("installed in %s", time.Since(began).Round(100*time.Millisecond))
}

// address gives where a Service is reached from here: by its cluster IP on the
// test cluster, else through a tunnel that ends with the test.
func (r room) address(service string) string {
	r.Helper()
	direct := "http://" + r.kubectl("get", "service", service, "-o", "jsonpath={.spec.clusterIP}")
	for range 10 { // the node learns of a new Service within seconds
		if answers(direct) {
			return direct
		}
		time.Sleep(500 * time.Millisecond)
	}
	cmd := exec.CommandContext(r.Context(), "kubectl", "-n", r.name, "port-forward", "service/"+service, "18080:http")
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	const tunnel = "http://127.0.0.1:18080"
	for range 50 {
		if answers(tunnel) {
			return tunnel
		}
		time.Sleep(200 * time.Millisecond)
	}
	r.Fatalf("service %s is reached neither at %s nor through a tunnel", service, direct)
	return ""
}

func answers(address string) bool {
	c := http.Client{Timeout: 3 * time.Second}
	resp, err := c.Get(address + "/finsam/v1/api-info")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// livesThrough tells the story of test/e2e to the suite behind the Service.
func (r room) livesThrough(service string) {
	r.Helper()
	environ := []string{"FINSAM_TEST_BASE=" + r.address(service) + "/finsam/v1", "FINSAM_TEST_DATA=" + r.data}
	out, err := run(r.T, 5*time.Minute, environ, story, "-test.v", "-test.run", "WhereverItRuns")
	if err != nil {
		r.Fatalf("the story: %v\n%s", err, out)
	}
}

// leavesNothing uninstalls, and looks for what the release may have left.
func (r room) leavesNothing() {
	r.Helper()
	r.helm("uninstall", "finsam", "--wait", "--timeout", "2m")
	const kinds = "deployment,statefulset,pod,service,serviceaccount,configmap,secret,networkpolicy,poddisruptionbudget,horizontalpodautoscaler,ingress,cronjob,job,persistentvolumeclaim"
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		left := r.kubectl("get", kinds, "-l", "app.kubernetes.io/instance=finsam", "-o", "name")
		if left == "" {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("uninstall left:\n%s", left)
		}
	}
}

// tell logs what an operator would look at.
func (r room) tell() {
	for _, args := range [][]string{
		{"get", "pods,pvc", "-o", "wide"}, {"get", "events", "--sort-by=.lastTimestamp"},
		{"logs", "-l", "app.kubernetes.io/instance=finsam", "--tail=30", "--prefix"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		out, _ := exec.CommandContext(ctx, "kubectl", append([]string{"-n", r.name}, args...)...).CombinedOutput()
		cancel()
		r.Logf("kubectl %s\n%s", strings.Join(args, " "), out)
	}
}
