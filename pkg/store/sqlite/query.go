package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/internal/rule"
)

// sqlText is a statement under construction. Its text contains names and comparisons
// only, never values, so that each shape is prepared once.
type sqlText struct {
	strings.Builder
	args []value
}

// newText returns a statement with room for what most have.
func newText() *sqlText {
	s := &sqlText{args: make([]value, 0, 16)}
	s.Grow(512)
	return s
}

func (s *sqlText) add(text string, args ...value) {
	s.WriteString(text)
	s.args = append(s.args, args...)
}

// sqlLimit is written as a sum because SQLite plans with the value of a bare "?", and
// then plans again each time that it is bound: a quarter of the cost of a page.
const sqlLimit = " LIMIT ?+0"

// find returns the statement of a query.
func (e *engine) find(collection string, q store.Query) (*sqlText, error) {
	t, err := e.table(collection)
	if err != nil {
		return nil, err
	}
	if err := rule.Query(q, t.spec.Keys); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	s := newText()
	s.add("SELECT id,version,body FROM "+quote(t.name)+" WHERE association=?", q.Association)
	if err := s.where(t, q.Where); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	order, desc := make([]ordering, 0, 3), false // the whole order, which ends with the id
	for i, o := range q.Sort {
		desc = o.Desc
		next := ordering{column: column(o.Key), desc: desc}
		if q.After.ID != "" {
			if next.after, err = encodeKey(q.After.Values[i]); err != nil {
				return nil, fmt.Errorf("%s: cursor: %w", t.name, err)
			}
		}
		order = append(order, next)
	}
	order = append(order, ordering{"id", desc, q.After.ID})
	if q.After.ID != "" {
		s.behind(order)
	}
	separator := " ORDER BY "
	for _, o := range order {
		s.add(separator + o.column)
		if o.desc {
			s.add(" DESC")
		}
		separator = ","
	}
	s.add(sqlLimit+" OFFSET ?", int64(q.Limit), int64(q.Skip))
	return s, nil
}

// where adds the conditions. Each also says that the key is present, which keeps
// absent ones out of ranges and allows SQLite to use a unique or sparse index, which is partial.
//
// The list of store.In is filled up to a power of two with its last value, so that
// there are few shapes to prepare.
func (s *sqlText) where(t *table, where []store.Cond) error {
	if err := rule.Where(where, t.spec.Keys); err != nil {
		return err
	}
	for _, c := range where {
		col := column(c.Key)
		list, open, end := []any{c.Value}, "?", ""
		if c.Op == store.In {
			if list = c.Value.([]any); len(list) == 0 {
				s.add(" AND 0")
				continue
			}
			open, end = " (?", ")"
		}
		for _, part := range []string{" AND ", col, " ", string(c.Op), open} {
			s.WriteString(part)
		}
		for n := 0; n < len(list) || n&(n-1) != 0; n++ {
			if n > 0 {
				s.WriteString(",?")
			}
			v, err := encodeKey(list[min(n, len(list)-1)])
			if err != nil {
				return fmt.Errorf("condition on %s: %w", c.Key, err)
			}
			s.args = append(s.args, v)
		}
		for _, part := range []string{end, " AND ", col, "<>", absent} {
			s.WriteString(part)
		}
	}
	return nil
}

// ordering is one column of an order, with its value at the cursor.
type ordering struct {
	column string
	desc   bool
	after  value
}

// behind adds the condition "behind the cursor": for each column of the order in
// turn, the columns before it are equal and its value is further on.
func (s *sqlText) behind(order []ordering) {
	further := func(o ordering) string {
		if o.desc {
			return "<"
		}
		return ">"
	}
	a := order[0]
	if slices.ContainsFunc(order, func(o ordering) bool { return o.desc != a.desc }) {
		// In two directions the first column bounds the range; the others are compared.
		b, id := order[1], order[2]
		s.add(" AND "+a.column+further(a)+"=? AND ("+a.column+further(a)+"? OR ("+b.column+",id)"+further(b)+"(?,?))", a.after, a.after, b.after, id.after)
		return
	}
	// In one direction SQLite can start in the middle of the index.
	cols, marks := a.column, "?"
	for _, o := range order[1:] {
		cols += "," + o.column
		marks += ",?"
	}
	s.add(" AND (" + cols + ")" + further(a) + "(" + marks + ")")
	for _, o := range order {
		s.args = append(s.args, o.after)
	}
}
