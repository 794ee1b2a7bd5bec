package hop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"github.com/finsam/finsam/pkg/web/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server, and counts its connections.
func serve(t testing.TB, h http.HandlerFunc) (*Transport, *httptest.Server, *atomic.Int64) {
	t.Helper()
	var made atomic.Int64
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made.Add(1)
		}
	}
	s.Start()
	tr := New(s.Listener.Addr().String(), client.Dial)
	t.Cleanup(func() { tr.CloseIdleConnections(); s.Close() })
	return tr, s, &made
}

func ask(t testing.TB, tr *Transport, ctx context.Context, method, body string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "http://service/path?q=1", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		r.Body = nil
	}
	resp, err := tr.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func TestAConnectionIsUsedAgain(t *testing.T) {
	tr, _, made := serve(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		w.Header().Set("Etag", `"1"`)
		if r.Method == "DELETE" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, text)
		if len(text) > 100 {
			w.(http.Flusher).Flush() // chunked
			fmt.Fprint(w, "!")
		}
	})
	long := strings.Repeat("x", 200_000)
	for _, c := range []struct{ method, body, want string }{
		{"GET", "", "GET /path?q=1 "}, {"POST", "abc", "POST /path?q=1 abc"}, {"DELETE", "", ""}, {"HEAD", "", ""},
		{"POST", long, "POST /path?q=1 " + long + "!"}, {"GET", "", "GET /path?q=1 "},
	} {
		resp, text, err := ask(t, tr, t.Context(), c.method, c.body)
		if err != nil || text != c.want || resp.Header.Get("Etag") != `"1"` {
			t.Errorf("%s: %v, %v, %.40s", c.method, err, resp, text)
		}
	}
	if made.Load() != 1 {
		t.Errorf("%d connections", made.Load())
	}
}

func TestManyAtOnceGetTheirOwnAnswers(t *testing.T) {
	tr, _, made := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 50 {
				want := fmt.Sprint(i, " ", j)
				if _, text, err := ask(t, tr, context.Background(), "POST", want); err != nil || text != want {
					t.Errorf("%s became %q, %v", want, text, err)
				}
			}
		})
	}
	wg.Wait()
	if made.Load() > 32 {
		t.Errorf("%d connections for 32 callers", made.Load())
	}
}

func TestAConnectionThatWasClosedMeanwhileIsNotUsed(t *testing.T) {
	tr, s, made := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	for _, method := range []string{"GET", "POST"} {
		body := ""
		if method == "POST" {
			body = "x"
		}
		if _, _, err := ask(t, tr, t.Context(), method, body); err != nil {
			t.Fatal(err)
		}
		s.CloseClientConnections()
		time.Sleep(20 * time.Millisecond)
		if _, text, err := ask(t, tr, t.Context(), method, body); err != nil || text != "ok" {
			t.Errorf("%s afterwards: %q, %v", method, text, err)
		}
	}
	if made.Load() < 3 {
		t.Errorf("%d connections", made.Load())
	}
}

func TestAReadIsRetriedWhenTheServiceDies(t *testing.T) {
	var seen atomic.Int64
	tr, _, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if seen.Add(1) < maxTries {
			panic(http.ErrAbortHandler) // the connection ends, without an answer
		}
		_, _ = io.WriteString(w, "ok")
	})
	if _, text, err := ask(t, tr, t.Context(), "GET", ""); err != nil || text != "ok" {
		t.Errorf("GET: %q, %v", text, err)
	}
	tr.CloseIdleConnections()
	seen.Store(0)
	if _, _, err := ask(t, tr, t.Context(), "POST", "x"); err == nil || seen.Load() != 1 {
		t.Errorf("POST, which may have had its effect: %v, sent %d times", err, seen.Load())
	}
}

func TestAReadSurvivesSeveralDyingPods(t *testing.T) {
	for sentence, c := range map[string]struct {
		deaths int64
		wants  string
	}{
		"as many as there are tries":               {maxTries - 1, "ok"},
		"and a connection that waited before them": {maxTries, "ok"},
		"but not without end":                      {1000, ""},
	} {
		var seen atomic.Int64
		tr, _, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if n := seen.Add(1); n > 1 && n <= 1+c.deaths {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, "ok")
		})
		if _, _, err := ask(t, tr, t.Context(), "GET", ""); err != nil { // its connection waits now
			t.Fatal(err)
		}
		if c.deaths < maxTries {
			tr.CloseIdleConnections()
		}
		if _, text, err := ask(t, tr, t.Context(), "GET", ""); text != c.wants || (err == nil) != (c.wants != "") || seen.Load() > maxTries+3 {
			t.Errorf("%s: %q, %v, sent %d times", sentence, text, err, seen.Load())
		}
	}
}

