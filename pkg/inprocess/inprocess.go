// Package inprocess lets one service call another in the same process, by the same
// handler that serves it over the network: no second code path, and a hop of
// microseconds.
//
// What the network would separate stays separate: of the caller's context the handler
// sees only the deadline and the end, and it gets its own copy of the headers.
package inprocess

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// maxBuffered is how much of an answer is buffered until its handler ends, in bytes. A
// longer one is streamed, no faster than it is read.
const maxBuffered = 256 << 10

// errUnread is what the handler's Write returns once the caller has closed the body.
var errUnread = errors.New("inprocess: the caller reads no further")

// Transport sends every request to the handler, whatever host it names. A short answer
// is complete when RoundTrip returns; the rest of a long one is read as it is written.
// The request's body is read as a stream. It may be used at once.
type Transport struct{ Handler http.Handler }

// RoundTrip implements http.RoundTripper. When the request's context ends before
// the handler does, it returns without waiting for it.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		closeBody(r)
		return nil, err
	}
	a := &answer{ctx: ctx, in: withoutValues{ctx}, ready: make(chan struct{}, 1)}
	go a.serve(t.Handler, r)
	select {
	case <-a.ready:
		if a.err != nil {
			return nil, a.err
		}
		return a.response(r), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// grow makes the stack of a new goroutine as large as a handler needs (32 KiB), at once.
// Later it would grow twice, and be copied with the frames of half a call on it.
//
//go:noinline
func grow(i int) byte {
	var room [16 << 10]byte
	room[i%len(room)] = 1 // so that there is room
	return room[i/2%len(room)]
}

// serve has the handler answer a client's request, as a server would get it.
func (a *answer) serve(h http.Handler, r *http.Request) {
	grow(len(r.Method))
	defer closeBody(r)
	defer func() {
		var err error
		if p := recover(); p != nil { // as in net/http's server, it ends this request and nothing else
			err = fmt.Errorf("inprocess: the handler ended with a panic of type %T", p)
		}
		if a.rest != nil {
			a.rest.CloseWithError(err) // nil: the end
			a.stop()
			return
		}
		a.err = err
		a.ready <- struct{}{}
	}()
	in := r.WithContext(&a.in)
	in.Header = r.Header.Clone()
	a.url = *r.URL
	in.URL = &a.url
	in.RequestURI = a.url.RequestURI()
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	in.RemoteAddr = "127.0.0.1:0"
	in.Host = cmp.Or(in.Host, in.URL.Host)
	if r.Body == nil {
		in.Body = http.NoBody
	}
	h.ServeHTTP(a, in)
}

// withoutValues is a context with the deadline and the end of another, and none of its
// values.
type withoutValues struct{ context.Context }

// Value implements context.Context.
func (*withoutValues) Value(any) any { return nil }

// AfterFunc lets package context watch for the end without a goroutine.
func (c *withoutValues) AfterFunc(f func()) func() bool { return context.AfterFunc(c.Context, f) }

// answer buffers what the handler writes, and streams it once it is too long.
type answer struct {
	ctx    context.Context // the caller's
	in     withoutValues   // ctx as the handler has it
	url    url.URL         // that the handler has
	header http.Header     // nil from when the status is written until it is asked for
	sent   http.Header     // the headers when the status was written; a handler that kept their map leaves it alone
	status int
	body   bytes.Buffer
	whole  whole         // the body of a short answer
	ready  chan struct{} // receives once, when all is written or the rest follows as a stream
	err    error         // how the handler ended, when all is written
	read   *io.PipeReader
	rest   *io.PipeWriter // nil: all is in body
	stop   func() bool    // ends the watch for the end of ctx
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{} // too late to be sent
	}
	return a.header
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 || status < 200 {
		return
	}
	a.status, a.sent, a.header = status, a.Header(), nil
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.rest == nil && a.body.Len()+len(b) <= maxBuffered {
		return a.body.Write(b)
	}
	if a.rest == nil {
		read, rest := io.Pipe()
		a.read, a.rest = read, rest
		a.stop = context.AfterFunc(a.ctx, func() { read.CloseWithError(context.Cause(a.ctx)) })
		a.ready <- struct{}{}
	}
	return a.rest.Write(b)
}

// response returns the answer as far as it is written. A long one has the length that
// the handler declared, if it did.
func (a *answer) response(r *http.Request) *http.Response {
	a.WriteHeader(http.StatusOK)
	resp := &http.Response{
		StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.sent, ContentLength: int64(a.body.Len()), Request: r,
	}
	if a.rest == nil {
		a.whole.Reset(a.body.Bytes())
		resp.Body = &a.whole
		return resp
	}
	resp.ContentLength = -1
	if n, err := strconv.ParseInt(a.sent.Get("Content-Length"), 10, 64); err == nil {
		resp.ContentLength = n
	}
	resp.Body = &stream{Reader: io.MultiReader(bytes.NewReader(a.body.Bytes()), a.read), from: a.read}
	return resp
}

// whole is the body of a short answer.
type whole struct{ bytes.Reader }

// Close implements io.Closer.
func (*whole) Close() error { return nil }

// stream is the body of a long answer.
type stream struct {
	io.Reader
	from *io.PipeReader
}

// Close makes the handler's next Write fail.
func (s *stream) Close() error { return s.from.CloseWithError(errUnread) }
