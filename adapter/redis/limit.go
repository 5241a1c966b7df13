package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"eshop/port"
)

// Limits counts in Redis for all servers together, to the microsecond and by the clock of
// Redis. While Redis is away each server counts for itself.
type Limits struct {
	client *Client
	local  port.Limits
}

var _ port.Limits = (*Limits)(nil)

// NewLimits returns Limits that count in local while Redis is away.
func NewLimits(client *Client, local port.Limits) *Limits { return &Limits{client, local} }

// limits is a sorted set with one time for each key: when all that was taken will have come
// back. It has no expiry, so that a Redis that is full (volatile-lru) evicts caches and
// never what is counted. Each call removes what has come back.
const limits = keyPrefix + "limits"

// gcra is the generic cell rate algorithm (GCRA). Times are in microseconds, which Lua's
// numbers hold exactly. No time lies further ahead than a whole burst, so that a clock
// that was set back locks nobody out.
var gcra = rueidis.NewLuaScript(`
local key, every, burst = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local taken = math.min(tonumber(redis.call('ZSCORE', KEYS[1], key) or now), now + burst * every)
local full = math.max(taken, now) + every
local wait = full - now - burst * every
if wait > 0 then return string.format('%.0f', wait) end
if ARGV[4] == 'peek' then return '0' end
redis.call('ZADD', KEYS[1], string.format('%.0f', full), key)
return '0'`)

func (l *Limits) Take(ctx context.Context, key string, limit port.Limit) (time.Duration, error) {
	return l.ask(ctx, key, limit, "take", l.local.Take)
}

func (l *Limits) Peek(ctx context.Context, key string, limit port.Limit) (time.Duration, error) {
	return l.ask(ctx, key, limit, "peek", l.local.Peek)
}

// ask runs gcra to take one or to peek, or does the same in local while Redis is away.
func (l *Limits) ask(ctx context.Context, key string, limit port.Limit, what string,
	local func(context.Context, string, port.Limit) (time.Duration, error)) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	redis := l.client.redis()
	if redis == nil {
		return local(ctx, key, limit)
	}
	asking, cancel := withTimeout()
	defer cancel()
	defer l.client.roundTrip(ctx, "EVALSHA", time.Now())
	wait, err := gcra.Exec(asking, redis, []string{limits}, []string{
		key,
		strconv.FormatInt(max(limit.Every.Microseconds(), 1), 10),
		strconv.Itoa(limit.Burst),
		what,
	}).AsInt64()
	if l.client.failed(err) {
		return local(context.WithoutCancel(ctx), key, limit) // Redis may have taken all the time that there was
	}
	return time.Duration(wait) * time.Microsecond, nil
}

// Reset forgets in this server alone while Redis is away.
func (l *Limits) Reset(ctx context.Context, key string) error {
	if err := l.local.Reset(ctx, key); err != nil {
		return err
	}
	redis := l.client.redis()
	if redis == nil {
		return nil
	}
	asking, cancel := withTimeout()
	defer cancel()
	defer l.client.roundTrip(ctx, "ZREM", time.Now())
	l.client.failed(redis.Do(asking, redis.B().Zrem().Key(limits).Member(key).Build()).Error())
	return nil
}