// A service that ends closes the connections that wait, maybe in the moment in which
// a request is sent on one. Before that it lets go of each one that is used.
func TestAConnectionIdleForLongerThanAServiceLingersIsNotUsed(t *testing.T) {
	tr, _, made := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	for range 2 {
		if _, _, err := ask(t, tr, t.Context(), "POST", "x"); err != nil {
			t.Fatal(err)
		}
		for _, c := range tr.idle {
			c.since = c.since.Add(-2500 * time.Millisecond)
		}
	}
	if made.Load() != 2 {
		t.Errorf("%d connections", made.Load())
	}
}

func TestATimeoutEndsTheCallAndTheConnection(t *testing.T) {
	ended := make(chan struct{}, 2)
	tr, _, made := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" { // half an answer, then nothing
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		ended <- struct{}{}
	})
	for _, method := range []string{"GET", "POST"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, _, err := ask(t, tr, ctx, method, "")
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", method, err)
		}
		select {
		case <-ended:
		case <-time.After(2 * time.Second):
			t.Errorf("%s: the service did not learn of it", method)
		}
	}
	if made.Load() != 2 {
		t.Errorf("%d connections: one that was given up must not be used again", made.Load())
	}
}

// A request that finds no place fails with the last byte of its body.
func TestARequestOfWhichNothingWasSentCostsNoConnection(t *testing.T) {
	var seen atomic.Int64
	tr, _, made := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen.Add(1)
	})
	full := errors.New("no place")
	refused := func(method, header string, length int) {
		t.Helper()
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", length)), iotest.ErrReader(full))
		r, err := http.NewRequestWithContext(t.Context(), method, "http://service/", body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = int64(length + 1)
		if r.Header.Set("X", header); header != "" {
			r.Body = nil
		}
		if _, err := tr.RoundTrip(r); err == nil || header == "" && !errors.Is(err, full) {
			t.Errorf("%s, %d bytes: %v", method, length, err)
		}
	}
	for range 3 {
		refused("POST", "", 1000)
	}
	refused("GET", "a\x01", 0)
	if made.Load() > 1 || seen.Load() > 0 {
		t.Errorf("%d connections, %d requests seen", made.Load(), seen.Load())
	}
	for range 2 { // not even a part of them is sent with the next one
		if resp, _, err := ask(t, tr, t.Context(), "POST", "x"); err != nil || resp.StatusCode != http.StatusOK {
			t.Error(err)
		}
	}
	if made.Load() != 1 || seen.Load() != 2 {
		t.Errorf("%d connections, %d requests seen", made.Load(), seen.Load())
	}
	refused("POST", "", 100_000) // of which a part is sent
	if _, _, err := ask(t, tr, t.Context(), "POST", "x"); err != nil || made.Load() != 2 {
		t.Errorf("%d connections, %v", made.Load(), err)
	}
}

func TestAnUnreadBodyClosesItsConnection(t *testing.T) {
	tr, _, made := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("a", 100_000)) })
	for range 2 {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://service/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if made.Load() != 2 {
		t.Errorf("%d connections", made.Load())
	}
}

// raw starts a server that reads a request and answers with a text.
func raw(t *testing.T, answer string) *Transport {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					_, _ = io.WriteString(c, answer)
				}
			})
		}
	})
	tr := New(l.Addr().String(), client.Dial)
	t.Cleanup(func() { tr.CloseIdleConnections(); _ = l.Close(); wg.Wait() })
	return tr
}

func TestAnIncompleteAnswerIsAnError(t *testing.T) {
	for sentence, answer := range map[string]string{
		"nothing":                 "",
		"not HTTP":                "hello\r\n\r\n",
		"a head without end":      "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 200_000) + "\r\n\r\n",
		"half a body":             "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"half a chunk":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"another protocol":        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"only that it takes time": strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 10),
	} {
		if resp, text, err := ask(t, raw(t, answer), t.Context(), "GET", ""); err == nil {
			t.Errorf("%s: %v %q", sentence, resp, text)
		}
	}
	_, text, err := ask(t, raw(t, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"), t.Context(), "GET", "")
	if err != nil || text != "ok" {
		t.Errorf("an early hint: %q, %v", text, err)
	}
}

func TestAnUnreachableServiceIsAnErrorLongBeforeTheTimeout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	patience, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, _, err := ask(t, New(addr, client.Dial), patience, "POST", "x"); err == nil || patience.Err() != nil {
		t.Error(err)
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	tr, s, _ := serve(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("a", 1000)) })
	standard := &http.Transport{MaxIdleConnsPerHost: 512}
	defer standard.CloseIdleConnections()
	for name, rt := range map[string]http.RoundTripper{"hop": tr, "net/http": standard} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					r, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
					resp, err := rt.RoundTrip(r)
					if err != nil {
						b.Error(err)
						cancel()
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					cancel()
				}
			})
		})
	}
}

// Whatever a service answers, the caller gets an answer or an error, within its
// patience, and never more than it has asked for.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		tr := raw(t, answer)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		resp, text, err := ask(t, tr, ctx, http.MethodGet, "")
		if err == nil && (resp.StatusCode < 200 || len(text) > len(answer)) {
			t.Errorf("%d with %d bytes of %d", resp.StatusCode, len(text), len(answer))
		}
	})
}
