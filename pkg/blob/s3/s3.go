// Package s3 keeps blobs as objects in a bucket of an S3-compatible store.
//
// A blob within one part is put in one request; a larger one as parts that
// nobody sees until the last request joins them. Both are conditional: a name
// that is there already is not written over.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/finsam/finsam/pkg/blob"
)

const (
	// partSize is that of a part, in bytes, and what of a blob is in memory. No
	// part but the last may be smaller (Amazon S3).
	partSize = 5 << 20
	// tries is how often a request is sent before it has failed; between them is
	// a growing, jittered wait of at most a second.
	tries = 3
	// cleanTime bounds the removal of parts that nobody wants any more.
	cleanTime = 10 * time.Second
)

// Store keeps blobs in a bucket.
type Store struct {
	core   minio.Core
	bucket string
}

var _ blob.Store = (*Store)(nil)

// transport bounds what a store that does not answer can hold up; the whole of a
// call is bounded by its context.
func transport() http.RoundTripper {
	return lastOfItsConnection{&http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 20 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   32,
		MaxConnsPerHost:       128,
		DisableCompression:    true,
	}}
}

// lastOfItsConnection lets nothing follow a request with a body on its connection. A
// store that refuses one unread (412: the name is taken) may take what it has not read
// for the next request, and its answer to that would come to anyone who is next.
type lastOfItsConnection struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t lastOfItsConnection) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		last := *r
		last.Close = true
		r = &last
	}
	return t.RoundTripper.RoundTrip(r)
}

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, name string, fill func(io.Writer) error) error {
	if err := errors.Join(blob.CheckName(name), ctx.Err()); err != nil {
		return err
	}
	part := parts.Get().(*[]byte)
	defer parts.Put(part)
	u := &upload{ctx: ctx, store: s, name: name, part: (*part)[:0]}
	err := fill(u)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = u.finish()
	}
	if err != nil {
		return errors.Join(known(ctx, err), u.abort())
	}
	return nil
}

// parts are the buffers of uploads.
var parts = sync.Pool{New: func() any { b := make([]byte, 0, partSize); return &b }}

// upload is a blob on its way in.
type upload struct {
	ctx   context.Context
	store *Store
	name  string
	part  []byte // what has not been sent yet
	id    string // of the multipart upload; empty: nothing has been sent
	done  []minio.CompletePart
}

// Write implements io.Writer. A full part is sent when more follows.
func (u *upload) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		if len(u.part) == partSize {
			if err := u.send(); err != nil {
				return n, err
			}
		}
		k := min(partSize-len(u.part), len(b))
		u.part = append(u.part, b[:k]...)
		n, b = n+k, b[k:]
	}
	return n, nil
}

// send sends a part of several.
func (u *upload) send() (err error) {
	s := u.store
	if u.id == "" {
		if u.id, err = s.core.NewMultipartUpload(u.ctx, s.bucket, u.name, minio.PutObjectOptions{ContentType: mediaType}); err != nil {
			return known(u.ctx, err)
		}
	}
	p, err := s.core.PutObjectPart(u.ctx, s.bucket, u.name, u.id, len(u.done)+1, bytes.NewReader(u.part), int64(len(u.part)), minio.PutObjectPartOptions{})
	if err != nil {
		return known(u.ctx, err)
	}
	u.done = append(u.done, minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag})
	u.part = u.part[:0]
	return nil
}

// mediaType says nothing of what is sealed.
const mediaType = "application/octet-stream"

// finish creates the blob be there.
func (u *upload) finish() error {
	s, o := u.store, minio.PutObjectOptions{ContentType: mediaType}
	o.SetMatchETagExcept("*") // only if there is none of the name
	if u.id == "" {
		_, err := s.core.PutObject(u.ctx, s.bucket, u.name, bytes.NewReader(u.part), int64(len(u.part)), "", "", o)
		return err
	}
	if err := u.send(); err != nil {
		return err
	}
	_, err := s.core.CompleteMultipartUpload(u.ctx, s.bucket, u.name, u.id, u.done, o)
	if err == nil {
		u.id = ""
	}
	return err
}

// abort removes the parts of an upload that failed, also when its context has
// ended. What a death leaves is for a rule of the bucket; see docs/operations/install.md.
func (u *upload) abort() error {
	if u.id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), cleanTime)
	defer cancel()
	return u.store.core.AbortMultipartUpload(ctx, u.store.bucket, u.name, u.id)
}

// Get implements blob.Store.
func (s *Store) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := errors.Join(blob.CheckName(name), ctx.Err()); err != nil {
		return nil, err
	}
	r, _, _, err := s.core.GetObject(ctx, s.bucket, name, minio.GetObjectOptions{})
	if err != nil {
		return nil, known(ctx, err)
	}
	return r, nil
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := errors.Join(blob.CheckName(name), ctx.Err()); err != nil {
		return err
	}
	err := known(ctx, s.core.RemoveObject(ctx, s.bucket, name, minio.RemoveObjectOptions{}))
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	return err
}

// known turns the store's answers into those of package blob. A context that
// ended is told as that, whatever the client made of it.
func known(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("s3: %w", ctx.Err())
	}
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return err
	}
	switch answer.Code {
	case "NoSuchKey":
		return blob.ErrNotFound
	case "PreconditionFailed", "ConditionalRequestConflict":
		return blob.ErrExists
	}
	return fmt.Errorf("s3: %s (%d)", answer.Code, answer.StatusCode) // its own words name the object
}
