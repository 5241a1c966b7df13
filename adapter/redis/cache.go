package redis

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"eshop/domain"
)

const (
	// freshFor is how long an entry may be used.
	freshFor = time.Minute
	// maxTTL is how long any entry is kept: what was asked for in the ten minutes before
	// an outage is there for ten minutes of it, though it was a minute old.
	maxTTL = 21 * time.Minute
)

// keyspace is a sort of entries.
type keyspace struct {
	// name changes whenever the encoding of the entries does, so that servers of the old
	// and of the new version do not read each other's.
	name  string
	fresh time.Duration // how long an entry may be used
	ttl   time.Duration // how long it is kept: longer, when it may also be used while the durable store is away
	// slots is how many keys there are, or 0 for one of each name: a name has the key that
	// its hash leads to, and its entry replaces that of another name (direct-mapped cache).
	slots uint64
}

// maxSlot is how long an entry can be that shares its key, in bytes: a hundred common products.
const maxSlot = 128 << 10

func (k keyspace) key(name string) string { return keyPrefix + k.name + ":" + name }

func (k keyspace) entry(name string) entry {
	if k.slots == 0 {
		return entry{key: k.key(name)}
	}
	sum := sha256.Sum256([]byte(name))
	slot := binary.BigEndian.Uint64(sum[:]) % k.slots
	return entry{key: k.key(strconv.FormatUint(slot, 36)), tag: "#" + hex.EncodeToString(sum[:])}
}

// What Redis holds under a key begins with one of these signs. A lease and a value
// continue with a unique ID, a value with the entry's tag as well, and a line feed.
const (
	tombstone = "!" // somebody is changing it
	lease     = "?" // somebody is reading it from the durable store
	value     = "="
)

// state is what can be done with an entry.
type state int

const (
	bypass       state = iota // ask the durable store and cache nothing
	absent                    // take a lease
	expired                   // do not use, but replace
	staleIfError              // replace, or use while the durable store is away
	fresh
)

type entry struct {
	key    string
	tag    string // tells the names and generations that share the key apart
	state  state
	header string // of what a new value replaces
	body   string
}

// lookup returns the entries of names.
func (c *Client) lookup(ctx context.Context, k keyspace, names ...string) []entry {
	entries := make([]entry, len(names))
	for i, name := range names {
		entries[i] = k.entry(name)
	}
	c.read(ctx, k, entries)
	return entries
}

// read reads entries, from this process's memory where it holds them.
func (c *Client) read(ctx context.Context, k keyspace, entries []entry) {
	redis := c.redis()
	if redis == nil {
		return
	}
	asking, cancel := withTimeout()
	defer cancel()
	asked, began := false, time.Now()
	for i, result := range get(asking, redis, k, entries) {
		asked = asked || !result.IsCacheHit()
		if c.failed(result.Error()) {
			break
		}
		c.classify(k, &entries[i], result)
		switch {
		case entries[i].state != fresh:
		case result.IsCacheHit():
			c.stats.local.Add(1)
		default:
			c.stats.shared.Add(1)
		}
	}
	if asked {
		c.roundTrip(ctx, "GET", began)
	}
}

func get(ctx context.Context, redis rueidis.Client, k keyspace, entries []entry) []rueidis.RedisResult {
	if len(entries) == 1 {
		return []rueidis.RedisResult{redis.DoCache(ctx, redis.B().Get().Key(entries[0].key).Cache(), k.ttl)}
	}
	commands := make([]rueidis.CacheableTTL, len(entries))
	for i, e := range entries {
		commands[i] = rueidis.CT(redis.B().Get().Key(e.key).Cache(), k.ttl)
	}
	return redis.DoMultiCache(ctx, commands...)
}

// classify sets the state of an entry by what Redis holds.
func (c *Client) classify(k keyspace, e *entry, result rueidis.RedisResult) {
	now, trustedFrom := time.Now(), time.UnixMilli(c.trustedFrom.Load())
	if now.Before(trustedFrom) {
		return
	}
	text, err := result.ToString()
	if err != nil {
		e.state = absent
		return
	}
	header, body, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(header, value) {
		return
	}
	since := time.UnixMilli(result.CachePXAT()).Add(-k.ttl)
	e.header, e.body = header, body
	switch {
	case since.Before(trustedFrom) || !strings.HasSuffix(header, e.tag):
		e.state = expired
	case now.Sub(since) > k.fresh:
		e.state = staleIfError
	default:
		e.state = fresh
	}
}

// readThrough returns the value of an entry, or loads and caches it. An error of load is
// not cached. While the durable store is away, an expired value is used that lasts
// (stale-if-error). Copies of a T must share no memory.
func readThrough[T any](ctx context.Context, c *Client, k keyspace, name string, lasts func(T) bool, load func(context.Context) (T, error)) (T, error) {
	if err := ctx.Err(); err != nil {
		var none T
		return none, err
	}
	e := c.lookup(ctx, k, name)
	cached, ok := decode(c, &e[0], identity[T])
	if ok && e[0].state == fresh {
		return cached, nil
	}
	v, err := fill(ctx, c, k, e, load)
	if ok && inDoubt(err) && ctx.Err() == nil && lasts(cached) {
		return cached, nil
	}
	return v, err
}

// fill loads the value of an entry and caches it.
func fill[T any](ctx context.Context, c *Client, k keyspace, e []entry, load func(context.Context) (T, error)) (T, error) {
	c.acquireLeases(ctx, e)
	since := time.Now()
	c.stats.loaded.Add(1)
	v, err := load(ctx)
	var body []byte
	if err == nil && e[0].state != bypass {
		body = k.encode(v)
	}
	c.store(ctx, k, since, e, [][]byte{body})
	return v, err
}

// decode returns the value of an entry. The entry expires if it cannot be decoded.
func decode[T any](c *Client, e *entry, clone func(T) T) (v T, ok bool) {
	if e.state < staleIfError {
		return v, false
	}
	if known, ok := c.decoded.get(e.key, e.body); ok {
		return clone(known.(T)), true
	}
	if json.Unmarshal([]byte(e.body), &v) != nil {
		e.state = expired
		return v, false
	}
	c.decoded.put(e.key, e.body, v)
	return clone(v), true
}

func identity[T any](v T) T { return v }

// encode returns nil for what strangers can make up without end: lists of categories that do
// not exist, and entries that are too long for a slot.
func (k keyspace) encode(v any) []byte {
	if found, ok := v.(domain.Found); ok && found.Total == 0 && k.slots == 0 {
		return nil
	}
	body := encode(v)
	if k.slots > 0 && len(body) > maxSlot {
		return nil
	}
	return body
}

// encode returns nil for what cannot be encoded, which is then not cached.
func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return body
}
