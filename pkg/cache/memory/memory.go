// Package memory is the cache of one process.
package memory

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/finsam/finsam/pkg/cache"
)

// overhead is about what an entry costs beside its key and value, in bytes.
const overhead = 160

// Cache is bounded by the bytes that it holds; what was not asked for longest is
// forgotten first.
type Cache struct {
	versions sync.Map // of each group: a text that is never used twice
	limit    int64

	mu     sync.Mutex
	values *simplelru.LRU[address, entry]
	held   int64 // bytes
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
	c := &Cache{limit: maxBytes}
	var err error
	c.values, err = simplelru.NewLRU(math.MaxInt, func(a address, e entry) { c.held -= weight(a, e.value) })
	return c, err
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
	c.mu.Lock()
	e, ok := c.values.Get(address{group, key})
	c.mu.Unlock()
	if ok && e.version == found.Version && time.Now().Before(e.until) {
		found.Value = e.value
	}
	return found, ctx.Err()
}

// Set implements cache.Cache. A value larger than an eighth of the cache is not kept: it
// would push out too much else.
func (c *Cache) Set(ctx context.Context, group, key, version string, value []byte, ttl time.Duration) error {
	a := address{group, key}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ttl <= 0 || weight(a, value) > c.limit/8 {
		c.values.Remove(a)
	} else if ctx.Err() == nil {
		c.values.Remove(a)
		kept := append(make([]byte, 0, len(value)), value...) // not nil: an empty value is a value
		c.values.Add(a, entry{value: kept, version: version, until: time.Now().Add(min(ttl, cache.MaxTTL))})
		for c.held += weight(a, kept); c.held > c.limit; {
			c.values.RemoveOldest()
		}
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
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values.Purge()
	c.limit = 0
	return nil
}
