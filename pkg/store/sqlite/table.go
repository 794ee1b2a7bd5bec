package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

type value = driver.Value

func values(v ...value) []value { return v }

// table is a collection as this process has prepared it, with the statements
// that every write of it uses.
type table struct {
	name string
	spec store.Spec

	sqlGet, sqlVersion, sqlInsert, sqlReplace, sqlDelete, sqlSettle, sqlUnsettled, sqlWalk, sqlRekey string
}

// absent is stored where a document lacks a key. As a BLOB it sorts behind every
// number, text and bool (also BLOBs), which is where the contract wants it; NULL
// would sort first and cost a second pass over the index.
const absent = "x'ff'"

func newTable(namespace string, spec store.Spec) *table {
	t := &table{name: namespace + "__" + spec.Name, spec: spec}
	q := quote(t.name)
	const one = " WHERE association=? AND id=?"
	var cols, marks, sets strings.Builder
	for _, key := range spec.Keys {
		fmt.Fprintf(&cols, ",%s", column(key))
		fmt.Fprintf(&sets, ",%s=?", column(key))
		marks.WriteString(",?")
	}
	t.sqlGet = "SELECT version,settled,body FROM " + q + one
	t.sqlVersion = "SELECT version FROM " + q + one
	t.sqlInsert = "INSERT INTO " + q + "(association,id,version,written,body" + cols.String() + ") VALUES(?,?,?,?,?" + marks.String() + ")"
	t.sqlReplace = "UPDATE " + q + " SET version=?,written=?,body=?" + sets.String() + one + " AND version=?"
	t.sqlDelete = "DELETE FROM " + q + one + " AND version=?"
	t.sqlSettle = "UPDATE " + q + " SET settled=?" + one + " AND settled<?"
	t.sqlUnsettled = "SELECT association,id,version,settled,body FROM " + q + " WHERE settled<version ORDER BY written" + limit
	t.sqlWalk = "SELECT association,id" + cols.String() + ",version,settled,body FROM " + q + " WHERE (association,id)>(?,?) ORDER BY association,id" + limit
	t.sqlRekey = "UPDATE " + q + " SET version=version" + sets.String() + one + " AND version=?"
	return t
}

func quote(name string) string { return `"` + name + `"` }

func column(key string) string { return quote("k_" + key) }

// prepare creates the table and its indexes be as declared. It runs inside the
// writer's transaction: all of it happens, or nothing.
func (t *table) prepare(w *writer, dropOthers bool) error {
	q := quote(t.name)
	if err := w.conn.exec("CREATE TABLE IF NOT EXISTS " + q + `(
		association TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, settled INTEGER NOT NULL DEFAULT 0,
		written INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY(association,id))`); err != nil {
		return err
	}
	if err := t.addColumns(w.conn); err != nil {
		return err
	}
	want := t.indexes()
	if dropOthers {
		if err := t.dropIndexes(w.conn, want); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(keysOf(want)) {
		if err := w.conn.exec(want[name]); err != nil {
			return fmt.Errorf("index %s: %w", name, err)
		}
	}
	return w.conn.query(context.Background(), "SELECT coalesce(max(written),0) FROM "+q+" WHERE settled<version", nil, func(row []value) error {
		w.written = max(w.written, row[0].(int64))
		return nil
	})
}

// addColumns adds the keys that the table lacks. Documents stored earlier are
// found by a new key once they have been written again.
func (t *table) addColumns(c *conn) error {
	have, err := names(c, "SELECT name FROM pragma_table_info(?)", t.name)
	if err != nil {
		return err
	}
	for _, key := range t.spec.Keys {
		if slices.Contains(have, "k_"+key) {
			continue
		}
		if err := c.exec("ALTER TABLE " + quote(t.name) + " ADD COLUMN " + column(key) + " BLOB NOT NULL DEFAULT " + absent); err != nil {
			return fmt.Errorf("key %s: %w", key, err)
		}
	}
	return nil
}

// indexes returns the statements that make each index, by its name.
func (t *table) indexes() map[string]string {
	q := quote(t.name)
	unsettled := t.name + "__unsettled"
	want := map[string]string{
		unsettled: "CREATE INDEX IF NOT EXISTS " + quote(unsettled) + " ON " + q + "(written) WHERE settled<version",
	}
	for _, ix := range t.spec.Unique {
		name := t.name + "__u_" + strings.Join(ix, "__")
		bound := make([]string, len(ix))
		for i, key := range ix {
			bound[i] = column(key) + "<>" + absent
		}
		want[name] = "CREATE UNIQUE INDEX IF NOT EXISTS " + quote(name) + " ON " + q + "(association" + list(ix) + ") WHERE " + strings.Join(bound, " AND ")
	}
	for _, ix := range t.spec.Indexes {
		name := t.name + "__i_" + strings.Join(ix, "__")
		// The id at the end keeps a page in order without sorting.
		want[name] = "CREATE INDEX IF NOT EXISTS " + quote(name) + " ON " + q + "(association" + list(ix) + ",id)"
	}
	return want
}

func list(ix store.Index) string {
	var b strings.Builder
	for _, key := range ix {
		b.WriteString("," + column(key))
	}
	return b.String()
}

// dropIndexes removes indexes of ours that are not declared any more; the one
// behind the primary key has no statement and stays.
func (t *table) dropIndexes(c *conn, want map[string]string) error {
	have, err := names(c, "SELECT name FROM sqlite_master WHERE type='index' AND sql IS NOT NULL AND tbl_name=?", t.name)
	if err != nil {
		return err
	}
	for _, name := range have {
		if _, ok := want[name]; ok {
			continue
		}
		if err := c.exec("DROP INDEX " + quote(name)); err != nil {
			return err
		}
	}
	return nil
}

func names(c *conn, sql string, arg value) ([]string, error) {
	var all []string
	err := c.query(context.Background(), sql, values(arg), func(row []value) error {
		all = append(all, row[0].(string))
		return nil
	})
	return all, err
}

// keyValues returns the columns of a document's keys, in the order declared.
func (t *table) keyValues(keys store.Keys) ([]value, error) {
	all := make([]value, len(t.spec.Keys), len(t.spec.Keys)+8)
	for i, key := range t.spec.Keys {
		v, err := encode(keys[key])
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", key, err)
		}
		all[i] = v
	}
	return all, nil
}

// encode returns a key's value as it is stored: text and integers as such, a bool
// as a BLOB of one byte, so that it comes back as a bool.
func encode(v any) (value, error) {
	x, err := rule.Scalar(v)
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

// decode turns encode around; false for an absent key.
func decode(v value) (any, bool) {
	b, ok := v.([]byte)
	if !ok {
		return v, true
	}
	return len(b) == 1 && b[0] == 1, len(b) == 1 && b[0] <= 1
}
