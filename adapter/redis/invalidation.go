package redis

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"eshop/domain"
)

const (
	// tombstoneTTL is longer than any change of a durable store takes.
	tombstoneTTL = 10 * time.Second
	// pendingFor is longer than any entry is kept.
	pendingFor = maxTTL + settleTime
	// batchSize is the number of keys that go into one round trip.
	batchSize = 500
)

// pending maps what Redis has not been told yet to the time since when.
type pending map[string]time.Time

// remove takes off what was delivered, unless it became pending again since.
func (p pending) remove(delivered pending) {
	maps.DeleteFunc(p, func(name string, since time.Time) bool { return delivered[name].Equal(since) })
}

// flush delivers pending invalidations, and tells other servers' subscribers that they may
// have missed events of the topics in gaps.
func (c *Client) flush(redis rueidis.Client, invalidations, gaps pending) error {
	if err := deleteEntries(redis, slices.Collect(maps.Keys(invalidations))); err != nil {
		return err
	}
	var messages []message
	for topic := range gaps {
		messages = append(messages, message{From: c.prefix, Topic: domain.Topic(topic)})
	}
	return broadcast(redis, messages...)
}

// change runs write, which changes what the entries under keys hold. When it returns, no
// server uses the old values any more, within the bounds of the package comment.
func (c *Client) change(ctx context.Context, keys []string, write func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	guarded := false
	if redis := c.redis(); redis != nil {
		began := time.Now()
		guarded = !c.failed(setTombstones(redis, keys))
		c.roundTrip(ctx, "SET", began)
	}
	err := write()
	if guarded && inDoubt(err) {
		c.writes.Add(1)
		return err // the change may still happen: the tombstones stay until it cannot
	}
	c.invalidate(ctx, keys)
	return err
}

// inDoubt reports whether what failed may take effect all the same, now or a little later.
func inDoubt(err error) bool {
	var known *domain.Error
	return err != nil && (!errors.As(err, &known) || known.Kind == domain.ErrUnavailable)
}

// invalidate deletes the entries of what has changed.
func (c *Client) invalidate(ctx context.Context, keys []string) {
	c.writes.Add(1)
	redis := c.redis()
	if redis == nil {
		c.breaker.postpone(c.breaker.invalidations, keys...)
		return
	}
	defer c.roundTrip(ctx, "DEL", time.Now())
	if err := deleteEntries(redis, keys); err != nil {
		c.breaker.postpone(c.breaker.invalidations, keys...)
		c.failed(err)
	}
}

func setTombstones(redis rueidis.Client, keys []string) error {
	return writeAndSync(redis, keys, func(key string) rueidis.Completed {
		return redis.B().Set().Key(key).Value(tombstone + "\n").PxMilliseconds(tombstoneTTL.Milliseconds()).Build()
	})
}

func deleteEntries(redis rueidis.Client, keys []string) error {
	return writeAndSync(redis, keys, func(key string) rueidis.Completed { return redis.B().Del().Key(key).Build() })
}

// writeAndSync sends a command for each key. It returns when this process has received
// the invalidations that the commands cause.
func writeAndSync(redis rueidis.Client, keys []string, command func(key string) rueidis.Completed) error {
	for keys := range slices.Chunk(keys, batchSize) {
		commands := make(rueidis.Commands, 0, 2*len(keys))
		for _, key := range keys {
			// An invalidation arrives before the answer to the next command.
			commands = append(commands, command(key).ToRetryable(), redis.B().Exists().Key(key).Build())
		}
		ctx, cancel := withTimeout()
		results := redis.DoMulti(ctx, commands...)
		cancel()
		for _, result := range results {
			if err := result.Error(); err != nil {
				return err
			}
		}
	}
	return nil
}
