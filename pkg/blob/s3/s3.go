// Package s3 stores blobs as objects in a bucket of an S3-compatible store.
//
// A blob within one part is put in one request; a larger one as parts that are
// invisible until the last request joins them. Both are conditional: an object that
// exists is not overwritten.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/finsam/finsam/pkg/blob"
)

const (
	// partSize is that of a part, in bytes, and what of a blob is in memory. No
	// part but the last may be smaller (Amazon S3).
	partSize = 5 << 20
	// maxTries bounds how often a request is sent; between tries the client waits, with
	// jitter, for a second at most.
	maxTries = 3
	// abortTimeout bounds the removal of the parts of an upload that failed.
	abortTimeout = 10 * time.Second
	// mediaType says nothing of what is encrypted.
	mediaType = "application/octet-stream"
)

// The environment variables with the credentials, which are never in an address.
const (
	AccessKeyVariable = "AWS_ACCESS_KEY_ID"
	SecretKeyVariable = "AWS_SECRET_ACCESS_KEY"
	tokenVariable     = "AWS_SESSION_TOKEN"
)

// Scheme is what the address of a bucket begins with.
const Scheme = "s3://"

// Store stores blobs in a bucket.
type Store struct {
	core   minio.Core
	bucket string
}

var _ blob.Store = (*Store)(nil)

// Open returns the store of an address such as
//
//	s3://finsam-attachments?endpoint=https://s3.example.se&region=eu-north-1
//
// with the credentials of the environment. It does not connect: while the store is
// away, everything but the attachments works. An error repeats no credentials.
func Open(address string, environ map[string]string) (*Store, error) {
	a, err := parse(address)
	if err != nil {
		return nil, err
	}
	access, secret := environ[AccessKeyVariable], environ[SecretKeyVariable]
	if access == "" || secret == "" {
		return nil, fmt.Errorf("%s and %s must be set to the credentials of the S3 store", AccessKeyVariable, SecretKeyVariable)
	}
	core, err := minio.NewCore(a.endpoint.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(access, secret, environ[tokenVariable]),
		Secure: a.endpoint.Scheme == "https",
		Region: a.region,
		Transport: closeAfterBody{&http.Transport{ // each phase is bounded; the call as a whole is, by its context
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: 20 * time.Second,
			ExpectContinueTimeout: time.Second,
			IdleConnTimeout:       60 * time.Second,
			MaxIdleConnsPerHost:   32,
			MaxConnsPerHost:       128,
			DisableCompression:    true,
		}},
		MaxRetries: maxTries,
	})
	if err != nil {
		return nil, fmt.Errorf("the S3 store: %w", err)
	}
	return &Store{core: *core, bucket: a.bucket}, nil
}

type address struct {
	bucket   string
	endpoint *url.URL
	region   string
}

// CheckAddress returns an error if Open would refuse the address; it never repeats it.
func CheckAddress(text string) error {
	_, err := parse(text)
	return err
}

func parse(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil || !strings.HasPrefix(text, Scheme) || u.Host == "" || u.Path != "" || u.Fragment != "" {
		return address{}, errors.New("must be like s3://bucket?endpoint=https://s3.example.se&region=eu-north-1")
	}
	if u.User != nil {
		return address{}, fmt.Errorf("no credentials may be in the address; set %s and %s", AccessKeyVariable, SecretKeyVariable)
	}
	q := u.Query()
	for name := range q {
		if name != "endpoint" && name != "region" {
			return address{}, fmt.Errorf("an S3 address has endpoint and region, and no %.20q", name)
		}
	}
	a := address{bucket: u.Host, region: q.Get("region")}
	a.endpoint, err = url.Parse(q.Get("endpoint"))
	e := a.endpoint
	if err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Host == "" || e.User != nil || strings.Trim(e.Path, "/") != "" || e.RawQuery != "" {
		return address{}, errors.New("the endpoint of an S3 address must be like https://s3.example.se")
	}
	if a.region == "" {
		return address{}, errors.New("an S3 address must say its region, such as region=eu-north-1")
	}
	return a, nil
}

// closeAfterBody sends nothing behind a request with a body on the same connection. A
// store that refuses one unread (412: the name is taken) may take the body that it has
// not read for the next request, and the answer to that would reach another caller.
type closeAfterBody struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t closeAfterBody) RoundTrip(r *http.Request) (*http.Response, error) {
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
	part := partBuffers.Get().(*[]byte)
	u := &upload{ctx: ctx, store: s, name: name, part: (*part)[:0]}
	err := fill(u)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = u.finish()
	}
	if err == nil {
		partBuffers.Put(part) // a request that failed may still be sending what is in it
	}
	if err != nil && u.id != "" {
		// The parts are removed, also when the context has ended. Those that a dying process
		// leaves are removed by a rule of the bucket; see docs/operations/install.md.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
		defer cancel()
		return errors.Join(translate(u.ctx, err), s.core.AbortMultipartUpload(ctx, s.bucket, name, u.id))
	}
	return translate(ctx, err)
}

// partBuffers are reused by uploads.
var partBuffers = sync.Pool{New: func() any { b := make([]byte, 0, partSize); return &b }}

// upload is a blob that is being put.
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

// send sends the buffer as one part of several.
func (u *upload) send() (err error) {
	s := u.store
	if u.id == "" {
		if u.id, err = s.core.NewMultipartUpload(u.ctx, s.bucket, u.name, minio.PutObjectOptions{ContentType: mediaType}); err != nil {
			return translate(u.ctx, err)
		}
	}
	p, err := s.core.PutObjectPart(u.ctx, s.bucket, u.name, u.id, len(u.done)+1, bytes.NewReader(u.part), int64(len(u.part)), minio.PutObjectPartOptions{})
	if err != nil {
		return translate(u.ctx, err)
	}
	u.done = append(u.done, minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag})
	u.part = u.part[:0]
	return nil
}

// finish makes the blob visible.
func (u *upload) finish() error {
	s, o := u.store, minio.PutObjectOptions{ContentType: mediaType}
	o.SetMatchETagExcept("*") // only if no object has the name
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

// Get implements blob.Store.
func (s *Store) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := errors.Join(blob.CheckName(name), ctx.Err()); err != nil {
		return nil, err
	}
	r, _, _, err := s.core.GetObject(ctx, s.bucket, name, minio.GetObjectOptions{})
	if err != nil {
		return nil, translate(ctx, err)
	}
	return r, nil
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := errors.Join(blob.CheckName(name), ctx.Err()); err != nil {
		return err
	}
	err := translate(ctx, s.core.RemoveObject(ctx, s.bucket, name, minio.RemoveObjectOptions{}))
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	return err
}

// translate returns the error of package blob for an answer of the store, and the
// context's error once that has ended, whatever the client made of it.
func translate(ctx context.Context, err error) error {
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
