// Package memory is the cache of one process.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/finsam/finsam/pkg/cache"
)

// maxTags bounds the tags that are known. A value whose tag was forgotten is a
// miss, so the bound costs time, never correctness.
const maxTags = 100_000

// overhead is about what an entry costs beside its key and value, in bytes.
const overhead = 160

// Cache is bounded by the bytes that it holds.
type Cache struct {
	values *otter.Cache[string, entry]
	tags   *otter.Cache[string, generation]
	last   atomic.Int64 // the latest generation given out
	limit  int64
}

var _ cache.Cache = (*Cache)(nil)

type entry struct {
	value []byte
	until time.Time
	tags  []string
	gens  []int64 // the generation of each tag when the value was set
}

// generation is a tag's number. It changes with each Drop, and no number is given
// out twice, so that a tag which was forgotten is never taken for what it was.
type generation struct {
	number  int64
	dropped time.Time // zero: never
}

// New creates a cache of at most so many bytes.
func New(bytes int64) (*Cache, error) {
	if bytes < 1 {
		return nil, fmt.Errorf("a cache of %d bytes", bytes)
	}
	values, err := otter.New(&otter.Options[string, entry]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(key string, e entry) uint32 { return uint32(min(weight(key, e), math.MaxUint32)) },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, entry]) time.Duration {
			return time.Until(e.Value.until)
		}),
	})
	if err != nil {
		return nil, err
	}
	tags, err := otter.New(&otter.Options[string, generation]{MaximumSize: maxTags})
	if err != nil {
		return nil, err
	}
	return &Cache{values: values, tags: tags, limit: bytes}, nil
}

func weight(key string, e entry) int64 {
	n := int64(overhead + len(key) + len(e.value))
	for _, t := range e.tags {
		n += int64(len(t)) + 24
	}
	return n
}

// Get implements cache.Cache.
func (c *Cache) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	e, ok := c.values.GetIfPresent(key)
	if !ok || !time.Now().Before(e.until) {
		return nil, false, nil
	}
	for i, tag := range e.tags {
		if g, ok := c.tags.GetIfPresent(tag); !ok || g.number != e.gens[i] {
			return nil, false, nil
		}
	}
	return e.value, true, nil
}

// Set implements cache.Cache. A value larger than an eighth of the cache is not
// kept: it would push out too much else.
func (c *Cache) Set(ctx context.Context, key string, value []byte, ttl time.Duration, tags ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	e := entry{value: bytes.Clone(value), until: now.Add(min(ttl, cache.MaxTTL)), tags: tags}
	if ttl <= 0 || weight(key, e) > c.limit/8 {
		c.values.Invalidate(key)
		return nil
	}
	for _, tag := range tags {
		g, _ := c.tags.ComputeIfAbsent(tag, func() (generation, bool) { return generation{number: c.last.Add(1)}, false })
		if now.Sub(g.dropped) < cache.Settling {
			return nil
		}
		e.gens = append(e.gens, g.number)
	}
	c.values.Set(key, e)
	return nil
}

// Drop implements cache.Cache.
func (c *Cache) Drop(ctx context.Context, tag string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.tags.Set(tag, generation{number: c.last.Add(1), dropped: time.Now()})
	return nil
}

// Close implements cache.Cache.
func (c *Cache) Close() error {
	for _, stop := range []func() bool{c.values.StopAllGoroutines, c.tags.StopAllGoroutines} {
		stop()
	}
	c.values.InvalidateAll()
	c.tags.InvalidateAll()
	return nil
}
