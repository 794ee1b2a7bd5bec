package limit

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names its scripts by it
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/cache/redis"
)

// script takes from a bucket what it has, at most what is wanted, at the time of the server.
// All that is kept of a bucket is when it will be full (the generic cell rate algorithm), in
// seconds since 2017: as seconds since 1970 it would lose microseconds.
const script = `
redis.replicate_commands()
local rate, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] - 1483228800 + time[2] / 1000000
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local has = burst - (full - now) * rate
if has < 1 then
	return {0, 0, tostring((1 - has) / rate), tostring(full - now)}
end
local allowed = math.min(want, math.floor(has))
full = full + allowed / rate
redis.call('SET', KEYS[1], full, 'EX', math.ceil(full - now))
return {allowed, math.floor(has) - allowed, '0', tostring(full - now)}
`

var scriptName = func() string {
	sum := sha1.Sum([]byte(script)) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}()

// taken is what the bucket in Redis had.
type taken struct {
	allowed, remaining int
	retry, reset       time.Duration // until one is filled in, and until all is
}

// takeShared takes up to want from the key's bucket in Redis.
func takeShared(ctx context.Context, client *redis.Client, key string, p Policy, want int) (taken, error) {
	call := redis.Command{"EVALSHA", scriptName, 1, key, p.PerSecond, p.Burst, want}
	answers, err := client.Do(ctx, call)
	var refused redis.Error
	if errors.As(err, &refused) && strings.HasPrefix(string(refused), "NOSCRIPT") {
		call[0], call[1] = "EVAL", script
		answers, err = client.Do(ctx, call)
	}
	if err != nil {
		return taken{}, err
	}
	list, _ := answers[0].([]any)
	if len(list) != 4 {
		return taken{}, fmt.Errorf("the script's answer has %d values", len(list))
	}
	allowed, _ := list[0].(int64)
	remaining, _ := list[1].(int64)
	t := taken{allowed: int(allowed), remaining: int(remaining)}
	for i, d := range []*time.Duration{&t.retry, &t.reset} {
		text, _ := list[2+i].([]byte)
		seconds, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return taken{}, err
		}
		*d = time.Duration(seconds * float64(time.Second))
	}
	return t, nil
}
