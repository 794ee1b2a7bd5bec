package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/web/problem"
)

var (
	fk     = "insjoriket/fk"
	region = "insjoriket/region"
	kommun = "insjoriket/kommun"
	psych  = "insjoriket/psykiatrin"
	af     = "insjoriket/af"
)

func TestABudgetIsSharedByAuthorities(t *testing.T) {
	type take struct {
		who  string
		n    int64
		want *fault.Error // nil: there is room
	}
	for sentence, takes := range map[string][]take{
		"a quarter and more, while others have room": {{fk, 25, nil}, {fk, 50, nil}, {fk, 1, share.ErrShare}, {region, 25, nil}},
		"the whole in four quarters":                 {{fk, 25, nil}, {region, 25, nil}, {kommun, 25, nil}, {psych, 25, nil}, {af, 1, fault.ErrUnavailable}, {fk, 1, share.ErrShare}},
		"more than there is":                         {{fk, 101, share.ErrShare}, {fk, 10, nil}},
	} {
		t.Run(sentence, func(t *testing.T) {
			b := NewBudget(100)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond) // so that nothing waits for long
			defer cancel()
			for i, k := range takes {
				err := b.take(ctx, k.who, k.n)
				if f := fault.Of(err); (err == nil) != (k.want == nil) || k.want != nil && (!errors.Is(err, k.want) || f.RetryAfter == 0 || errors.Is(k.want, fault.ErrUnavailable) && f.Text == k.want.Text) {
					t.Errorf("%d: %v", i, err)
				}
			}
			for _, k := range takes {
				if k.want == nil {
					b.give(k.who, k.n)
				}
			}
			if b.used != 0 || len(b.held) != 0 {
				t.Errorf("%d bytes of %v are left", b.used, b.held)
			}
		})
	}
}

func TestWhoWaitsForAQuarterComesBeforeWhoHasMore(t *testing.T) {
	b := NewBudget(100)
	for _, who := range []string{fk, fk, region, kommun} {
		if err := b.take(t.Context(), who, 25); err != nil {
			t.Fatal(err)
		}
	}
	modest, greedy := make(chan error, 1), make(chan error, 1)
	go func() { modest <- b.take(t.Context(), psych, 20) }()
	for waiting := 0; waiting == 0; {
		b.mu.Lock()
		waiting = b.waiting
		b.mu.Unlock()
	}
	go func() { greedy <- b.take(t.Context(), fk, 5) }()
	time.Sleep(20 * time.Millisecond)
	b.give(kommun, 25)
	if err := <-modest; err != nil {
		t.Errorf("within a quarter: %v", err)
	}
	if err := <-greedy; !errors.Is(err, share.ErrShare) {
		t.Errorf("above it: %v", err)
	}
}

// conn is an answer whose connection remembers the deadline of reading.
type conn struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.deadline = t
	return nil
}

// paced is a sender of so many bytes at each read, after a while.
type paced struct {
	n     int
	while time.Duration
}

// Read implements io.Reader.
func (p paced) Read(b []byte) (int, error) {
	time.Sleep(p.while)
	return min(p.n, len(b)), nil
}

func TestASenderIsWaitedForByWhatHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for sentence, c := range map[string]struct {
			paced
			reads int // that it may take; zero: as many as the limit allows
		}{
			"twice as fast as need be":         {paced{2 * minBodyRate, time.Second}, 0},
			"as fast as need be":               {paced{minBodyRate, time.Second}, 0},
			"half as fast":                     {paced{minBodyRate / 2, time.Second}, 9},
			"a byte now and then":              {paced{1, 2 * time.Second}, 3},
			"much, and then nothing for a day": {paced{1 << 20, 24 * time.Hour}, 1},
		} {
			w := &conn{ResponseRecorder: httptest.NewRecorder()}
			start := time.Now()
			b := Pace(w, connected(c.paced), start.Add(time.Minute))
			reads := 0
			for {
				_, _ = b.Read(make([]byte, 1<<20))
				if reads++; !w.deadline.After(time.Now()) {
					break
				}
			}
			if c.reads == 0 && time.Since(start) < time.Minute || c.reads > 0 && reads != c.reads {
				t.Errorf("%s: cut off after %s and %d reads", sentence, time.Since(start), reads)
			}
		}
	})
}

// connected returns a request that has come over a connection.
func connected(body io.Reader) *http.Request {
	r := httptest.NewRequest("POST", "/", body)
	return r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, &http.Server{}))
}

func TestAShortBodyHasADeadlineToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &conn{ResponseRecorder: httptest.NewRecorder()}
		r := connected(iotest.DataErrReader(strings.NewReader("short"))) // as a body that is there comes
		r.ContentLength = 5
		b := Pace(w, r, time.Now().Add(time.Minute))
		if text, err := io.ReadAll(b); err != nil || string(text) != "short" {
			t.Fatal(err)
		}
		if b.read != 5 || b.Err() != nil || w.deadline != time.Now().Add(bodyGrace) {
			t.Errorf("read %d, %v, by %v", b.read, b.Err(), w.deadline)
		}
	})
}

