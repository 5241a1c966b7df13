package redis

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"eshop/domain"
)

const (
	// markTime is longer than any change of a durable store takes, and claimTime than any reading.
	markTime  = 10 * time.Second
	claimTime = 10 * time.Second
	// usedFor is how long an entry may be used.
	usedFor = time.Minute
	// keptLongest is how long any entry is kept.
	keptLongest = 10 * time.Minute
	// keyPrefix changes when the shape of anything that is kept does, so that servers
	// of the old and of the new version do not read each other's.
	keyPrefix = "eshop:1:"
)

// kind is a sort of entries.
type kind struct {
	name string
	used time.Duration // how long an entry may be used
	kept time.Duration // how long it is kept: longer, when it may also be used while the durable store is away
}

func (k kind) key(name string) string { return keyPrefix + k.name + ":" + name }

// What Redis has under a key begins with one of these signs. After a claim's and a
// value's comes an id that no other has, and a line feed.
const (
	mark  = "!" // somebody is changing it
	claim = "?" // somebody is reading it from the durable store
	value = "="
)

// state is what can be done with an entry.
type state int

const (
	unknown state = iota // ask the durable store and keep nothing
	absent               // claim it
	worn                 // of no use, but may be replaced
	stale                // to be replaced, and of use while the durable store is away
	usable
)

type entry struct {
	key   string
	state state
	head  string // what a new value takes the place of
	body  string
}

// look reads entries, from this process's memory if they are there.
func (c *Client) look(k kind, names ...string) []entry {
	entries := make([]entry, len(names))
	for i, name := range names {
		entries[i].key = k.key(name)
	}
	redis := c.redis()
	if redis == nil {
		return entries
	}
	ctx, cancel := briefly()
	defer cancel()
	asked := false
	for i, result := range get(ctx, redis, k, entries) {
		asked = asked || !result.IsCacheHit()
		if c.failed(result.Error()) {
			break
		}
		c.judge(k, &entries[i], result)
		switch {
		case entries[i].state != usable:
		case result.IsCacheHit():
			c.stats.local.Add(1)
		default:
			c.stats.shared.Add(1)
		}
	}
	if asked {
		c.stats.roundTrips.Add(1)
	}
	return entries
}

func get(ctx context.Context, redis rueidis.Client, k kind, entries []entry) []rueidis.RedisResult {
	if len(entries) == 1 {
		return []rueidis.RedisResult{redis.DoCache(ctx, redis.B().Get().Key(entries[0].key).Cache(), k.kept)}
	}
	commands := make([]rueidis.CacheableTTL, len(entries))
	for i, e := range entries {
		commands[i] = rueidis.CT(redis.B().Get().Key(e.key).Cache(), k.kept)
	}
	return redis.DoMultiCache(ctx, commands...)
}

// judge says what can be done with what Redis has.
func (c *Client) judge(k kind, e *entry, result rueidis.RedisResult) {
	now, trusted := time.Now(), time.UnixMilli(c.trusted.Load())
	if now.Before(trusted) {
		return
	}
	text, err := result.ToString()
	if err != nil {
		e.state = absent
		return
	}
	head, body, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(head, value) {
		return
	}
	since := time.UnixMilli(result.CachePXAT()).Add(-k.kept)
	e.head, e.body = head, body
	switch {
	case since.Before(trusted):
		e.state = worn
	case now.Sub(since) > k.used:
		e.state = stale
	default:
		e.state = usable
	}
}

// claimAll claims the entries that are absent, so that what is read from the
// durable store from now on may be kept.
func (c *Client) claimAll(entries []entry) {
	redis := c.live.Load()
	if redis == nil {
		return
	}
	var commands rueidis.Commands
	var claimed []*entry
	for i := range entries {
		e := &entries[i]
		if e.state != absent {
			continue
		}
		e.state, e.head = unknown, claim+c.nextID()
		claimed = append(claimed, e)
		commands = append(commands, (*redis).B().Set().Key(e.key).Value(e.head+"\n").Nx().PxMilliseconds(claimTime.Milliseconds()).Build())
	}
	for i, result := range c.send(*redis, commands) {
		switch err := result.Error(); {
		case c.failed(err):
			return
		case err == nil:
			claimed[i].state = worn
		}
	}
}

