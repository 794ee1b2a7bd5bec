//go:build !linux && !darwin

package sqlite

// disk knows nothing on this system.
func disk(string) (free, all float64, ok bool) { return 0, 0, false }
