//go:build race

package suite

// Race reports whether the programs look for data races, which takes several times the memory.
const Race = true

// buildFlags let the programs look for data races when their tests do.
var buildFlags = []string{"-race"}
