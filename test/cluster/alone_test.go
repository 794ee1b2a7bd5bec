//go:build cluster

package cluster

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// alone is an installation of standalone by docs/operations, and what the document
// says to do with it.
type alone struct {
	reader
	s *suite.Suite
}

var setName = regexp.MustCompile(`/backup/(finsam-\d{8}T\d{6}\.\d{3}Z)`)

func TestTheDocumentedCommandsForStandaloneWorkAsPrinted(t *testing.T) {
	t.Parallel() // it measures nothing, and mostly waits
	a := alone{reader: newReader(t, "finsam-alone")}
	a.isInstalled()
	before := a.refers()
	set := a.isBackedUp()
	after := a.refers()
	a.isRestored(set)
	if got := a.status(before); got != http.StatusOK {
		t.Errorf("what was acknowledged before the backup: %d", got)
	}
	if got := a.status(after); got != http.StatusNotFound {
		t.Errorf("what was acknowledged after the backup is lost with the volume, as the document says: %d", got)
	}
	a.refers() // people work on
	a.isLookedAt()
	a.getsALargerDisk()
	if got := a.status(before); got != http.StatusOK {
		t.Errorf("after the disk was made larger: %d", got)
	}
	a.isReadForSnooping(set)
}

// isInstalled: the document's five steps without the third, with issuers that finsam
// invents.
func (a *alone) isInstalled() {
	a.Helper()
	install := blocks(a.T, "Install in five minutes")
	before, rest, _ := strings.Cut(install[0], "# 3. ")
	_, rest, ok := strings.Cut(rest, "# 5. ")
	if !ok || len(install) != 2 {
		a.Fatal("the chapter has other steps")
	}
	sizes := ",persistence.size=1Gi,backup.size=1Gi"
	if hostPath != "" {
		r := room{a.T, a.namespace, "", ""}
		must(a.T, time.Minute, "kubectl", "delete", "storageclass", "finsam-alone", "--ignore-not-found")
		a.Cleanup(func() { undo("kubectl", "delete", "storageclass", "finsam-alone") })
		r.apply("{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: finsam-alone}, provisioner: kubernetes.io/no-provisioner, allowVolumeExpansion: true}")
		for _, volume := range []string{"alone-old", "alone-new"} {
			r.volumeOf(volume, "finsam-alone")
		}
		r.volume("alone-backup")
		sizes += ",persistence.storageClassName=finsam-alone,backup.storageClassName=finsam-alone-backup"
	}
	a.does(before+install[1]+"# "+rest,
		"crane push", "true", // the test cluster has no registry; deploy/image tests the push
		"services-replica-set.yaml", "standalone-small.yaml",
		"image.registry=registry.example.se", "ingress.enabled=false,drain.lingerSeconds=1,image.repository=finsam,image.registry="+registry+",image.tag="+tag+sizes,
		"deploy/helm/finsam", mustAbs(a.T, chart))
	a.s = suite.At(a.T, a.door("finsam-standalone"))
}

func (a *alone) refers() string {
	a.Helper()
	return room{a.T, a.namespace, "", ""}.accepted(a.s, time.Minute)
}

func (a *alone) status(referral string) int {
	a.Helper()
	return a.reaches(a.s, suite.Request{Method: "GET", Path: "/referrals/" + referral, Token: a.s.Token(a.T, intake)}).Status
}

// isBackedUp as the runbook of FinsamBackupOld says, and returns the name of the set.
func (a *alone) isBackedUp() string {
	a.Helper()
	a.does("kubectl -n finsam create job --from=cronjob/finsam-backup now\nkubectl -n finsam wait --for=condition=complete job/now --timeout=2m")
	which, _, _ := strings.Cut(blocks(a.T, "#### Restore in a cluster")[0], "kubectl -n finsam patch")
	said := a.does(which)
	m := setName.FindStringSubmatch(said)
	if m == nil {
		a.Fatalf("the job's log does not tell the backup's folder: %s", said)
	}
	told := must(a.T, time.Minute, "kubectl", "-n", a.namespace, "get", "--raw", "/api/v1/namespaces/"+a.namespace+"/services/finsam-standalone:admin/proxy/metrics")
	if !regexp.MustCompile(`finsam_backup_age_seconds\{[^}]*\} \d?\d(\.\d+)?\n`).MatchString(told) {
		a.Error("the suite does not tell the age of its backup")
	}
	return m[1]
}

// isRestored: onto a volume that takes the old one's place.
func (a *alone) isRestored(set string) {
	a.Helper()
	class := ""
	if hostPath != "" {
		class = "\n  storageClassName: finsam-alone"
	}
	a.writes("restore.yaml", strings.NewReplacer(
		"finsam-20261122T031500.000Z", set, "registry.example.se/finsam/finsam:0.1.0", registry+"/finsam:"+tag, "10Gi", "1Gi",
		"accessModes: [ReadWriteOnce]", "accessModes: [ReadWriteOnce]"+class,
	).Replace(a.manifest()))
	if out := a.does(blocks(a.T, "#### Restore in a cluster")[0]); !strings.Contains(out, "restored 2 files") {
		a.Errorf("the restore says something else:\n%s", out)
	}
}

