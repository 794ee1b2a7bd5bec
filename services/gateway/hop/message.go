package hop

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strconv"
	"strings"
)

// write sends the request, and closes its body. It returns why the request could not be
// read, and why the service did not take it.
func write(c *conn, r *http.Request) (readErr, writeErr error) {
	if hasBody(r) {
		defer r.Body.Close()
	}
	if err := writeHead(c, r); err != nil {
		return err, nil
	}
	if hasBody(r) {
		body := &source{Reader: r.Body}
		err := writeBody(c, body, r.ContentLength)
		if body.err != nil || err == io.ErrUnexpectedEOF {
			return cmp.Or(body.err, err), nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, c.out.Flush()
}

var errText = errors.New("a control character or a blank in the address or a header of the request")

func writeHead(c *conn, r *http.Request) error {
	path := r.URL.EscapedPath()
	if !isVisible(r.Method) || !isVisible(path) || !isVisible(r.URL.RawQuery) || !isVisible(r.Host) {
		return errText
	}
	w := c.out // the error of a write is that of the flush
	write := func(texts ...string) {
		for _, text := range texts {
			_, _ = w.WriteString(text)
		}
	}
	write(r.Method, " ", path)
	if path == "" {
		write("/")
	}
	if r.URL.RawQuery != "" {
		write("?", r.URL.RawQuery)
	}
	write(" HTTP/1.1\r\nHost: ", cmp.Or(r.Host, r.URL.Host), "\r\n")
	for name, values := range r.Header {
		for _, value := range values {
			if !isVisible(name) || !isPrintable(value) {
				return errText
			}
			write(name, ": ", value, "\r\n")
		}
	}
	switch {
	case hasBody(r) && r.ContentLength > 0:
		write("Content-Length: ", strconv.FormatInt(r.ContentLength, 10), "\r\n")
	case hasBody(r):
		write("Transfer-Encoding: chunked\r\n")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		write("Content-Length: 0\r\n")
	}
	write("\r\n")
	return nil
}

// isVisible reports whether a text has neither blanks nor control characters, which would
// end a part of the head.
func isVisible(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] == 0x7f {
			return false
		}
	}
	return true
}

// writeBody writes a body of a length, or of an unknown one (-1, 0) in chunks.
func writeBody(c *conn, body *source, length int64) error {
	if length <= 0 {
		chunks := httputil.NewChunkedWriter(c.out)
		if _, err := io.Copy(chunks, body); err != nil {
			return err
		}
		if err := chunks.Close(); err != nil {
			return err
		}
		_, err := c.out.WriteString("\r\n") // no trailer
		return err
	}
	n, err := c.out.ReadFrom(io.LimitReader(body, length))
	if err == nil && n < length {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// source is a request's body that remembers why it could not be read.
type source struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// readHead reads the answer's head, after interim ones (1xx). The usual one is read by
// readPlainHead, every other by the standard library.
func readHead(c *conn, r *http.Request) (*http.Response, error) {
	if resp := readPlainHead(c, r); resp != nil {
		return resp, nil
	}
	for range 5 {
		resp, err := http.ReadResponse(c.in, r)
		if err != nil || resp.StatusCode >= 200 {
			return resp, err
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	return nil, errors.New("no final answer")
}

var headEnd = []byte("\r\n\r\n")

// readPlainHead reads a head whose meaning is beyond doubt: it has come at once, is of a
// final answer with one Content-Length, and no header says otherwise of the connection or
// of the body. It returns nil for every other one, of which it reads nothing.
func readPlainHead(c *conn, r *http.Request) *http.Response {
	ahead, _ := c.in.Peek(c.in.Buffered())
	end := bytes.Index(ahead, headEnd)
	const version = "HTTP/1.1 "
	if end < 0 || !bytes.HasPrefix(ahead, []byte(version)) {
		return nil
	}
	status, rest, _ := strings.Cut(string(ahead[len(version):end+2]), "\r\n")
	digits, _, _ := strings.Cut(status, " ")
	code, err := strconv.Atoi(digits)
	if err != nil || len(digits) != 3 || code < 200 || !isPrintable(status) {
		return nil
	}
	resp := &http.Response{
		Status: status, StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, 8), ContentLength: -1, Request: r,
	}
	for values := make([]string, 0, 16); rest != ""; {
		var line string
		line, rest, _ = strings.Cut(rest, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		name, value = textproto.CanonicalMIMEHeaderKey(name), strings.Trim(value, " \t")
		if !ok || name == "" || strings.Trim(name, nameLetters) != "" || !isPrintable(value) {
			return nil
		}
		switch name {
		case "Transfer-Encoding", "Trailer", "Connection", "Pragma":
			return nil
		case "Content-Length":
			n, err := strconv.ParseUint(value, 10, 63)
			if err != nil || resp.ContentLength >= 0 {
				return nil
			}
			resp.ContentLength = int64(n)
		}
		if before := resp.Header[name]; before != nil {
			resp.Header[name] = append(before, value)
			continue
		}
		values = append(values, value)
		resp.Header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	if resp.ContentLength < 0 || code == http.StatusNoContent || code == http.StatusNotModified {
		return nil
	}
	_, _ = c.in.Discard(end + len(headEnd)) // it is in the buffer
	resp.Body = &limited{c.in, resp.ContentLength}
	return resp
}

// nameLetters are what the name of a header consists of.
const nameLetters = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// isPrintable reports whether a text has no control characters but tabs.
func isPrintable(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

// limited is a body of a known length. One that ends before is an error.
type limited struct {
	in   io.Reader
	left int64
}

// Close implements io.Closer.
func (l *limited) Close() error { return nil }

// Read implements io.Reader. The last byte comes with io.EOF.
func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	if l.left == 0 {
		return 0, io.EOF
	}
	n, err := l.in.Read(p)
	if l.left -= int64(n); l.left == 0 {
		err = io.EOF
	} else if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
