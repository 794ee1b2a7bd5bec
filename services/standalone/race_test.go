//go:build race

package standalone_test

// race reports whether the test looks for data races, which takes several times the memory and the time.
const race = true
