// Package memory is the cache of one process.
package memory

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/finsam/finsam/pkg/cache"
)

// overhead is about what an entry costs beside its key and value, in bytes.
const overhead = 160

// Cache is bounded by the bytes that it holds.
type Cache struct {
	values   *otter.Cache[address, entry]
	versions sync.Map // of each group: a text that is never used twice
	limit    int64
}

var _ cache.Cache = (*Cache)(nil)

type address struct{ group, key string }

type entry struct {
	value   []byte
	version string
	until   time.Time
}

// New creates a cache of at most so many bytes.
func New(maxBytes int64) (*Cache, error) {
	if maxBytes < 1 {
		return nil, fmt.Errorf("a cache of %d bytes", maxBytes)
	}
	values, err := otter.New(&otter.Options[address, entry]{
		MaximumWeight: uint64(maxBytes),
		Weigher:       func(a address, e entry) uint32 { return uint32(min(weight(a, e.value), math.MaxUint32)) },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[address, entry]) time.Duration {
			return time.Until(e.Value.until)
		}),
	})
	return &Cache{values: values, limit: maxBytes}, err
}

func weight(a address, value []byte) int64 {
	return int64(overhead + len(a.group) + len(a.key) + len(value))
}

// Get implements cache.Cache.
func (c *Cache) Get(ctx context.Context, group, key string) (cache.Entry, error) {
	version, ok := c.versions.Load(group)
	if !ok {
		version, _ = c.versions.LoadOrStore(group, rand.Text())
	}
	found := cache.Entry{Version: version.(string)}
	if e, ok := c.values.GetIfPresent(address{group, key}); ok && e.version == found.Version && time.Now().Before(e.until) {
		found.Value = e.value
	}
	return found, ctx.Err()
}

// Set implements cache.Cache. A value larger than an eighth of the cache is not kept: it
// would push out too much else.
func (c *Cache) Set(ctx context.Context, group, key, version string, value []byte, ttl time.Duration) error {
	a := address{group, key}
	if ttl <= 0 || weight(a, value) > c.limit/8 {
		c.values.Invalidate(a)
	} else if ctx.Err() == nil {
		kept := append(make([]byte, 0, len(value)), value...) // not nil: an empty value is a value
		c.values.Set(a, entry{value: kept, version: version, until: time.Now().Add(min(ttl, cache.MaxTTL))})
	}
	return ctx.Err()
}

// Drop implements cache.Cache.
func (c *Cache) Drop(ctx context.Context, group string) error {
	if ctx.Err() == nil {
		c.versions.Store(group, rand.Text())
	}
	return ctx.Err()
}

// Close implements cache.Cache.
func (c *Cache) Close() error {
	c.values.StopAllGoroutines()
	c.values.InvalidateAll()
	return nil
}
