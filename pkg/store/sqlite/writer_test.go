package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// small is a collection with one index of each sort.
var small = store.Spec{Name: "things", Keys: []string{"unit", "rank", "code", "held"}, Unique: []store.Index{{"code"}}, Indexes: []store.Index{{"unit", "rank"}, {"rank"}},
	Sparse: []store.Index{{"held", "rank"}}, Published: true}

func openSmall(t *testing.T) *engine {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "small.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	e := db.Engine("small").(*engine)
	if err := e.Prepare(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	return e
}

func rec(id string) store.Record {
	return store.Record{Association: "north", ID: id, Version: 1, Body: map[string]string{"id": id}}
}

// hold keeps the writer busy until release is called.
func hold(t *testing.T, e *engine) (release func()) {
	t.Helper()
	started, free := make(chan struct{}), make(chan struct{})
	go func() {
		err := e.db.writer.do(context.Background(), func(*writer) error { close(started); <-free; return nil })
		if err != nil {
			t.Error(err)
		}
	}()
	<-started
	return func() { close(free) }
}

func stored(t *testing.T, e *engine, id string) bool {
	t.Helper()
	_, err := e.Get(t.Context(), "things", "north", id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestACallerThatGaveUpBeforeItsWriteBeganHasWrittenNothing(t *testing.T) {
	e := openSmall(t)
	release := hold(t, e)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := e.Insert(ctx, "things", rec("gone"))
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, fault.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Fatalf("kept waiting for %v", took)
	}
	release()
	if err := e.Insert(t.Context(), "things", rec("next")); err != nil {
		t.Fatal(err)
	}
	if stored(t, e, "gone") || !stored(t, e, "next") {
		t.Fatal("the write of a caller that had gone was made, or the next one was not")
	}
}

func TestAFullQueueMakesCallersWaitNoLongerThanTheyWant(t *testing.T) {
	e := openSmall(t)
	release := hold(t, e)
	done := make(chan error, maxQueued)
	for range maxQueued {
		go func() { done <- e.db.writer.do(context.Background(), func(*writer) error { return nil }) }()
	}
	for len(e.db.writer.queue) < maxQueued {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := e.Insert(ctx, "things", rec("one too many")); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	release()
	for range maxQueued {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// group commits some writes together, as they stand.
func group(t *testing.T, e *engine, runs ...func(*writer) error) []error {
	t.Helper()
	release := hold(t, e)
	answers := make([]chan error, len(runs))
	for i, run := range runs {
		answers[i] = make(chan error, 1)
		go func() { answers[i] <- e.db.writer.do(context.Background(), run) }()
		for len(e.db.writer.queue) <= i {
			time.Sleep(time.Millisecond)
		}
	}
	release()
	all := make([]error, len(runs))
	for i := range runs {
		all[i] = <-answers[i]
	}
	return all
}

func inserting(e *engine, id string) func(*writer) error {
	return func(w *writer) error {
		t, err := e.table("things")
		if err != nil {
			return err
		}
		absent := []byte{0xff}
		return w.conn.exec(t.sqlInsert, absent, absent, absent, absent, "{}", int64(1), "north", id)
	}
}

func TestAWriteThatBreaksIsTakenOutOfItsGroup(t *testing.T) {
	e := openSmall(t)
	broken := errors.New("the disk said no")
	got := group(t, e, inserting(e, "a"), func(*writer) error { return broken }, inserting(e, "b"),
		func(w *writer) error { return w.conn.exec("INSERT INTO nowhere VALUES(1)") },
		func(*writer) error { return store.ErrStale }, inserting(e, "c"))
	if got[0] != nil || got[2] != nil || got[5] != nil {
		t.Fatalf("neighbours were disturbed: %v", got)
	}
	if !errors.Is(got[1], broken) || got[3] == nil || !strings.Contains(got[3].Error(), "nowhere") || !errors.Is(got[4], store.ErrStale) {
		t.Fatalf("got %v", got)
	}
	for _, id := range []string{"a", "b", "c"} {
		if !stored(t, e, id) {
			t.Fatalf("%s was answered and is not there", id)
		}
	}
}

func TestWhenTheCommitFailsNoCallerIsAnsweredOtherwise(t *testing.T) {
	e := openSmall(t)
	end := func(w *writer) error { return w.conn.exec("ROLLBACK") } // so that there is nothing to commit
	got := group(t, e, inserting(e, "a"), func(*writer) error { return store.ErrStale }, end)
	for i, err := range got {
		if err == nil || errors.Is(err, store.ErrStale) {
			t.Errorf("write %d of a failed commit was answered %v", i, err)
		}
	}
	if stored(t, e, "a") {
		t.Fatal("written all the same")
	}
	if err := e.Insert(t.Context(), "things", rec("next")); err != nil {
		t.Fatal("the writer did not recover:", err)
	}
}

func TestEachWriteIsFlushed(t *testing.T) {
	e := openSmall(t)
	err := e.db.writer.do(t.Context(), func(w *writer) error {
		return w.conn.query(t.Context(), "SELECT synchronous, (SELECT journal_mode FROM pragma_journal_mode) FROM pragma_synchronous", nil, func(row *statement) error {
			if row.integer(0) != 2 || row.text(1) != "wal" {
				t.Errorf("synchronous=%d, journal_mode=%s", row.integer(0), row.text(1))
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPagesAndUniqueValuesAreFoundByAnIndex(t *testing.T) {
	e := openSmall(t)
	desc := []store.Order{{Key: "rank", Desc: true}}
	unit := store.Cond{Key: "unit", Op: store.Eq, Value: "u"}
	for name, c := range map[string]struct {
		q     store.Query
		index string
	}{
		"sorted":               {store.Query{Sort: desc}, "small__things__i_rank"},
		"filtered":             {store.Query{Where: []store.Cond{unit}, Sort: desc}, "small__things__i_unit__rank"},
		"behind a cursor":      {store.Query{Where: []store.Cond{unit}, Sort: desc, After: store.Cursor{ID: "x", Values: []any{int64(3)}}}, "small__things__i_unit__rank"},
		"in a range":           {store.Query{Where: []store.Cond{{Key: "rank", Op: store.Gte, Value: int64(3)}}, Sort: desc}, "small__things__i_rank"},
		"by a unique value":    {store.Query{Where: []store.Cond{{Key: "code", Op: store.Eq, Value: "x"}}}, "small__things__u_code"},
		"by a sparse index":    {store.Query{Where: []store.Cond{{Key: "held", Op: store.Eq, Value: "x"}}, Sort: desc}, "small__things__s_held__rank"},
		"by ids":               {store.Query{Where: []store.Cond{store.IsAmong(store.ID, []string{"a", "b"})}}, "sqlite_autoindex_small__things_1"},
		"by id, behind a page": {store.Query{After: store.Cursor{ID: "x"}}, "sqlite_autoindex_small__things_1"},
	} {
		t.Run(name, func(t *testing.T) {
			c.q.Association, c.q.Limit = "north", 20
			lines, err := e.Explain(t.Context(), "things", c.q)
			if err != nil {
				t.Fatal(err)
			}
			plan := strings.Join(lines, "; ")
			if !strings.Contains(plan, c.index+" ") || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("plan: %s", plan)
			}
		})
	}
}

func TestStatementsAreBounded(t *testing.T) {
	e := openSmall(t)
	err := e.db.read(t.Context(), func(c *conn) error {
		for i := range maxStatements + 10 {
			if err := c.query(t.Context(), "SELECT "+strings.Repeat(" ", i)+"1", nil, func(*statement) error { return nil }); err != nil {
				return err
			}
		}
		if len(c.stmts) > maxStatements {
			t.Errorf("%d statements", len(c.stmts))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnIndexThatIsNoLongerDeclaredIsDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "older.db")
	declared := []store.Spec{small, {Name: "things", Keys: []string{"rank"}, Indexes: []store.Index{{"rank"}}}, {Name: "things", Keys: []string{"rank"}, Sparse: []store.Index{{"rank"}}}}
	for _, spec := range declared {
		db, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		e := db.Engine("small").(*engine)
		if err := e.Prepare(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		var have []string
		err = db.read(t.Context(), func(c *conn) error {
			have, err = readNames(c, "SELECT name FROM sqlite_master WHERE type='index' AND sql IS NOT NULL AND tbl_name=?", "small__things")
			return err
		})
		if err != nil || len(have) != len(spec.Unique)+len(spec.Indexes)+len(spec.Sparse) {
			t.Errorf("%d indexes, %v: %v", len(have), err, have)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsUnpublishedIsFoundInTheOrderOfItsIndex(t *testing.T) {
	e := openSmall(t)
	var plan []string
	err := e.query(t.Context(), "EXPLAIN QUERY PLAN "+e.db.tables["small/things"].sqlUnpublished, []value{int64(1)}, func(row *statement) error {
		plan = append(plan, row.text(row.columns-1))
		return nil
	})
	if text := strings.Join(plan, "; "); err != nil || !strings.Contains(text, "SCAN u USING INDEX small__things__unpublished__written; SEARCH d") || strings.Contains(text, "TEMP") {
		t.Errorf("%v: %s", err, text)
	}
}

func TestAFileOfAnotherFormatIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	for _, sql := range []string{"CREATE TABLE referral__referrals(association,id,version,published,written,body)", "PRAGMA user_version=9"} {
		c, err := dial(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.exec(sql), c.close()); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "this program needs format") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestALongBodyIsStoredCompressedAndReadWhole(t *testing.T) {
	e := openSmall(t)
	want := strings.Repeat(`<"Påhittat">`, minCompressed/10)
	for id, text := range map[string]string{"long": want, "short": want[:12]} {
		r := rec(id)
		r.Body = map[string]string{"text": text}
		if err := e.Insert(t.Context(), "things", r); err != nil {
			t.Fatal(err)
		}
	}
	stored := map[string]int64{}
	err := e.query(t.Context(), "SELECT id,length(body),typeof(body) FROM small__things", nil, func(row *statement) error {
		if isBlob := row.text(2) == "blob"; isBlob != (row.text(0) == "long") {
			t.Error(row.text(0), "is stored as", row.text(2))
		}
		stored[row.text(0)] = row.integer(1)
		return nil
	})
	if err != nil || stored["long"] > minCompressed/5 {
		t.Error(stored, err)
	}
	found, err := e.Find(t.Context(), "things", store.Query{Association: "north", Limit: 2})
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	var have map[string]string
	if err := found[0].Body.Decode(&have); err != nil || have["text"] != want {
		t.Errorf("%.50v %v", have, err)
	}
	if err := found[0].Body.Unknown(&struct{}{}); err != nil { // it is known by the first decoding
		t.Error(err)
	}
}

func TestABodyThatCannotBeExpandedIsAnError(t *testing.T) {
	e := openSmall(t)
	if err := e.Insert(t.Context(), "things", rec("a")); err != nil {
		t.Fatal(err)
	}
	if err := e.db.writer.do(t.Context(), func(w *writer) error { return w.conn.exec("UPDATE small__things SET body=x'ffff'") }); err != nil {
		t.Fatal(err)
	}
	d, err := e.Get(t.Context(), "things", "north", "a")
	var have map[string]string
	if err := errors.Join(err, d.Body.Decode(&have)); err == nil || !strings.Contains(err.Error(), "expand document") {
		t.Error("read", have, err)
	}
	if err := e.Insert(t.Context(), "things", long("b")); err != nil {
		t.Fatal(err)
	}
	d, err = e.Get(t.Context(), "things", "north", "b")
	if err := errors.Join(err, d.Body.Decode(&have)); err != nil || have["text"] != long("b").Body.(map[string]string)["text"] {
		t.Error("the next one:", err)
	}
}

func BenchmarkReadCompressed(b *testing.B) {
	compressed := compress([]byte(`{"text":"` + strings.Repeat("påhittat ", 1000) + `"}`))
	b.ReportAllocs()
	for b.Loop() {
		var have struct{ Text string }
		if err := (&body{text: compressed, isCompressed: true}).Decode(&have); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAFileOfTheFormatBeforeIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "before.db")
	for _, before := range []string{"", "PRAGMA user_version=2"} {
		if before != "" {
			c, err := dial(path)
			if err := errors.Join(err, c.exec(before), c.close()); err != nil {
				t.Fatal(err)
			}
		}
		db, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		err = db.read(t.Context(), func(c *conn) error {
			return c.query(t.Context(), "PRAGMA user_version", nil, func(row *statement) error {
				if row.integer(0) != format {
					t.Error("format", row.integer(0))
				}
				return nil
			})
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Error(err)
		}
	}
}
