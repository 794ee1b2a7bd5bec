package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/store"
)

type value = driver.Value

// table is a prepared collection with its statements.
type table struct {
	name string
	spec store.Spec

	sqlGet, sqlVersion, sqlInsert, sqlReplace, sqlDelete, sqlMarkPublished, sqlUnpublished, sqlWalk, sqlRekey string
}

// absent is stored where a document lacks a key. As a BLOB it sorts behind every
// number, text and bool (which is a BLOB too), as the contract wants it; NULL would
// sort first and cost a second pass over the index.
const absent = "x'ff'"

func newTable(namespace string, spec store.Spec) *table {
	t := &table{name: namespace + "__" + spec.Name, spec: spec}
	q := quote(t.name)
	const byID = " WHERE association=? AND id=?"
	var cols, marks, sets strings.Builder
	for _, key := range spec.Keys {
		fmt.Fprintf(&cols, ",%s", column(key))
		fmt.Fprintf(&sets, ",%s=?", column(key))
		marks.WriteString(",?")
	}
	t.sqlGet = "SELECT version,published,body FROM " + q + byID
	t.sqlVersion = "SELECT version FROM " + q + byID
	t.sqlInsert = "INSERT INTO " + q + "(association,id,version,written,body" + cols.String() + ") VALUES(?,?,?,?,?" + marks.String() + ")"
	t.sqlReplace = "UPDATE " + q + " SET version=?,written=?,body=?" + sets.String() + byID + " AND version=?"
	t.sqlDelete = "DELETE FROM " + q + byID + " AND version=?"
	t.sqlMarkPublished = "UPDATE " + q + " SET published=?" + byID + " AND published<?"
	t.sqlUnpublished = "SELECT association,id,version,published,body FROM " + q + " WHERE published<version ORDER BY written" + sqlLimit
	t.sqlWalk = "SELECT association,id" + cols.String() + ",version,published,body FROM " + q + " WHERE (association,id)>(?,?) ORDER BY association,id" + sqlLimit
	t.sqlRekey = "UPDATE " + q + " SET version=version" + sets.String() + byID + " AND version=?"
	return t
}

func quote(name string) string { return `"` + name + `"` }

func column(key string) string { return quote("k_" + key) }

// prepare creates the table, columns and indexes that are missing, and drops indexes
// that are no longer declared unless keepIndexes. It runs inside the writer's
// transaction: all of it happens, or nothing.
func (t *table) prepare(w *writer, keepIndexes bool) error {
	q := quote(t.name)
	if err := w.conn.exec("CREATE TABLE IF NOT EXISTS " + q + `(
		association TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, published INTEGER NOT NULL DEFAULT 0,
		written INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY(association,id))`); err != nil {
		return err
	}
	present, err := readNames(w.conn, "SELECT name FROM pragma_table_info(?)", t.name)
	if err != nil {
		return err
	}
	for _, key := range t.spec.Keys {
		if slices.Contains(present, "k_"+key) {
			continue
		}
		if err := w.conn.exec("ALTER TABLE " + q + " ADD COLUMN " + column(key) + " BLOB NOT NULL DEFAULT " + absent); err != nil {
			return fmt.Errorf("key %s: %w", key, err)
		}
	}
	// The primary key's own index has no statement.
	present, err = readNames(w.conn, "SELECT name FROM sqlite_master WHERE type='index' AND sql IS NOT NULL AND tbl_name=?", t.name)
	if err != nil {
		return err
	}
	declared := t.indexes()
	for _, name := range present {
		if _, ok := declared[name]; ok || keepIndexes {
			continue
		}
		if err := w.conn.exec("DROP INDEX " + quote(name)); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if err := w.conn.exec(declared[name]); err != nil {
			return fmt.Errorf("index %s: %w", name, err)
		}
	}
	return w.conn.query(context.Background(), "SELECT coalesce(max(written),0) FROM "+q+" WHERE published<version", nil, func(row []value) error {
		w.written = max(w.written, row[0].(int64))
		return nil
	})
}

func readNames(c *conn, sql string, arg value) (names []string, err error) {
	err = c.query(context.Background(), sql, []value{arg}, func(row []value) error {
		names = append(names, row[0].(string))
		return nil
	})
	return names, err
}

// indexes returns the statement that creates each index, by the name of the index.
func (t *table) indexes() map[string]string {
	q, name := quote(t.name), t.name+"__unpublished"
	all := map[string]string{name: "CREATE INDEX IF NOT EXISTS " + quote(name) + " ON " + q + "(written) WHERE published<version"}
	for _, ix := range t.spec.Unique {
		name := t.name + "__u_" + strings.Join(ix, "__")
		cols, present := "", ""
		for _, key := range ix {
			cols += "," + column(key)
			present += " AND " + column(key) + "<>" + absent
		}
		all[name] = "CREATE UNIQUE INDEX IF NOT EXISTS " + quote(name) + " ON " + q + "(association" + cols + ") WHERE" + strings.TrimPrefix(present, " AND")
	}
	for _, ix := range t.spec.Indexes {
		name := t.name + "__i_" + strings.Join(ix, "__")
		cols := ""
		for _, key := range ix {
			cols += "," + column(key)
		}
		// The id at the end keeps a page in order without sorting.
		all[name] = "CREATE INDEX IF NOT EXISTS " + quote(name) + " ON " + q + "(association" + cols + ",id)"
	}
	return all
}

// encodeKey returns a key's value as it is stored: text and integers as such, a bool
// as a BLOB of one byte, so that it is read as a bool again.
func encodeKey(v any) (value, error) {
	x, err := store.Scalar(v)
	switch b := x.(type) {
	case nil:
		return []byte{0xff}, err
	case bool:
		if b {
			return []byte{1}, nil
		}
		return []byte{0}, nil
	}
	return x, err
}
