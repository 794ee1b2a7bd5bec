package attack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/backoff"
)

// wire is one connection of a caller, dialled again when it was closed. One goroutine
// uses it at a time.
type wire struct {
	to   string // host:port
	from string // the caller's own address, of 127.0.0.0/8

	conn   net.Conn
	reader *bufio.Reader
}

// answerTimeout is how long a caller waits for an answer: longer than a long poll.
const answerTimeout = 40 * time.Second

func (w *wire) dial() error {
	w.close()
	d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(w.from)}}
	conn, err := d.Dial("tcp", w.to)
	if err != nil {
		return err
	}
	w.conn, w.reader = conn, bufio.NewReaderSize(conn, 4096)
	return nil
}

func (w *wire) close() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

// write sends bytes, on a new connection when the last was closed.
func (w *wire) write(text []byte) error {
	if w.conn == nil {
		if err := w.dial(); err != nil {
			return err
		}
	}
	_ = w.conn.SetDeadline(time.Now().Add(answerTimeout))
	_, err := w.conn.Write(text)
	return err
}

// ask sends a request and returns its outcome: the status, or what came instead. A
// connection that was closed since its last answer is dialled again. An answer is also
// read after a failed write: the server may have refused what it would not read.
func (w *wire) ask(request []byte) string {
	for {
		kept := w.conn != nil
		_ = w.write(request)
		if outcome := w.answer(answerTimeout); outcome != cut || !kept {
			return outcome
		}
	}
}

// The outcomes beside a status.
const (
	refused = "refused" // no connection
	cut     = "cut"     // closed without an answer
	silent  = "silent"  // no answer in time; the connection is open
)

// answer waits for one answer.
func (w *wire) answer(timeout time.Duration) string {
	if w.conn == nil {
		return refused
	}
	_ = w.conn.SetReadDeadline(time.Now().Add(timeout))
	resp, err := http.ReadResponse(w.reader, nil)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	if err != nil {
		w.close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return silent
		}
		return cut
	}
	if resp.Close {
		w.close()
	}
	outcome := fmt.Sprint(resp.StatusCode)
	if (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) && resp.Header.Get("Retry-After") == "" {
		outcome += " without Retry-After"
	}
	if resp.StatusCode >= 400 && !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		outcome += " without a problem"
	}
	return outcome
}

// request is the bytes of a request; further lines of the head end with \r\n.
func request(method, path, token, head string, body []byte) []byte {
	b := fmt.Appendf(nil, "%s /finsam/v1%s HTTP/1.1\r\nHost: finsam.example\r\n%s", method, path, head)
	if token != "" {
		b = fmt.Appendf(b, "Authorization: Bearer %s\r\n", token)
	}
	if body != nil {
		b = fmt.Appendf(b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return append(append(b, "\r\n"...), body...)
}

// sample is one request and what came of it.
type sample struct {
	who     string
	due     time.Time // when it was to be sent
	took    time.Duration
	outcome string
}

func (s sample) isTaken() bool { return strings.HasPrefix(s.outcome, "2") }

// load asks on all wires until ctx ends, in all so often a second; 0: as soon as answers
// come. next returns the request of the nth turn of a wire.
func load(ctx context.Context, wires []*wire, perSecond float64, next func(wire, n int) (who string, request []byte), seen func(sample)) {
	var all sync.WaitGroup
	begin := time.Now()
	interval := time.Duration(0)
	if perSecond > 0 {
		interval = time.Duration(float64(len(wires)) / perSecond * float64(time.Second))
	}
	for i, w := range wires {
		all.Go(func() {
			defer w.close()
			due := begin.Add(interval * time.Duration(i) / time.Duration(len(wires)))
			for n := 0; ; n++ {
				if !backoff.Sleep(ctx, time.Until(due)) {
					return
				}
				who, text := next(i, n)
				sent := time.Now()
				outcome := w.ask(text)
				seen(sample{who, due, time.Since(sent), outcome})
				if outcome == refused {
					time.Sleep(100 * time.Millisecond)
				}
				if due = due.Add(interval); due.Before(time.Now()) { // what is late is asked at once
					due = time.Now()
				}
			}
		})
	}
	all.Wait()
}
