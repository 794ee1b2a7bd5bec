// Package limit bounds how much each authority may ask of the whole system, and how
// often a caller without a valid token may try.
//
// The authorities' buckets are in Redis, shared by all gateways. A gateway takes from
// them in small leases, so that most requests cost no round trip and none is counted
// twice; while Redis does not answer each gateway limits by itself. A limit is a matter
// of fairness: it is never a reason not to serve. No lock is held while Redis is asked:
// one call asks for all who wait, and they wait for patience at most.
package limit

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/finsam/finsam/pkg/cache/redis"
)

// Policy is a bucket that is filled by PerSecond, up to Burst, which is at least
// PerSecond. A PerSecond of zero is no limit.
type Policy struct {
	PerSecond int
	Burst     int
}

// Config is what New takes.
type Config struct {
	Policy Policy
	Redis  *redis.Buckets   // nil: this process limits by itself
	Now    func() time.Time // nil: the clock
}

// Decision is the result of taking from a bucket.
type Decision struct {
	Allowed    bool
	Remaining  int           // of the burst, as far as this process knows
	Reset      time.Duration // until the bucket is full
	RetryAfter time.Duration // zero if it was allowed
}

const (
	// patience bounds what a request waits for Redis, which has answered or is known to be
	// away before.
	patience = 50 * time.Millisecond
	// leaseLifetime is how long what was leased may be used: the rest is lost rather than
	// hoarded.
	leaseLifetime = time.Second
	keyPrefix     = "finsam:limit:"
)

// Limiter bounds by key. Keys must come from a bounded set, such as the authorities of
// the trust file. Its methods may be called concurrently.
type Limiter struct {
	Policy Policy // the limit; it does not change

	config  Config
	buckets sync.Map // key -> *bucket
}

// bucket is what this process knows of one key.
type bucket struct {
	mu        sync.Mutex
	leased    int       // taken from Redis and not yet used
	until     time.Time // when the lease ends
	denied    time.Time // until when the bucket in Redis is empty
	remaining int       // in Redis, as of the last answer
	reset     time.Duration
	wanted    int           // by those who wait for Redis
	asked     *question     // nil: Redis is not being asked
	local     *rate.Limiter // for when Redis does not answer
}

// question is one call to Redis, for all who wait.
type question struct {
	answered chan struct{} // closed once it is
	err      error         // read after that
}

// New creates a limiter.
func New(c Config) *Limiter {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Policy.Burst = max(c.Policy.Burst, c.Policy.PerSecond)
	return &Limiter{Policy: c.Policy, config: c}
}

// IsLimited reports whether there is a limit at all.
func (l *Limiter) IsLimited() bool { return l.Policy.PerSecond > 0 }

// Take takes cost from the key's bucket. A cost above the burst takes the whole burst, so
// that every call is possible at some time.
func (l *Limiter) Take(ctx context.Context, key string, cost int) Decision {
	if !l.IsLimited() {
		return Decision{Allowed: true}
	}
	cost = min(cost, l.Policy.Burst)
	known, ok := l.buckets.Load(key)
	if !ok {
		known, _ = l.buckets.LoadOrStore(key, &bucket{local: rate.NewLimiter(rate.Limit(l.Policy.PerSecond), l.Policy.Burst)})
	}
	b := known.(*bucket)
	b.mu.Lock()
	defer b.mu.Unlock()
	var timer *time.Timer
	for {
		now := l.config.Now()
		if l.config.Redis == nil || l.config.Redis.IsAway() {
			return b.takeLocal(now, cost, l.Policy)
		}
		if !now.Before(b.until) {
			b.leased = 0
		}
		if b.leased >= cost {
			b.leased -= cost
			return Decision{Allowed: true, Remaining: b.remaining + b.leased, Reset: b.reset}
		}
		if now.Before(b.denied) {
			return Decision{Reset: b.reset, RetryAfter: max(b.denied.Sub(now), fillTime(float64(cost-b.leased), l.Policy))}
		}
		b.wanted += cost
		if b.asked == nil {
			b.asked = &question{answered: make(chan struct{})}
			go l.lease(context.WithoutCancel(ctx), key, b, b.asked)
		}
		if timer == nil {
			timer = time.NewTimer(patience)
			defer timer.Stop()
		}
		asked, isLate := b.asked, false
		b.mu.Unlock()
		select {
		case <-asked.answered:
		case <-timer.C:
			isLate = true
		}
		b.mu.Lock()
		if b.wanted -= cost; isLate || asked.err != nil {
			return b.takeLocal(l.config.Now(), cost, l.Policy)
		}
	}
}

// lease takes from Redis what is wanted, at least what is filled in a twentieth of a
// second.
func (l *Limiter) lease(ctx context.Context, key string, b *bucket, asked *question) {
	p := l.Policy
	b.mu.Lock()
	want := min(max(b.wanted-b.leased, p.PerSecond/20, 1), p.Burst)
	b.mu.Unlock()
	r, err := l.config.Redis.Take(ctx, keyPrefix+key, p.PerSecond, p.Burst, want)
	b.mu.Lock()
	defer b.mu.Unlock()
	defer close(asked.answered)
	b.asked, asked.err = nil, err
	if err != nil {
		return
	}
	now := l.config.Now()
	b.leased += r.Taken
	b.remaining, b.reset, b.until = r.Remaining, r.ResetAfter, now.Add(leaseLifetime)
	if b.denied = (time.Time{}); r.Taken < want {
		b.denied = now.Add(max(r.RetryAfter, time.Second/time.Duration(p.PerSecond)))
	}
}

func (b *bucket) takeLocal(now time.Time, cost int, p Policy) Decision {
	allowed := b.local.AllowN(now, cost)
	left := b.local.TokensAt(now)
	d := Decision{Allowed: allowed, Remaining: max(int(left), 0), Reset: fillTime(float64(p.Burst)-left, p)}
	if !allowed {
		d.RetryAfter = fillTime(float64(cost)-left, p)
	}
	return d
}

// fillTime returns how long it takes until n is filled in.
func fillTime(n float64, p Policy) time.Duration {
	return time.Duration(math.Max(n, 0) / float64(p.PerSecond) * float64(time.Second))
}
