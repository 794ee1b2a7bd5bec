//go:build cluster

package cluster

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestTheServicesAreInstalledLivedWithAndLeaveNothing(t *testing.T) {
	r := services(t, "finsam-services", "common.replicas=1")
	r.allowsOnlyTheCalls()
	r.livesThrough("finsam-gateway")
	r.helm("test", "finsam")
	r.leavesNothing()
}

func TestStandaloneIsInstalledLivedWithAndLeavesNothingButItsData(t *testing.T) {
	r := newRoom(t, "finsam-standalone")
	more := []string{"--set", "backup.keepVolume=false", "--set", "persistence.size=1Gi", "--set", "persistence.whenDeleted=Delete", "--set", "backup.size=1Gi"}
	if hostPath != "" {
		for _, name := range []string{"data", "backup"} {
			r.volume(name)
		}
		more = append(more, "--set", "persistence.storageClassName=finsam-data", "--set", "backup.storageClassName=finsam-backup")
	}
	r.install("standalone-small.yaml", more...)
	r.livesThrough("finsam-standalone")
	r.kubectl("create", "job", "--from=cronjob/finsam-backup", "now")
	r.kubectl("wait", "--for=condition=complete", "job/now", "--timeout=2m")
	if hostPath != "" {
		if sets, err := filepath.Glob(filepath.Join(hostPath, "backup", "*", "finsam.db")); err != nil || len(sets) != 1 {
			t.Errorf("the backup's sets: %v, %v", sets, err)
		}
	}
	r.helm("test", "finsam")
	r.leavesNothing()
}

// volume makes a volume of a folder on the node, for a cluster that provides none.
func (r room) volume(name string) {
	r.Helper()
	dir := filepath.Join(hostPath, name)
	for _, do := range []func() error{
		func() error { return os.RemoveAll(dir) }, func() error { return os.MkdirAll(dir, 0o777) }, func() error { return os.Chmod(dir, 0o777) },
	} {
		if err := do(); err != nil {
			r.Fatal(err)
		}
	}
	manifest := `apiVersion: v1
kind: PersistentVolume
metadata: { name: finsam-` + name + ` }
spec:
  storageClassName: finsam-` + name + `
  capacity: { storage: 1Gi }
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  hostPath: { path: ` + dir + `, type: Directory }
`
	file := filepath.Join(r.TempDir(), "volume.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		r.Fatal(err)
	}
	r.kubectl("delete", "persistentvolume", "finsam-"+name, "--ignore-not-found")
	r.kubectl("apply", "-f", file)
	r.Cleanup(func() {
		_ = exec.Command("kubectl", "delete", "persistentvolume", "finsam-"+name, "--wait=false").Run()
		_ = os.RemoveAll(dir)
	})
}
