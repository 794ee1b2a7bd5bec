// Package cache keeps answers for a while: in this process (package memory) or
// shared between processes (package redis). The comments of Cache are the contract, and
// the tests here hold both to it.
//
// A cache may lose anything at any time; nothing may be decided by what it holds.
// Values never contain personal data: a cache is neither encrypted nor logged, and
// cannot be asked to forget one person.
package cache

import (
	"context"
	"time"
)

// MaxTTL is the longest that anything is kept; longer is cut to it.
const MaxTTL = 24 * time.Hour

// Entry is what a cache has for a key.
type Entry struct {
	Value []byte // must not be changed; nil: a miss
	// Version is the group's at the time of the Get, for a Set of what is read from the
	// source afterwards; empty: the cache cannot be reached.
	Version string
}

// Cache keeps values by group and key. A group has a version, and its values are hits
// only while it has the one that they were set with. Groups must come from a bounded
// set, such as the associations. All methods may be called concurrently.
type Cache interface {
	// Get returns what was set for the key, if its time is not up and its group was not
	// dropped since. A fault of the cache itself is a miss; an error is the context's.
	Get(ctx context.Context, group, key string) (Entry, error)

	// Set keeps a value for at most ttl. version is from a Get before the value was read
	// from its source: if the group was dropped in between, the value, which may be older
	// than the reason for the drop, is not kept. A value that cannot be kept is not an
	// error; an error is the context's.
	Set(ctx context.Context, group, key, version string, value []byte, ttl time.Duration) error

	// Drop makes all values of the group misses. After an error it is not known whether
	// that has happened, and it must be tried again.
	Drop(ctx context.Context, group string) error

	// Close ends the cache; afterwards everything is a miss.
	Close() error
}
