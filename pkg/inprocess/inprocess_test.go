package inprocess_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"github.com/finsam/finsam/pkg/inprocess"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(h http.HandlerFunc) *http.Client {
	return &http.Client{Transport: inprocess.Transport{Handler: h}}
}

type secret struct{}

func TestACallLooksToTheHandlerAsOneOverTheNetwork(t *testing.T) {
	c := client(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != "/a/b" || r.URL.RawQuery != "c=d" || r.RequestURI != "/a/b?c=d" ||
			r.Host != "participant" || string(body) != "hello" || r.Header.Get("X-One") != "1" {
			t.Errorf("got %s %s %s %q", r.Method, r.RequestURI, r.Host, body)
		}
		if r.Context().Value(secret{}) != nil {
			t.Error("the handler sees into the caller's context")
		}
		r.Header.Set("X-One", "changed")
		w.Header().Set("X-Two", "2")
		w.WriteHeader(http.StatusCreated)
		w.Header().Set("X-Late", "3")
		_, _ = io.WriteString(w, "there")
	})
	ctx := context.WithValue(context.Background(), secret{}, "s")
	req, _ := http.NewRequestWithContext(ctx, "POST", "http://participant/a/b?c=d", strings.NewReader("hello"))
	req.Header.Set("X-One", "1")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 201 || string(body) != "there" || resp.ContentLength != 5 || resp.Header.Get("X-Two") != "2" {
		t.Fatalf("got %d %q", resp.StatusCode, body)
	}
	if resp.Header.Get("X-Late") != "" || req.Header.Get("X-One") != "1" {
		t.Fatal("headers are shared between the two sides")
	}
}

func TestAHandlerThatSaysNothingHasSaidOK(t *testing.T) {
	resp, err := client(func(http.ResponseWriter, *http.Request) {}).Get("http://x/")
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("got %v, %v", resp, err)
	}
}

func TestTheCallersPatienceEndsTheCall(t *testing.T) {
	ended := make(chan struct{})
	c := client(func(_ http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
		defer cancel()
		<-ctx.Done()
		close(ended)
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://x/", nil)
	if _, err := c.Do(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the handler did not notice")
	}
}

func TestACallerThatHasGivenUpDoesNotCall(t *testing.T) {
	c := client(func(http.ResponseWriter, *http.Request) { t.Error("called") })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://x/", nil)
	if _, err := c.Do(req); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestAPanicEndsTheCallAndNothingElse(t *testing.T) {
	c := client(func(http.ResponseWriter, *http.Request) { panic("Anna Andersson") })
	if _, err := c.Get("http://x/"); err == nil || strings.Contains(err.Error(), "Anna") {
		t.Fatalf("got %v", err)
	}
}

// long writes chunks of 1 MiB until a write fails, and counts them.
func long(written *atomic.Int64, ended chan<- error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				ended <- err
				return
			}
			written.Add(1)
		}
	}
}

func TestALongAnswerIsWrittenNoFasterThanItIsRead(t *testing.T) {
	var written atomic.Int64
	ended := make(chan error, 1)
	resp, err := client(long(&written, ended)).Get("http://x/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, 5<<20); err != nil {
		t.Fatal(err)
	}
	if n := written.Load(); n > 6 {
		t.Errorf("%d MiB were written when 5 were read", n)
	}
	_ = resp.Body.Close()
	if err := <-ended; err == nil {
		t.Error("the handler did not notice that the caller reads no further")
	}
}

func TestALongAnswerEndsWithTheCallersPatience(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var written atomic.Int64
	ended := make(chan error, 1)
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://x/", nil)
	resp, err := client(long(&written, ended)).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler got %v", err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("it ended as if it were whole")
	}
}

func TestALongAnswerThatBreaksOffIsNoWholeOne(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"by a panic": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 1<<20))
			panic(http.ErrAbortHandler)
		},
		"at its end": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1048577")
			_, _ = w.Write(make([]byte, 1<<20))
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := client(handler).Get("http://x/")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if n, err := io.Copy(io.Discard, resp.Body); err == nil || n != 1<<20 {
				t.Errorf("%d bytes and %v", n, err)
			}
		})
	}
}

func TestALongAnswerThatSaysItsLengthHasIt(t *testing.T) {
	resp, err := client(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1048576")
		_, _ = w.Write(make([]byte, 1<<20))
	}).Get("http://x/")
	if err != nil || resp.ContentLength != 1<<20 {
		t.Fatalf("got %v, %v", resp, err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != 1<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestABodyThatBreaksBreaksInTheHandler(t *testing.T) {
	c := client(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Error("the handler read a whole body")
		}
		w.WriteHeader(http.StatusBadRequest)
	})
	resp, err := c.Post("http://x/", "text/plain", iotest.ErrReader(errors.New("broken")))
	if err != nil || resp.StatusCode != 400 {
		t.Fatalf("got %v, %v", resp, err)
	}
}

func BenchmarkCall(b *testing.B) {
	c := client(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	req := httptest.NewRequest("GET", "http://x/", nil)
	req.RequestURI = ""
	b.ReportAllocs()
	for b.Loop() {
		resp, err := c.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}
