//go:build cluster

package cluster

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

func TestStandaloneLivesOnAClusterAndLeavesNothingButItsData(t *testing.T) {
	r := newRoom(t, "finsam-standalone")
	more := []string{"--set", "backup.keepVolume=false,persistence.size=1Gi,persistence.whenDeleted=Delete,backup.size=1Gi"}
	if hostPath != "" {
		for _, name := range []string{"data", "backup"} {
			r.volume(name)
		}
		more = append(more, "--set", "persistence.storageClassName=finsam-data,backup.storageClassName=finsam-backup")
	}
	began := time.Now()
	r.helm(append(append([]string{"install", "finsam", chart}, r.values("standalone-small.yaml")...), more...)...)
	door := r.door("finsam-standalone")
	r.accepted(suite.At(t, door), 3*time.Minute)
	figure("standalone: from helm install to the first accepted referral: %s", time.Since(began).Round(100*time.Millisecond))
	r.ready()
	r.hasPolicies("standalone")
	r.livesThrough(door)
	r.helm("test", "finsam")

	people := r.people(door, 5)
	time.Sleep(10 * time.Second)
	report("standalone, idle", r.uses(25*time.Second))
	l := r.under(door, people, 200, 100, false)
	time.Sleep(10 * time.Second)
	report("standalone, 200 requests/s", r.uses(25*time.Second))
	res := l.stop("200 requests a second")
	figure("standalone, 200 requests/s, all with personal data; %s", res)
	if len(res.failed) > 0 {
		t.Errorf("%s%s", res, res.some())
	}
	r.isBackedUp()
	r.leavesNothing()
}

func (r room) isBackedUp() {
	r.Helper()
	r.kubectl("create", "job", "--from=cronjob/finsam-backup", "now")
	r.kubectl("wait", "--for=condition=complete", "job/now", "--timeout=2m")
	if hostPath == "" {
		return
	}
	if sets, err := filepath.Glob(filepath.Join(hostPath, "backup", "*", "finsam.db")); err != nil || len(sets) != 1 {
		r.Errorf("the backup's sets: %v, %v", sets, err)
	}
}
