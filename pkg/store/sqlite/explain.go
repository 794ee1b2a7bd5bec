package sqlite

import (
	"context"
	"fmt"

	"github.com/finsam/finsam/pkg/store"
)

// Explain returns how SQLite would find what a query asks for, line by line (EXPLAIN
// QUERY PLAN), for tests that hold a service's lists to its indexes.
func (e *engine) Explain(ctx context.Context, collection string, q store.Query) (plan []string, err error) {
	s, err := e.find(collection, q)
	if err != nil {
		return nil, err
	}
	err = e.db.read(ctx, func(c *conn) error {
		return c.query(ctx, "EXPLAIN QUERY PLAN "+s.String(), s.args, func(row []value) error {
			plan = append(plan, fmt.Sprint(row[len(row)-1]))
			return nil
		})
	})
	return plan, err
}
