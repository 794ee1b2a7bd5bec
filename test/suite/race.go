//go:build race

package suite

// buildFlags let the programs look for data races when their tests do.
var buildFlags = []string{"-race"}
