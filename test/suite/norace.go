//go:build !race

package suite

var buildFlags []string
