package program

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	cachememory "github.com/finsam/finsam/pkg/cache/memory"
	cacheredis "github.com/finsam/finsam/pkg/cache/redis"
	"github.com/finsam/finsam/services/gateway"
)

// cacheBytes bounds the cache of a gateway that shares none.
const cacheBytes = 64 << 20

// share returns the gateway a cache, and the client of the Redis that all gateways
// share, if there is one. What it opens is closed by the function it gives.
func share(o *gateway.Config, redisURL string) (redis.UniversalClient, func() error, error) {
	if redisURL == "" {
		c, err := cachememory.New(cacheBytes)
		if err != nil {
			return nil, nil, err
		}
		o.Cache = c
		return nil, c.Close, nil
	}
	c, err := cacheredis.Open(redisURL, o.Log)
	if err != nil {
		return nil, nil, fmt.Errorf("FINSAM_REDIS_URL: %w", err)
	}
	o.Cache = c
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, nil, fmt.Errorf("FINSAM_REDIS_URL: it cannot be read; write redis://host:port/0")
	}
	options.MaxRetries = -1 // a limit that is slow is left alone, not tried again
	client := redis.NewClient(options)
	return client, func() error { return errors.Join(client.Close(), c.Close()) }, nil
}
