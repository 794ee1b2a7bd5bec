//go:build cluster

package cluster

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// examples are those that are installed here; the others have tests of their own,
// which live in them longer. What does not exist here is made or taken away: the
// registry, its digest, and most of the pods.
var examples = map[string]string{
	"services-replica-set.yaml":   "common.autoscaling.minReplicas=1",
	"services-sharded.yaml":       "common.autoscaling.minReplicas=1,image.digest=",
	"gateway-api-private-ca.yaml": "common.replicas=1,global.imageRegistry=" + registry,
}

func TestEveryExampleIsInstalledForReal(t *testing.T) {
	t.Parallel() // it measures nothing, and mostly waits
	r := newRoom(t, "finsam-examples")
	files, err := filepath.Glob(filepath.Join(chart, "examples", "*.yaml"))
	if err != nil || len(files) != len(examples)+2 {
		t.Fatalf("the examples have changed: %v, %v", files, err)
	}
	r.backing()
	r.inventsWhatTheyName()
	for _, f := range files {
		file := filepath.Base(f)
		if examples[file] == "" {
			continue
		}
		t.Run(file, func(t *testing.T) {
			own := r.with(t)
			own.install(file, "--set", examples[file]+own.unknown())
			own.helm("test", "finsam")
			if out := own.kubectl("get", "events", "-o", "jsonpath={.items[*].message}"); strings.Contains(out, "would violate") {
				t.Errorf("PodSecurity: %s", out)
			}
			own.leavesNothing()
		})
	}
}

// unknown switches off the kinds that this cluster does not know.
func (r room) unknown() (off string) {
	r.Helper()
	for i, key := range []string{"monitoring.serviceMonitor.enabled", "monitoring.alerts.enabled", "gatewayAPI.enabled"} {
		if !known(r.T, extraKinds[i]) {
			r.Logf("without %s: the cluster does not know this kind", extraKinds[i])
			off += "," + key + "=false"
		}
	}
	return off
}

// inventsWhatTheyName creates the objects that the examples say are there.
func (r room) inventsWhatTheyName() {
	r.Helper()
	for _, s := range []string{"referral", "participant", "activity"} {
		r.kubectl("create", "secret", "generic", "atlas-"+s, "--from-literal=connectionStringPrivateSrv="+r.kubectl("get", "secret", "finsam-mongodb", "-o", `go-template={{.data.uri | base64decode}}`))
	}
	r.kubectl(append([]string{"create", "secret", "generic", "finsam-trust"}, r.trustFiles()...)...)
	r.kubectl("create", "secret", "docker-registry", "registry", "--docker-server=registry.region.example.se", "--docker-username=nobody", "--docker-password=invented")
	r.kubectl("create", "configmap", "region-ca", "--from-file=bundle.pem="+r.ca)
	r.kubectl("create", "configmap", "region-defaults", "--from-literal=REGION=invented")
	must(r.T, time.Minute, "kubectl", "create", "priorityclass", "business-critical", "--value=1000")
	r.Cleanup(func() { undo("kubectl", "delete", "priorityclass", "business-critical") })
	for _, n := range nodes(r.T) {
		must(r.T, time.Minute, "kubectl", "label", "node", n, "node.region.example.se/zone=internal", "--overwrite")
		r.Cleanup(func() { undo("kubectl", "label", "node", n, "node.region.example.se/zone-") })
	}
}
