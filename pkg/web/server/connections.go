package server

import (
	"bytes"
	"container/list"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/memory"
	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/web/problem"
)

const (
	// connectionBytes is what an idle connection costs at most: 8 KiB of buffers, and the
	// stack that its last request has left (29 KiB were measured on average).
	connectionBytes = 40 << 10
	// connectionsPart is the part of the memory that connections may have.
	connectionsPart = 2
	// maxConnections is how many there are however much memory there is: each is a file.
	maxConnections = 10_000
	// aloneConnections is the part of the connections that one address alone may have.
	// Behind an ingress all callers have its addresses.
	aloneConnections = .75
)

// connections is a listener that bounds the connections in all, by memory, and divides them
// among the addresses, as share.Places does. For one too many the connection is closed that
// has been idle for longest: of the same address or, if none is free at all, of the address
// with most idle ones. Else the new one is closed.
type connections struct {
	net.Listener
	places *share.Places[netip.Prefix]
	closed metric.Int64Counter

	mu   sync.Mutex
	idle map[netip.Prefix]*list.List // of *connection, the one that has been idle for longest first
}

// connection is one of connections.
type connection struct {
	net.Conn
	all      *connections
	address  netip.Prefix
	isServed atomic.Bool   // a handler has begun to answer: what is written is its
	isLast   atomic.Bool   // it was idle and is being closed: no handler may begin
	place    *list.Element // in all.idle; nil: it is not idle
	isClosed bool
}

// newConnections bounds the connections of a listener to so many.
func newConnections(l net.Listener, most int) *connections {
	c := &connections{
		Listener: l, places: share.NewPlaces[netip.Prefix](share.PlacesConfig{Most: most, Alone: aloneConnections}), idle: map[netip.Prefix]*list.List{},
		closed: metrics.Counter("finsam.connections.closed", "Connections closed because there were too many: idle ones, or a new one that was refused."),
	}
	for _, which := range []string{closedIdle, closedNew} {
		c.closed.Add(context.Background(), 0, metrics.Labels{"which": which}.Option())
	}
	return c
}

// The connections that are closed.
const (
	closedIdle = "idle"
	closedNew  = "new"
)

// mostConnections returns how many connections the memory allows.
func mostConnections() int {
	return int(max(min(memory.Limit()/connectionsPart/connectionBytes, maxConnections), 64))
}

// Accept implements net.Listener.
func (l *connections) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, _ := netip.ParseAddrPort(raw.RemoteAddr().String()) // one that is not an address has a share too
		address := Network(from.Addr())
		_, err = l.places.Enter(context.Background(), address)
		if err != nil {
			if c := l.longestIdle(address); c != nil {
				l.closed.Add(context.Background(), 1, metrics.Labels{"which": closedIdle}.Option())
				_ = c.Close()
				_, err = l.places.Enter(context.Background(), address)
			}
		}
		if err != nil {
			l.closed.Add(context.Background(), 1, metrics.Labels{"which": closedNew}.Option())
			_ = raw.Close()
			continue
		}
		return &connection{Conn: raw, all: l, address: address}, nil
	}
}

// longestIdle returns the connection to close for a new one of the address; nil if there is
// none. A request that comes at that moment is not begun, so that it can be sent again.
func (l *connections) longestIdle(address netip.Prefix) *connection {
	limit, taken, _ := l.places.State()
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.idle[address]
	if of == nil && taken >= limit {
		for _, other := range l.idle {
			if of == nil || other.Len() > of.Len() {
				of = other
			}
		}
	}
	if of == nil {
		return nil
	}
	c := of.Front().Value.(*connection)
	c.isLast.Store(true)
	return c
}

// Network returns the address, or of IPv6 the /64 that one subscriber has.
func Network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // an invalid address is one network of its own
	return p
}

// connectionOf returns the connection of a listener, which TLS may be on; nil if it is of
// another one.
func connectionOf(c net.Conn) *connection {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	bounded, _ := c.(*connection)
	return bounded
}

// become notes the state: a connection is idle between requests, and before the first one.
func (c *connection) become(state http.ConnState) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	of := c.all.idle[c.address]
	if c.place != nil {
		of.Remove(c.place)
		c.place = nil
		if of.Len() == 0 {
			delete(c.all.idle, c.address)
			of = nil
		}
	}
	if state == http.StateIdle || state == http.StateNew {
		c.isServed.Store(false)
		if c.isClosed {
			return
		}
		if of == nil {
			of = list.New()
			c.all.idle[c.address] = of
		}
		c.place = of.PushBack(c)
	}
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.all.mu.Lock()
	wasClosed := c.isClosed
	c.isClosed = true
	c.all.mu.Unlock()
	if !wasClosed {
		c.become(http.StateClosed)
		c.all.places.Leave(c.address, 0)
	}
	return c.Conn.Close()
}

// Write implements net.Conn. What net/http answers by itself to a request that it cannot
// read, such as one with too many headers, becomes a problem: it is written at once, before
// any handler has begun.
func (c *connection) Write(b []byte) (int, error) {
	if code, ok := plainRefusal(b); ok && !c.isServed.Load() {
		if _, err := c.Conn.Write(refusal(code)); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// refusalHead ends the head of every answer of net/http itself.
var refusalHead = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

// plainRefusal returns the status of an answer of net/http itself.
func plainRefusal(b []byte) (code int, ok bool) {
	const version = "HTTP/1.1 "
	if !bytes.HasPrefix(b, []byte(version+"4")) && !bytes.HasPrefix(b, []byte(version+"5")) {
		return 0, false
	}
	status, _, ok := bytes.Cut(b[len(version):], refusalHead)
	if !ok || len(status) < 3 || bytes.ContainsAny(status, "\r\n") {
		return 0, false
	}
	code, err := strconv.Atoi(string(status[:3]))
	return code, err == nil
}

// refusal returns the answer with a problem. The language is not known.
func refusal(code int) []byte {
	p := problem.OfStatus(code)
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte("{}")
	}
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Language: sv\r\nCache-Control: no-store\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		code, http.StatusText(code), problem.MediaType, len(body), body)
}

// connectionKey is of a request's connection in its context.
type connectionKey struct{}
