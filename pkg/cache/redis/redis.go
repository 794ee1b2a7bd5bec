// Package redis is the cache that processes share, in one Redis server.
//
// Redis may be slow, empty, restored from an old copy or gone; the worst that it can do
// is to make everything a miss. A value begins with its group's version, a random text
// that is kept beside it, and is a hit only while Redis still has the same one. All keys
// contain the identity of the server's process, so that a server which comes back with
// yesterday's data is an empty one.
package redis

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/finsam/finsam/pkg/cache"
)

// dropTimeout bounds one try to drop a group, which no request waits for.
const dropTimeout = time.Second

// errURL says what an address is like. The address itself may contain a password.
var errURL = errors.New("the Redis URL cannot be read: it wants the form redis://[user:password@]host:port/db")

// Cache is a connection to a Redis server.
type Cache struct {
	circuit
	client *redis.Client
	server atomic.Pointer[string] // identity of the server's process; nil: not known yet
	warned atomic.Int64           // when it was logged that a bucket was not ours, Unix nanoseconds
}

var _ cache.Cache = (*Cache)(nil)

// silentLogger silences the driver, which would write a line to standard error for every
// try to connect. Cache logs what matters.
type silentLogger struct{}

func (silentLogger) Printf(context.Context, string, ...any) {}

var silenceDriver = sync.OnceFunc(func() { redis.SetLogger(silentLogger{}) })

// Open prepares the connection; the server need not be there yet. The URL is of
// the form redis://[user:password@]host:port/db, rediss:// with TLS, or
// unix:///socket?db=0.
//
// The cache and the buckets have one connection: what one of them learns of Redis the other
// knows. Closing the cache ends both. It returns the interface, and Buckets have functions
// as fields, because each package that reaches the client's types compiles the wrappers of
// its five hundred methods again: three seconds of the processor each.
func Open(url string, log *slog.Logger) (cache.Cache, *Buckets, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, nil, errURL
	}
	silenceDriver()
	c := &Cache{}
	c.log, c.probe = log, c.answers
	c.ended, c.end = context.WithCancel(context.Background())
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = probeTimeout, dropTimeout, dropTimeout, patience
	o.MaxRetries, o.DialerRetries = -1, 1
	o.ContextTimeoutEnabled = true // without it, only the wait for a connection ends with the context
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.OnConnect = func(ctx context.Context, conn *redis.Conn) error { // the identity of the server
		info, err := conn.Info(ctx, "server").Result()
		if err != nil {
			return err
		}
		_, rest, ok := strings.Cut(info, "run_id:")
		if !ok {
			return errors.New("the server's INFO has no run_id")
		}
		id, _, _ := strings.Cut(rest, "\r\n")
		c.server.Store(&id)
		return nil
	}
	c.client = redis.NewClient(o)
	return c, &Buckets{isAway: c.isAway.Load, take: func(ctx context.Context, key string, perSecond, burst, want int) (b Bucket, err error) {
		asked := c.ask(ctx, func(ctx context.Context) error {
			if b, err = c.take(ctx, key, perSecond, burst, want); errors.Is(err, errBucket) {
				return nil // Redis is well
			}
			return err
		})
		return b, cmp.Or(err, asked)
	}}, nil
}

// answers probes Redis by taking from a bucket, which reads, writes and runs a script. A
// connection may take its time, once Redis was away, an answer not.
func (c *Cache) answers(ctx context.Context, isAgain bool) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if isAgain {
		if err := c.client.Ping(ctx).Err(); err != nil {
			return err
		}
	}
	ctx, cancel = context.WithTimeout(ctx, patience/2)
	defer cancel()
	if _, err := c.take(ctx, "finsam:probe", 1000, 1000, 1); !errors.Is(err, errBucket) {
		return err
	}
	return nil
}

// keys names what is kept, for one process of the server.
type keys struct{ server string }

func (k keys) version(group string) string { return "finsam:" + k.server + ":g:" + group }
func (k keys) value(group, key string) string {
	return "finsam:" + k.server + ":v:" + group + ":" + key
}

// Get implements cache.Cache. A version that is no text is replaced.
func (c *Cache) Get(ctx context.Context, group, key string) (cache.Entry, error) {
	var found cache.Entry
	err := c.try(ctx, func(ctx context.Context, k keys) error {
		p := c.client.Pipeline()
		p.SetNX(ctx, k.version(group), rand.Text(), cache.MaxTTL)
		both := p.MGet(ctx, k.version(group), k.value(group, key))
		if _, err := p.Exec(ctx); err != nil {
			return err
		}
		version, _ := both.Val()[0].(string)
		value, ok := both.Val()[1].(string)
		found.Version = version
		if version == "" {
			return c.client.Set(ctx, k.version(group), rand.Text(), cache.MaxTTL).Err()
		}
		if ok && strings.HasPrefix(value, version) {
			found.Value = []byte(value[len(version):])
		}
		return nil
	})
	if err != nil {
		found = cache.Entry{}
	}
	return found, ctx.Err()
}

// Set implements cache.Cache.
func (c *Cache) Set(ctx context.Context, group, key, version string, value []byte, ttl time.Duration) error {
	_ = c.try(ctx, func(ctx context.Context, k keys) error {
		if ttl < time.Millisecond || version == "" {
			return c.client.Del(ctx, k.value(group, key)).Err()
		}
		return c.client.Set(ctx, k.value(group, key), version+string(value), min(ttl, cache.MaxTTL)).Err()
	})
	return ctx.Err() // after any other failure the value is not kept
}

// Drop implements cache.Cache. It tries even while Redis is not asked for values: an
// event that empties the cache is not handled before that has happened.
func (c *Cache) Drop(ctx context.Context, group string) error {
	limited, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	k, err := c.keys(limited)
	if err == nil {
		err = c.client.Set(limited, k.version(group), rand.Text(), cache.MaxTTL).Err()
	}
	if err == nil && *c.server.Load() != k.server {
		err = errors.New("the Redis server was replaced meanwhile")
	}
	if err != nil {
		return fmt.Errorf("the cache may still have old answers: %w", err)
	}
	return nil
}

// Close implements cache.Cache.
func (c *Cache) Close() error {
	if !c.close() {
		return nil
	}
	return c.client.Close()
}

// try calls do with the names for the server that answers. Nobody but the log learns of an
// error of Redis.
func (c *Cache) try(ctx context.Context, do func(context.Context, keys) error) error {
	var k keys
	err := c.ask(ctx, func(ctx context.Context) (err error) {
		if k, err = c.keys(ctx); err == nil {
			err = do(ctx, k)
		}
		return err
	})
	if err == nil && *c.server.Load() != k.server {
		return redis.Nil
	}
	return err
}

// keys returns the names for the server that answers now.
func (c *Cache) keys(ctx context.Context) (keys, error) {
	if c.server.Load() == nil {
		if err := c.client.Ping(ctx).Err(); err != nil {
			return keys{}, err
		}
	}
	id := c.server.Load()
	if id == nil {
		return keys{}, errors.New("the Redis server has no identity")
	}
	return keys{server: *id}, nil
}
