// Package limit bounds how much each authority may ask of the whole system, and
// how often a stranger may try.
//
// The authorities' buckets are in Redis, shared by all gateways. A gateway takes
// from them in small leases, so that most requests cost no round trip and none is
// counted twice; while Redis is away each gateway limits by itself. A limit is a
// matter of fairness: it is never a reason not to serve.
package limit

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"
)

// Policy is a bucket: filled by PerSecond, holding Burst at most. A PerSecond of
// zero is no limit.
type Policy struct {
	PerSecond int
	Burst     int
}

// Options are the parts of a Limiter.
type Options struct {
	Policy Policy
	Redis  redis.UniversalClient // nil: this process limits by itself
	Now    func() time.Time
	Log    *slog.Logger
}

// Decision is what became of a request.
type Decision struct {
	Allowed    bool
	Remaining  int           // of the burst, as far as this process knows
	Reset      time.Duration // until the bucket is full
	RetryAfter time.Duration // when it was not allowed
}

const (
	// askTime bounds one call to Redis; a slow one is as good as none.
	askTime = 50 * time.Millisecond
	// awayTime is how long Redis is left alone after it has failed.
	awayTime = time.Second
	// leaseTime is how long what was leased may be used: what is over goes
	// unused rather than hoarded.
	leaseTime = time.Second
	// keyPrefix stands before the keys in Redis.
	keyPrefix = "finsam:limit:"
)

// Limiter bounds by key. It is safe for concurrent use. Keys must come from a
// bounded set, such as the authorities of the trust file.
type Limiter struct {
	options Options
	shared  *redis_rate.Limiter
	buckets sync.Map // key -> *bucket

	mu   sync.Mutex
	away time.Time // until when Redis is left alone
}

// bucket is what this process knows of one key.
type bucket struct {
	mu        sync.Mutex
	leased    int       // taken from Redis and not yet used
	until     time.Time // when the lease ends
	denied    time.Time // until when Redis has nothing to give
	remaining int       // in Redis, as of the last answer
	reset     time.Duration
	local     *rate.Limiter // for when Redis is away
}

// New creates a limiter.
func New(o Options) *Limiter {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Policy.Burst = max(o.Policy.Burst, o.Policy.PerSecond)
	l := &Limiter{options: o}
	if o.Redis != nil {
		l.shared = redis_rate.NewLimiter(o.Redis)
	}
	return l
}

// Limits reports whether there is a limit at all.
func (l *Limiter) Limits() bool { return l.options.Policy.PerSecond > 0 }

// Policy returns the limit.
func (l *Limiter) Policy() Policy { return l.options.Policy }

// Take takes cost from the key's bucket. A cost above the burst is taken as the
// whole burst, so that every call is possible at some time.
func (l *Limiter) Take(ctx context.Context, key string, cost int) Decision {
	if !l.Limits() {
		return Decision{Allowed: true}
	}
	cost = min(cost, l.options.Policy.Burst)
	b := l.bucket(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := l.options.Now()
	if l.shared == nil || l.isAway(now) {
		return b.takeLocal(now, cost, l.options.Policy)
	}
	if b.leased >= cost && now.Before(b.until) {
		return b.useLease(cost)
	}
	if now.Before(b.denied) {
		return Decision{Reset: b.reset, RetryAfter: b.denied.Sub(now)}
	}
	if err := l.lease(ctx, key, b, now, cost); err != nil {
		l.failed(now, err)
		return b.takeLocal(now, cost, l.options.Policy)
	}
	if b.leased >= cost {
		return b.useLease(cost)
	}
	return Decision{Reset: b.reset, RetryAfter: max(b.denied.Sub(now), time.Millisecond)}
}

func (l *Limiter) bucket(key string) *bucket {
	if b, ok := l.buckets.Load(key); ok {
		return b.(*bucket)
	}
	p := l.options.Policy
	fresh := &bucket{local: rate.NewLimiter(rate.Limit(p.PerSecond), p.Burst)}
	b, _ := l.buckets.LoadOrStore(key, fresh)
	return b.(*bucket)
}

// lease asks Redis for a twentieth of a second's worth, at least for the cost.
func (l *Limiter) lease(ctx context.Context, key string, b *bucket, now time.Time, cost int) error {
	if !now.Before(b.until) {
		b.leased = 0
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	p := l.options.Policy
	want := max(cost-b.leased, p.PerSecond/20, 1)
	r, err := l.shared.AllowAtMost(ctx, keyPrefix+key,
		redis_rate.Limit{Rate: p.PerSecond, Burst: p.Burst, Period: time.Second}, want)
	if err != nil {
		return err
	}
	b.leased += r.Allowed
	b.remaining, b.reset, b.until = r.Remaining, r.ResetAfter, now.Add(leaseTime)
	b.denied = time.Time{}
	if b.leased < cost {
		missing := float64(cost-b.leased) / float64(p.PerSecond)
		b.denied = now.Add(max(r.RetryAfter, time.Duration(missing*float64(time.Second))))
	}
	return nil
}

func (b *bucket) useLease(cost int) Decision {
	b.leased -= cost
	return Decision{Allowed: true, Remaining: b.remaining + b.leased, Reset: b.reset}
}

func (b *bucket) takeLocal(now time.Time, cost int, p Policy) Decision {
	allowed := b.local.AllowN(now, cost)
	left := b.local.TokensAt(now)
	d := Decision{Allowed: allowed, Remaining: max(int(left), 0), Reset: fill(float64(p.Burst)-left, p)}
	if !allowed {
		d.RetryAfter = fill(float64(cost)-left, p)
	}
	return d
}

// fill is how long n takes to come in.
func fill(n float64, p Policy) time.Duration {
	return time.Duration(math.Max(n, 0) / float64(p.PerSecond) * float64(time.Second))
}

func (l *Limiter) isAway(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Before(l.away)
}

// failed leaves Redis alone for a while.
func (l *Limiter) failed(now time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer in time")
	}
	l.away = now.Add(awayTime)
	l.options.Log.Warn("the shared limits cannot be reached; this process limits by itself", "error", err)
}
