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

// minStories is how many stories must be completed before the backup is made.
const minStories = 12

// TestEverythingAcknowledgedBeforeALiveBackupIsThereAfterTheRestore backs up the
// running suite while people work, kills it, removes its data, restores the backup
// into a new folder and works on there. It must hold every story that was completed
// before the backup began, each step of it once, and no feed may differ from what its
// followers have handled.
func TestEverythingAcknowledgedBeforeALiveBackupIsThereAfterTheRestore(t *testing.T) {
	s := suite.OneProcess(t, unlimited...)
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
	for end := time.Now().Add(time.Minute); len(before) < minStories && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		before = l.acknowledged()
	}
	backups, began := t.TempDir(), time.Now()
	set := s.Finsam(t, "backup", "--data", s.Data, "--to", backups, "--keep", "2")
	took, after := time.Since(began), len(l.acknowledged())
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
	l.Suite = suite.OneProcessOn(t, restored, unlimited...)
	l.told = before
	l.readBack()
	files.readBack(l.Suite)
	l.worksOn()
	for _, p := range l.Processes {
		p.Stop()
	}
	for _, flaw := range openBooks(t, restored, "").count(l.told) {
		t.Error(flaw)
	}
}

func (l *load) acknowledged() []story {
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
