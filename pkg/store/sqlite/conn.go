package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"

	"modernc.org/sqlite"
)

// conn is one connection with its prepared statements, for one goroutine at a time.
// It uses the driver's own interfaces: database/sql would take a lock and several
// allocations for each statement, and its pool would hide which connection writes.
type conn struct {
	raw   driver.Conn
	stmts map[string]statement
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// maxStatements bounds the prepared statements of a connection. The code has far
// fewer shapes of query; above it, all are forgotten and prepared again.
const maxStatements = 512

// dial opens a connection to the file and applies the pragmas, in order.
func dial(path string, pragmas ...string) (*conn, error) {
	uri := url.URL{Scheme: "file", OmitHost: true, Path: path}
	raw, err := (&sqlite.Driver{}).Open(uri.String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	c := &conn{raw: raw, stmts: map[string]statement{}}
	for _, p := range pragmas {
		if err := c.exec("PRAGMA " + p); err != nil {
			return nil, errors.Join(fmt.Errorf("open %s: pragma %s: %w", path, p, err), c.close())
		}
	}
	return c, nil
}

func (c *conn) close() error {
	c.forget()
	return c.raw.Close()
}

func (c *conn) forget() {
	for _, s := range c.stmts {
		s.Close() //nolint:errcheck // repeats the error of the statement's last run
	}
	clear(c.stmts)
}

func (c *conn) prepare(sql string) (statement, error) {
	if s, ok := c.stmts[sql]; ok {
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		c.forget()
	}
	s, err := c.raw.Prepare(sql)
	if err != nil {
		return nil, err
	}
	st, ok := s.(statement)
	if !ok {
		return nil, fmt.Errorf("the driver's statement %T has no methods with a context", s)
	}
	c.stmts[sql] = st
	return st, nil
}

// exec runs a statement that returns no rows.
func (c *conn) exec(sql string, args ...driver.Value) error {
	_, err := c.change(sql, args...)
	return err
}

// change runs a statement and returns how many rows it changed.
func (c *conn) change(sql string, args ...driver.Value) (int64, error) {
	s, err := c.prepare(sql)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(context.Background(), named(args))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// query runs a statement and calls use with each row, whose values are valid until it
// returns. The driver watches a context that can end, which costs a goroutine.
func (c *conn) query(ctx context.Context, sql string, args []driver.Value, use func(row []driver.Value) error) (err error) {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, named(args))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if ctx.Err() != nil { // the driver itself watches only the first row
			return ctx.Err()
		}
		if err := use(row); err != nil {
			return err
		}
	}
}

func named(args []driver.Value) []driver.NamedValue {
	n := make([]driver.NamedValue, len(args))
	for i, a := range args {
		n[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return n
}
