package redis_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"eshop/adapter/memory"
	"eshop/adapter/redis"
	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

// The suites call CatchUp before they read what the other server changed.
type (
	cachedSessions struct {
		port.Sessions
		server
	}
	cachedProducts struct {
		catalog
		server
	}
	catalog = port.Products
)

func TestSessions(t *testing.T) {
	shop := newShop(t)
	porttest.Sessions(t, func(t *testing.T) (port.Sessions, port.Sessions) {
		a, b := shop.flushed(t)
		durable := memory.NewStore()
		return cachedSessions{redis.NewSessions(a.Client, durable), a}, cachedSessions{redis.NewSessions(b.Client, durable), b}
	})
	shop.requireUsed(t)
	assert.Positive(t, shop.a.Stats().Local)
}

func TestUsers(t *testing.T) {
	shop := newShop(t)
	porttest.Users(t, func(t *testing.T) (port.Users, port.Users) {
		a, b := shop.flushed(t)
		durable := memory.NewStore()
		return redis.NewUsers(a.Client, durable), redis.NewUsers(b.Client, durable)
	})
	shop.requireUsed(t)
}

func TestProducts(t *testing.T) {
	shop := newShop(t)
	porttest.Products(t, shop.open)
	shop.requireUsed(t)
	assert.Positive(t, shop.a.Stats().Local)
}

func TestStock(t *testing.T) {
	shop := newShop(t)
	porttest.Stock(t, shop.open)
	shop.requireUsed(t)
}

func TestCatalog(t *testing.T) {
	shop := newShop(t)
	porttest.Catalog(t, shop.open)
	shop.requireUsed(t)
	assert.Positive(t, shop.a.Stats().Local)
}

func TestOrders(t *testing.T) {
	shop := newShop(t)
	porttest.Orders(t, shop.open)
	shop.requireUsed(t)
}

func TestLimits(t *testing.T) {
	shop := newShop(t)
	porttest.Limits(t, func(t *testing.T) (port.Limits, port.Limits) {
		a, b := shop.flushed(t)
		return redis.NewLimits(a.Client, memory.NewStore()), redis.NewLimits(b.Client, memory.NewStore())
	})
	shop.requireUsed(t)
}

func TestEvents(t *testing.T) {
	shop := newShop(t)
	porttest.Events(t, func(t *testing.T) (port.Events, port.Events) {
		a, b := redis.NewEvents(shop.a.Client, memory.NewStore()), redis.NewEvents(shop.b.Client, memory.NewStore())
		waitUntilConnected(t, a, b)
		return a, b
	})
	shop.requireUsed(t)
}

// waitUntilConnected waits until two servers receive events from each other.
func waitUntilConnected(t *testing.T, a, b port.Events) {
	t.Helper()
	const topic = domain.Topic("greeting")
	for _, pair := range [][2]port.Events{{a, b}, {b, a}} {
		events, err := pair[1].Subscribe(t.Context(), topic)
		assert.NoError(t, err)
		assert.Eventually(t, func() bool {
			assert.NoError(t, pair[0].Publish(t.Context(), domain.Event{Topic: topic, Key: "hello"}))
			select {
			case received := <-events:
				return received.Key == "hello"
			case <-time.After(50 * time.Millisecond):
				return false
			}
		}, 30*time.Second, time.Millisecond, "the servers do not receive each other's events")
	}
}
