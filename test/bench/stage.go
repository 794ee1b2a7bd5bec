package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// stage is what a test is to the suite: it ends the program at the first failure
// and cleans up behind it. It is a suite.T.
type stage struct {
	mu       sync.Mutex
	cleanups []func()
	once     sync.Once
	failed   bool
}

func newStage() *stage { return &stage{} }

// failure is the panic that carries a failure up to end.
type failure struct{ error }

// Helper implements suite.T.
func (s *stage) Helper() {}

// Fatal implements suite.T.
func (s *stage) Fatal(args ...any) {
	s.failed = true
	panic(failure{errors.New(strings.TrimSpace(fmt.Sprintln(args...)))})
}

// Fatalf implements suite.T.
func (s *stage) Fatalf(format string, args ...any) { s.Fatal(fmt.Sprintf(format, args...)) }

// Logf implements suite.T.
func (s *stage) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Failed implements suite.T.
func (s *stage) Failed() bool { return s.failed }

// Cleanup implements suite.T.
func (s *stage) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

// TempDir implements suite.T.
func (s *stage) TempDir() string {
	dir, err := os.MkdirTemp("", "finsam-bench-")
	s.must(err)
	s.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (s *stage) must(err error) {
	if err != nil {
		s.Fatal(err)
	}
}

// clean undoes what was done, the latest first, once.
func (s *stage) clean() {
	s.once.Do(func() {
		s.mu.Lock()
		all := s.cleanups
		s.mu.Unlock()
		for i := len(all) - 1; i >= 0; i-- {
			all[i]()
		}
	})
}

// end cleans up and turns a failure into the error of the run.
func (s *stage) end(err *error) {
	p := recover()
	s.clean()
	if f, ok := p.(failure); ok {
		*err = f.error
	} else if p != nil {
		panic(p)
	}
}

func (s *stage) interrupt() {
	s.clean()
	fmt.Fprintln(os.Stderr, "bench: interrupted")
	os.Exit(1)
}

// part runs a part of the program on a stage of its own, so that what it started
// has ended before the next part begins.
func (s *stage) part(f func(t *stage)) {
	t := newStage()
	s.Cleanup(t.clean)
	defer t.clean()
	f(t)
}
