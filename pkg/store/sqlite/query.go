package sqlite

import (
	"errors"
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

func (s *sqlText) add(text string, args ...value) {
	s.WriteString(text)
	s.args = append(s.args, args...)
}

// find builds the statement of a query that rule.Query has accepted.
func (t *table) find(q store.Query) (*sqlText, error) {
	s := &sqlText{}
	s.add("SELECT id,version,published,body FROM "+quote(t.name)+" WHERE association=?", q.Association)
	if err := s.where(q.Where); err != nil {
		return nil, err
	}
	if q.After.ID != "" {
		if err := s.behind(q); err != nil {
			return nil, err
		}
	}
	s.add(" ORDER BY ")
	for _, o := range q.Sort {
		s.add(column(o.Key) + direction(o.Desc) + ",")
	}
	s.add("id" + direction(isLastDesc(q.Sort)))
	s.add(sqlLimit+" OFFSET ?", int64(q.Limit), int64(q.Skip))
	return s, nil
}

// sqlLimit is written as a sum because SQLite plans with the value of a bare "?", and
// then plans again each time that it is bound: a quarter of the cost of a page.
const sqlLimit = " LIMIT ?+0"

func direction(desc bool) string {
	if desc {
		return " DESC"
	}
	return ""
}

func isLastDesc(sort []store.Order) bool { return len(sort) > 0 && sort[len(sort)-1].Desc }

// where adds the conditions. Each also says that the key is present, which keeps
// absent ones out of ranges and allows SQLite to use a unique, partial index.
func (s *sqlText) where(where []store.Cond) error {
	for _, c := range where {
		col := column(c.Key)
		if c.Op == store.In {
			if err := s.oneOf(col, c.Value.([]any)); err != nil {
				return fmt.Errorf("condition on %s: %w", c.Key, err)
			}
			continue
		}
		v, err := encodeKey(c.Value)
		if err != nil {
			return fmt.Errorf("condition on %s: %w", c.Key, err)
		}
		s.add(" AND "+col+string(c.Op)+"? AND "+col+"<>"+absent, v)
	}
	return nil
}

// oneOf adds a condition on a list of values. The list is filled up to a power of two
// with its last value, so that there are few shapes to prepare.
func (s *sqlText) oneOf(col string, list []any) error {
	if len(list) == 0 {
		s.add(" AND 0")
		return nil
	}
	n := 1
	for n < len(list) {
		n *= 2
	}
	s.add(" AND " + col + "<>" + absent + " AND " + col + " IN (?" + strings.Repeat(",?", n-1) + ")")
	for i := range n {
		v, err := encodeKey(list[min(i, len(list)-1)])
		if err != nil {
			return err
		}
		s.args = append(s.args, v)
	}
	return nil
}

// behind adds the condition "behind the cursor": for each column of the order in
// turn, the columns before it are equal and its value is further on.
func (s *sqlText) behind(q store.Query) error {
	type part struct {
		col  string
		desc bool
		v    value
	}
	parts := make([]part, 0, 3)
	for i, o := range q.Sort {
		v, err := encodeKey(q.After.Values[i])
		if err != nil {
			return fmt.Errorf("cursor: %w", err)
		}
		parts = append(parts, part{column(o.Key), o.Desc, v})
	}
	parts = append(parts, part{"id", isLastDesc(q.Sort), q.After.ID})
	compare := func(desc bool) string {
		if desc {
			return "<"
		}
		return ">"
	}
	// In one direction SQLite can start in the middle of the index.
	if !slices.ContainsFunc(parts, func(p part) bool { return p.desc != parts[0].desc }) {
		cols, marks := parts[0].col, "?"
		for _, p := range parts[1:] {
			cols += "," + p.col
			marks += ",?"
		}
		s.add(" AND (" + cols + ")" + compare(parts[0].desc) + "(" + marks + ")")
		for _, p := range parts {
			s.args = append(s.args, p.v)
		}
		return nil
	}
	// In two directions the first column bounds the range; the others are compared.
	a, b, id := parts[0], parts[1], parts[2]
	s.add(" AND "+a.col+compare(a.desc)+"=? AND ("+a.col+compare(a.desc)+"? OR ("+b.col+",id)"+compare(b.desc)+"(?,?))", a.v, a.v, b.v, id.v)
	return nil
}

// count builds the statement of Count.
func (t *table) count(association string, where []store.Cond, by []string) (*sqlText, error) {
	if err := errors.Join(rule.Where(where, t.spec.Keys), rule.By(by, t.spec.Keys)); err != nil {
		return nil, err
	}
	cols := make([]string, len(by))
	for i, key := range by {
		cols[i] = column(key)
	}
	s := &sqlText{}
	s.add("SELECT " + strings.Join(append(slices.Clone(cols), "count(*)"), ","))
	s.add(" FROM "+quote(t.name)+" WHERE association=?", association)
	if err := s.where(where); err != nil {
		return nil, err
	}
	if len(by) > 0 {
		s.add(" GROUP BY " + strings.Join(cols, ","))
	}
	return s, nil
}

// countUpTo builds the statement of CountUpTo.
func (t *table) countUpTo(association string, where []store.Cond, limit int) (*sqlText, error) {
	if err := errors.Join(rule.Where(where, t.spec.Keys), rule.CountLimit(limit)); err != nil {
		return nil, err
	}
	s := &sqlText{}
	s.add("SELECT count(*) FROM (SELECT 1 FROM "+quote(t.name)+" WHERE association=?", association)
	if err := s.where(where); err != nil {
		return nil, err
	}
	s.add(sqlLimit+")", int64(limit))
	return s, nil
}
