package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// numbered is a document that says in which order it was written.
type numbered struct {
	N    int64  `json:"n"`
	Text string `json:"text"`
}

func kindOfNumbered() store.Schema[numbered] {
	return store.Schema[numbered]{Name: "numbered", Indexes: []store.Index{{"n"}},
		ID:   func(v *numbered) (string, string) { return "north", fmt.Sprintf("%08d", v.N) },
		Keys: func(v *numbered) store.Keys { return store.Keys{"n": v.N} }}
}

// writing inserts documents one after another until stop; last is the number of
// the latest that was answered.
func writing(t *testing.T, e store.Engine) (last *atomic.Int64, stop func()) {
	t.Helper()
	c, err := store.Open(t.Context(), e, kindOfNumbered())
	if err != nil {
		t.Fatal(err)
	}
	last = new(atomic.Int64)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := last.Load() + 1; ctx.Err() == nil; n++ {
			if _, err := c.Insert(context.WithoutCancel(ctx), &numbered{N: n, Text: strings.Repeat("x", 500)}); err != nil {
				t.Error(err)
				return
			}
			last.Store(n)
		}
	}()
	return last, func() { cancel(); <-done }
}

func TestABackupUnderLoadHoldsWhatWasAnsweredBeforeItBegan(t *testing.T) {
	dir := t.TempDir()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	one, stopOne := writing(t, db.Engine("one"))
	two, stopTwo := writing(t, db.Engine("two"))
	defer stopOne()
	defer stopTwo()
	for one.Load() == 0 || two.Load() == 0 { // a loaded machine takes its time to begin
		time.Sleep(time.Millisecond)
	}
	for i := range 5 {
		time.Sleep(50 * time.Millisecond)
		before := map[string]int64{"one": one.Load(), "two": two.Load()}
		path := filepath.Join(dir, "copies", fmt.Sprintf("%d.db", i))
		if err := db.Backup(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		after := map[string]int64{"one": one.Load(), "two": two.Load()}
		for name, has := range counted(t, path) {
			if has < before[name] || has > after[name]+1 {
				t.Errorf("copy %d of %s has %d documents; %d were answered before it began, %d after it ended", i, name, has, before[name], after[name])
			}
		}
	}
}

// counted opens a copy and returns how many documents each service has in it,
// which must be the first ones without a gap.
func counted(t *testing.T, path string) map[string]int64 {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all := map[string]int64{}
	for _, name := range []string{"one", "two"} {
		c, err := store.Open(t.Context(), db.Engine(name), kindOfNumbered())
		if err != nil {
			t.Fatal(err)
		}
		if all[name], err = c.Count(t.Context(), "north", nil); err != nil {
			t.Fatal(err)
		}
		last, err := c.Find(t.Context(), store.Query{Association: "north", Sort: []store.Order{{Key: "n", Desc: true}}, Limit: 1})
		if err != nil || len(last.Items) != 1 || last.Items[0].Value.N != all[name] {
			t.Errorf("%s: %d documents, the last of them is %+v, %v", name, all[name], last.Items, err)
		}
	}
	return all
}

func TestABackupIsOneFileForItsOwnerOnlyAndNeverOverAnother(t *testing.T) {
	dir := t.TempDir()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	path := filepath.Join(dir, "copies", "a.db")
	if err := db.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := db.Backup(t.Context(), path); !errors.Is(err, os.ErrExist) {
		t.Errorf("over another: %v", err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestADamagedCopyIsFound(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	last, stop := writing(t, db.Engine("one"))
	for last.Load() < 300 {
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Check(t.Context(), path); err != nil {
		t.Fatalf("while it is whole: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(text) / 2; i < len(text)/2+8192; i++ {
		text[i] = 0x5a
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Check(t.Context(), path); err == nil {
		t.Error("8 KiB of nonsense in the middle were not found")
	}
}

func TestABackupEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(dir, "copies", "a.db")
	if err := db.Backup(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it left something behind: %v", err)
	}
}
