// Package load asks a server on this machine the same kind of question over many
// connections for a bounded time, and tells how fast the answers came.
//
// It shares two cores with what it measures, so it is as cheap as it can be:
// request bytes made by hand, one goroutine and one kept connection for each
// asker, and no more of the answer read than must be.
package load

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Request appends the bytes of the next request of one asker; n counts its
// requests from 0. What is appended must be a whole HTTP/1.1 request.
type Request func(to []byte, n int) []byte

// Plan is what to ask, how hard and for how long.
type Plan struct {
	Addr        string                      // host:port; the host must be a loopback address
	Connections int                         // how many ask at the same time
	Warm        time.Duration               // asked, not counted
	For         time.Duration               // counted at most so long
	Most        int                         // counted at most so many requests; 0: as many as fit
	Asker       func(worker int) Request    // gives each connection its requests
	Seen        func(worker int, a *Answer) // told every answer; nil: nobody is
	Begin, End  func()                      // called when counting begins and ends; may be nil
}

// Result is how it went, over the counted time.
type Result struct {
	Requests int
	Took     time.Duration
	Times    Histogram // of the single requests
}

// PerSecond is the rate of answered requests.
func (r Result) PerSecond() float64 { return float64(r.Requests) / r.Took.Seconds() }

// grace is how long the last answers may take once the time is over.
const grace = 10 * time.Second

// run is a plan under way.
type run struct {
	Plan
	counting, over atomic.Bool
	counted        atomic.Int64
	full           chan struct{} // closed when Most has been reached
	once           sync.Once
	failed         chan error // of capacity 1: the first error
}

// Run asks as planned. Any answer but a 2xx or a 304, and any connection that
// breaks, ends the run with an error that shows it.
func Run(p Plan) (Result, error) {
	if err := local(p.Addr); err != nil {
		return Result{}, err
	}
	r := &run{Plan: p, full: make(chan struct{}), failed: make(chan error, 1)}
	askers, err := r.dial()
	if err != nil {
		return Result{}, err
	}
	var all sync.WaitGroup
	for _, a := range askers {
		all.Go(func() { r.ask(a) })
	}
	took := r.conduct()
	all.Wait()
	result := Result{Took: took}
	for _, a := range askers {
		_ = a.conn.Close()
		result.Times.Add(&a.times)
	}
	result.Requests = result.Times.Count()
	select {
	case err := <-r.failed:
		return result, err
	default:
		return result, nil
	}
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

func (r *run) dial() (askers []*asker, err error) {
	for i := range r.Connections {
		a, err := newAsker(i, r.Addr, r.Asker(i), r.Warm+r.For+grace)
		if err != nil {
			for _, a := range askers {
				_ = a.conn.Close()
			}
			return nil, err
		}
		askers = append(askers, a)
	}
	return askers, nil
}

// conduct lets the askers warm up, counts, and tells them to end.
func (r *run) conduct() time.Duration {
	defer r.over.Store(true)
	if !r.wait(r.Warm, nil) {
		return 0
	}
	if r.Begin != nil {
		r.Begin()
	}
	start := time.Now()
	r.counting.Store(true)
	r.wait(r.For, r.full)
	r.counting.Store(false)
	took := time.Since(start)
	if r.End != nil {
		r.End()
	}
	return took
}

// wait sleeps, and tells whether nothing went wrong meanwhile.
func (r *run) wait(d time.Duration, enough <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-enough:
	case err := <-r.failed:
		r.failed <- err
		return false
	}
	return true
}

func (r *run) ask(a *asker) {
	for n := 0; !r.over.Load(); n++ {
		took, err := a.once(n)
		if err != nil {
			r.fail(fmt.Errorf("connection %d, request %d: %w", a.worker, n, err))
			return
		}
		if r.Seen != nil {
			r.Seen(a.worker, &a.answer)
		}
		if r.counting.Load() {
			a.times.Note(took)
			if r.counted.Add(1) == int64(r.Most) {
				r.once.Do(func() { close(r.full) })
			}
		}
	}
}

func (r *run) fail(err error) {
	select {
	case r.failed <- err:
	default:
	}
}

// errStatus is an answer that was not what a good request gets.
var errStatus = errors.New("not a 2xx answer")
