package redis

import (
	"context"
	"strings"
	"testing"
	"time"
)

// CatchUp returns when c uses Redis and has received the invalidations of all earlier changes.
func CatchUp(c *Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		if redis := c.breaker.redis(); redis != nil && redis.Do(ctx, redis.B().Ping().Build()).Error() == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Ready reports whether c uses Redis and trusts the entries that it caches from now on.
func Ready(c *Client) bool {
	return c.breaker.redis() != nil && time.Now().UnixMilli() > c.trustedFrom.Load()
}

// Address is what a URL was parsed to.
type Address struct {
	Hosts, User, Password, MasterSet string
	Database                         int
	TLS                              bool
}

// ParseAddress parses a URL as Open does.
func ParseAddress(url string) (Address, error) {
	o, err := parseURL(url)
	return Address{
		Hosts: strings.Join(o.InitAddress, " "), User: o.Username, Password: o.Password, MasterSet: o.Sentinel.MasterSet,
		Database: o.SelectDB, TLS: o.TLSConfig != nil,
	}, err
}

// ExpireCatalog makes all cached entries of the catalog stale until the end of the test.
func ExpireCatalog(t *testing.T) {
	for _, k := range []*keyspace{&products, &names, &lists, &searches} {
		fresh := k.fresh
		k.fresh = -time.Second
		t.Cleanup(func() { k.fresh = fresh })
	}
}

// SearchSlots is how many lists that strangers make up are cached.
const SearchSlots = searchSlots

// CachedLists returns how many keys there are of plain lists and of all others.
func CachedLists(ctx context.Context, c *Client) (plain, others int, err error) {
	redis := c.breaker.redis()
	counts := [2]int{}
	for i, k := range []keyspace{lists, searches} {
		keys, err := redis.Do(ctx, redis.B().Keys().Pattern(k.key("*")).Build()).AsStrSlice()
		if err != nil {
			return 0, 0, err
		}
		counts[i] = len(keys)
	}
	return counts[0], counts[1], nil
}

// Postpone makes invalidations of keys pending since a time.
func Postpone(c *Client, since time.Time, keys ...string) {
	c.breaker.postpone(c.breaker.invalidations, keys...)
	c.breaker.mu.Lock()
	defer c.breaker.mu.Unlock()
	for _, key := range keys {
		c.breaker.invalidations[key] = since
	}
}

// ExpirePeople makes all cached sessions and accounts stale until the end of the test.
func ExpirePeople(t *testing.T) {
	for _, k := range []*keyspace{&sessions, &users} {
		fresh := k.fresh
		k.fresh = -time.Second
		t.Cleanup(func() { k.fresh = fresh })
	}
}
