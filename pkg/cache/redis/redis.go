// Package redis is the cache that processes share, in one Redis server.
//
// Redis may be slow, empty, restored from an old copy or gone; the worst that it can do
// is to make everything a miss. A value begins with its group's version, a random text
// that is kept beside it, and is a hit only while Redis still has the same one. All keys
// contain the identity of the server's process, so that a server which comes back with
// yesterday's data is an empty one.
package redis

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/finsam/finsam/pkg/cache"
)

// A cache that is slower than what it keeps is of no use: after a failure it is not asked
// for a while.
const (
	readTimeout  = 100 * time.Millisecond
	dropTimeout  = time.Second
	pauseTimeout = time.Second
)

// Cache is a cache in a Redis server.
type Cache struct {
	Client *Client // for what else is shared over the same server; closed with the cache

	log    *slog.Logger
	until  atomic.Int64 // Redis is not asked until then, Unix nanoseconds
	closed atomic.Bool
}

var _ cache.Cache = (*Cache)(nil)

// Open prepares the connections; the server need not be there yet. NewClient says what the
// URL may be.
func Open(url string, log *slog.Logger) (*Cache, error) {
	client, err := NewClient(url)
	if err != nil {
		return nil, err
	}
	return &Cache{Client: client, log: log}, nil
}

// keys names what is kept, for one process of the server.
type keys struct{ server string }

func (k keys) version(group string) string { return "finsam:" + k.server + ":g:" + group }
func (k keys) value(group, key string) string {
	return "finsam:" + k.server + ":v:" + group + ":" + key
}

// Get implements cache.Cache.
func (c *Cache) Get(ctx context.Context, group, key string) (cache.Entry, error) {
	var found cache.Entry
	err := c.try(ctx, func(ctx context.Context, k keys) error {
		answers, err := c.Client.Do(ctx,
			Command{"SET", k.version(group), rand.Text(), "NX", "PX", cache.MaxTTL.Milliseconds()},
			Command{"MGET", k.version(group), k.value(group, key)})
		if err != nil {
			return err
		}
		both, _ := answers[1].([]any)
		if len(both) != 2 {
			return errors.New("the server's MGET of two keys has not two answers")
		}
		version, _ := both[0].([]byte)
		value, _ := both[1].([]byte)
		found.Version = string(version)
		if len(version) > 0 && bytes.HasPrefix(value, version) {
			found.Value = value[len(version):]
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
			_, err := c.Client.Do(ctx, Command{"DEL", k.value(group, key)})
			return err
		}
		_, err := c.Client.Do(ctx, Command{"SET", k.value(group, key), version + string(value), "PX", min(ttl, cache.MaxTTL).Milliseconds()})
		return err
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
		_, err = c.Client.Do(limited, Command{"SET", k.version(group), rand.Text(), "PX", cache.MaxTTL.Milliseconds()})
	}
	if err == nil && *c.Client.server.Load() != k.server {
		err = errors.New("the Redis server was replaced meanwhile")
	}
	if err != nil {
		return fmt.Errorf("the cache may still have old answers: %w", err)
	}
	return nil
}

// Close implements cache.Cache.
func (c *Cache) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	return c.Client.Close()
}

// try calls do unless Redis has failed a moment ago. Nobody but the log learns of an error
// of Redis.
func (c *Cache) try(ctx context.Context, do func(context.Context, keys) error) error {
	if c.closed.Load() || time.Now().UnixNano() < c.until.Load() {
		return errNotAsked
	}
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	k, err := c.keys(limited)
	if err == nil {
		err = do(limited, k)
	}
	if err == nil && *c.Client.server.Load() != k.server {
		return errNotAsked
	}
	var answered Error // Redis refused: it is still loading, say
	if err != nil && !errors.As(err, &answered) && ctx.Err() == nil {
		c.until.Store(time.Now().Add(pauseTimeout).UnixNano())
		c.log.WarnContext(ctx, "the cache does not answer; continuing without it", "error", err.Error(), "for", pauseTimeout.String())
	}
	return err
}

var errNotAsked = errors.New("the server is not asked now, or was replaced meanwhile")

// keys returns the names for the server that answers now.
func (c *Cache) keys(ctx context.Context) (keys, error) {
	id, err := c.Client.Server(ctx)
	return keys{server: id}, err
}
