// Package redis makes a shop of several servers quick and connects them: it caches
// sessions, accounts and the catalog, counts rate limits for all servers together, and
// carries events between them. The durable stores behind it hold the truth; Redis may
// lose whatever it holds at any time. A Redis that is away, slow, paused, flushed or
// back with old data makes the shop slower, never wrong: no method returns an error
// of Redis.
//
// # Caching
//
// An entry is read from this process's memory while Redis would announce a change of it
// (client-side caching), else from Redis, else from the durable store, whose answer is
// then cached. These rules keep the cache correct with any number of servers:
//
//   - A writer replaces the entries of what it is about to change by tombstones, changes
//     the durable store, and deletes the tombstones. A reader that finds a tombstone asks
//     the durable store and caches nothing. A tombstone expires by itself, so a server
//     that dies halfway leaves nothing wrong behind.
//   - A reader that finds no entry takes a lease on it (as in memcache) before it asks the
//     durable store. The answer is cached in the place of that very lease only
//     (compare-and-set). A tombstone that was set in the meantime wins.
//   - A server has one connection to a Redis, which carries answers and invalidation
//     messages in order. A writer that set a tombstone continues only when its own server
//     has received the invalidation. From then on no reader on that server sees the old
//     value. A reader on another server sees it until the invalidation arrives there. A
//     server that is cut off notices within two seconds.
//   - A server that cannot tell Redis of a change keeps the invalidation pending, retries
//     it, and reads nothing from Redis until it is delivered.
//   - A server whose connection broke does not know which invalidations it missed, and
//     Redis may have come back with older data. The server uses only entries that were
//     cached after it reconnected.
//   - An entry is used for a minute at most, counted from before its value was read from
//     the durable store. So any other failure, such as one server that reaches only Redis
//     and another that reaches only the durable store, is over after a minute.
//
// The last two rules rely on the clock of Redis going forward. Lists of products are used
// for seconds only, since orders change their figures and invalidate none. While the
// durable store is away, cached sessions, accounts and parts of the catalog are used for
// maxTTL (stale-if-error). What was deleted is not there then either. Lists that strangers
// can make up without end, such as those by words or prices, share a fixed number of keys,
// each with a tag that tells whose list it holds.
//
// # When Redis is away
//
// A call waits for Redis half a second at most. Any failure opens a circuit breaker: calls
// do without Redis for a second, and until Redis answers a ping in the background and has
// received all that is pending. So a Redis that hangs makes a few calls slow, not every
// call.
package redis

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"eshop/domain"
)

const (
	// timeout bounds a round trip to Redis.
	timeout = 500 * time.Millisecond
	// answerTimeout is after how long without an answer the connection is given up.
	answerTimeout = 2 * time.Second
	// settleTime is longer than any answer can have been on its way.
	settleTime = answerTimeout + time.Second
	// keyPrefix is that of everything that the shop keeps in Redis.
	keyPrefix = "eshop:1:"
)

// Config says where Redis is.
type Config struct {
	// URL is redis://[[user]:password@]host[:port][/database], or rediss:// for TLS. With
	// ?addr=host:port for each further host, the hosts are those of a Cluster, or with
	// &master_set=NAME Sentinels.
	URL string
	// Name is what Redis shows as the connection's name.
	Name string
	// Tracer makes spans of the round trips of calls that are traced, when it is given.
	Tracer trace.Tracer
}

// Client is one server's connection to Redis. Make one with Open.
type Client struct {
	options rueidis.ClientOption
	breaker breaker
	decoded decodeCache
	prefix  string        // begins this client's lease IDs and names it as a sender of events
	ids     atomic.Uint64 // number of IDs made
	writes  atomic.Int64  // number of changes made by this server
	// trustedFrom is the time of caching from which on entries are used, in Unix milliseconds.
	trustedFrom atomic.Int64
	stats       counters
	tracer      trace.Tracer // nil where nothing is traced

	ctx  context.Context // ends with the client
	work sync.WaitGroup
}

