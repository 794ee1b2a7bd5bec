package sqlite

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/store"
)

// table is a prepared collection with its statements.
type table struct {
	name string
	spec store.Spec

	sqlGet, sqlVersion, sqlInsert, sqlReplace, sqlDelete, sqlUnpublished, sqlWrote, sqlForget, sqlWalk, sqlRekey string
	// sqlMark are tried in turn until one changes a row: all steps are published, some
	// are, or more than there are yet.
	sqlMark [3]string
}

// absent is stored where a document lacks a key. As a BLOB it sorts behind every
// number, text and bool (which is a BLOB too), as the contract wants it; NULL would
// sort first and cost a second pass over the index.
const absent = "x'ff'"

func newTable(namespace string, spec store.Spec) *table {
	t := &table{name: namespace + "__" + spec.Name, spec: spec}
	q, unpublished := quote(t.name), quote(t.name+unpublishedSuffix)
	const byID = " WHERE association=? AND id=?"
	var cols, marks, sets strings.Builder
	for _, key := range spec.Keys {
		cols.WriteString(column(key) + ",")
		sets.WriteString(column(key) + "=?,")
		marks.WriteString("?,")
	}
	t.sqlGet = "SELECT version,body FROM " + q + byID
	t.sqlVersion = "SELECT version FROM " + q + byID
	t.sqlInsert = "INSERT INTO " + q + "(" + cols.String() + "body,version,association,id) VALUES(" + marks.String() + "?,?,?,?)"
	t.sqlReplace = "UPDATE " + q + " SET " + sets.String() + "body=?,version=?" + byID + " AND version=?"
	t.sqlDelete = "DELETE FROM " + q + byID + " AND version=?"
	t.sqlWalk = "SELECT association,id," + cols.String() + "version,body FROM " + q + " WHERE (association,id)>(?,?) ORDER BY association,id" + sqlLimit
	t.sqlRekey = "UPDATE " + q + " SET " + sets.String() + "version=version" + byID + " AND version=?"
	t.sqlUnpublished = "SELECT u.association,u.id,u.published,u.version,body FROM " + unpublished + " u CROSS JOIN " + q +
		" d ON d.association=u.association AND d.id=u.id WHERE u.published<u.version ORDER BY u.written" + sqlLimit
	t.sqlWrote = "INSERT INTO " + unpublished + "(association,id,version,published,written) VALUES(?,?,?,?,?)" +
		" ON CONFLICT DO UPDATE SET version=excluded.version,written=excluded.written"
	t.sqlForget = "DELETE FROM " + unpublished + byID
	const named = " WHERE association=?1 AND id=?2"
	t.sqlMark = [...]string{
		"DELETE FROM " + unpublished + named + " AND version=?3 AND published<=?3",
		"UPDATE " + unpublished + " SET published=?3" + named + " AND published<?3",
		"INSERT OR IGNORE INTO " + unpublished + " SELECT association,id,version,?3,0 FROM " + q + named + " AND version<?3",
	}
	return t
}

// unpublishedSuffix ends the name of the table that has a row for each document of a
// published collection whose published number is not its version. It is apart, so that a
// mark of publishing rewrites no document.
const unpublishedSuffix = "__unpublished"

func quote(name string) string { return `"` + name + `"` }

func column(key string) string {
	if key == store.ID {
		return "id"
	}
	return quote("k_" + key)
}

// prepare creates the tables, columns and indexes that are missing, and drops indexes
// that are no longer declared unless keepIndexes. It runs inside the writer's
// transaction: all of it happens, or nothing.
func (t *table) prepare(w *writer, keepIndexes bool) error {
	q, keys := quote(t.name), make([]string, len(t.spec.Keys))
	for i, key := range t.spec.Keys {
		keys[i] = column(key) + " BLOB NOT NULL DEFAULT " + absent
	}
	// The body is last, so that a condition on a key does not read past it.
	columns := append([]string{"association TEXT NOT NULL", "id TEXT NOT NULL", "version INTEGER NOT NULL"}, keys...)
	if err := w.conn.exec("CREATE TABLE IF NOT EXISTS " + q + "(" + strings.Join(columns, ",") + ",body TEXT NOT NULL,PRIMARY KEY(association,id))"); err != nil {
		return err
	}
	present, err := readNames(w.conn, "SELECT name FROM pragma_table_info(?)", t.name)
	if err != nil {
		return err
	}
	for i, key := range t.spec.Keys {
		if slices.Contains(present, "k_"+key) {
			continue
		}
		if err := w.conn.exec("ALTER TABLE " + q + " ADD COLUMN " + keys[i]); err != nil {
			return fmt.Errorf("key %s: %w", key, err)
		}
	}
	if err := t.prepareIndexes(w, keepIndexes); err != nil || !t.spec.Published {
		return err
	}
	return t.prepareUnpublished(w)
}

