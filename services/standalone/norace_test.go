//go:build !race

package standalone_test

const race = false
