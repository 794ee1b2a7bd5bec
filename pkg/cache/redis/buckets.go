package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-redis/redis_rate/v10"
)

// Buckets are token buckets that processes share, in one Redis server.
type Buckets struct {
	take   func(ctx context.Context, key string, perSecond, burst, want int) (Bucket, error)
	isAway func() bool
}

// Bucket is the state of one.
type Bucket struct {
	Taken      int           // of what was wanted
	Remaining  int           // in it
	RetryAfter time.Duration // until there is one more; zero or less if something was taken
	ResetAfter time.Duration // until it is full
}

// Take takes up to want from a bucket that is filled by perSecond, up to burst.
func (b *Buckets) Take(ctx context.Context, key string, perSecond, burst, want int) (Bucket, error) {
	return b.take(ctx, key, perSecond, burst, want)
}

// IsAway reports whether Redis is known not to answer, so that Take fails at once.
func (b *Buckets) IsAway() bool { return b.isAway() }

// errBucket says that a key of ours was not written by us.
var errBucket = errors.New("what Redis held for a limit was no bucket, and is removed")

// take takes from a bucket. What cannot be one is removed, as is one that would be full
// only after more time than filling it takes: it would refuse for as long.
func (c *Cache) take(ctx context.Context, key string, perSecond, burst, want int) (_ Bucket, err error) {
	defer func() {
		if p := recover(); p != nil { // of redis_rate, which trusts that the answer is its script's
			err = fmt.Errorf("not an answer of Redis: %v", p)
		}
	}()
	buckets := redis_rate.NewLimiter(c.client)
	r, err := buckets.AllowAtMost(ctx, key, redis_rate.Limit{Rate: perSecond, Burst: burst, Period: time.Second}, want)
	full := time.Duration(burst)*time.Second/time.Duration(perSecond) + time.Second
	switch {
	case err != nil && (strings.Contains(err.Error(), "WRONGTYPE") || strings.Contains(err.Error(), "bad argument")), // of the script
		err == nil && (r.ResetAfter < 0 || r.ResetAfter > full || r.Allowed < 0 || r.Allowed > want):
		if last, now := c.warned.Load(), time.Now(); now.Sub(time.Unix(0, last)) > quiet && c.warned.CompareAndSwap(last, now.UnixNano()) {
			c.log.WarnContext(ctx, errBucket.Error())
		}
		return Bucket{}, errors.Join(errBucket, buckets.Reset(ctx, key))
	case err != nil:
		return Bucket{}, err
	}
	return Bucket{Taken: r.Allowed, Remaining: r.Remaining, RetryAfter: r.RetryAfter, ResetAfter: r.ResetAfter}, nil
}
