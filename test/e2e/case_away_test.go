package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// smallDisk returns a folder on a disk of its own.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("only root can mount a disk; without one pkg/store/sqlite shows by an injected fault what a full one does: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v %s", err, out)
		}
	})
	return dir
}

func TestCase_G13_AServiceWithAFullDiskIsNotReady(t *testing.T) {
	disk := smallDisk(t)
	s := suite.OneProcessOn(t, disk, unlimited...)
	t.Cleanup(s.Processes["finsam"].Stop) // before the disk is taken away
	ready := func() (int, string) {
		resp, err := http.Get(s.Processes["finsam"].Admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	token, n := s.Token(t, fkSystem), uint64(0)
	post := func() int {
		n++
		p := persontest.New(rand.New(rand.NewPCG(13, n)), day(0))
		a, err := s.Do(suite.Request{Method: "POST", Path: "/referrals", Token: token,
			Body: referral(p.Number, p.GivenName, p.FamilyName), Header: map[string]string{"Idempotency-Key": fmt.Sprint("full-", n)}})
		if err != nil {
			t.Fatal(err)
		}
		return a.Status
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("not soon: ", what)
			}
		}
	}
	if status := post(); status != http.StatusCreated {
		t.Fatal("before: ", status)
	}
	filler := filepath.Join(disk, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(f, rand.NewChaCha8([32]byte{})) // until there is no room
	_ = f.Close()
	until("a write is refused", func() bool { return post() == http.StatusServiceUnavailable })
	if status, text := ready(); status != http.StatusServiceUnavailable || !strings.Contains(text, "The disk of the database is full") {
		t.Errorf("with a full disk it is %d %s", status, text)
	}
	s.Must(t, http.StatusOK, suite.Request{Path: "/municipalities/1481/week", Token: s.Token(t, board)}) // it shows nobody, and needs no entry in the access log
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	until("ready again", func() bool { status, _ := ready(); return status == http.StatusOK })
	if status := post(); status != http.StatusCreated {
		t.Error("afterwards: ", status)
	}
}

// TestCase_G3_StoppedProcessesHoldNobody stops Redis and one service of four processes as
// they are (SIGSTOP), and lets them go on.
func TestCase_G3_StoppedProcessesHoldNobody(t *testing.T) {
	redis := startRedis(t)
	s := suite.FourProcesses(t, slices.Concat(redis.env(), unlimited, []string{"FINSAM_ANSWER_TIMEOUT=500ms"})...)
	week, events := suite.Request{Path: "/municipalities/1481/week", Token: s.Token(t, board)}, suite.Request{Path: "/events?wait=0", Token: s.Token(t, fkSystem)}
	s.Must(t, http.StatusOK, week)
	s.Must(t, http.StatusOK, events)
	signal := func(sig syscall.Signal) {
		if err := syscall.Kill(s.Processes["activity"].Pid(), sig); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	t.Cleanup(func() { signal(syscall.SIGCONT) }) // before it is asked to end
	if redis.server != nil {
		redis.server.Stop()
	}
	for end := time.Now().Add(4 * time.Second); time.Now().Before(end); {
		began := time.Now()
		s.Must(t, http.StatusOK, events)
		if took := time.Since(began); took > time.Second {
			t.Errorf("another service answered after %s", took)
		}
		began = time.Now()
		a, err := s.Do(week)
		if err != nil || a.Status != http.StatusServiceUnavailable && a.Status != http.StatusGatewayTimeout || a.Header.Get("Retry-After") == "" {
			t.Errorf("the stopped service: %v %d %v", err, a.Status, a.Header)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the stopped service answered after %s", took)
		}
	}
	signal(syscall.SIGCONT)
	if redis.server != nil {
		redis.server.Continue()
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if a, err := s.Do(week); err == nil && a.Status == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatal("never back")
		}
	}
}
