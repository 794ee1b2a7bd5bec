// Package blobtest is the contract of package blob as a suite that every engine
// passes. Each name is a sentence of it.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/blob"
)

// Run tests an engine. The store may have other blobs; the suite uses new names.
func Run(t *testing.T, s blob.Store) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c.run(&suite{T: t, ctx: ctx, store: s})
		})
	}
}

type suite struct {
	*testing.T
	ctx   context.Context
	store blob.Store
}

const mebibyte = 1 << 20

// lengths are those at which something may be rounded wrongly: of buffers, of
// parts, and the largest attachment and one byte more.
var lengths = []int{0, 1, 64 << 10, 5*mebibyte - 1, 5 * mebibyte, 5*mebibyte + 1, 10 * mebibyte, 10*mebibyte + 1}

func newName() string { return "insjoriket/" + uuid.NewString() }

// text returns n bytes that differ from seed to seed.
func text(n int, seed uint64) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func writeAll(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(b))
		return err
	}
}

func (s *suite) put(name string, b []byte) {
	s.Helper()
	if err := s.store.Put(s.ctx, name, writeAll(b)); err != nil {
		s.Fatal(err)
	}
}

func (s *suite) wants(name string, want []byte) {
	s.Helper()
	r, err := s.store.Get(s.ctx, name)
	if err != nil {
		s.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		s.Fatal(err)
	}
	if sha256.Sum256(got) != sha256.Sum256(want) {
		s.Fatalf("%d bytes came back, not the %d that were put", len(got), len(want))
	}
}

func (s *suite) wantsNone(name string) {
	s.Helper()
	r, err := s.store.Get(s.ctx, name)
	if err == nil {
		_ = r.Close()
	}
	if !errors.Is(err, blob.ErrNotFound) {
		s.Fatalf("got %v, want %v", err, blob.ErrNotFound)
	}
}

