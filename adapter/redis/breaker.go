package redis

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

const (
	// cooldown is how long the breaker stays open at least.
	cooldown = time.Second
	// probeInterval is how often Redis is pinged while the breaker is closed.
	probeInterval = time.Second
)

// breaker is a circuit breaker. Calls use Redis while it is closed. Any failure opens it,
// and Client.supervise closes it again. It stays open while anything is pending.
type breaker struct {
	closed atomic.Pointer[rueidis.Client] // nil while the breaker is open
	opened chan struct{}                  // wakes the supervisor

	mu            sync.Mutex
	lastErr       error
	invalidations pending // of keys
	gaps          pending // of topics of which an event was not sent
}

// redis returns the connection to Redis, or nil while the breaker is open.
func (b *breaker) redis() rueidis.Client {
	if redis := b.closed.Load(); redis != nil {
		return *redis
	}
	return nil
}

// err returns why the breaker is open, or nil while it is closed.
func (b *breaker) err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() != nil {
		return nil
	}
	return b.lastErr
}

// fail opens the breaker because of err.
func (b *breaker) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lastErr = err
	b.open()
}

// postpone adds names to p, one of the breaker's, and opens the breaker.
func (b *breaker) postpone(p pending, names ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		p[name] = time.Now()
	}
	b.open()
}

// open is called with b.mu held.
func (b *breaker) open() {
	b.closed.Store(nil)
	select {
	case b.opened <- struct{}{}:
	default:
	}
}

// purge takes off the keys whose entries have expired. It is called also while Redis was never reached.
func (b *breaker) purge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.invalidations, func(_ string, since time.Time) bool { return time.Since(since) > pendingFor })
}

// snapshot returns what is pending now.
func (b *breaker) snapshot() (invalidations, gaps pending) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.invalidations), maps.Clone(b.gaps)
}

// close takes off what was delivered. It closes the breaker and returns true unless
// something else became pending.
func (b *breaker) close(redis rueidis.Client, invalidations, gaps pending) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.invalidations.remove(invalidations)
	b.gaps.remove(gaps)
	if len(b.invalidations)+len(b.gaps) > 0 {
		return false
	}
	select {
	case <-b.opened: // by an earlier failure
	default:
	}
	b.closed.Store(&redis)
	return true
}

// supervise connects, and closes the breaker again after each failure, until the client ends.
func (c *Client) supervise() {
	var redis rueidis.Client
	defer func() {
		c.breaker.closed.Store(nil)
		if redis != nil {
			redis.Close()
		}
	}()
	for {
		c.breaker.purge()
		if redis == nil {
			redis = c.connect()
		}
		if redis != nil && c.reuse(redis) {
			c.probe(redis)
		}
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(cooldown):
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

// reuse delivers all that is pending and closes the breaker. It reports whether Redis let it.
func (c *Client) reuse(redis rueidis.Client) bool {
	for {
		invalidations, gaps := c.breaker.snapshot()
		if c.failed(ping(redis)) || c.failed(c.flush(redis, invalidations, gaps)) {
			return false
		}
		if c.breaker.close(redis, invalidations, gaps) {
			return true
		}
	}
}

// probe pings Redis until something fails. A server that finds everything in its memory
// would not notice otherwise that it receives no invalidations.
func (c *Client) probe(redis rueidis.Client) {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.breaker.opened:
			return
		case <-time.After(probeInterval):
			if c.failed(ping(redis)) {
				return
			}
		}
	}
}

func ping(redis rueidis.Client) error {
	ctx, cancel := withTimeout()
	defer cancel()
	return redis.Do(ctx, redis.B().Ping().Build()).Error()
}
