package redis

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/finsam/finsam/pkg/backoff"
)

const (
	// patience bounds what a caller waits for one answer. A request has at most two calls
	// that take so long: the first starts a probe, which ends before the third.
	patience = 40 * time.Millisecond
	// quiet is how long after a warning another outage is not logged, on a machine with so much to
	// do that each probe may be late.
	quiet = time.Minute
	// probeTimeout bounds what a probe waits for a connection.
	probeTimeout = time.Second
)

// retry waits before a Redis that is away is probed again.
var retry = backoff.Backoff{First: 200 * time.Millisecond, Max: 2 * time.Second}

// errAway is the error of what is not asked.
var errAway = errors.New("redis is away")

// circuit keeps callers from waiting for a Redis that does not answer, refuses, or is
// slow. No caller finds out whether it is back: one probe does, beside them. A call that
// failed once for a reason of this process, such as too little processor time, is over
// with the first probe, and nobody hears of it.
type circuit struct {
	probe  func(ctx context.Context, isAgain bool) error // asks for what the callers ask for
	log    *slog.Logger
	isAway atomic.Bool // nothing is asked

	mu        sync.Mutex
	isProbing bool
	warnedAt  time.Time // of the probe, of which there is one at a time
	isClosed  bool
	probing   sync.WaitGroup
	ended     context.Context
	end       context.CancelFunc
}

// ask calls do, which must end with its context, unless Redis is away.
func (c *circuit) ask(ctx context.Context, do func(context.Context) error) error {
	if c.isAway.Load() {
		return errAway
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	err := do(limited)
	if (err != nil || time.Since(began) > patience/2) && ctx.Err() == nil {
		c.suspect(err)
	}
	return err
}

// suspect starts a probe. Until it has ended, a Redis that gave no answer at all is not
// asked.
func (c *circuit) suspect(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var answered redis.Error
	if err != nil && !errors.As(err, &answered) {
		c.isAway.Store(true)
	}
	if !c.isProbing && !c.isClosed {
		c.isProbing = true
		c.probing.Go(c.watch)
	}
}

// watch probes until Redis answers in time.
func (c *circuit) watch() {
	isLoud := false
	for failures := 0; ; {
		err := c.probe(c.ended, failures > 0)
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.isProbing = false
			c.isAway.Store(c.isClosed)
			if isLoud {
				c.log.Info("Redis answers again")
			}
			return
		}
		if failures++; failures == 1 && c.ended.Err() == nil {
			c.isAway.Store(true)
			if isLoud = time.Since(c.warnedAt) > quiet; isLoud {
				c.warnedAt = time.Now()
				c.log.Warn("Redis does not answer as it should; until it does, this gateway limits by itself and caches nothing", "error", err.Error())
			}
		}
		if !retry.Wait(c.ended, failures) {
			return
		}
	}
}

// close ends the probe, and has nothing asked from now on. It reports whether it is the
// first call.
func (c *circuit) close() bool {
	c.mu.Lock()
	isFirst := !c.isClosed
	c.isClosed = true
	c.isAway.Store(true)
	c.mu.Unlock()
	c.end()
	c.probing.Wait()
	return isFirst
}
