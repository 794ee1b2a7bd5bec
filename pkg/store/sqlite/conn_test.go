package sqlite

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func openConn(t *testing.T) *conn {
	t.Helper()
	c, err := dial(filepath.Join(t.TempDir(), "conn.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestValuesOfEverySizeComeBackAsTheyWere(t *testing.T) {
	c := openConn(t)
	for _, n := range []int{0, 1, minMemory, minMemory + 1, 1 << 20, 3} {
		s, b := strings.Repeat("å\x00", n), bytes.Repeat([]byte{0xff, 0}, n)
		err := c.query(t.Context(), "SELECT ?,?,?,?,typeof(?3),typeof(?4)", []value{s, int64(-n), text(s), b}, func(row *statement) error {
			if row.value(0) != s || row.value(1) != int64(-n) || row.value(2) != s || !bytes.Equal(row.value(3).([]byte), b) {
				t.Errorf("%d: other values", n)
			}
			if row.text(4) != "text" || row.text(5) != "blob" {
				t.Errorf("%s, %s", row.text(4), row.text(5))
			}
			return nil
		})
		if err != nil {
			t.Error(n, err)
		}
	}
	if err := c.exec("SELECT ?", 1.5); err == nil {
		t.Error("a number with a fraction was bound")
	}
}

func TestALongStatementEndsWithItsContext(t *testing.T) {
	c := openConn(t)
	const forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT "
	for _, sql := range []string{forever + "count(*) FROM n", forever + "i FROM n"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := c.query(ctx, sql, nil, func(*statement) error { return nil })
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if err := c.exec("SELECT 1"); err != nil {
		t.Error("the next statement:", err)
	}
}

func TestAnErrorHasSQLitesCodeAndWords(t *testing.T) {
	c := openConn(t)
	for _, sql := range []string{"CREATE TABLE t(a UNIQUE)", "INSERT INTO t VALUES(1)"} {
		if err := c.exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.exec("INSERT INTO t VALUES(?)", int64(1)); !isUnique(err) || !strings.Contains(err.Error(), "t.a") {
		t.Error(err)
	}
	if err := c.exec("SELECT"); err == nil || isUnique(err) {
		t.Error(err)
	}
	if _, err := dial(filepath.Join(t.TempDir(), "no such folder", "x.db")); err == nil {
		t.Error("a file in a folder that is not there was opened")
	}
}