// cases are the contract.
var cases = []struct {
	name string
	run  func(*suite)
}{
	{"what was put comes back, of any length", func(s *suite) {
		for i, n := range lengths {
			name, b := newName(), text(n, uint64(i))
			s.put(name, b)
			s.wants(name, b)
		}
	}},
	{"what is put byte by byte comes back", func(s *suite) {
		name, b := newName(), text(3000, 1)
		err := s.store.Put(s.ctx, name, func(w io.Writer) error {
			for i := range b {
				if _, err := w.Write(b[i : i+1]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			s.Fatal(err)
		}
		s.wants(name, b)
	}},
	{"a blob that is not there is not found", func(s *suite) { s.wantsNone(newName()) }},
	{"a deleted blob is not found, and deleting it again is no error", func(s *suite) {
		name := newName()
		s.put(name, text(100, 1))
		for range 2 {
			if err := s.store.Delete(s.ctx, name); err != nil {
				s.Fatal(err)
			}
			s.wantsNone(name)
		}
		s.put(name, text(100, 2)) // the name is free again
		s.wants(name, text(100, 2))
	}},
	{"a name is taken once, and its blob stays", func(s *suite) {
		for _, n := range []int{10, 6 * mebibyte} {
			name := newName()
			s.put(name, text(n, 1))
			if err := s.store.Put(s.ctx, name, writeAll(text(n, 2))); !errors.Is(err, blob.ErrExists) {
				s.Fatalf("got %v, want %v", err, blob.ErrExists)
			}
			s.wants(name, text(n, 1))
		}
	}},
	{"a name that is not valid is refused", func(s *suite) {
		for _, name := range []string{"", "/a", "a/", "a//b", "../a", "a/../b", ".unfinished", "a/.b", "A/b", "a/å", "a b", "a\x00", "a/b/c/d/e"} {
			_, err := s.store.Get(s.ctx, name)
			for verb, err := range map[string]error{"put": s.store.Put(s.ctx, name, writeAll(nil)), "get": err, "delete": s.store.Delete(s.ctx, name)} {
				if err == nil || errors.Is(err, blob.ErrNotFound) {
					s.Errorf("%s %q: %v", verb, name, err)
				}
			}
		}
	}},
	{"a blob is invisible until all of it is there", func(s *suite) {
		name, b := newName(), text(7*mebibyte, 1)
		err := s.store.Put(s.ctx, name, func(w io.Writer) error {
			for _, half := range [][]byte{b[:6*mebibyte], b[6*mebibyte:]} {
				if _, err := w.Write(half); err != nil {
					return err
				}
				s.wantsNone(name)
			}
			return nil
		})
		if err != nil {
			s.Fatal(err)
		}
		s.wants(name, b)
	}},
	{"an interrupted upload leaves nothing, and its error comes back", func(s *suite) {
		broken := errors.New("the line broke")
		for _, n := range []int{0, 100, 6 * mebibyte} {
			name := newName()
			err := s.store.Put(s.ctx, name, func(w io.Writer) error {
				if _, err := w.Write(text(n, 1)); err != nil {
					return err
				}
				return broken
			})
			if !errors.Is(err, broken) {
				s.Fatalf("after %d bytes: got %v, want %v", n, err, broken)
			}
			s.wantsNone(name)
			s.put(name, text(n, 2))
			s.wants(name, text(n, 2))
		}
	}},
	{"a context that ends, ends an upload", func(s *suite) {
		for _, n := range []int{100, 6 * mebibyte} {
			name := newName()
			ctx, cancel := context.WithCancel(s.ctx)
			err := s.store.Put(ctx, name, func(w io.Writer) error {
				_, err := w.Write(text(n, 1))
				cancel()
				return err
			})
			if !errors.Is(err, context.Canceled) {
				s.Fatalf("after %d bytes: got %v, want %v", n, err, context.Canceled)
			}
			s.wantsNone(name)
		}
	}},
	{"a context that has ended begins nothing", func(s *suite) {
		name := newName()
		s.put(name, text(10, 1))
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		_, err := s.store.Get(ctx, name)
		for verb, err := range map[string]error{
			"put": s.store.Put(ctx, newName(), writeAll(text(10, 1))), "get": err, "delete": s.store.Delete(ctx, name),
		} {
			if !errors.Is(err, context.Canceled) {
				s.Errorf("%s: %v", verb, err)
			}
		}
		s.wants(name, text(10, 1))
	}},
	{"a blob can be read by many at once, and left halfway", func(s *suite) {
		name, b := newName(), text(2*mebibyte, 1)
		s.put(name, b)
		s.together(8, func(i int) error {
			r, err := s.store.Get(s.ctx, name)
			if err != nil {
				return err
			}
			defer r.Close()
			want := b
			if i%2 == 0 {
				want = b[:1000]
			}
			got := make([]byte, len(want))
			if _, err := io.ReadFull(r, got); err != nil {
				return err
			}
			if !bytes.Equal(got, want) {
				return errors.New("another text came back")
			}
			return nil
		})
	}},
	{"many can be put at once", func(s *suite) {
		names := make([]string, 12)
		s.together(len(names), func(i int) error {
			names[i] = newName()
			return s.store.Put(s.ctx, names[i], writeAll(text(100_000*i, uint64(i))))
		})
		for i, name := range names {
			s.wants(name, text(100_000*i, uint64(i)))
		}
	}},
	{"of many that put one name, one wins, whole", func(s *suite) {
		name, won := newName(), make([]bool, 8)
		s.together(len(won), func(i int) error {
			err := s.store.Put(s.ctx, name, writeAll(text(200_000, uint64(i))))
			won[i] = err == nil
			if errors.Is(err, blob.ErrExists) {
				return nil
			}
			return err
		})
		winners := 0
		for i, w := range won {
			if w {
				winners++
				s.wants(name, text(200_000, uint64(i)))
			}
		}
		if winners != 1 {
			s.Errorf("%d of them succeeded", winners)
		}
	}},
}

// together runs n at once and fails the test for every error.
func (s *suite) together(n int, run func(i int) error) {
	s.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = run(i) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			s.Error(fmt.Errorf("%d of %d: %w", i, n, err))
		}
	}
}