// swap replaces what has the given head, and nothing else.
const swap = `if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

// keep puts what was read since then in the place of the entries. A body of nil gives the entry up.
func (c *Client) keep(k kind, since time.Time, entries []entry, bodies [][]byte) {
	redis := c.live.Load()
	left := k.kept - time.Since(since)
	if redis == nil {
		return
	}
	var commands rueidis.Commands
	for i, e := range entries {
		switch {
		case e.state == unknown || e.state == usable:
		case bodies[i] != nil && left > 0:
			commands = append(commands, c.swap(*redis, e, value+c.nextID()+"\n"+string(bodies[i]), left))
		case strings.HasPrefix(e.head, claim):
			commands = append(commands, c.swap(*redis, e, "", 0))
		}
	}
	for _, result := range c.send(*redis, commands) {
		if c.failed(result.Error()) {
			return
		}
	}
}

func (c *Client) swap(redis rueidis.Client, e entry, text string, left time.Duration) rueidis.Completed {
	return redis.B().Eval().Script(swap).Numkeys(1).Key(e.key).Arg(e.head+"\n", text, strconv.FormatInt(left.Milliseconds(), 10)).Build()
}

// send is one round trip for all commands.
func (c *Client) send(redis rueidis.Client, commands rueidis.Commands) []rueidis.RedisResult {
	if len(commands) == 0 {
		return nil
	}
	ctx, cancel := briefly()
	defer cancel()
	c.stats.roundTrips.Add(1)
	return redis.DoMulti(ctx, commands...)
}

// read returns the entry's value, or else what load gives, which is then kept. What
// load fails to find is not. T shares no memory when it is copied.
func read[T any](ctx context.Context, c *Client, k kind, name string, load func(context.Context) (T, error)) (T, error) {
	if err := ctx.Err(); err != nil {
		var none T
		return none, err
	}
	e := c.look(k, name)
	if e[0].state == usable {
		if v, ok := decode(c, &e[0], same[T]); ok {
			return v, nil
		}
	}
	return fill(ctx, c, k, e, load)
}

// fill loads what an entry could not give, and keeps it.
func fill[T any](ctx context.Context, c *Client, k kind, e []entry, load func(context.Context) (T, error)) (T, error) {
	c.claimAll(e)
	since := time.Now()
	c.stats.loaded.Add(1)
	v, err := load(ctx)
	var body []byte
	if err == nil && e[0].state != unknown {
		body = encode(v)
	}
	c.keep(k, since, e, [][]byte{body})
	return v, err
}

// decode returns the value of an entry that has one. One of another shape is of no use.
func decode[T any](c *Client, e *entry, clone func(T) T) (v T, ok bool) {
	if e.state < stale {
		return v, false
	}
	if known, ok := c.memo.get(e.key, e.body); ok {
		return clone(known.(T)), true
	}
	if json.Unmarshal([]byte(e.body), &v) != nil {
		e.state = worn
		return v, false
	}
	c.memo.put(e.key, e.body, v)
	return clone(v), true
}

// encode returns nil for what cannot be kept.
func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return body
}

// change has write change what the keys' entries hold. When it returns no server
// uses the old any more, but as the package comment says.
func (c *Client) change(ctx context.Context, keys []string, write func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	marked := false
	if redis := c.redis(); redis != nil {
		c.stats.roundTrips.Add(1)
		marked = !c.failed(drop(redis, mark+"\n", keys))
	}
	err := write()
	c.changes.Add(1)
	if marked && inDoubt(err) {
		return err // it may happen still: the marks stay until it cannot
	}
	c.forget(keys)
	return err
}

// inDoubt reports whether what failed may have an effect all the same, now or a little later.
func inDoubt(err error) bool {
	var known *domain.Error
	return err != nil && (!errors.As(err, &known) || known.Kind == domain.ErrUnavailable)
}

// forget deletes entries of what has changed already.
func (c *Client) forget(keys []string) {
	c.changes.Add(1)
	redis := c.redis()
	if redis == nil {
		c.owe(c.owed, keys...)
		return
	}
	c.stats.roundTrips.Add(1)
	if err := drop(redis, "", keys); err != nil {
		c.owe(c.owed, keys...)
		c.failed(err)
	}
}
