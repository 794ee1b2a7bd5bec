//go:build !linux

package sqlite

import "os"

// isFree reports true: a lock of the process would end when any code of it closes the file.
func isFree(*os.File) bool { return true }
