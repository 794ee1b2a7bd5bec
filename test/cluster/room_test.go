//go:build cluster

package cluster

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// room is a namespace with a release in it.
type room struct {
	*testing.T
	name string // of the namespace
	data string // keys, association and demo issuers
	ca   string // file of the certificate that the Ingress shows
}

// newRoom creates a namespace that admits restricted pods only, with the keys, the
// trust, the association and the certificate of a demo in it.
func newRoom(t *testing.T, name string) room {
	t.Helper()
	r := room{t, name, t.TempDir(), ""}
	must(t, 2*time.Minute, "kubectl", "delete", "namespace", name, "--ignore-not-found", "--wait")
	must(t, time.Minute, "kubectl", "create", "namespace", name)
	must(t, time.Minute, "kubectl", "label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
	t.Cleanup(func() {
		if t.Failed() {
			r.tell()
		}
		if os.Getenv("KEEP") == "" {
			undo("kubectl", "delete", "namespace", name, "--wait=false")
		}
	})
	finsam := filepath.Join(programs, "finsam")
	must(t, time.Minute, finsam, "load", "--data", r.data, "../../services/standalone/example/insjoriket.yaml")
	must(t, time.Minute, finsam, "keys", "--data", r.data)
	must(t, time.Minute, finsam, "token", "--data", r.data, "--role", "coach", "--authority", "molndal")
	r.kubectl("create", "secret", "generic", "finsam-keys", "--from-file="+filepath.Join(r.data, "keys"))
	r.kubectl(append([]string{"create", "configmap", "finsam-trust"}, r.trustFiles()...)...)
	r.kubectl("create", "configmap", "finsam-associations", "--from-file="+filepath.Join(r.data, "associations"))
	r.ca = r.certificate()
	return r
}

// with is the same room in a part of the test.
func (r room) with(t *testing.T) room {
	r.T = t
	return r
}

// trustFiles are the arguments that put the trust file and its key sets into an object.
func (r room) trustFiles() []string {
	r.Helper()
	files := []string{"--from-file=" + filepath.Join(r.data, "demo", "trust.yaml")}
	sets, err := filepath.Glob(filepath.Join(r.data, "demo", "*.jwks.json"))
	if err != nil || len(sets) == 0 {
		r.Fatalf("no key sets of the demo issuers: %v", err)
	}
	for _, s := range sets {
		files = append(files, "--from-file="+s)
	}
	return files
}

func (r room) kubectl(args ...string) string {
	r.Helper()
	return must(r.T, 4*time.Minute, "kubectl", append([]string{"-n", r.name}, args...)...)
}

// apply applies a manifest.
func (r room) apply(manifest string) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "kubectl", "-n", r.name, "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(manifest)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.Fatalf("apply: %v\n%s\n%s", err, out, manifest)
	}
}

func (r room) helm(args ...string) string {
	r.Helper()
	return must(r.T, 5*time.Minute, "helm", append([]string{"-n", r.name}, args...)...)
}

// host is the name that the Ingress is asked for; each room has its own.
func (r room) host() string { return r.name + ".example.se" }

// values are the arguments that every installation has: this image, and an
// Ingress where there is a controller.
func (r room) values(example string) []string {
	all := []string{
		"-f", filepath.Join(chart, "examples", example),
		"--set", "image.registry=" + registry + ",image.repository=finsam,image.tag=" + tag,
	}
	if ingress == "" {
		return append(all, "--set", "ingress.enabled=false")
	}
	return append(all, "--set", "ingress.enabled=true,ingress.className="+class+",ingress.host="+r.host()+
		",ingress.tls.existingSecret.name=finsam-tls,api.publicURL=https://"+r.host(),
		"--set-json", `api.trustedProxies=["10.0.0.0/8"]`)
}

// install installs the chart with an example's values and more, and waits for it.
func (r room) install(example string, more ...string) {
	r.Helper()
	began := time.Now()
	r.helm(append(append([]string{"install", "finsam", chart, "--wait", "--timeout", "4m"}, r.values(example)...), more...)...)
	r.Logf("%s: installed and ready in %s", example, time.Since(began).Round(100*time.Millisecond))
}

