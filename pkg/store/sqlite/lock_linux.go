package sqlite

import (
	"errors"
	"os"
	"syscall"
)

// isFree locks a byte of a file until it is closed, and reports false where another open
// file has the lock. Where the file's system has no such locks it reports true.
func isFree(f *os.File) bool {
	const setLock = 37 // F_OFD_SETLK, which package syscall does not name
	err := syscall.FcntlFlock(f.Fd(), setLock, &syscall.Flock_t{Type: syscall.F_WRLCK, Start: 1 << 62, Len: 1})
	return !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES)
}
