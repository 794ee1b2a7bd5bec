// Package blob keeps what is too large for a document: sealed attachments, each
// written once, read as a stream, and destroyed.
//
// It is as narrow as its one user needs it, so that it means the same on every
// engine: packages folder (the embedded default) and s3. What an engine must hold
// is told by the comments here and proven by package blobtest. An engine sees
// sealed bytes and random names only.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// Store is a place for blobs. It is safe for concurrent use.
type Store interface {
	// Put keeps what fill writes under a new name. Until fill has returned and
	// all of it is durable nobody sees the blob; when fill fails, when the
	// context ends or the process dies, nobody ever does. The error of fill comes
	// back as it is. A name that is there already is ErrExists, and stays what it
	// was. No more than a fixed part of the blob is in memory.
	Put(ctx context.Context, name string, fill func(io.Writer) error) error

	// Get returns a blob from its beginning, or ErrNotFound. The caller closes it;
	// a blob that breaks off is an error of a Read, never a clean end.
	Get(ctx context.Context, name string) (io.ReadCloser, error)

	// Delete destroys a blob. One that is not there is no error.
	Delete(ctx context.Context, name string) error
}

// What a store can answer instead. Both are faults of ours: callers never name a
// blob themselves.
var (
	ErrNotFound = errors.New("blob: there is none of this name")
	ErrExists   = errors.New("blob: the name is taken")
)

// names are what a blob may be called: parts of letters, digits and "-", such as
// "insjoriket/5b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11".
var names = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}(/[a-z0-9][a-z0-9-]{0,63}){0,3}$`)

// CheckName refuses what cannot be the name of a blob on every engine.
func CheckName(name string) error {
	if !names.MatchString(name) {
		return fmt.Errorf("blob: a name of %d bytes is none", len(name))
	}
	return nil
}

// Until returns a writer that ends with the context.
func Until(ctx context.Context, w io.Writer) io.Writer { return writer{ctx, w} }

type writer struct {
	ctx context.Context
	to  io.Writer
}

// Write implements io.Writer.
func (w writer) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.to.Write(b)
}
