//go:build race

package server_test

// race reports whether the test looks for data races, which takes several times the memory.
const race = true
