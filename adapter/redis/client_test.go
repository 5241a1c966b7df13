package redis_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/adapter/redis"
	"eshop/domain"
	"eshop/port/porttest"
	"eshop/test/container"
)

// everything is a complete query that finds all products.
var everything = by(domain.ByRelevance)

func by(sort domain.Sort) domain.Query {
	return domain.Query{Sort: sort, Page: domain.Page{Number: 1, Size: domain.DefaultPageSize}}
}

// server is the client of one server.
type server struct{ *redis.Client }

// open returns a client that is closed at the end of the test.
func open(t testing.TB, url string) server {
	t.Helper()
	client, end, err := redis.Open(redis.Config{URL: url, Name: "eshop-test"})
	require.NoError(t, err)
	t.Cleanup(end)
	return server{client}
}

// ready returns clients that use Redis and trust their entries.
func ready(t testing.TB, url string, n int) []server {
	t.Helper()
	all := make([]server, n)
	for i := range all {
		all[i] = open(t, url)
	}
	for _, s := range all {
		s.waitUntilReady(t)
	}
	return all
}

func (s server) waitUntilReady(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool { return redis.Ready(s.Client) }, 20*time.Second, 10*time.Millisecond)
}

// CatchUp waits until the server has received the invalidations of all earlier changes.
func (s server) CatchUp() error { return redis.CatchUp(s.Client) }

// statsSince returns a function that returns the counts from now on.
func (s server) statsSince() func() redis.Stats {
	before := s.Stats()
	return func() redis.Stats {
		after := s.Stats()
		after.Local -= before.Local
		after.Shared -= before.Shared
		after.Loaded -= before.Loaded
		after.RoundTrips -= before.RoundTrips
		after.Failures -= before.Failures
		after.Fallbacks -= before.Fallbacks
		after.Connections -= before.Connections
		return after
	}
}

// admin returns a function that sends commands to Redis on a connection of its own.
func admin(t testing.TB, url string) func(command ...string) {
	t.Helper()
	options, err := rueidis.ParseURL(url)
	require.NoError(t, err)
	options.DisableCache = true
	client, err := rueidis.NewClient(options)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return func(command ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, client.Do(ctx, client.B().Arbitrary(command...).Build()).Error())
	}
}

// shop is two servers that a suite uses again and again, each time with an empty Redis.
type shop struct {
	a, b    server
	command func(command ...string)
}

func newShop(t testing.TB) *shop {
	t.Helper()
	url := container.Redis(t)
	servers := ready(t, url, 2)
	return &shop{servers[0], servers[1], admin(t, url)}
}

func (s *shop) flushed(t testing.TB) (a, b server) {
	t.Helper()
	s.command("FLUSHDB")
	require.NoError(t, s.a.CatchUp())
	require.NoError(t, s.b.CatchUp())
	return s.a, s.b
}

// open returns two servers' shops on one fresh store.
func (s *shop) open(t *testing.T) (porttest.Shop, porttest.Shop) {
	a, b := s.flushed(t)
	durable := memory.NewStore()
	of := func(s server) porttest.Shop {
		return porttest.Shop{
			Orders: redis.NewOrders(s.Client, durable), Products: cachedProducts{redis.NewProducts(s.Client, durable), s},
			Stock: redis.NewStock(s.Client, durable), Carts: durable, Catalog: redis.NewCatalog(s.Client, durable),
		}
	}
	return of(a), of(b)
}

// requireUsed fails unless the suite used Redis. On a busy machine some answers may be late.
func (s *shop) requireUsed(t testing.TB) {
	t.Helper()
	for i, server := range []server{s.a, s.b} {
		stats := server.Stats()
		t.Logf("server %d: %+v", i+1, stats)
		assert.Positive(t, stats.RoundTrips)
		assert.LessOrEqual(t, stats.Failures, stats.RoundTrips/20)
	}
}
