// Package cache keeps answers for a while: in this process (package memory) or
// shared between processes (package redis). Package cachetest is its contract.
//
// A cache may lose anything at any time; nothing may be decided by what it holds.
// Values never hold personal data: a cache is neither sealed nor logged, and
// nobody can tell it to forget one person.
package cache

import (
	"context"
	"time"
)

// The bounds that every engine keeps.
const (
	// MaxTTL is the longest that anything is kept; longer is cut to it.
	MaxTTL = 24 * time.Hour

	// Settling is how long after Drop nothing new is kept under the tag: who
	// began to read before the change would otherwise store the old answer
	// behind it. It must be longer than a request may take.
	Settling = 10 * time.Second
)

// Cache keeps values by key. It may be used by many goroutines at once.
type Cache interface {
	// Get returns what was set for the key, if it is there, its time is not up and
	// none of its tags was dropped since. The value must not be changed. What is
	// wrong with the cache itself is a miss; an error is only the context's.
	Get(ctx context.Context, key string) ([]byte, bool, error)

	// Set keeps a value for at most ttl, until one of its tags is dropped. A
	// value that cannot be kept is not an error; an error is only the context's.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration, tags ...string) error

	// Drop makes every value with the tag be a miss from now on. An error says
	// that this is not known to have happened, and that it must be tried again.
	Drop(ctx context.Context, tag string) error

	// Close ends the cache; afterwards everything is a miss.
	Close() error
}
