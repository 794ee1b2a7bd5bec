//go:build linux || darwin

package sqlite

import "syscall"

// disk returns how many bytes of the disk of the file are free, and how many it has.
func disk(path string) (free, all float64, ok bool) {
	var s syscall.Statfs_t
	if syscall.Statfs(path, &s) != nil {
		return 0, 0, false
	}
	return float64(s.Bavail) * float64(s.Bsize), float64(s.Blocks) * float64(s.Bsize), true
}
