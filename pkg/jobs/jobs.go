// Package jobs runs what time brings and no request asks for: terms that pass,
// drafts whose lifetime is over, places that become free. A job works in rounds.
// Several processes run the same jobs at once, so a round must be safe beside
// another one, for instance by compare-and-swap.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/metrics"
)

// Config is what a job is made of. Service, Name, Do and Log are required.
type Config struct {
	Service string                          // that runs it, such as "referral"; in metrics
	Name    string                          // what a round does, such as "mark-overdue"; in metrics and the log
	Do      func(ctx context.Context) error // one round
	OnWake  func(ctx context.Context) error // the round after Wake; nil: Do
	AtStart bool                            // the first round begins at once, not after an interval
	Timeout time.Duration                   // of one round; zero: none
	Retry   backoff.Backoff                 // the pause after failures; the zero value: the interval
	Log     *slog.Logger
}

// Job is work that is done again and again. Its methods may be called at once.
type Job struct {
	Config
	interval     time.Duration
	wake         chan struct{}
	done, failed metric.MeasurementOption
	rounds       metric.Int64Counter
}

// Every returns a job with a round every interval, give or take a quarter: the
// jitter keeps several processes from working at the same moment. The interval
// runs from the end of a round to the beginning of the next.
func Every(interval time.Duration, c Config) *Job {
	labels := func(outcome string) metric.MeasurementOption {
		return metrics.Labels{"component": c.Service, "task": c.Name, "outcome": outcome}.Option()
	}
	return &Job{
		Config: c, interval: interval, wake: make(chan struct{}, 1), done: labels("done"), failed: labels("failed"),
		rounds: metrics.Counter("finsam.job.rounds", "Runs of the periodic jobs, by job and outcome."),
	}
}

// Wake begins a round as soon as none is under way. It never blocks; several
// calls before that round are one.
func (j *Job) Wake() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Run works until the context ends, and then returns nil. A round that fails is
// logged and counted; the next one comes as usual, or as Retry says.
func (j *Job) Run(ctx context.Context) error {
	j.rounds.Add(ctx, 0, j.failed) // so that the first failure is seen as a change
	jitter := func() time.Duration { return j.interval*3/4 + rand.N(j.interval/2+1) }
	pause := jitter()
	if j.AtStart {
		pause = 0
	}
	for failures := 0; ; {
		do := j.Do
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-j.wake:
			if j.OnWake != nil {
				do = j.OnWake
			}
		case <-timer.C:
		}
		timer.Stop()
		limited, cancel := ctx, context.CancelFunc(func() {})
		if j.Timeout > 0 {
			limited, cancel = context.WithTimeout(ctx, j.Timeout)
		}
		err := do(limited)
		cancel()
		pause = jitter()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failures = 0
			j.rounds.Add(ctx, 1, j.done)
		default:
			failures++
			j.rounds.Add(ctx, 1, j.failed)
			j.Log.WarnContext(ctx, "a run of a job failed; the job runs again at its next interval", "job", j.Name, "error", err, "failures", failures)
			if j.Retry != (backoff.Backoff{}) {
				pause = j.Retry.After(failures)
			}
		}
	}
}

// ForEach returns a round that does the work for one association after another.
// An error in one does not hold up the others. Each round begins behind the
// association that the last one came to: one with much to do takes the time of
// the others for one round at most. Rounds of one ForEach may overlap.
func ForEach(served *association.Registry, do func(ctx context.Context, in *association.Association) error) func(context.Context) error {
	var mu sync.Mutex
	last := ""
	return func(ctx context.Context) error {
		all := served.All()
		mu.Lock()
		first, known := slices.BinarySearchFunc(all, last, func(in *association.Association, id string) int { return strings.Compare(in.ID, id) })
		mu.Unlock()
		if known {
			first++
		}
		var errs []error
		for i := range all {
			if ctx.Err() != nil {
				errs = append(errs, fmt.Errorf("%d associations are left to the next round: %w", len(all)-i, ctx.Err()))
				break
			}
			in := all[(first+i)%len(all)]
			mu.Lock()
			last = in.ID
			mu.Unlock()
			if err := do(ctx, in); err != nil {
				errs = append(errs, fmt.Errorf("association %s: %w", in.ID, err))
			}
		}
		return errors.Join(errs...)
	}
}