func TestADeadlineCostsNoMemory(t *testing.T) {
	for name, r := range map[string]*http.Request{"on a connection": connected(nil), "within the process": httptest.NewRequest("POST", "/", nil)} {
		w := &conn{ResponseRecorder: httptest.NewRecorder()}
		b := Pace(w, r, time.Now().Add(time.Minute))
		b.ReadCloser, b.length = io.NopCloser(paced{n: 1}), 1<<20
		one := make([]byte, 1)
		if n := testing.AllocsPerRun(100, func() { _, _ = b.Read(one) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestABodyThatCannotBeReadIsTheSendersFault(t *testing.T) {
	large := &http.MaxBytesError{Limit: 1}
	for name, c := range map[string]struct {
		err  error
		want error
		word string
	}{
		"cut off":    {io.ErrUnexpectedEOF, problem.ErrBodyBroken, "full"},
		"slow":       {os.ErrDeadlineExceeded, problem.ErrBodyBroken, "slowly"},
		"too large":  {large, large, ""},
		"no room":    {fmt.Errorf("part: %w", share.ErrShare), share.ErrShare, "authority"},
		"malformed":  {errors.New("invalid byte in chunk length"), problem.ErrBodyBroken, "full"},
		"in the way": {http.ErrBodyReadAfterClose, problem.ErrBodyBroken, "full"},
	} {
		r := httptest.NewRequest("POST", "/", iotest.ErrReader(c.err))
		b := Pace(httptest.NewRecorder(), r, time.Now())
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, c.want) || c.word != "" && !strings.Contains(fault.Of(err).Text.EN, c.word) || b.Err() != err {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Bodies that stop one byte before their end hold what has come, until the rate cuts them
// off, and no more than there is room for; what another authority sends is taken.
func TestTheBytesOfABodyCountUntilItsRequestEnds(t *testing.T) {
	const size = 100 << 10
	budget := NewBudget(10 * size)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := Pace(w, r, time.Now().Add(time.Minute))
		b.budget, b.owner = budget, r.Header.Get("X-Authority")
		defer b.End()
		if _, err := io.Copy(io.Discard, b); err != nil {
			problem.Write(w, r, err)
		}
	})
	s := httptest.NewServer(h)
	defer s.Close()
	send := func(authority string, sent, declared int64) (int, error) {
		in, out := io.Pipe()
		defer out.Close()
		go func() { _, _ = out.Write([]byte(strings.Repeat("a", int(sent)))) }()
		if sent == declared {
			in = nil
		}
		r, err := http.NewRequest("POST", s.URL, in)
		if err != nil {
			return 0, err
		}
		if in == nil {
			r.Body = io.NopCloser(strings.NewReader(strings.Repeat("a", int(sent))))
		}
		r.ContentLength = declared
		r.Header.Set("X-Authority", authority)
		resp, err := s.Client().Do(r)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 40 {
		all.Go(func() {
			status, err := send("greedy", size-1, size)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	for used := int64(0); used < budget.total/2; time.Sleep(time.Millisecond) {
		budget.mu.Lock()
		used = budget.used
		budget.mu.Unlock()
		if used > budget.total {
			t.Errorf("%d bytes of %d", used, budget.total)
		}
	}
	if status, err := send("polite", size, size); status != 200 {
		t.Errorf("the polite one: %d %v", status, err)
	}
	all.Wait()
	if statuses[429] == 0 || statuses[400] == 0 || statuses[429]+statuses[400] != 40 {
		t.Errorf("%v", statuses)
	}
	if budget.used != 0 || len(budget.held) != 0 {
		t.Errorf("%d bytes of %v are left", budget.used, budget.held)
	}
}

// A handler that outlives its request, as of a call within the process that was given up,
// reads on while the connection has the next request.
func TestABodyThatHasEndedSetsNoDeadlineOfTheNextRequest(t *testing.T) {
	w := &conn{ResponseRecorder: httptest.NewRecorder()}
	r := connected(strings.NewReader("a body of which nobody has read all"))
	b := Pace(w, r, time.Now().Add(time.Minute))
	r.Body = b
	if _, err := b.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	b.End()
	w.deadline = time.Time{}
	_, _ = b.Read(make([]byte, 1))
	LeaveBody(w, r)
	if !w.deadline.IsZero() {
		t.Errorf("a deadline at %s", w.deadline)
	}
}

// After its last byte net/http watches the connection, and a deadline would end the context
// of the request: one that was set while it was read is removed.
func TestABodyThatHasComeLeavesNoDeadline(t *testing.T) {
	for name, length := range map[string]int64{"of a length": 2, "in pieces": -1} {
		w := &conn{ResponseRecorder: httptest.NewRecorder()}
		in, out := io.Pipe()
		r := connected(in)
		r.ContentLength = length
		b := Pace(w, r, time.Now().Add(time.Minute))
		r.Body = b
		ended := make(chan error)
		go func() {
			_, err := io.ReadAll(b)
			ended <- err
		}()
		_, _ = io.WriteString(out, "a") // so that it is being read
		LeaveBody(w, r)
		if w.deadline.IsZero() {
			t.Errorf("%s: the sender is waited for without an end", name)
		}
		_, _ = io.WriteString(out, "b")
		_ = out.Close()
		if err := <-ended; err != nil || !w.deadline.IsZero() {
			t.Errorf("%s: %v, and a deadline at %s", name, err, w.deadline)
		}
		LeaveBody(w, r)
		if !w.deadline.IsZero() {
			t.Errorf("%s: a deadline at %s after its end", name, w.deadline)
		}
	}
}
