// Package inproc lets one service call another in the same process, by the very
// handler that would serve it over the network: no second code path, and a hop
// of microseconds.
//
// What the network would keep apart stays apart: the handler sees nothing of the
// caller's context but when it ends, and gets its own copy of the headers.
package inproc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 16 << 20

// errTooLarge tells the handler that its answer is larger than that.
var errTooLarge = errors.New("inproc: the answer is larger than 16 MiB")

// Transport gives a transport that lets h answer every request, whatever host it
// names. The answer is complete when RoundTrip returns; there are no streams.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper. When the request's context ends before
// the handler does, it returns without waiting for it.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		closeBody(r)
		return nil, err
	}
	a := &answer{header: http.Header{}}
	done := make(chan error, 1)
	go func() {
		defer closeBody(r)
		done <- serve(t.handler, a, incoming(r))
	}()
	select {
	case err := <-done:
		if err != nil {
			return nil, err
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

// serve calls the handler. As in net/http's server, a panic ends this request
// and nothing else.
func serve(h http.Handler, a *answer, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("inproc: the handler ended with a panic of type %T", p)
		}
	}()
	h.ServeHTTP(a, r)
	if a.tooLarge {
		return errTooLarge
	}
	return nil
}

// incoming makes of a client's request what a server would have been given.
func incoming(r *http.Request) *http.Request {
	in := r.WithContext(bare{r.Context()})
	in.Header = r.Header.Clone()
	u := *r.URL
	in.URL = &u
	in.RequestURI = u.RequestURI()
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	in.RemoteAddr = "127.0.0.1:0"
	if in.Host == "" {
		in.Host = u.Host
	}
	if r.Body == nil {
		in.Body = http.NoBody
	}
	return in
}

// bare is a context without values: the deadline and the end of the caller's
// pass, as over a network, and nothing that it knows.
type bare struct{ context.Context }

// Value implements context.Context.
func (bare) Value(any) any { return nil }

// AfterFunc lets package context watch for the end without a goroutine.
func (b bare) AfterFunc(f func()) func() bool { return context.AfterFunc(b.Context, f) }

// answer collects what the handler writes.
type answer struct {
	header   http.Header
	sent     http.Header // the headers as they were when the status was written
	status   int
	body     bytes.Buffer
	tooLarge bool
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 || status < 200 {
		return
	}
	a.status, a.sent = status, a.header.Clone()
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.body.Len()+len(b) > maxAnswer {
		a.tooLarge = true
		return 0, errTooLarge
	}
	return a.body.Write(b)
}

func (a *answer) response(r *http.Request) *http.Response {
	a.WriteHeader(http.StatusOK)
	return &http.Response{
		Status:     strconv.Itoa(a.status) + " " + http.StatusText(a.status),
		StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.sent, Body: io.NopCloser(bytes.NewReader(a.body.Bytes())),
		ContentLength: int64(a.body.Len()), Request: r,
	}
}
