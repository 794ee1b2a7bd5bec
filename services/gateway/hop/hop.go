// Package hop is a client of HTTP/1.1 to one service of ours.
//
// The standard library's transport passes every request from goroutine to goroutine, to
// serve any server and any protocol. The hop from the front door to a service needs
// neither: here the caller's own goroutine writes the request and reads the answer, on a
// connection that no other request uses meanwhile. That halves the cost of the hop. With
// TLS only the connection is another one. No redirect is followed.
package hop

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/web/client"
)

const (
	// maxTries bounds how often a request that only reads is sent, on new connections.
	maxTries = 5
	// maxIdle bounds the idle connections.
	maxIdle = 512
	// maxHead bounds an answer's status line and headers, in bytes.
	maxHead = 64 << 10
	// bufferSize is that of each direction of a connection.
	bufferSize = 8 << 10
	// maxRest is how long a connection may have been idle to be used without a look.
	maxRest = time.Second
)

// retry waits before a request is sent again, 20 ms at least.
var retry = backoff.Backoff{First: 40 * time.Millisecond}

// Transport calls the service at one address. It may be used concurrently.
type Transport struct {
	addr string
	dial Dial

	mu   sync.Mutex
	idle []*conn // the last used is last, and is used first
}

// Dial connects to an address of a network, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// New creates a transport to host:port, whose connections dial makes.
func New(addr string, dial Dial) *Transport {
	return &Transport{addr: addr, dial: dial}
}

// conn is a connection, used by one request at a time.
type conn struct {
	net.Conn
	in    *bufio.Reader
	out   *bufio.Writer
	head  int64     // bytes that may still come before the body
	since time.Time // when it was made or became idle
	sent  bool      // something of the request
}

var errHead = fmt.Errorf("the answer's headers are larger than %d bytes", maxHead)

// flushed is the connection as the buffer writes to it, without its other methods, so that
// the buffer is used.
type flushed struct{ *conn }

// Write implements io.Writer.
func (f flushed) Write(b []byte) (int, error) {
	f.sent = true
	return f.Conn.Write(b)
}

// Read implements io.Reader for the buffer; it bounds the headers.
func (c *conn) Read(b []byte) (int, error) {
	if c.head <= 0 {
		return 0, errHead
	}
	n, err := c.Conn.Read(b)
	c.head -= int64(n)
	return n, err
}

// RoundTrip implements http.RoundTripper. When nothing has come back, a request that only
// reads is sent again after a pause, perhaps to another pod, and one without a body if its
// connection was an idle one that turns out to be closed. One with a body may have had its
// effect, and is not sent again. One that cannot be read before anything of it is sent, as
// when there is no place for it, leaves the connection as it was.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	for try := 1; ; {
		c, isIdle, err := t.get(r)
		if err != nil {
			if r.Body != nil {
				_ = r.Body.Close()
			}
			return nil, err
		}
		resp, isFinal, err := t.exchange(c, r)
		if err == nil || isFinal || hasBody(r) || r.Context().Err() != nil {
			return resp, err
		}
		if isIdle { // it says nothing of the pods; there are only so many, and each is tried once
			continue
		}
		if !reads || try == maxTries || !retry.Wait(r.Context(), try) {
			return nil, err
		}
		try++
	}
}

// exchange sends the request and reads the answer's head. A service that reads no further
// may have answered before it closed its side. isFinal reports, beside an error, whether
// anything had come back, or the request cannot be read.
func (t *Transport) exchange(c *conn, r *http.Request) (resp *http.Response, isFinal bool, err error) {
	ctx := r.Context()
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if err != nil {
			if stop() && !c.sent {
				c.out.Reset(flushed{c})
				t.put(c)
				return
			}
			_ = c.Close()
			if ctx.Err() != nil {
				err = ctx.Err()
			} else if errors.Is(err, syscall.ETIMEDOUT) {
				t.CloseIdleConnections() // the machine at their other end is gone as well
			}
		}
	}()
	c.sent = false
	readErr, writeErr := write(c, r)
	if readErr != nil {
		return nil, true, readErr
	}
	c.head = maxHead
	if _, err := c.in.Peek(1); err != nil {
		return nil, false, cmp.Or(writeErr, err)
	}
	if resp, err = readHead(c, r); err != nil {
		return nil, true, err
	}
	c.head = 1<<63 - 1
	done := func(isWhole bool) {
		if stop() && isWhole && writeErr == nil && !resp.Close {
			c.since = time.Now()
			t.put(c)
			return
		}
		_ = c.Close()
	}
	if resp.Body == http.NoBody || resp.ContentLength == 0 || r.Method == http.MethodHead {
		done(true)
		resp.Body = http.NoBody
		return resp, true, nil
	}
	resp.Body = &body{in: resp.Body, ctx: ctx, done: done}
	return resp, true, nil
}

// body is an answer's body; after its last byte the connection is idle.
type body struct {
	in   io.Reader
	ctx  context.Context
	done func(isWhole bool) // nil once it was called
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.done == nil {
		return 0, io.EOF
	}
	n, err := b.in.Read(p)
	if err != nil {
		b.end(err == io.EOF)
		if err != io.EOF && b.ctx.Err() != nil {
			err = b.ctx.Err()
		}
	}
	return n, err
}

// Close implements io.Closer. The connection of a body that was not read to its end is
// closed.
func (b *body) Close() error {
	b.end(false)
	return nil
}

func (b *body) end(isWhole bool) {
	if done := b.done; done != nil {
		b.done = nil
		done(isWhole)
	}
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

// get returns a connection, and whether it is an idle one or new. A request with a body
// cannot be sent again, so it gets no idle one without a look at it.
func (t *Transport) get(r *http.Request) (*conn, bool, error) {
	for c := t.pop(); c != nil; c = t.pop() {
		rest := time.Since(c.since)
		if rest < client.IdleTimeout && (rest < maxRest && !hasBody(r) || isAlive(c)) {
			return c, true, nil
		}
		_ = c.Close()
	}
	raw, err := t.dial(r.Context(), "tcp", t.addr)
	if err != nil {
		return nil, false, err
	}
	c := &conn{Conn: raw, since: time.Now()}
	c.in, c.out = bufio.NewReaderSize(c, bufferSize), bufio.NewWriterSize(flushed{c}, bufferSize)
	return c, false, nil
}

func (t *Transport) pop() *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.idle)
	if n == 0 {
		return nil
	}
	c := t.idle[n-1]
	t.idle[n-1] = nil
	t.idle = t.idle[:n-1]
	return c
}

// put makes a connection idle, and closes the one that has been idle for too long.
func (t *Transport) put(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle) > 0 && time.Since(t.idle[0].since) > client.IdleTimeout {
		_ = t.idle[0].Close()
		t.idle = slices.Delete(t.idle, 0, 1)
	}
	if len(t.idle) < maxIdle && c.in.Buffered() == 0 {
		t.idle = append(t.idle, c)
		return
	}
	_ = c.Close()
}

// CloseIdleConnections closes the idle connections.
func (t *Transport) CloseIdleConnections() {
	for c := t.pop(); c != nil; c = t.pop() {
		_ = c.Close()
	}
}

// isAlive reports whether an idle connection is open and silent, without waiting. One that
// the other side has closed, or on which it sent something unasked, is of no use.
func isAlive(c *conn) bool {
	below := c.Conn
	if secure, ok := below.(*tls.Conn); ok { // what it sends unasked is the end of the connection
		below = secure.NetConn()
	}
	s, ok := below.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	isSilent := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:])
		isSilent = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	})
	return err == nil && isSilent
}
