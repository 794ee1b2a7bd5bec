// Package blob stores what is too large for a document: encrypted attachments, each
// written once, read as a stream, and destroyed.
//
// It is as narrow as its one user needs it, so that it means the same on every
// engine: packages folder (the embedded default) and s3. The contract of an engine is
// in the comments here, and package blobtest proves it. An engine sees encrypted bytes
// and random names only.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Store is a place for blobs. Its methods may be called at once. Names that
// CheckName refuses are errors of every method, and so is a context that has ended,
// before anything is asked of the engine.
type Store interface {
	// Put stores what fill writes under a new name. The blob is visible once fill has
	// returned and all of it is durable; when fill fails, the context ends or the
	// process dies, it never is. The error of fill is returned unchanged. A name that
	// is taken is ErrExists, and its blob stays as it was. Only a fixed part of the
	// blob is in memory.
	Put(ctx context.Context, name string, fill func(io.Writer) error) error

	// Get returns a blob from its beginning, or ErrNotFound. The caller closes it and
	// need not read it to the end. A blob that breaks off is an error of a Read, never
	// a clean end.
	Get(ctx context.Context, name string) (io.ReadCloser, error)

	// Delete destroys a blob; its name is free again. A blob that does not exist is no
	// error.
	Delete(ctx context.Context, name string) error
}

// The errors of a Store that a caller can handle. Users never name a blob, so they see
// neither.
var (
	ErrNotFound = errors.New("blob: not found")
	ErrExists   = errors.New("blob: the name is taken")
)

// partForm is what a part of a name consists of.
var partForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// CheckName refuses what cannot be the name of a blob on every engine: more than four
// parts, or one of more than 64 letters, digits and "-". A valid name is such as
// "insjoriket/5b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11". The error does not repeat the name.
func CheckName(name string) error {
	parts := strings.Split(name, "/")
	if len(parts) > 4 || slices.ContainsFunc(parts, func(p string) bool { return len(p) > 64 || !partForm.MatchString(p) }) {
		return fmt.Errorf("blob: a name of %d bytes is not valid", len(name))
	}
	return nil
}
