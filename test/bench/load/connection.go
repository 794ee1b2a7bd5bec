package load

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"time"
)

// Request appends the bytes of a connection's next request; n counts them from
// 0. What is appended must be a whole HTTP/1.1 request.
type Request func(to []byte, n int) []byte

// Connection asks over one kept connection.
type Connection struct {
	conn    net.Conn
	reader  *bufio.Reader
	request Request
	seen    func(*Answer)
	bytes   []byte
	answer  Answer
}

// errStatus is an answer that was not what a good request gets.
var errStatus = errors.New("not a 2xx answer")

// Dial connects to host:port; the host must be a loopback address. The whole
// life of the connection has one deadline: a timer per request would cost more
// than the request's own bytes. seen is told of every answer, unless it is nil.
func Dial(addr string, life time.Duration, r Request, seen func(*Answer)) (*Connection, error) {
	if err := local(addr); err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(life)); err != nil {
		return nil, err
	}
	return &Connection{conn: conn, reader: bufio.NewReaderSize(conn, 16<<10), request: r, seen: seen}, nil
}

// local refuses every address but this machine's own.
func local(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s is not this machine: no other is asked", addr)
	}
	return nil
}

// Ask sends a request and reads its answer. Any answer but a 2xx or a 304 is an
// error that shows it.
func (c *Connection) Ask(n int) error {
	c.bytes = c.request(c.bytes[:0], n)
	if _, err := c.conn.Write(c.bytes); err != nil {
		return err
	}
	if err := c.answer.read(c.reader); err != nil {
		return err
	}
	if !c.answer.good() {
		return fmt.Errorf("%w: %d %s", errStatus, c.answer.Status, c.answer.Body)
	}
	if c.seen != nil {
		c.seen(&c.answer)
	}
	return nil
}

// Close ends the connection.
func (c *Connection) Close() error { return c.conn.Close() }
