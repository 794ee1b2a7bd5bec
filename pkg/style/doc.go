// Package style holds no code, only the tests that guard the house: who may
// import whom, which words a comment may use, how large a file, a function and a
// package may be and how much of it a reader must know at once, and that every
// package and exported name is documented. A failing test says the rule and its
// reason.
//
// `go test ./pkg/style -run TestShape -v` prints the figures of the tree.
package style
