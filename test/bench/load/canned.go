package load

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"
	"sync"
)

// Canned is a server that gives prepared answers: what is left of the time then
// is the generator's own, or that of a proxy between the two.
type Canned struct {
	listener net.Listener
	answer   func(head []byte) []byte
	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	closed   bool
}

// Serve answers on a free port of this machine until Close. answer gives the
// whole bytes of the answer to a request, of which it sees the head.
func Serve(answer func(head []byte) []byte) (*Canned, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Canned{listener: l, answer: answer, conns: map[net.Conn]struct{}{}}
	go c.accept()
	return c, nil
}

// Addr gives the server's address.
func (c *Canned) Addr() string { return c.listener.Addr().String() }

// Close ends the server and all its connections.
func (c *Canned) Close() {
	_ = c.listener.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.conns {
		_ = conn.Close()
	}
}

func (c *Canned) accept() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		if c.closed {
			_ = conn.Close()
		} else {
			c.conns[conn] = struct{}{}
			go c.serve(conn)
		}
		c.mu.Unlock()
	}
}

func (c *Canned) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		c.mu.Lock()
		delete(c.conns, conn)
		c.mu.Unlock()
	}()
	r := bufio.NewReaderSize(conn, 16<<10)
	var head []byte
	for {
		var err error
		if head, err = readHead(r, head[:0]); err != nil {
			return
		}
		if _, err := r.Discard(lengthOf(head)); err != nil {
			return
		}
		if _, err := conn.Write(c.answer(head)); err != nil {
			return
		}
	}
}

// readHead appends everything up to the empty line.
func readHead(r *bufio.Reader, to []byte) ([]byte, error) {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return to, err
		}
		to = append(to, line...)
		if len(line) <= 2 {
			return to, nil
		}
		if len(to) > 64<<10 {
			return to, io.ErrShortBuffer
		}
	}
}

// lengthOf finds the length of the body that follows a head.
func lengthOf(head []byte) int {
	for line := range bytes.Lines(head) {
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && is(name, "content-length") {
			n, _ := strconv.Atoi(string(bytes.TrimSpace(value)))
			return max(n, 0)
		}
	}
	return 0
}

// JSON gives the bytes of a 200 answer with this body.
func JSON(body string) []byte {
	return []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}
