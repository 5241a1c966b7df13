// Package redis makes a shop of several servers quick, and carries what they tell
// each other: sessions, accounts and the catalog close at hand, limits that all
// servers share, news. The durable stores behind it hold the truth; what Redis holds
// may be lost at any time. Redis away, slow, paused, flushed or back with old data
// makes the shop slower, never wrong: no method returns an error of Redis.
//
// # What is kept
//
// An entry is read from this process's memory while Redis would tell of a change
// (client-side caching), else from Redis, else from the durable store, and is then
// kept. What makes that right, on any number of servers:
//
//   - Who changes something first marks its entries in Redis, then changes the durable
//     store, then deletes them. Whoever finds a mark asks the durable store. A mark runs
//     out by itself, so a server that dies between leaves nothing wrong behind.
//   - Who fills an entry claims it before asking the durable store, and what was read
//     takes the place of the very same claim alone. A mark in between wins.
//   - A server has one connection to a Redis, on which answers and news of changes come
//     in order. It goes on after a mark only when it has seen what the mark made known,
//     so on the server that changes something nobody sees the old from then on. Another
//     server sees it for the moment that news needs; one that is cut off, until it
//     notices, which takes two seconds.
//   - Who cannot tell Redis of a change keeps trying, and reads nothing from Redis
//     until it has told.
//   - A server whose connection broke does not know what it missed, and what Redis holds
//     may be older than that. It uses only what was kept after it was connected anew.
//   - An entry is used for a minute at most, counted from before it was read from the
//     durable store. So whatever else goes wrong, such as one server that reaches only
//     Redis and another that reaches only the durable store, is over after a minute.
//
// The last two lean on the clock of Redis going forward. Lists of products are used for
// seconds only, as orders change their figures and tell nobody. While the durable store is
// away what was kept of the catalog is shown for ten minutes.
//
// # When Redis is away
//
// A call waits for Redis half a second at most. After any failure Redis is left
// alone for a second and until it answers a question asked in the background, so one
// that hangs makes a few calls slow, not every call.
package redis

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"eshop/domain"
)

const (
	// patience is how long a call waits for Redis.
	patience = 500 * time.Millisecond
	// respite is how long Redis is left alone after a failure.
	respite = time.Second
	// watchEvery is how often Redis is asked whether it is there.
	watchEvery = time.Second
	// hangTime is how long an answer may take before the connection is given up.
	hangTime = 2 * time.Second
	// settling is longer than any answer can have been on its way.
	settling = hangTime + time.Second
	// debtTime is longer than any entry is kept.
	debtTime = keptLongest + settling
	// pipelined is how many keys go into one round trip.
	pipelined = 500
)

// Config says where Redis is.
type Config struct {
	// URL is redis://[[user]:password@]host[:port][/database], or rediss:// for TLS. Several
	// hosts, separated by commas, are a Cluster, or with ?master_set=NAME its Sentinels.
	URL string
	// Name is what Redis shows as the connection's name.
	Name string
}

// Client is one server's connection to Redis. Make one with Open.
type Client struct {
	options rueidis.ClientOption
	prefix  string        // of the ids of this client's claims
	claims  atomic.Uint64 // how many there were
	changes atomic.Int64  // how many this server made or had made

	// live is nil while Redis is left alone.
	live atomic.Pointer[rueidis.Client]
	// trusted is from when on entries are used, in Unix milliseconds.
	trusted atomic.Int64
	trouble chan struct{} // wakes the keeper
	memo    memo

	mu     sync.Mutex
	owed   debts // keys that are to be deleted
	untold debts // topics of which news was not told
	why    error // of the last failure

	ends  context.Context
	work  sync.WaitGroup
	stats counters
}

