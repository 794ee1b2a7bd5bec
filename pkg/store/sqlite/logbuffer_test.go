package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// spoil has the file of the log answer the next write with a code, and counts writes.
func spoil(t *testing.T, l *logBuffer) (code *int32, writes *int) {
	code, writes = new(int32), new(int)
	own := pointee[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](l.own.FxWrite)
	spoilt := func(tls *libc.TLS, file, data uintptr, size int32, at int64) int32 {
		*writes++
		if c := *code; c != lib.SQLITE_OK {
			*code = lib.SQLITE_OK
			return c
		}
		return own(tls, file, data, size, at)
	}
	l.own.FxWrite = *(*uintptr)(unsafe.Pointer(&spoilt))
	t.Cleanup(func() { runtime.KeepAlive(spoilt) }) // SQLite has only its address
	return code, writes
}

// long is a record whose body cannot be compressed.
func long(id string) store.Record {
	text := make([]byte, 75<<10)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(id))).Read(text)
	r := rec(id)
	r.Body = map[string]string{"text": base64.StdEncoding.EncodeToString(text)}
	return r
}

func TestACommitIsWrittenInFewPieces(t *testing.T) {
	e := openSmall(t)
	_, writes := spoil(t, e.db.writer.conn.log)
	if err := e.Insert(t.Context(), "things", long("a")); err != nil {
		t.Fatal(err)
	}
	if pages := 100 << 10 / 2048; *writes > pages/3 || *writes < pages/10 {
		t.Errorf("%d writes for over %d pages", *writes, pages)
	}
}

// TestACommitLargerThanTheCacheIsWhole has SQLite write pages before the commit, and read
// them again.
func TestACommitLargerThanTheCacheIsWhole(t *testing.T) {
	e := openSmall(t)
	if err := e.db.writer.do(t.Context(), func(w *writer) error { return w.conn.exec("PRAGMA cache_size=10") }); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			if err := e.Insert(t.Context(), "things", long(fmt.Sprint("n", i))); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for i := range 20 {
		d, err := e.Get(t.Context(), "things", "north", fmt.Sprint("n", i))
		if err != nil {
			t.Fatal(err)
		}
		var have map[string]string
		if err := d.Body.Decode(&have); err != nil || have["text"] != long(fmt.Sprint("n", i)).Body.(map[string]string)["text"] {
			t.Error(i, "is not whole", err)
		}
	}
	err := e.db.writer.do(t.Context(), func(w *writer) error {
		return w.conn.query(context.Background(), "PRAGMA integrity_check", nil, func(row *statement) error {
			if row.text(0) != "ok" {
				t.Error(row.text(0))
			}
			return nil
		})
	})
	if err != nil {
		t.Error(err)
	}
}

// TestAFileWithLargerPagesThanTheBufferIsWritten opens a file that something else has
// created: a page of it is longer than the buffer.
func TestAFileWithLargerPagesThanTheBufferIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pages.db")
	c, err := dial(path, "page_size=65536", "journal_mode=WAL", fmt.Sprint("user_version=", format))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.exec("CREATE TABLE other(a)"), c.close()); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	e := db.Engine("small").(*engine)
	if err := e.Prepare(t.Context(), store.Spec{Name: "things"}); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		r := long(fmt.Sprint("n", i))
		if err := e.Insert(t.Context(), "things", r); err != nil {
			t.Fatal(err)
		}
		var have map[string]string
		d, err := e.Get(t.Context(), "things", r.Association, r.ID)
		if err := errors.Join(err, d.Body.Decode(&have)); err != nil || have["text"] != r.Body.(map[string]string)["text"] {
			t.Error(i, err)
		}
	}
	if err := errors.Join(db.Close(), Check(t.Context(), path)); err != nil {
		t.Error(err)
	}
}

// TestALogThatCannotBeWrittenSpoilsNothing lets the disk be full while a commit is under
// way: its write fails, those before and after it hold, also for who opens the file later.
func TestALogThatCannotBeWrittenSpoilsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "full.db")
	open := func() (*DB, *engine) {
		db, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		e := db.Engine("small").(*engine)
		if err := e.Prepare(t.Context(), small); err != nil {
			t.Fatal(err)
		}
		return db, e
	}
	db, e := open()
	code, _ := spoil(t, db.writer.conn.log)
	if err := e.Insert(t.Context(), "things", rec("before")); err != nil {
		t.Fatal(err)
	}
	for _, r := range []store.Record{rec("short"), long("long")} {
		*code = lib.SQLITE_FULL
		var full *sqliteError
		if err := e.Insert(t.Context(), "things", r); !errors.As(err, &full) || full.code != lib.SQLITE_FULL {
			t.Errorf("%s: %v", r.ID, err)
		}
		if stored(t, e, r.ID) {
			t.Error(r.ID, "is stored")
		}
		*code = lib.SQLITE_FULL
		if err := e.Ping(t.Context()); !errors.Is(err, fault.ErrUnavailable) || !strings.Contains(fault.Of(err).Text.EN, "full") {
			t.Errorf("with a full disk it is as ready as ever: %v", err)
		}
		if err := e.Ping(t.Context()); err != nil {
			t.Errorf("there is room again, and it does not notice: %v", err)
		}
	}
	if err := e.Insert(t.Context(), "things", rec("after")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, e = open()
	for id, want := range map[string]bool{"before": true, "short": false, "long": false, "after": true} {
		if stored(t, e, id) != want {
			t.Errorf("%s: stored: %t", id, !want)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsAnsweredIsInTheLog reads the file as it is after each answer, as it would be
// found after the process was killed.
func TestWhatIsAnsweredIsInTheLog(t *testing.T) {
	e := openSmall(t)
	killed := filepath.Join(t.TempDir(), "killed.db")
	for i := range 5 {
		if err := e.Insert(t.Context(), "things", rec(fmt.Sprint("n", i))); err != nil {
			t.Fatal(err)
		}
		for _, suffix := range []string{"", "-wal"} {
			text, err := os.ReadFile(e.db.path + suffix)
			if err == nil {
				err = os.WriteFile(killed+suffix, text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		_ = os.Remove(killed + "-shm")
		c, err := dial(killed)
		if err != nil {
			t.Fatal(err)
		}
		found := int64(0)
		err = c.query(context.Background(), "SELECT count(*) FROM small__things", nil, func(row *statement) error {
			found = row.integer(0)
			return nil
		})
		if err = errors.Join(err, c.close()); err != nil || found != int64(i+1) {
			t.Errorf("%d of %d: %v", found, i+1, err)
		}
	}
}
