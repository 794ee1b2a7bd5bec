package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// value is what a parameter or a column holds: string, int64, []byte or, for a parameter,
// text.
type value = any

// text is stored as a string is.
type text []byte

// conn is one connection with its prepared statements, for one goroutine and one statement
// at a time. It calls SQLite itself: a driver of database/sql copies and boxes each
// value and starts a goroutine for each context.
type conn struct {
	tls      *libc.TLS
	db       uintptr
	stmts    map[string]*statement
	ctx      context.Context                // ends the statement under way; nil: none is
	progress func(*libc.TLS, uintptr) int32 // called by SQLite meanwhile
	memory   uintptr                        // where SQLite reads the texts of the statement under way
	size     int                            // of memory
	log      *logBuffer                     // of the writer's; nil: not collected
}

// statement is a prepared statement and, in conn.query, the row that it has reached.
type statement struct {
	conn    *conn
	handle  uintptr
	columns int
}

const (
	// maxStatements bounds the prepared statements of a connection. The code has far
	// fewer shapes of query; above it, all are forgotten and prepared again.
	maxStatements = 512
	// minMemory holds the arguments of nearly every statement.
	minMemory = 8 << 10
	// watchEvery is after how many steps of its machine SQLite asks whether it may go on:
	// less than a millisecond.
	watchEvery = 10_000
)

// sqliteError is an error of SQLite, whose message has names of tables and columns and no
// values.
type sqliteError struct {
	code    int32 // extended
	message string
}

func (e *sqliteError) Error() string { return fmt.Sprintf("%s (%d)", e.message, e.code) }

// dial opens a connection to the file and applies the pragmas, in order.
func dial(path string, pragmas ...string) (*conn, error) {
	// Use locks that belong to the open file. The usual ones belong to the process,
	// and any code of it that opens and closes the file, such as a backup, would
	// drop ours unnoticed. Where the system has none, the usual ones must do.
	_, _ = sqlite.OFDLocking(true) // an error when it is asked for again
	c := &conn{tls: libc.NewTLS(), stmts: map[string]*statement{}}
	if err := c.open((&url.URL{Scheme: "file", OmitHost: true, Path: path}).String()); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), c.close())
	}
	for _, p := range pragmas {
		if err := c.exec("PRAGMA " + p); err != nil {
			return nil, errors.Join(fmt.Errorf("open %s: pragma %s: %w", path, p, err), c.close())
		}
	}
	return c, nil
}

func (c *conn) open(uri string) error {
	var code int32
	err := c.withText(uri, func(name, handle uintptr) int32 {
		const flags = lib.SQLITE_OPEN_READWRITE | lib.SQLITE_OPEN_CREATE | lib.SQLITE_OPEN_URI | lib.SQLITE_OPEN_NOMUTEX
		code = lib.Xsqlite3_open_v2(c.tls, name, handle, flags, 0)
		return code
	}, &c.db)
	if err == nil {
		err = c.reserve(minMemory)
	}
	if err != nil {
		return err
	}
	lib.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	c.progress = func(*libc.TLS, uintptr) int32 {
		if c.ctx != nil && c.ctx.Err() != nil {
			return 1
		}
		return 0
	}
	// A function of the library is the address of its Go function's value.
	lib.Xsqlite3_progress_handler(c.tls, c.db, watchEvery, *(*uintptr)(unsafe.Pointer(&c.progress)), 0)
	return nil
}

// withText calls a function that takes a text and returns a handle, also beside an error.
func (c *conn) withText(text string, call func(text, handle uintptr) int32, handle *uintptr) error {
	const word = 8 // bytes, as long as any address
	room := lib.Xsqlite3_malloc(c.tls, int32(len(text)+1+word))
	if room == 0 {
		return c.fail(lib.SQLITE_NOMEM)
	}
	defer lib.Xsqlite3_free(c.tls, room)
	memory := libc.GoBytes(room, len(text)+1+word)
	clear(memory)
	copy(memory[word:], text)
	code := call(room+word, room)
	if *handle = uintptr(binary.NativeEndian.Uint64(memory)); code != lib.SQLITE_OK {
		return c.fail(code)
	}
	return nil
}

func (c *conn) fail(code int32) error {
	if c.db == 0 {
		return &sqliteError{code, libc.GoString(lib.Xsqlite3_errstr(c.tls, code))}
	}
	return &sqliteError{code, libc.GoString(lib.Xsqlite3_errmsg(c.tls, c.db))}
}

func (c *conn) close() error {
	c.forget()
	code := lib.Xsqlite3_close_v2(c.tls, c.db)
	lib.Xsqlite3_free(c.tls, c.memory)
	c.db, c.memory, c.size = 0, 0, 0
	var err error
	if code != lib.SQLITE_OK {
		err = c.fail(code)
	}
	c.tls.Close()
	return err
}

func (c *conn) forget() {
	for _, s := range c.stmts {
		lib.Xsqlite3_finalize(c.tls, s.handle) // repeats the error of the statement's last run
	}
	clear(c.stmts)
}

