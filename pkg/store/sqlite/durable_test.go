package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// The test binary is also the process that is killed: childFile names what it
// writes to.
const childFile = "FINSAM_SQLITE_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		if err := writeUntilKilled(path); err != nil {
			fmt.Println("error:", err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func noteKind() store.Schema[note] {
	return store.Schema[note]{
		Name: "notes", Published: true,
		Unique:  []store.Index{{"at"}},
		Indexes: []store.Index{{"unit", "at"}, {"state", "at"}},
		ID:      func(n *note) (string, string) { return "north", n.ID },
		Keys:    func(n *note) store.Keys { return store.Keys{"unit": n.Unit, "at": n.At, "state": n.State} },
	}
}

func notesOf(tb testing.TB, db *sqlite.DB) *store.Collection[note] {
	tb.Helper()
	c, err := store.Open(tb.Context(), db.Engine("bench"), noteKind())
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// writeUntilKilled inserts from several goroutines and prints each id once the
// engine has answered for it.
func writeUntilKilled(path string) error {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	c, err := store.Open(ctx, db.Engine("bench"), noteKind())
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for g := range int64(8) {
		wg.Go(func() {
			for i := g + 1; err == nil; i += 8 {
				n := newNote(i + time.Now().UnixNano())
				if _, err := c.Insert(ctx, n); err != nil {
					fmt.Println("error:", err)
					return
				}
				mu.Lock()
				fmt.Println(n.ID)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return nil
}

func TestWhatWasAnsweredSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "killed.db")
	var answered []string
	for round := range 4 {
		answered = append(answered, writeAndKill(t, path, 20+100*round)...)
		db := open(t, path)
		c := notesOf(t, db)
		for _, id := range answered {
			if _, err := c.Get(t.Context(), "north", id); err != nil {
				t.Fatalf("round %d: of %d answered writes, %s: %v", round, len(answered), id, err)
			}
		}
		whole(t, c)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// whole reads every document: what was not answered is there whole, or not.
func whole(t *testing.T, c *store.Collection[note]) {
	t.Helper()
	q := store.Query{Association: "north", Limit: 1000}
	for {
		page, err := c.Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Items {
			if len(v.Value.Lines) != 2 {
				t.Fatalf("%s is torn", v.Value.ID)
			}
		}
		if page.Next.ID == "" {
			return
		}
		q.After = page.Next
	}
}

// writeAndKill lets a process answer some writes and kills it in the middle.
func writeAndKill(t *testing.T, path string, writes int) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	var ids []string
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || strings.HasPrefix(line, "error:") {
			t.Fatalf("the process says %q, %v", line, err)
		}
		ids = append(ids, strings.TrimSpace(line))
		if len(ids) == writes {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // "signal: killed" is what was asked for
	return ids
}

func TestWhatWasWrittenIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "again.db")
	db := open(t, path)
	if _, err := notesOf(t, db).Insert(t.Context(), newNote(1)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c := notesOf(t, open(t, path))
	if _, err := c.Get(t.Context(), "north", noteID(1)); err != nil {
		t.Fatal(err)
	}
	// The order of writes goes on where it was.
	if _, err := c.Insert(t.Context(), newNote(2)); err != nil {
		t.Fatal(err)
	}
	found, err := c.Unpublished(t.Context(), 10)
	if err != nil || len(found) != 2 || found[1].Value.ID != noteID(2) {
		t.Fatalf("got %v, %v", found, err)
	}
}

func TestASecondProcessIsRefusedWithASentence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shared.db")
	db := open(t, path)
	notesOf(t, db)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "is in use by another process: stop that process") {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := sqlite.Open(t.Context(), path); err == nil {
		t.Fatal("opened twice in one process")
	}
	if _, err := notesOf(t, db).Insert(t.Context(), newNote(1)); err != nil {
		t.Fatal("the first one was disturbed:", err)
	}
}

func TestReadingTheFileDoesNotLoosenTheHoldOnIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "copied.db")
	open(t, path)
	for _, name := range []string{path, path + ".lock"} {
		if _, err := os.ReadFile(name); err != nil { // as a backup does, in this very process
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "is in use") {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestTheFilesAreTheirOwnersOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	c := notesOf(t, open(t, filepath.Join(dir, "private.db")))
	if _, err := c.Insert(t.Context(), newNote(1)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "private.db", "private.db-wal"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%q: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestEveryCallAfterCloseIsAnswered(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "closed.db"))
	if err != nil {
		t.Fatal(err)
	}
	c := notesOf(t, db)
	var wg sync.WaitGroup
	for i := range int64(32) { // writers that the end meets on their way
		wg.Go(func() {
			if _, err := c.Insert(context.Background(), newNote(i)); err != nil && !errors.Is(err, fault.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	_, get := c.Get(t.Context(), "north", "a")
	_, insert := c.Insert(t.Context(), newNote(99))
	for _, err := range []error{get, insert, db.Engine("bench").Ping(t.Context())} {
		if !errors.Is(err, fault.ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal("closing again:", err)
	}
}