// manifest is restore.yaml as written in the document.
func (a *alone) manifest() string {
	a.Helper()
	all := blocksOf(a.T, "#### Restore in a cluster", "yaml")
	if len(all) != 1 {
		a.Fatalf("the chapter has %d manifests", len(all))
	}
	return all[0]
}

func (a *alone) writes(file, text string) {
	a.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, file), []byte(namespace.ReplaceAllString(text, "$1 "+a.namespace+"$2")), 0o600); err != nil {
		a.Fatal(err)
	}
}

// isLookedAt before an upgrade, as the document says.
func (a *alone) isLookedAt() {
	a.Helper()
	_, pod, _ := strings.Cut(a.manifest(), "---\n")
	var kept []string
	for line := range strings.Lines(pod) {
		if !strings.Contains(line, "name: backup") {
			kept = append(kept, line)
		}
	}
	a.writes("look.yaml", strings.NewReplacer(
		"args: [restore, --from=/backup/finsam-20261122T031500.000Z, --data=/data]", "args: [migrate, --data=/data, --check-only]",
		"registry.example.se/finsam/finsam:0.1.0", registry+"/finsam:"+tag,
	).Replace(strings.Join(kept, "")))
	out := a.does(`kubectl -n finsam scale statefulset finsam-standalone --replicas=0
kubectl -n finsam wait --for=delete pod/finsam-standalone-0 --timeout=120s
kubectl -n finsam apply -f look.yaml
kubectl -n finsam wait --for=jsonpath='{.status.phase}'=Succeeded pod/finsam-restore --timeout=5m
kubectl -n finsam logs finsam-restore
kubectl -n finsam delete pod finsam-restore
kubectl -n finsam scale statefulset finsam-standalone --replicas=1
kubectl -n finsam rollout status statefulset/finsam-standalone --timeout=5m`)
	if strings.Count(out, "nothing to do") != 3 {
		a.Errorf("the look has another result:\n%s", out)
	}
}

// getsALargerDisk: the storage's own part is played where the volumes are folders.
func (a *alone) getsALargerDisk() {
	a.Helper()
	larger := strings.ReplaceAll(blocks(a.T, "#### A larger disk")[0], "20Gi", "2Gi")
	grow, rest, _ := strings.Cut(larger, "kubectl -n finsam get pvc")
	_, rest, ok := strings.Cut(rest, "\n")
	if !ok {
		a.Fatal("the chapter no longer waits for the claim")
	}
	a.does("helm -n finsam get values finsam -o yaml > values.yaml\n" + grow)
	if hostPath != "" {
		a.does(`PV=$(kubectl -n finsam get pvc data-finsam-standalone-0 -o jsonpath='{.spec.volumeName}')
kubectl patch pv $PV -p '{"spec":{"capacity":{"storage":"2Gi"}}}'
kubectl -n finsam patch pvc data-finsam-standalone-0 --subresource=status -p '{"status":{"capacity":{"storage":"2Gi"}}}'`)
	}
	a.does("kubectl -n finsam wait --for=jsonpath='{.status.capacity.storage}'=2Gi pvc/data-finsam-standalone-0 --timeout=5m\n"+rest,
		"deploy/helm/finsam", mustAbs(a.T, chart))
	a.does("kubectl -n finsam rollout status statefulset/finsam-standalone --timeout=5m")
	if got := must(a.T, time.Minute, "kubectl", "-n", a.namespace, "get", "statefulset", "finsam-standalone", "-o", "jsonpath={.spec.volumeClaimTemplates[0].spec.resources.requests.storage}"); got != "2Gi" {
		a.Errorf("the StatefulSet asks for %s", got)
	}
}

// isReadForSnooping: the access log, on a copy of the backup.
func (a *alone) isReadForSnooping(set string) {
	a.Helper()
	if hostPath == "" {
		a.Log("the volume of the backups is not on this machine: the access log is not read")
		return
	}
	commands, _, _ := strings.Cut(blocks(a.T, "#### Suspected snooping")[0], "FINSAM_STORE=")
	out := a.does(commands, "/backups/finsam-20261122T031500.000Z", filepath.Join(hostPath, "alone-backup", set), "2026-11-20", day(-1), "2026-11-22", day(1))
	if strings.Count(out, ", 0 flaws") != 3 || !strings.Contains(out, `"authority":"molndal"`) {
		a.Errorf("the access log has another result:\n%s", out)
	}
}
