package sqlite

import (
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// logBuffer collects what SQLite writes to its write-ahead log. SQLite writes every page of
// a commit by two calls of the system; here they are one, before the flush that ends the
// commit. Before that flush nobody else reads what a commit has written, and what this
// connection reads itself is written first.
type logBuffer struct {
	file   uintptr // SQLite's sqlite3_file of the log
	own    lib.Tsqlite3_io_methods
	ours   *lib.Tsqlite3_io_methods // behind memory: SQLite goes by addresses alone, which is not for Go's memory
	memory uintptr                  // of SQLite, maxBuffered bytes
	used   int32
	at     int64 // where in the file memory belongs

	// What ours has the addresses of.
	write    func(tls *libc.TLS, file, data uintptr, size int32, at int64) int32
	read     func(tls *libc.TLS, file, data uintptr, size int32, at int64) int32
	truncate func(tls *libc.TLS, file uintptr, size int64) int32
	sync     func(tls *libc.TLS, file uintptr, flags int32) int32
	fileSize func(tls *libc.TLS, file, size uintptr) int32
	close    func(tls *libc.TLS, file uintptr) int32
}

// maxBuffered is seven pages. Larger writes are not faster, and make the system keep, and
// write again after each flush, larger pieces of the file.
const maxBuffered = 16 << 10

// bufferLog puts a buffer before the log of a connection that has read in WAL mode.
func (c *conn) bufferLog() error {
	l := &logBuffer{memory: lib.Xsqlite3_malloc(c.tls, maxBuffered+int32(unsafe.Sizeof(lib.Tsqlite3_io_methods{})))}
	if l.memory == 0 {
		return c.fail(lib.SQLITE_NOMEM)
	}
	l.ours = pointee[*lib.Tsqlite3_io_methods](l.memory + maxBuffered)
	err := c.withText("main", func(name, handle uintptr) int32 {
		return lib.Xsqlite3_file_control(c.tls, c.db, name, lib.SQLITE_FCNTL_JOURNAL_POINTER, handle)
	}, &l.file)
	if err != nil {
		lib.Xsqlite3_free(c.tls, l.memory)
		return err
	}
	f := pointee[*lib.Tsqlite3_file](l.file)
	l.own = *pointee[*lib.Tsqlite3_io_methods](f.FpMethods)
	l.useOurs()
	c.log, f.FpMethods = l, l.memory+maxBuffered
	return nil
}

// pointee returns the function of SQLite, or the pointer into its memory, that an address is.
func pointee[F any](address uintptr) F { return *(*F)(unsafe.Pointer(&address)) }

// useOurs sets the functions that SQLite calls: they write first what is collected.
func (l *logBuffer) useOurs() {
	*l.ours = l.own
	l.write = l.collect
	l.read = func(tls *libc.TLS, file, data uintptr, size int32, at int64) int32 {
		if code := l.flush(tls); code != lib.SQLITE_OK {
			return code
		}
		return pointee[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](l.own.FxRead)(tls, file, data, size, at)
	}
	l.truncate = func(tls *libc.TLS, file uintptr, size int64) int32 {
		if code := l.flush(tls); code != lib.SQLITE_OK {
			return code
		}
		return pointee[func(*libc.TLS, uintptr, int64) int32](l.own.FxTruncate)(tls, file, size)
	}
	l.sync = func(tls *libc.TLS, file uintptr, flags int32) int32 {
		if code := l.flush(tls); code != lib.SQLITE_OK {
			return code
		}
		return pointee[func(*libc.TLS, uintptr, int32) int32](l.own.FxSync)(tls, file, flags)
	}
	l.fileSize = func(tls *libc.TLS, file, size uintptr) int32 {
		if code := l.flush(tls); code != lib.SQLITE_OK {
			return code
		}
		return pointee[func(*libc.TLS, uintptr, uintptr) int32](l.own.FxFileSize)(tls, file, size)
	}
	l.close = func(tls *libc.TLS, file uintptr) int32 {
		code := max(l.flush(tls), pointee[func(*libc.TLS, uintptr) int32](l.own.FxClose)(tls, file))
		lib.Xsqlite3_free(tls, l.memory)
		return code
	}
	// SQLite calls a function by the address that a variable of it holds.
	address := func(f unsafe.Pointer) uintptr { return *(*uintptr)(f) }
	l.ours.FxWrite, l.ours.FxRead = address(unsafe.Pointer(&l.write)), address(unsafe.Pointer(&l.read))
	l.ours.FxTruncate, l.ours.FxSync = address(unsafe.Pointer(&l.truncate)), address(unsafe.Pointer(&l.sync))
	l.ours.FxFileSize, l.ours.FxClose = address(unsafe.Pointer(&l.fileSize)), address(unsafe.Pointer(&l.close))
}

// collect keeps what follows what is kept already, and has room.
func (l *logBuffer) collect(tls *libc.TLS, file, data uintptr, size int32, at int64) int32 {
	if at != l.at+int64(l.used) || l.used+size > maxBuffered {
		if code := l.flush(tls); code != lib.SQLITE_OK {
			return code
		}
		l.at = at
	}
	if size > maxBuffered { // a page of a file that another program has created
		l.at += int64(size)
		return pointee[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](l.own.FxWrite)(tls, file, data, size, at)
	}
	copy(libc.GoBytes(l.memory, maxBuffered)[l.used:], libc.GoBytes(data, int(size)))
	l.used += size
	return lib.SQLITE_OK
}

// flush writes what is kept. After an error SQLite writes the commit again.
func (l *logBuffer) flush(tls *libc.TLS) int32 {
	size := l.used
	if l.used = 0; size == 0 {
		return lib.SQLITE_OK
	}
	return pointee[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](l.own.FxWrite)(tls, l.file, l.memory, size, l.at)
}