func (t *table) prepareIndexes(w *writer, keep bool) error {
	// The primary key's own index has no statement.
	present, err := readNames(w.conn, "SELECT sql FROM sqlite_master WHERE type='index' AND sql IS NOT NULL AND tbl_name=?", t.name)
	if err != nil {
		return err
	}
	declared := t.indexes()
	for _, sql := range present {
		_, isDeclared := declared[sql]
		if _, name, _ := strings.Cut(sql, "INDEX "); !isDeclared && !keep {
			err = w.conn.exec("DROP INDEX " + name[:strings.Index(name, " ON ")])
		}
		if err != nil {
			return err
		}
	}
	for _, sql := range slices.Sorted(maps.Keys(declared)) {
		if slices.Contains(present, sql) {
			continue
		}
		if err := w.conn.exec(sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// prepareUnpublished creates the table of what is not published, of a collection with
// documents with all of them.
func (t *table) prepareUnpublished(w *writer) error {
	u := t.name + unpublishedSuffix
	present, err := readNames(w.conn, "SELECT name FROM sqlite_master WHERE name=?", u)
	if err == nil && len(present) == 0 {
		for _, sql := range []string{
			"CREATE TABLE " + quote(u) + "(association TEXT NOT NULL,id TEXT NOT NULL,version INTEGER NOT NULL,published INTEGER NOT NULL,written INTEGER NOT NULL,PRIMARY KEY(association,id)) WITHOUT ROWID",
			"CREATE INDEX " + quote(u+"__written") + " ON " + quote(u) + "(written)",
			"INSERT INTO " + quote(u) + " SELECT association,id,version,0,rowid FROM " + quote(t.name),
		} {
			if err := w.conn.exec(sql); err != nil {
				return err
			}
		}
	}
	if err != nil {
		return err
	}
	return w.conn.query(context.Background(), "SELECT coalesce(max(written),0) FROM "+quote(u), nil, func(row *statement) error {
		w.written = max(w.written, row.integer(0))
		return nil
	})
}

func readNames(c *conn, sql string, arg value) (names []string, err error) {
	err = c.query(context.Background(), sql, []value{arg}, func(row *statement) error {
		names = append(names, row.text(0))
		return nil
	})
	return names, err
}

// indexes returns the statements that create the indexes, as SQLite keeps them.
func (t *table) indexes() map[string]bool {
	all := map[string]bool{}
	add := func(kind, letter string, ix store.Index, present ...string) {
		cols, where := "", ""
		for _, key := range ix {
			cols += "," + column(key)
		}
		if letter != "u" && !slices.Contains(ix, store.ID) {
			cols += ",id" // keeps a page in order without sorting
		}
		for _, key := range present {
			where += " AND " + column(key) + "<>" + absent
		}
		where = strings.Replace(where, " AND", " WHERE", 1)
		all["CREATE "+kind+" "+quote(t.name+"__"+letter+"_"+strings.Join(ix, "__"))+" ON "+quote(t.name)+"(association"+cols+")"+where] = true
	}
	for _, ix := range t.spec.Unique {
		add("UNIQUE INDEX", "u", ix, ix...)
	}
	for _, ix := range t.spec.Indexes {
		add("INDEX", "i", ix)
	}
	for _, ix := range t.spec.Sparse {
		add("INDEX", "s", ix, ix[0])
	}
	return all
}

// The keys that are no text and no number, in memory of their own once.
var absentKey, trueKey, falseKey value = []byte{0xff}, []byte{1}, []byte{0}

// encodeKey returns a key's value as it is stored: text and integers as such, a bool
// as a BLOB of one byte, so that it is read as a bool again.
func encodeKey(v any) (value, error) {
	x, err := store.Scalar(v)
	switch b := x.(type) {
	case nil:
		return absentKey, err
	case bool:
		if b {
			return trueKey, nil
		}
		return falseKey, nil
	}
	return x, err
}
