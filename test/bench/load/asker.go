package load

import (
	"bufio"
	"fmt"
	"net"
	"time"
)

// asker is one connection and what it measures.
type asker struct {
	worker  int
	conn    net.Conn
	reader  *bufio.Reader
	request Request
	bytes   []byte
	answer  Answer
	times   Histogram
}

// newAsker connects. The whole life of the connection has one deadline: a timer
// per request would cost more than the request's own bytes.
func newAsker(worker int, addr string, r Request, life time.Duration) (*asker, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(life)); err != nil {
		return nil, err
	}
	return &asker{worker: worker, conn: conn, reader: bufio.NewReaderSize(conn, 16<<10), request: r}, nil
}

// once sends a request and reads its answer.
func (a *asker) once(n int) (time.Duration, error) {
	a.bytes = a.request(a.bytes[:0], n)
	start := time.Now()
	if _, err := a.conn.Write(a.bytes); err != nil {
		return 0, err
	}
	if err := a.answer.read(a.reader); err != nil {
		return 0, err
	}
	took := time.Since(start)
	if !a.answer.good() {
		return took, fmt.Errorf("%w: %d %s", errStatus, a.answer.Status, a.answer.Body)
	}
	return took, nil
}
