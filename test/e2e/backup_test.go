package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// stories is how many stories must be completed before a backup is made.
const stories = 12

func TestWhatWasAcknowledgedBeforeABackupUnderLoadIsThereAfterTheRestoreInOneProcess(t *testing.T) {
	s := suite.OneProcess(t, unlimited...)
	destroyAndRestore(t, s, nil, func(data string) *suite.Suite {
		return suite.OneProcessOn(t, data, unlimited...)
	})
}

func TestWhatWasAcknowledgedBeforeABackupUnderLoadIsThereAfterTheRestoreOfFourProcesses(t *testing.T) {
	env := slices.Concat(unlimited, []string{"FINSAM_BACKUP_DIR=" + t.TempDir()})
	s := suite.FourProcesses(t, env...)
	destroyAndRestore(t, s, []string{"participant", "referral", "activity"}, func(data string) *suite.Suite {
		return suite.FourProcessesOn(t, data, env...)
	})
}

// destroyAndRestore backs up what runs while people work, kills it, throws its
// data away, restores the backup into a new folder and goes on there. The books
// must contain every story that was completed before the backup began, each step of it
// once, and no feed may differ from what its followers have handled.
func destroyAndRestore(t *testing.T, s *suite.Suite, processes []string, again func(data string) *suite.Suite) {
	l, files := newLoad(t, s, 11), newAttachedLoad(walk{s, t})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.run(ctx)
	}()
	filed := make(chan struct{})
	go func() {
		defer close(filed)
		files.run(ctx.Done())
	}()
	var before []story
	for end := time.Now().Add(time.Minute); len(before) < stories && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		before = l.toldYet()
	}
	backups, began := t.TempDir(), time.Now()
	args := []string{"backup", "--data", s.Data, "--to", backups, "--keep", "2"}
	for _, name := range processes { // of a suite in one process: none
		args = append(args, "--admin", s.Processes[name].Admin)
	}
	set := s.Finsam(t, args...)
	took, after := time.Since(began), len(l.toldYet())
	stop()
	<-done
	<-filed
	if files.calls.Load() == 0 {
		t.Error("no file came or went meanwhile")
	}
	for _, p := range s.Processes {
		p.Kill()
	}
	restored := filepath.Join(t.TempDir(), "restored")
	began = time.Now()
	s.Finsam(t, "restore", "--from", set, "--data", restored)
	t.Logf("%d stories before the backup, which took %s (%d more were completed meanwhile); restored in %s", len(before), took, after-len(before), time.Since(began))
	for _, folder := range []string{"keys", "demo"} { // what is kept apart
		if err := os.CopyFS(filepath.Join(restored, folder), os.DirFS(filepath.Join(s.Data, folder))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(s.Data); err != nil {
		t.Fatal(err)
	}
	l.Suite = again(restored)
	l.told = before
	l.readBack()
	files.readBack(l.Suite)
	l.worksOn()
	for _, p := range l.Processes {
		p.Stop()
	}
	for _, flaw := range openBooks(t, restored).count(l.told) {
		t.Error(flaw)
	}
}

func (l *load) toldYet() []story {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.told)
}

// worksOn runs one more story, from its beginning to its end.
func (l *load) worksOn() {
	n := len(l.told)
	l.tell(100_000)
	if len(l.told) != n+1 {
		l.t.Error("after the restore no story is completed")
	}
}
