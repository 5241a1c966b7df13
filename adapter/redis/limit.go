package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"eshop/port"
)

// Limits counts in Redis for all servers together, to the microsecond. While Redis is
// away each server counts for itself.
type Limits struct {
	client *Client
	local  port.Limits
}

var _ port.Limits = (*Limits)(nil)

// NewLimits returns Limits that count in local while Redis is away.
func NewLimits(client *Client, local port.Limits) *Limits { return &Limits{client, local} }

// gcra is the generic cell rate algorithm (GCRA). It keeps one time for each key: when
// all that was taken will have come back. Times are in microseconds, which Lua's numbers
// hold exactly.
var gcra = rueidis.NewLuaScript(`
local now, every, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + every
local wait = full - now - burst * every
if wait > 0 then return string.format('%.0f', wait) end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', string.format('%.0f', math.ceil((full - now) / 1000)))
return '0'`)

func limitKey(key string) string { return keyPrefix + "limit:" + key }

func (l *Limits) Take(ctx context.Context, key string, limit port.Limit, now time.Time) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	redis := l.client.redis()
	if redis == nil {
		return l.local.Take(ctx, key, limit, now)
	}
	asking, cancel := withTimeout()
	defer cancel()
	l.client.stats.roundTrips.Add(1)
	wait, err := gcra.Exec(asking, redis, []string{limitKey(key)}, []string{
		strconv.FormatInt(now.UnixMicro(), 10),
		strconv.FormatInt(max(limit.Every.Microseconds(), 1), 10),
		strconv.Itoa(limit.Burst),
	}).AsInt64()
	if l.client.failed(err) {
		return l.local.Take(ctx, key, limit, now)
	}
	return time.Duration(wait) * time.Microsecond, nil
}

func (l *Limits) Reset(ctx context.Context, key string) error {
	if err := l.local.Reset(ctx, key); err != nil {
		return err
	}
	l.client.invalidate([]string{limitKey(key)})
	return nil
}