func (c *conn) prepare(sql string) (*statement, error) {
	if s, ok := c.stmts[sql]; ok {
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		c.forget()
	}
	s := &statement{conn: c}
	err := c.withText(sql, func(text, handle uintptr) int32 {
		return lib.Xsqlite3_prepare_v3(c.tls, c.db, text, -1, lib.SQLITE_PREPARE_PERSISTENT, handle, 0)
	}, &s.handle)
	if err != nil {
		return nil, err
	}
	s.columns = int(lib.Xsqlite3_column_count(c.tls, s.handle))
	c.stmts[sql] = s
	return s, nil
}

// reserve makes memory as large as the texts of a statement.
func (c *conn) reserve(size int) error {
	if size <= c.size {
		return nil
	}
	memory := lib.Xsqlite3_realloc64(c.tls, c.memory, uint64(size))
	if memory == 0 {
		return c.fail(lib.SQLITE_NOMEM)
	}
	c.memory, c.size = memory, size
	return nil
}

// bind sets the parameters of a statement that is not running. What SQLite reads while it
// runs is copied out of Go's memory, which may move.
func (c *conn) bind(s *statement, args []value) error {
	size := 0
	for _, a := range args {
		switch a := a.(type) {
		case string:
			size += len(a)
		case []byte:
			size += len(a)
		case text:
			size += len(a)
		}
	}
	if err := c.reserve(size); err != nil {
		return err
	}
	memory, used := libc.GoBytes(c.memory, c.size), 0
	for i, a := range args {
		n, at, code := int32(i+1), c.memory+uintptr(used), int32(0)
		switch a := a.(type) {
		case int64:
			code = lib.Xsqlite3_bind_int64(c.tls, s.handle, n, a)
		case string:
			used += copy(memory[used:], a)
			code = lib.Xsqlite3_bind_text(c.tls, s.handle, n, at, int32(len(a)), lib.SQLITE_STATIC)
		case text:
			used += copy(memory[used:], a)
			code = lib.Xsqlite3_bind_text(c.tls, s.handle, n, at, int32(len(a)), lib.SQLITE_STATIC)
		case []byte:
			used += copy(memory[used:], a)
			code = lib.Xsqlite3_bind_blob(c.tls, s.handle, n, at, int32(len(a)), lib.SQLITE_STATIC)
		default:
			return fmt.Errorf("parameter %d is a %T", i+1, a)
		}
		if code != lib.SQLITE_OK {
			return c.fail(code)
		}
	}
	return nil
}

// exec runs a statement to its end.
func (c *conn) exec(sql string, args ...value) error {
	return c.query(context.Background(), sql, args, nil)
}

// change runs a statement and returns how many rows it changed.
func (c *conn) change(sql string, args ...value) (int64, error) {
	if err := c.exec(sql, args...); err != nil {
		return 0, err
	}
	return lib.Xsqlite3_changes64(c.tls, c.db), nil
}

// query runs a statement until it or ctx ends, and calls use, unless it is nil, with each
// row, which is valid until it returns.
func (c *conn) query(ctx context.Context, sql string, args []value, use func(row *statement) error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	defer func() {
		c.ctx = nil
		lib.Xsqlite3_reset(c.tls, s.handle) // repeats the error of the last step
		lib.Xsqlite3_clear_bindings(c.tls, s.handle)
	}()
	if err := c.bind(s, args); err != nil {
		return err
	}
	c.ctx = ctx
	for {
		switch code := lib.Xsqlite3_step(c.tls, s.handle); code & 0xff {
		case lib.SQLITE_DONE:
			return nil
		case lib.SQLITE_ROW:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if use == nil {
				continue
			}
			if err := use(s); err != nil {
				return err
			}
		case lib.SQLITE_INTERRUPT:
			return ctx.Err()
		default:
			return c.fail(code)
		}
	}
}

// memoryOf returns SQLite's own memory of a column, valid until the next row.
func (s *statement) memoryOf(column int) []byte {
	text := lib.Xsqlite3_column_blob(s.conn.tls, s.handle, int32(column))
	if text == 0 {
		return nil
	}
	return libc.GoBytes(text, int(lib.Xsqlite3_column_bytes(s.conn.tls, s.handle, int32(column))))
}

func (s *statement) text(column int) string  { return string(s.memoryOf(column)) }
func (s *statement) bytes(column int) []byte { return slices.Clone(s.memoryOf(column)) }
func (s *statement) isBlob(column int) bool {
	return lib.Xsqlite3_column_type(s.conn.tls, s.handle, int32(column)) == lib.SQLITE_BLOB
}
func (s *statement) integer(column int) int64 {
	return lib.Xsqlite3_column_int64(s.conn.tls, s.handle, int32(column))
}

// value returns a column as the type that it was stored as.
func (s *statement) value(column int) value {
	switch lib.Xsqlite3_column_type(s.conn.tls, s.handle, int32(column)) {
	case lib.SQLITE_INTEGER:
		return s.integer(column)
	case lib.SQLITE_BLOB:
		return s.bytes(column)
	}
	return s.text(column)
}