// backing starts the stand-ins for MongoDB and Redis, and names them in Secrets.
func (r room) backing() {
	r.Helper()
	first, _, _ := strings.Cut(must(r.T, time.Minute, "kubectl", "get", "nodes", "-o", "name"), "\n")
	manifest, err := os.ReadFile("testdata/backing.yaml")
	if err != nil {
		r.Fatal(err)
	}
	r.apply(string(bytes.ReplaceAll(manifest, []byte("FIRST-NODE"), []byte(strings.TrimPrefix(first, "node/")))))
	if mongoURI == "" {
		r.kubectl("rollout", "status", "deployment/mongodb", "--timeout=2m")
	}
	r.kubectl("rollout", "status", "deployment/redis", "--timeout=2m")
	r.kubectl("create", "secret", "generic", "finsam-mongodb", "--from-literal=uri="+r.mongo())
	r.kubectl("create", "secret", "generic", "finsam-redis", "--from-literal=url=redis://redis:6379/0", "--from-literal=rediss=redis://redis:6379/0")
	// Nobody listens there: attachments are refused, and all else works.
	r.kubectl("create", "secret", "generic", "finsam-s3", "--from-literal=access-key=invented", "--from-literal=secret-key=invented")
}

// door is where the suite is reached from outside: through the Ingress where there
// is a controller, else at the Service.
func (r room) door(service string) suite.Place {
	r.Helper()
	if ingress != "" {
		return suite.Place{Base: "https://" + r.host() + "/finsam/v1", Data: r.data, Address: ingress, CA: r.ca}
	}
	r.Log("not through an Ingress: FINSAM_TEST_INGRESS names no controller")
	return suite.Place{Base: r.address(service) + "/finsam/v1", Data: r.data, Fresh: true}
}

// address returns where a Service is reached from here: by its cluster IP where that
// is possible, else through a tunnel that ends with the test.
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

// livesThrough runs the story of test/e2e against the suite behind a door.
func (r room) livesThrough(p suite.Place) {
	r.Helper()
	environ := []string{"FINSAM_TEST_BASE=" + p.Base, "FINSAM_TEST_DATA=" + p.Data, "FINSAM_TEST_ADDRESS=" + p.Address, "FINSAM_TEST_CA=" + p.CA}
	out, err := run(r.T, 5*time.Minute, environ, story, "-test.v", "-test.run", "WhereverItRuns")
	if err != nil {
		r.Fatalf("the story: %v\n%s", err, out)
	}
	if strings.Contains(out, "no tests to run") {
		r.Fatal("the story did not run: " + out)
	}
}

// waits for every pod of the release.
func (r room) ready() {
	r.Helper()
	for w := range strings.FieldsSeq(r.kubectl("get", "deployments,statefulsets", "-l", "app.kubernetes.io/instance=finsam", "-o", "name")) {
		r.kubectl("rollout", "status", w, "--timeout=3m")
	}
}

// leavesNothing uninstalls, and looks for what the release may have left.
func (r room) leavesNothing() {
	r.Helper()
	r.helm("uninstall", "finsam", "--wait", "--timeout", "2m")
	kinds := "deployment,statefulset,pod,service,serviceaccount,configmap,secret,networkpolicy,poddisruptionbudget,horizontalpodautoscaler,ingress,cronjob,job,persistentvolumeclaim"
	for _, k := range extraKinds {
		if known(r.T, k) {
			kinds += "," + k
		}
	}
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
		{"get", "pods,pvc,hpa,ingress", "-o", "wide"}, {"get", "events", "--sort-by=.lastTimestamp"},
		{"logs", "-l", "app.kubernetes.io/instance=finsam", "--tail=30", "--prefix"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		out, _ := exec.CommandContext(ctx, "kubectl", append([]string{"-n", r.name}, args...)...).CombinedOutput()
		cancel()
		if len(out) > 12000 {
			out = out[len(out)-12000:]
		}
		fmt.Printf("%s: kubectl %s\n%s\n", r.name, strings.Join(args, " "), out)
	}
}
