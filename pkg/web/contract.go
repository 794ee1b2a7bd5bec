package web

import "sync"

// contracts holds what has been made of each contract, by the address of its
// first byte: a contract is embedded in the program and never changes.
var contracts sync.Map // *byte -> func() (map[string]*operation, error)

// Read begins to read a contract, so that New of a service with this Spec need
// not: a program of several services reads all of them while it does other
// things, and is ready a fifth sooner (docs/performance.md).
func Read(spec []byte) { go contractOf(spec)() } //nolint:errcheck // New meets the same error

// contractOf returns what reads the contract, once.
func contractOf(spec []byte) func() (map[string]*operation, error) {
	if len(spec) == 0 {
		return func() (map[string]*operation, error) { return nil, nil }
	}
	read, _ := contracts.LoadOrStore(&spec[0], sync.OnceValues(func() (map[string]*operation, error) { return operationsOf(spec) }))
	return read.(func() (map[string]*operation, error))
}