// Open connects in the background: Redis may be away. It fails only when cfg makes no
// sense, and then without a word of the password. Call the function returned at the
// end, when nobody uses the client any more.
func Open(cfg Config) (*Client, func(), error) {
	options, err := parseURL(cfg.URL)
	if err != nil {
		return nil, nil, fmt.Errorf("the address of Redis: %w", err)
	}
	ends, end := context.WithCancel(context.Background())
	c := &Client{
		options: options, prefix: rand.Text() + "-", trouble: make(chan struct{}, 1),
		memo: memo{all: map[string]decoded{}}, owed: debts{}, untold: debts{}, why: errors.New("not connected yet"), ends: ends,
	}
	c.configure(cfg.Name)
	c.work.Go(c.keepUp)
	return c, func() {
		end()
		c.work.Wait()
	}, nil
}

func (c *Client) configure(name string) {
	o := &c.options
	o.ClientName = name
	// While one call connects, the others wait for it without a look at their own time.
	o.Dialer.Timeout, o.Dialer.KeepAlive, o.ConnWriteTimeout = patience, watchEvery, hangTime
	o.DialCtxFn = c.dial
	// One connection, always read in the background: what it brings is in order.
	o.PipelineMultiplex, o.AlwaysPipelining = -1, true
	o.CacheSizeEachConn = 32 << 20
	o.ReadBufferEachConn, o.WriteBufferEachConn = 64<<10, 64<<10
	o.BlockingPoolSize, o.BlockingPoolCleanup = 64, time.Minute
	o.Sentinel.Dialer, o.Sentinel.TLSConfig, o.Sentinel.ClientName = o.Dialer, o.TLSConfig, name
	// An event that was missed would leave the client with the master of before.
	o.Sentinel.TopologyRefreshInterval = 5 * time.Second
	o.ClusterOption = rueidis.ClusterOption{ShardsRefreshInterval: 10 * time.Second, MaxMovedRedirections: 5}
}

// dial makes a connection. What came about while there was none is not known.
func (c *Client) dial(ctx context.Context, address string, dialer *net.Dialer, secure *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ends, cancel)()
	connect := dialer.DialContext
	if secure != nil {
		connect = (&tls.Dialer{NetDialer: dialer, Config: secure}).DialContext
	}
	connection, err := connect(ctx, "tcp", address)
	if err == nil {
		c.stats.connections.Add(1)
		c.trusted.Store(time.Now().Add(settling).UnixMilli())
	}
	return connection, err
}

// keepUp connects, and after each failure brings the client back, until the client ends.
func (c *Client) keepUp() {
	var redis rueidis.Client
	defer func() {
		c.live.Store(nil)
		if redis != nil {
			redis.Close()
		}
	}()
	for {
		if redis == nil {
			redis = c.connect()
		}
		if redis != nil && c.bringBack(redis) {
			c.watch(redis)
		}
		select {
		case <-c.ends.Done():
			return
		case <-time.After(respite):
		}
	}
}

func (c *Client) connect() rueidis.Client {
	redis, err := rueidis.NewClient(c.options)
	if c.failed(err) {
		return nil
	}
	return redis
}

// bringBack reports whether Redis answers and has been told all that it was to be told.
func (c *Client) bringBack(redis rueidis.Client) bool {
	for {
		c.mu.Lock()
		maps.DeleteFunc(c.owed, func(_ string, since time.Time) bool { return time.Since(since) > debtTime })
		owed, untold := maps.Clone(c.owed), maps.Clone(c.untold)
		c.mu.Unlock()
		if c.failed(ping(redis)) || c.failed(drop(redis, "", slices.Collect(maps.Keys(owed)))) || c.failed(c.wake(redis, untold)) {
			return false
		}
		if c.paid(redis, owed, untold) {
			return true
		}
	}
}

// watch returns when something has failed. It asks from time to time itself: a server that
// finds all in its memory would not notice that it no longer hears of changes.
func (c *Client) watch(redis rueidis.Client) {
	for {
		select {
		case <-c.ends.Done():
			return
		case <-c.trouble:
			return
		case <-time.After(watchEvery):
			if c.failed(ping(redis)) {
				return
			}
		}
	}
}

// wake tells other servers' followers that they may have missed something.
func (c *Client) wake(redis rueidis.Client, untold debts) error {
	var all []news
	for topic := range untold {
		all = append(all, news{From: c.prefix, Topic: domain.Topic(topic)})
	}
	return tell(redis, all...)
}

