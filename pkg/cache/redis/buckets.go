package redis

import (
	"context"
	"errors"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// errURL says what an address is like. The address itself may contain a password.
var errURL = errors.New("the Redis URL cannot be read: it wants the form redis://[user:password@]host:port/db")

// Buckets are token buckets that processes share, in one Redis server.
type Buckets struct {
	take  func(ctx context.Context, key string, limit redis_rate.Limit, want int) (*redis_rate.Result, error)
	close func() error
}

// Bucket is the state of one.
type Bucket struct {
	Taken      int           // of what was wanted
	Remaining  int           // in it
	RetryAfter time.Duration // until there is one more; zero or less if something was taken
	ResetAfter time.Duration // until it is full
}

// OpenBuckets prepares the connection, as Open does.
func OpenBuckets(url string) (*Buckets, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errURL
	}
	silenceDriver()
	o.MaxRetries, o.DialerRetries = -1, 1
	o.ContextTimeoutEnabled = true // without it, only the wait for a connection ends with the context
	client := redis.NewClient(o)
	return &Buckets{take: redis_rate.NewLimiter(client).AllowAtMost, close: client.Close}, nil
}

// Take takes up to want from a bucket that is filled by perSecond, up to burst.
func (b *Buckets) Take(ctx context.Context, key string, perSecond, burst, want int) (Bucket, error) {
	r, err := b.take(ctx, key, redis_rate.Limit{Rate: perSecond, Burst: burst, Period: time.Second}, want)
	if err != nil {
		return Bucket{}, err
	}
	return Bucket{Taken: r.Allowed, Remaining: r.Remaining, RetryAfter: r.RetryAfter, ResetAfter: r.ResetAfter}, nil
}

// Close closes the connection.
func (b *Buckets) Close() error { return b.close() }
