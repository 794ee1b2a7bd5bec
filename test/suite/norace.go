//go:build !race

package suite

// Race reports whether the programs look for data races, which takes several times the memory.
const Race = false

var buildFlags []string
