package suite

// T is what the suite needs of anyone who runs it: a test, or a program such as
// test/bench. Every testing.TB is one.
type T interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Failed() bool
	TempDir() string
	Cleanup(f func())
}
