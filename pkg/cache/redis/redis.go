// Package redis is the cache that processes share, in one Redis server.
//
// Redis may be slow, empty, restored from an old copy or gone; the worst that it
// can do is to make everything a miss. So each value names the generations of its
// tags, random numbers kept beside it, and is believed only while Redis still has
// the very same ones; and all keys bear the identity of the server's process, so
// that a server which comes back with yesterday's data begins anew.
package redis

import (
	"context"
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

// The limits of time. A cache that is slower than the thing cached is none: after
// a failure it is left alone for a moment.
const (
	readLimit = 100 * time.Millisecond
	dropLimit = time.Second
	rest      = time.Second
)

// Cache is a connection to a Redis server.
type Cache struct {
	client *redis.Client
	log    *slog.Logger
	epoch  atomic.Pointer[string] // identity of the server's process; nil: never met
	until  atomic.Int64           // leave Redis alone until then, Unix nanoseconds
	closed atomic.Bool
}

var _ cache.Cache = (*Cache)(nil)

// quiet creates the driver say nothing by itself: it would write a line to standard
// error for every try to connect. What matters, Cache logs.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

var hush = sync.OnceFunc(func() { redis.SetLogger(quiet{}) })

// Open prepares the connection; the server need not be there yet. The URL is of
// the form redis://[user:password@]host:port/db, rediss:// with TLS, or
// unix:///socket?db=0.
func Open(url string, log *slog.Logger) (*Cache, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("the Redis URL cannot be read: it wants the form redis://[user:password@]host:port/db")
	}
	hush()
	c := &Cache{log: log}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = 2*readLimit, dropLimit, dropLimit, readLimit
	o.MaxRetries, o.DialerRetries = -1, 1
	o.ContextTimeoutEnabled = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.OnConnect = c.meet
	c.client = redis.NewClient(o)
	return c, nil
}

// meet asks a server that was just connected who it is.
func (c *Cache) meet(ctx context.Context, conn *redis.Conn) error {
	info, err := conn.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	_, rest, ok := strings.Cut(info, "run_id:")
	if !ok {
		return errors.New("the server does not tell its run_id")
	}
	id, _, _ := strings.Cut(rest, "\r\n")
	c.epoch.Store(&id)
	return nil
}

// Get implements cache.Cache.
func (c *Cache) Get(ctx context.Context, key string) ([]byte, bool, error) {
	var value []byte
	err := c.try(ctx, func(ctx context.Context, k keys) error {
		raw, err := c.client.Get(ctx, k.value(key)).Bytes()
		if err != nil {
			return err
		}
		p, ok := unpack(raw)
		if !ok {
			return redis.Nil
		}
		if len(p.tags) > 0 {
			now, err := c.client.MGet(ctx, k.generations(p.tags)...).Result()
			if err != nil {
				return err
			}
			if !p.holds(now) {
				return redis.Nil
			}
		}
		value = p.value
		return nil
	})
	if err != nil || value == nil {
		return nil, false, ctx.Err()
	}
	return value, true, nil
}

// Set implements cache.Cache.
func (c *Cache) Set(ctx context.Context, key string, value []byte, ttl time.Duration, tags ...string) error {
	_ = c.try(ctx, func(ctx context.Context, k keys) error {
		if ttl < time.Millisecond {
			return c.client.Del(ctx, k.value(key)).Err()
		}
		p := packed{value: value, tags: tags}
		for _, tag := range tags {
			g, settling, err := c.generation(ctx, k, tag)
			if err != nil || settling {
				return err
			}
			p.gens = append(p.gens, g)
		}
		return c.client.Set(ctx, k.value(key), p.pack(), min(ttl, cache.MaxTTL)).Err()
	})
	return ctx.Err() // whatever else was wrong: it is not kept
}

// generation returns a tag's number, made here if Redis has none, and whether the
// tag was dropped just now.
func (c *Cache) generation(ctx context.Context, k keys, tag string) (g string, settling bool, err error) {
	p := c.client.Pipeline()
	p.SetNX(ctx, k.generation(tag), newGeneration(), cache.MaxTTL)
	p.Expire(ctx, k.generation(tag), cache.MaxTTL)
	get := p.Get(ctx, k.generation(tag))
	dropped := p.Exists(ctx, k.dropped(tag))
	if _, err := p.Exec(ctx); err != nil {
		return "", false, err
	}
	return get.Val(), dropped.Val() > 0, nil
}

// Drop implements cache.Cache. It tries even while Redis is left alone, and gives
// the error: an event that empties the cache is not done before that happened.
func (c *Cache) Drop(ctx context.Context, tag string) error {
	limited, cancel := context.WithTimeout(ctx, dropLimit)
	defer cancel()
	k, err := c.keys(limited)
	if err != nil {
		return c.failed(err)
	}
	_, err = c.client.TxPipelined(limited, func(p redis.Pipeliner) error {
		p.Set(limited, k.dropped(tag), 1, cache.Settling)
		p.Set(limited, k.generation(tag), newGeneration(), cache.MaxTTL)
		return nil
	})
	if err == nil && c.moved(k) {
		err = errors.New("the Redis server was replaced meanwhile")
	}
	return c.failed(err)
}

// Close implements cache.Cache.
func (c *Cache) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	return c.client.Close()
}

// try does something that may fail without anybody being told but the log.
func (c *Cache) try(ctx context.Context, do func(context.Context, keys) error) error {
	if c.closed.Load() || time.Now().UnixNano() < c.until.Load() {
		return redis.Nil
	}
	limited, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	k, err := c.keys(limited)
	if err == nil {
		err = do(limited, k)
	}
	if err == nil && c.moved(k) {
		return redis.Nil
	}
	var answered redis.Error // Redis said no: a foreign value, still loading
	if err != nil && !errors.As(err, &answered) && ctx.Err() == nil {
		c.until.Store(time.Now().Add(rest).UnixNano())
		c.log.WarnContext(ctx, "the cache does not answer; going on without it", "error", err.Error(), "for", rest.String())
	}
	return err
}

// keys returns the names of the server that is there now.
func (c *Cache) keys(ctx context.Context) (keys, error) {
	if c.epoch.Load() == nil {
		if err := c.client.Ping(ctx).Err(); err != nil {
			return keys{}, err
		}
	}
	e := c.epoch.Load()
	if e == nil {
		return keys{}, errors.New("the Redis server was not met")
	}
	return keys{epoch: *e}, nil
}

// moved reports whether another server answers than the one that k names.
func (c *Cache) moved(k keys) bool { return *c.epoch.Load() != k.epoch }

func (c *Cache) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the cache may hold old answers: %w", err)
}