// Open connects in the background, so Redis may be away. It fails only when cfg is
// invalid, with an error that does not contain the password. The returned function
// closes the client; nobody may be using the client by then.
func Open(cfg Config) (*Client, func(), error) {
	options, err := parseURL(cfg.URL)
	if err != nil {
		return nil, nil, fmt.Errorf("the address of Redis: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		options: options, prefix: rand.Text() + "-", ctx: ctx, tracer: cfg.Tracer, decoded: decodeCache{entries: map[string]decodedText{}},
		breaker: breaker{
			opened: make(chan struct{}, 1), lastErr: errors.New("not connected yet"), invalidations: pending{}, gaps: pending{},
		},
	}
	c.configure(cfg.Name)
	c.work.Go(c.supervise)
	return c, func() {
		cancel()
		c.work.Wait()
	}, nil
}

func (c *Client) configure(name string) {
	o := &c.options
	o.ClientName = name
	// While one call connects, the others wait for it regardless of their own deadlines.
	o.Dialer.Timeout, o.Dialer.KeepAlive, o.ConnWriteTimeout = timeout, probeInterval, answerTimeout
	o.DialCtxFn = c.dial
	// One connection, always read in the background, delivers everything in order.
	o.PipelineMultiplex, o.AlwaysPipelining = -1, true
	o.CacheSizeEachConn = 32 << 20
	o.ReadBufferEachConn, o.WriteBufferEachConn = 64<<10, 64<<10
	o.BlockingPoolSize, o.BlockingPoolCleanup = 64, time.Minute
	o.Sentinel.Dialer, o.Sentinel.TLSConfig, o.Sentinel.ClientName = o.Dialer, o.TLSConfig, name
	// A client that missed an event of the Sentinels would stay with the previous master.
	o.Sentinel.TopologyRefreshInterval = 5 * time.Second
	o.ClusterOption = rueidis.ClusterOption{ShardsRefreshInterval: 10 * time.Second, MaxMovedRedirections: 5}
}

// dial connects. It distrusts the entries of before, whose invalidations may have been missed.
func (c *Client) dial(ctx context.Context, address string, dialer *net.Dialer, secure *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	connect := dialer.DialContext
	if secure != nil {
		connect = (&tls.Dialer{NetDialer: dialer, Config: secure}).DialContext
	}
	connection, err := connect(ctx, "tcp", address)
	if err == nil {
		c.stats.connections.Add(1)
		c.trustedFrom.Store(time.Now().Add(settleTime).UnixMilli())
	}
	return connection, err
}

// redis returns the connection to Redis, or nil while the breaker is open.
func (c *Client) redis() rueidis.Client {
	redis := c.breaker.redis()
	if redis == nil {
		c.stats.fallbacks.Add(1)
	}
	return redis
}

// failed reports whether err is a failure of Redis. If so, it opens the breaker.
func (c *Client) failed(err error) bool {
	if err == nil || rueidis.IsRedisNil(err) {
		return false
	}
	c.stats.failures.Add(1)
	c.breaker.fail(err)
	return true
}

// Check fails while Redis is away, which only makes the shop slower.
func (c *Client) Check(context.Context) error {
	if err := c.breaker.err(); err != nil {
		return domain.ErrUnavailable.Errorf(domain.CodeRedisAway, "Redis is away: %v", err)
	}
	return nil
}

// Now returns the time by Redis' clock.
func (c *Client) Now(ctx context.Context) (time.Time, error) {
	redis := c.redis()
	if redis == nil {
		return time.Time{}, domain.ErrUnavailable.Errorf(domain.CodeRedisAway, "Redis is away")
	}
	parts, err := redis.Do(ctx, redis.B().Time().Build()).AsIntSlice()
	if err != nil || len(parts) != 2 {
		return time.Time{}, domain.ErrUnavailable.Errorf(domain.CodeRedisAway, "Redis does not tell the time: %v", err)
	}
	return time.Unix(parts[0], parts[1]*int64(time.Microsecond)).UTC(), nil
}

// withTimeout returns the context of one round trip. It does not end with the caller's
// context: a caller who goes away must not look like a Redis that does not answer.
func withTimeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), timeout)
}

// roundTrip counts a round trip to Redis that is over, and makes a span of it where the call of ctx is traced.
func (c *Client) roundTrip(ctx context.Context, command string, began time.Time) {
	c.stats.roundTrips.Add(1)
	if c.tracer == nil || !trace.SpanFromContext(ctx).IsRecording() {
		return
	}
	_, span := c.tracer.Start(ctx, "Redis "+command, trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", command)))
	span.End()
}

// Stats counts what a client did since it was opened.
type Stats struct {
	Local       int64 // entries read from this process's memory
	Shared      int64 // entries read from Redis
	Loaded      int64 // entries read from the durable stores
	RoundTrips  int64 // to Redis
	Failures    int64 // round trips without an answer in time, or with an error
	Fallbacks   int64 // calls that did without Redis, as it was away
	Connections int64 // made
	Pending     int64 // invalidations not yet delivered to Redis
	Connected   bool
}

type counters struct {
	local, shared, loaded, roundTrips, failures, fallbacks, connections atomic.Int64
}

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	c.breaker.mu.Lock()
	pending := len(c.breaker.invalidations)
	c.breaker.mu.Unlock()
	s := &c.stats
	return Stats{
		Local: s.local.Load(), Shared: s.shared.Load(), Loaded: s.loaded.Load(),
		RoundTrips: s.roundTrips.Load(), Failures: s.failures.Load(), Fallbacks: s.fallbacks.Load(),
		Connections: s.connections.Load(), Pending: int64(pending), Connected: c.breaker.redis() != nil,
	}
}
