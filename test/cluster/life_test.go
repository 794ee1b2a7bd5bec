//go:build cluster

package cluster

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// services is a room with the four services in it, two pods each unless a value
// says otherwise.
func services(t *testing.T, name string, values ...string) room {
	t.Helper()
	r := newRoom(t, name)
	r.kubectl("apply", "-f", "testdata/backing.yaml")
	r.kubectl("rollout", "status", "deployment/mongodb", "--timeout=2m")
	r.kubectl("rollout", "status", "deployment/redis", "--timeout=2m")
	r.kubectl("create", "secret", "generic", "finsam-mongodb", "--from-literal=uri="+env("FINSAM_TEST_MONGO_URI", "mongodb://mongodb:27017/"))
	r.kubectl("create", "secret", "generic", "finsam-redis", "--from-literal=url=redis://redis:6379/0")
	r.install("demo.yaml", "--set", strings.Join(append([]string{"common.replicas=2"}, values...), ","))
	return r
}

func TestAnUpgradeOfEveryDeploymentUnderLoadFailsNoRequest(t *testing.T) {
	r := services(t, "finsam-upgrade")
	l := r.under("finsam-gateway")
	time.Sleep(2 * time.Second)
	began := time.Now()
	r.helm("upgrade", "finsam", chart, "--reuse-values", "--set", "common.podAnnotations.turn=two", "--wait", "--timeout", "3m")
	r.Logf("upgraded in %s", time.Since(began).Round(100*time.Millisecond))
	time.Sleep(2 * time.Second)
	if asked, failed := l.stop(); len(failed) > 0 || asked < 500 {
		t.Errorf("%d of %d requests failed:\n%s", len(failed), asked, strings.Join(failed[:min(len(failed), 20)], "\n"))
	}
	r.badUpgradeIsRolledBack()
	r.leavesNothing()
}

// badUpgradeIsRolledBack: an image that is not there harms nobody.
func (r room) badUpgradeIsRolledBack() {
	r.Helper()
	l := r.under("finsam-gateway")
	if out, err := run(r.T, 3*time.Minute, nil, "helm", "-n", r.name, "upgrade", "finsam", chart, "--reuse-values", "--set", "image.tag=absent", "--atomic", "--timeout", "20s"); err == nil {
		r.Errorf("an upgrade to an image that is not there went through:\n%s", out)
	}
	if _, failed := l.stop(); len(failed) > 0 {
		r.Errorf("%d requests failed meanwhile: %s", len(failed), failed[0])
	}
	if image := r.kubectl("get", "deployment", "finsam-gateway", "-o", "jsonpath={.spec.template.spec.containers[0].image}"); !strings.HasSuffix(image, ":"+tag) {
		r.Errorf("the image is %s after the roll-back", image)
	}
}

func TestPodsThatAreDeletedUnderLoadLoseNothingAcknowledged(t *testing.T) {
	r := services(t, "finsam-delete")
	l := r.under("finsam-gateway")
	for _, workload := range []string{"gateway", "referral", "participant", "activity"} {
		pod := strings.Fields(r.kubectl("get", "pods", "-l", "app.kubernetes.io/component="+workload, "-o", "name"))[0]
		r.kubectl("delete", pod, "--wait")
		r.kubectl("rollout", "status", "deployment/finsam-"+workload, "--timeout=1m")
	}
	if asked, failed := l.stop(); len(failed) > 0 {
		t.Errorf("%d of %d requests failed:\n%s", len(failed), asked, strings.Join(failed[:min(len(failed), 20)], "\n"))
	}
	r.leavesNothing()
}

func TestTheServerTakesEveryExampleAndWarnsOfNothing(t *testing.T) {
	r := newRoom(t, "finsam-examples")
	files, err := filepath.Glob(filepath.Join(chart, "examples", "*.yaml"))
	if err != nil || len(files) != 5 {
		t.Fatalf("five examples: %v, %v", files, err)
	}
	for _, f := range files {
		// Kinds that a cluster without Prometheus' operator and the Gateway API does not know are left out.
		out := r.helm("install", "example", chart, "-f", f, "--dry-run=server", "--set", "monitoring.serviceMonitor.enabled=false",
			"--set", "monitoring.alerts.enabled=false", "--set", "gatewayAPI.enabled=false")
		if strings.Contains(out, "Warning") || strings.Contains(out, "would violate") {
			t.Errorf("%s: %s", filepath.Base(f), out)
		}
	}
}
