package load

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAnAnswerIsReadToItsEnd(t *testing.T) {
	const next = "HTTP/1.1 204 No Content\r\n\r\n"
	long := strings.Repeat("x", 40_000)
	for name, c := range map[string]struct {
		text string
		want Answer
	}{
		"with a length":      {"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Answer{Status: 200, Length: 2}},
		"longer than buffer": {"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + long, Answer{Status: 200, Length: 40_000}},
		"in chunks":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", Answer{Status: 200, Length: 13}},
		"without a body":     {"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", Answer{Status: 304}},
		"with a location":    {"HTTP/1.1 201 Created\r\nLocation: referrals/1\r\nContent-Length: 0\r\n\r\n", Answer{Status: 201, Location: "referrals/1"}},
		"refusing":           {"HTTP/1.1 422 Unprocessable Entity\r\nContent-Length: 3\r\n\r\nwhy", Answer{Status: 422, Length: 3, Body: []byte("why")}},
		"failing at length":  {"HTTP/1.1 500 Error\r\nContent-Length: 40000\r\n\r\n" + long, Answer{Status: 500, Length: 40_000, Body: []byte(long[:maxShown])}},
	} {
		t.Run(name, func(t *testing.T) {
			r := bufio.NewReader(strings.NewReader(c.text + next))
			var a Answer
			if err := a.read(r); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", Answer{c.want.Status, c.want.Location, c.want.Length, append([]byte{}, c.want.Body...)}) {
				t.Errorf("got %+v, want %+v", a, c.want)
			}
			if err := a.read(r); err != nil || a.Status != 204 {
				t.Errorf("the next answer: %d %v", a.Status, err)
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	f.Add("HTTP/1.1 500 X\r\nContent-Length: 7\r\n\r\n")
	f.Add("HTTP/1.0 200 OK\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		var a Answer
		err := a.read(bufio.NewReader(strings.NewReader(text)))
		if err == nil && a.Length > len(text) {
			t.Errorf("read %d bytes of a body in %d bytes", a.Length, len(text))
		}
	})
}

func TestAPercentileIsRightToWithinAThirtySecondPart(t *testing.T) {
	var a, b Histogram
	for i := 1; i <= 10_000; i++ {
		h := &a
		if i%2 == 0 {
			h = &b
		}
		h.Note(time.Duration(i) * 37 * time.Microsecond)
	}
	a.Add(&b)
	for _, p := range []float64{1, 50, 99, 100} {
		want := time.Duration(p*100) * 37 * time.Microsecond
		if got := a.Percentile(p); got < want || got > want+want/30+2*time.Microsecond {
			t.Errorf("p%v: got %v, want %v", p, got, want)
		}
	}
	if (&Histogram{}).Percentile(50) != 0 {
		t.Error("an empty histogram has a median")
	}
	for _, d := range []time.Duration{-1, 0, time.Nanosecond, time.Hour, 1 << 62} {
		var h Histogram
		h.Note(d)
		if got := h.Percentile(50); got < 0 || got < min(d, time.Minute) {
			t.Errorf("%v became %v", d, got)
		}
	}
}

// post asks for something, each time something else.
func post(addr string) func(int) (Asker, error) {
	return func(worker int) (Asker, error) {
		return Dial(addr, time.Minute, func(to []byte, n int) []byte {
			return fmt.Appendf(to, "POST /things/%d-%d HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", worker, n)
		}, nil)
	}
}

func TestARunCountsWhatItAsked(t *testing.T) {
	var asked atomic.Int64
	s, err := Serve(func([]byte) []byte { asked.Add(1); return JSON(`{}`) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var order []string
	r, err := Run(Plan{
		Askers: 4, Warm: 5 * time.Millisecond, For: 5 * time.Second, Most: 200, New: post(s.Addr()),
		Begin: func() { order = append(order, "begin") }, End: func() { order = append(order, "end") },
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Answers < 200 || int64(r.Answers) > asked.Load() || r.Took > 4*time.Second {
		t.Errorf("counted %d in %v, asked %d", r.Answers, r.Took, asked.Load())
	}
	if strings.Join(order, " ") != "begin end" || r.PerSecond() <= 0 {
		t.Errorf("%v, %v/s", order, r.PerSecond())
	}
}

func TestARunEndsAtTheFirstRefusalAndShowsIt(t *testing.T) {
	s, err := Serve(func([]byte) []byte { return []byte("HTTP/1.1 409 Conflict\r\nContent-Length: 11\r\n\r\nbecause yes") })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	start := time.Now()
	_, err = Run(Plan{Askers: 2, For: 10 * time.Second, New: post(s.Addr())})
	if !errors.Is(err, errStatus) || !strings.Contains(err.Error(), "409 because yes") || time.Since(start) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

func TestNoOtherMachineIsAsked(t *testing.T) {
	for _, addr := range []string{"192.0.2.1:80", "example.org:80", "nonsense"} {
		if _, err := Run(Plan{Askers: 1, For: time.Second, New: post(addr)}); err == nil {
			t.Errorf("%s was asked", addr)
		}
	}
}
