// Package load asks a server on this machine the same kind of question over many
// connections for a bounded time, and tells how fast the answers came.
//
// It shares two cores with what it measures, so it is as cheap as it can be:
// request bytes made by hand, one goroutine and one kept connection for each
// asker, and no more of the answer read than must be.
package load

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Asker asks one question after another. It is used by one goroutine.
type Asker interface {
	Ask(n int) error // n counts its questions from 0
	Close() error
}

// Plan is what to ask, how hard and for how long.
type Plan struct {
	Askers     int                             // how many ask at the same time
	Warm       time.Duration                   // asked, not counted
	For        time.Duration                   // counted at most so long
	Most       int                             // counted at most so many questions; 0: as many as fit
	New        func(worker int) (Asker, error) // makes each asker
	Begin, End func()                          // called when counting begins and ends; may be nil
}

// Result is how it went, over the counted time.
type Result struct {
	Answers int
	Took    time.Duration
	Times   Histogram // of the single answers
}

// PerSecond is the rate of answers.
func (r Result) PerSecond() float64 { return float64(r.Answers) / r.Took.Seconds() }

// run is a plan under way.
type run struct {
	Plan
	counting, over atomic.Bool
	counted        atomic.Int64
	full           chan struct{} // closed when Most has been reached
	once           sync.Once
	failed         chan error // of capacity 1: the first error
}

// one is an asker and what it measures.
type one struct {
	Asker
	times Histogram
}

// Run asks as planned. The first error ends the run.
func Run(p Plan) (Result, error) {
	r := &run{Plan: p, full: make(chan struct{}), failed: make(chan error, 1)}
	askers, err := r.make()
	if err != nil {
		return Result{}, err
	}
	var all sync.WaitGroup
	for i, a := range askers {
		all.Go(func() { r.ask(i, a) })
	}
	result := Result{Took: r.conduct()}
	all.Wait()
	for _, a := range askers {
		_ = a.Close()
		result.Times.Add(&a.times)
	}
	result.Answers = result.Times.Count()
	select {
	case err := <-r.failed:
		return result, err
	default:
		return result, nil
	}
}

func (r *run) make() (askers []*one, err error) {
	for i := range r.Askers {
		a, err := r.New(i)
		if err != nil {
			for _, a := range askers {
				_ = a.Close()
			}
			return nil, err
		}
		askers = append(askers, &one{Asker: a})
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

func (r *run) ask(worker int, a *one) {
	for n := 0; !r.over.Load(); n++ {
		start := time.Now()
		if err := a.Ask(n); err != nil {
			select {
			case r.failed <- fmt.Errorf("asker %d, question %d: %w", worker, n, err):
			default:
			}
			return
		}
		if r.counting.Load() {
			a.times.Note(time.Since(start))
			if r.counted.Add(1) == int64(r.Most) {
				r.once.Do(func() { close(r.full) })
			}
		}
	}
}
