package hop

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/web/client"
)

// connOf is a connection on which an answer has come.
func connOf(answer string) *conn {
	c := &conn{head: maxHead}
	c.in = bufio.NewReaderSize(strings.NewReader(answer), bufferSize)
	_, _ = c.in.Peek(1)
	return c
}

// An answer that is read without the standard library is read as by it.
func FuzzPlainHead(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nEtag: \"1\"\r\nContent-Length: 2\r\nLink: <a>\r\nlink:  <b> \r\n\r\nokmore",
		"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n folded\r\n\r\nok", "HTTP/1.1 200 OK\r\nX\x00: 1\r\nContent-Length: 5\r\n\r\nok",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		r := &http.Request{Method: http.MethodGet}
		c := connOf(answer)
		got := readPlainHead(c, r)
		if got == nil {
			if left, _ := io.ReadAll(c.in); string(left) != answer {
				t.Errorf("something was read of %q", answer)
			}
			return
		}
		want, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), r)
		if err != nil {
			t.Fatalf("%q: the standard library refuses it: %v", answer, err)
		}
		wantBody, wantErr := io.ReadAll(want.Body)
		body, err := io.ReadAll(got.Body)
		if got.StatusCode != want.StatusCode || got.Status != want.Status || got.ContentLength != want.ContentLength || got.Close != want.Close ||
			!reflect.DeepEqual(got.Header, want.Header) || !bytes.Equal(body, wantBody) || (err == nil) != (wantErr == nil) {
			t.Errorf("%q: got %+v %q %v, want %+v %q %v", answer, got, body, err, want, wantBody, wantErr)
		}
	})
}

// sent returns what write sends, and its error.
func sent(r *http.Request) (string, error) {
	var b bytes.Buffer
	c := &conn{out: bufio.NewWriterSize(struct{ io.Writer }{&b}, bufferSize)}
	readErr, writeErr := write(c, r)
	return b.String(), errors.Join(readErr, writeErr)
}

func TestARequestIsReadAsItWasWritten(t *testing.T) {
	long := strings.Repeat("x", 3*bufferSize)
	for name, c := range map[string]struct {
		method, target, body string
		length               int64
	}{
		"a read":                     {"GET", "/a/b?q=1&r=%20", "", 0},
		"a path that needs escaping": {"GET", "/a%20b/c", "", 0},
		"without a body":             {"POST", "/a", "", 0},
		"with a body":                {"POST", "/a", "body", 4},
		"with a long body":           {"PUT", "/a", long, int64(len(long))},
		"with one of unknown length": {"PATCH", "/a", long, -1},
	} {
		r, err := http.NewRequest(c.method, "http://service:81"+c.target, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Etag": {"\"1\""}, "X-Many": {"1", "2"}}
		if c.body != "" {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(c.body)), c.length
		}
		text, err := sent(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
			continue
		}
		body, err := io.ReadAll(got.Body)
		got.Header.Del("Content-Length")
		if err != nil || got.Method != c.method || got.RequestURI != c.target || got.Host != "service:81" || got.ContentLength != c.length ||
			string(body) != c.body || !reflect.DeepEqual(got.Header, r.Header) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

func TestARequestThatWouldBeReadOtherwiseIsNotSent(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"a line in a header": func(r *http.Request) { r.Header["X"] = []string{"1\r\nY: 2"} },
		"a line in a name":   func(r *http.Request) { r.Header["X: 1\nY"] = []string{"2"} },
		"a blank in a query": func(r *http.Request) { r.URL.RawQuery = "a HTTP/1.1\r\nX: 1" },
		"a line in the host": func(r *http.Request) { r.Host = "a\r\nX: 1" },
		"a line in a method": func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\n" },
		"too short a body":   func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("ab")), 3 },
	} {
		r, err := http.NewRequest("POST", "http://service/", nil)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		if text, err := sent(r); err == nil || text != "" {
			t.Errorf("%s: %v, %q was sent", name, err, text)
		}
	}
}

// A connection on which something came unasked has no place for another answer, if a
// look at it is due.
func TestWhatAServiceSendsUnaskedIsNobodysAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := client.Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if !isAlive(&conn{Conn: c}) {
		t.Error("a silent connection is refused")
	}
	if _, err := io.WriteString(other, "x"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); isAlive(&conn{Conn: c}); { // until it has come
		if time.Now().After(end) {
			t.Fatal("a connection on which something came is used")
		}
	}
}
