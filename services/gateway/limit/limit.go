// Package limit bounds how much each authority may ask of the whole system, and how
// often a caller without a valid token may try.
//
// The authorities' buckets are in Redis, shared by all gateways. A gateway takes from
// them in small leases, so that most requests cost no round trip and none is counted
// twice; while Redis does not answer each gateway limits by itself. A limit is a matter
// of fairness: it is never a reason not to serve.
package limit

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
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
	Log    *slog.Logger     // nil: nothing is logged
}

// Decision is the result of taking from a bucket.
type Decision struct {
	Allowed    bool
	Remaining  int           // of the burst, as far as this process knows
	Reset      time.Duration // until the bucket is full
	RetryAfter time.Duration // zero if it was allowed
}

const (
	// redisTimeout bounds one call to Redis.
	redisTimeout = 50 * time.Millisecond
	// pauseInterval is how long Redis is not asked after it has failed.
	pauseInterval = time.Second
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
	buckets sync.Map     // key -> *bucket
	paused  atomic.Int64 // until when Redis is not asked, Unix nanoseconds
}

// bucket is what this process knows of one key.
type bucket struct {
	mu        sync.Mutex
	leased    int       // taken from Redis and not yet used
	until     time.Time // when the lease ends
	denied    time.Time // until when the bucket in Redis is empty
	remaining int       // in Redis, as of the last answer
	reset     time.Duration
	local     *rate.Limiter // for when Redis does not answer
}

// New creates a limiter.
func New(c Config) *Limiter {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
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
	now := l.config.Now()
	if l.config.Redis == nil || now.UnixNano() < l.paused.Load() {
		return b.takeLocal(now, cost, l.Policy)
	}
	if b.leased < cost || !now.Before(b.until) {
		if now.Before(b.denied) {
			return Decision{Reset: b.reset, RetryAfter: b.denied.Sub(now)}
		}
		if err := l.lease(ctx, key, b, now, cost); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				err = errors.New("no answer in time")
			}
			l.paused.Store(now.Add(pauseInterval).UnixNano())
			l.config.Log.Warn("shared limits cannot be reached; limiting in this process alone", "error", err)
			return b.takeLocal(now, cost, l.Policy)
		}
		if b.leased < cost {
			return Decision{Reset: b.reset, RetryAfter: max(b.denied.Sub(now), time.Millisecond)}
		}
	}
	b.leased -= cost
	return Decision{Allowed: true, Remaining: b.remaining + b.leased, Reset: b.reset}
}

// lease takes from Redis what is filled in a twentieth of a second, at least the cost. The
// caller holds b.mu.
func (l *Limiter) lease(ctx context.Context, key string, b *bucket, now time.Time, cost int) error {
	if !now.Before(b.until) {
		b.leased = 0
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), redisTimeout)
	defer cancel()
	p := l.Policy
	want := max(cost-b.leased, p.PerSecond/20, 1)
	r, err := l.config.Redis.Take(ctx, keyPrefix+key, p.PerSecond, p.Burst, want)
	if err != nil {
		return err
	}
	b.leased += r.Taken
	b.remaining, b.reset, b.until = r.Remaining, r.ResetAfter, now.Add(leaseLifetime)
	b.denied = time.Time{}
	if b.leased < cost {
		missing := float64(cost-b.leased) / float64(p.PerSecond)
		b.denied = now.Add(max(r.RetryAfter, time.Duration(missing*float64(time.Second))))
	}
	return nil
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
