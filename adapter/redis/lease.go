package redis

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// leaseTTL is longer than any read of a durable store takes.
const leaseTTL = 10 * time.Second

// acquireLeases takes leases on the entries that are absent, so that what is read from
// the durable store from now on may be cached.
func (c *Client) acquireLeases(ctx context.Context, entries []entry) {
	redis := c.breaker.redis()
	if redis == nil {
		return
	}
	var commands rueidis.Commands
	var leased []*entry
	for i := range entries {
		e := &entries[i]
		if e.state != absent {
			continue
		}
		e.state, e.header = bypass, lease+c.nextID()
		leased = append(leased, e)
		commands = append(commands, redis.B().Set().Key(e.key).Value(e.header+"\n").Nx().PxMilliseconds(leaseTTL.Milliseconds()).Build())
	}
	for i, result := range c.send(ctx, redis, "SET", commands) {
		switch err := result.Error(); {
		case c.failed(err):
			return
		case err == nil:
			leased[i].state = expired
		}
	}
}

// store caches values, read since then, in the place of the entries. A nil value gives a lease back.
func (c *Client) store(ctx context.Context, k keyspace, since time.Time, entries []entry, values [][]byte) {
	redis := c.breaker.redis()
	left := k.ttl - time.Since(since)
	if redis == nil {
		return
	}
	var commands rueidis.Commands
	for i, e := range entries {
		switch {
		case e.state == bypass || e.state == fresh:
		case values[i] != nil && left > 0:
			commands = append(commands, compareAndSet(redis, e, value+c.nextID()+e.tag+"\n"+string(values[i]), left))
		case strings.HasPrefix(e.header, lease):
			commands = append(commands, compareAndSet(redis, e, "", 0))
		}
	}
	for _, result := range c.send(ctx, redis, "EVAL", commands) {
		if c.failed(result.Error()) {
			return
		}
	}
}

// compareAndSetScript replaces or deletes what has the given header, and nothing else.
const compareAndSetScript = `if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

func compareAndSet(redis rueidis.Client, e entry, text string, ttl time.Duration) rueidis.Completed {
	return redis.B().Eval().Script(compareAndSetScript).Numkeys(1).Key(e.key).
		Arg(e.header+"\n", text, strconv.FormatInt(ttl.Milliseconds(), 10)).Build()
}

// send sends all commands, which are called name, in one round trip.
func (c *Client) send(ctx context.Context, redis rueidis.Client, name string, commands rueidis.Commands) []rueidis.RedisResult {
	if len(commands) == 0 {
		return nil
	}
	asking, cancel := withTimeout()
	defer cancel()
	defer c.roundTrip(ctx, name, time.Now())
	return redis.DoMulti(asking, commands...)
}

// nextID returns an ID that no server has used before.
func (c *Client) nextID() string {
	return c.prefix + strconv.FormatUint(c.ids.Add(1), 36)
}