// paid strikes out the debts, and uses Redis from then on if there are no others.
func (c *Client) paid(redis rueidis.Client, owed, untold debts) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed.pay(owed)
	c.untold.pay(untold)
	if len(c.owed)+len(c.untold) > 0 {
		return false
	}
	select {
	case <-c.trouble: // of before
	default:
	}
	c.live.Store(&redis)
	return true
}

// debts are what Redis is still to be told, and since when.
type debts map[string]time.Time

// pay strikes out what was paid, unless it is owed anew.
func (d debts) pay(paid debts) {
	maps.DeleteFunc(d, func(name string, since time.Time) bool { return paid[name].Equal(since) })
}

// owe notes debts, and leaves Redis alone until they are paid.
func (c *Client) owe(d debts, names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		d[name] = time.Now()
	}
	c.leaveAlone()
}

// failed notes what became of a command, and reports whether it failed.
func (c *Client) failed(err error) bool {
	if err == nil || rueidis.IsRedisNil(err) {
		return false
	}
	c.stats.failures.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.why = err
	c.leaveAlone()
	return true
}

func (c *Client) leaveAlone() {
	c.live.Store(nil)
	select {
	case c.trouble <- struct{}{}:
	default:
	}
}

// redis is Redis, or nil while it is left alone.
func (c *Client) redis() rueidis.Client {
	if live := c.live.Load(); live != nil {
		return *live
	}
	c.stats.fallbacks.Add(1)
	return nil
}

// briefly is a context for one round trip. It does not end with the caller's: who goes
// away must not look like a Redis that does not answer.
func briefly() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// Check reports whether Redis is there, and why not; without it the shop is slower.
func (c *Client) Check(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live.Load() != nil {
		return nil
	}
	return domain.ErrUnavailable.Errorf(domain.CodeRedisAway, "Redis is away: %v", c.why)
}

func ping(redis rueidis.Client) error {
	ctx, cancel := briefly()
	defer cancel()
	return redis.Do(ctx, redis.B().Ping().Build()).Error()
}

// drop deletes keys, or gives them a value for a while, and returns when this
// process has heard of it too.
func drop(redis rueidis.Client, value string, keys []string) error {
	for keys := range slices.Chunk(keys, pipelined) {
		commands := make(rueidis.Commands, 0, 2*len(keys))
		for _, key := range keys {
			if value == "" {
				commands = append(commands, redis.B().Del().Key(key).Build().ToRetryable())
			} else {
				commands = append(commands, redis.B().Set().Key(key).Value(value).PxMilliseconds(markTime.Milliseconds()).Build().ToRetryable())
			}
			// News of a change comes before the answer to the next command.
			commands = append(commands, redis.B().Exists().Key(key).Build())
		}
		ctx, cancel := briefly()
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

// Stats is what a client did since it was opened.
type Stats struct {
	Local       int64 // entries read from this process's memory
	Shared      int64 // entries read from Redis
	Loaded      int64 // entries read from the durable stores
	RoundTrips  int64 // to Redis
	Failures    int64 // round trips without an answer in time, or with an error
	Fallbacks   int64 // times that something was done without Redis, as it was away
	Connections int64 // made
	Owed        int64 // entries that Redis is still to be told of
	Connected   bool
}

type counters struct {
	local, shared, loaded, roundTrips, failures, fallbacks, connections atomic.Int64
}

// Stats returns what the client did so far.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	owed := len(c.owed)
	c.mu.Unlock()
	s := &c.stats
	return Stats{
		Local: s.local.Load(), Shared: s.shared.Load(), Loaded: s.loaded.Load(),
		RoundTrips: s.roundTrips.Load(), Failures: s.failures.Load(), Fallbacks: s.fallbacks.Load(),
		Connections: s.connections.Load(), Owed: int64(owed), Connected: c.live.Load() != nil,
	}
}

// nextID tells one claim from every other, of any server.
func (c *Client) nextID() string {
	return c.prefix + strconv.FormatUint(c.claims.Add(1), 36)
}
