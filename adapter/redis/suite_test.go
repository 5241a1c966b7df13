package redis_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"eshop/adapter/memory"
	"eshop/adapter/redis"
	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestSessions(t *testing.T) {
	shop := newShop(t, 1)
	porttest.Sessions(t, func(t *testing.T) port.Sessions {
		return redis.NewSessions(shop.emptied(t)[0].Client, memory.NewStore())
	})
	shop.used(t)
	assert.Positive(t, shop.servers[0].Stats().Local)
}

func TestSessions_TwoServers(t *testing.T) {
	shop := newShop(t, 2)
	porttest.Sessions(t, func(t *testing.T) port.Sessions {
		durable, servers := memory.NewStore(), shop.emptied(t)
		return porttest.SessionsInTurns(
			knowingSessions{redis.NewSessions(servers[0].Client, durable), servers[0]},
			knowingSessions{redis.NewSessions(servers[1].Client, durable), servers[1]},
		)
	})
	shop.used(t)
}

func TestUsers(t *testing.T) {
	shop := newShop(t, 1)
	porttest.Users(t, func(t *testing.T) port.Users {
		return redis.NewUsers(shop.emptied(t)[0].Client, memory.NewStore())
	})
	shop.used(t)
}

func TestUsers_TwoServers(t *testing.T) {
	shop := newShop(t, 2)
	porttest.Users(t, func(t *testing.T) port.Users {
		durable, servers := memory.NewStore(), shop.emptied(t)
		return porttest.UsersInTurns(redis.NewUsers(servers[0].Client, durable), redis.NewUsers(servers[1].Client, durable))
	})
	shop.used(t)
}

func TestProducts(t *testing.T) {
	shop := newShop(t, 1)
	porttest.Products(t, func(t *testing.T) port.Products {
		return redis.NewProducts(shop.emptied(t)[0].Client, memory.NewStore())
	})
	shop.used(t)
	assert.Positive(t, shop.servers[0].Stats().Local)
}

func TestProducts_TwoServers(t *testing.T) {
	shop := newShop(t, 2)
	porttest.Products(t, func(t *testing.T) port.Products {
		durable, servers := memory.NewStore(), shop.emptied(t)
		return porttest.ProductsInTurns(
			knowingProducts{redis.NewProducts(servers[0].Client, durable), servers[0]},
			knowingProducts{redis.NewProducts(servers[1].Client, durable), servers[1]},
		)
	})
	shop.used(t)
}

func TestOrders(t *testing.T) {
	shop := newShop(t, 1)
	porttest.Orders(t, func(t *testing.T) porttest.Shop {
		durable, client := memory.NewStore(), shop.emptied(t)[0].Client
		return porttest.Shop{Orders: redis.NewOrders(client, durable), Products: redis.NewProducts(client, durable), Carts: durable}
	})
	shop.used(t)
}

func TestOrders_TwoServers(t *testing.T) {
	shop := newShop(t, 2)
	porttest.Orders(t, func(t *testing.T) porttest.Shop {
		durable, servers := memory.NewStore(), shop.emptied(t)
		return porttest.Shop{
			Orders: porttest.OrdersInTurns(redis.NewOrders(servers[0].Client, durable), redis.NewOrders(servers[1].Client, durable)),
			Products: porttest.ProductsInTurns(
				knowingProducts{redis.NewProducts(servers[0].Client, durable), servers[0]},
				knowingProducts{redis.NewProducts(servers[1].Client, durable), servers[1]},
			),
			Carts: durable,
		}
	})
	shop.used(t)
}

func TestLimits(t *testing.T) {
	shop := newShop(t, 1)
	porttest.Limits(t, func(t *testing.T) port.Limits {
		return redis.NewLimits(shop.emptied(t)[0].Client, memory.NewStore())
	})
	shop.used(t)
}

func TestLimits_TwoServers(t *testing.T) {
	shop := newShop(t, 2)
	porttest.Limits(t, func(t *testing.T) port.Limits {
		servers := shop.emptied(t)
		return porttest.LimitsInTurns(
			redis.NewLimits(servers[0].Client, memory.NewStore()), redis.NewLimits(servers[1].Client, memory.NewStore()),
		)
	})
	shop.used(t)
}

func TestEvents(t *testing.T) {
	shop := newShop(t, 1)
	porttest.Events(t, func(*testing.T) port.Events {
		return redis.NewEvents(shop.servers[0].Client, memory.NewStore())
	})
	shop.used(t)
}

func TestEvents_TwoServers(t *testing.T) {
	shop := newShop(t, 2)
	porttest.Events(t, func(t *testing.T) port.Events {
		a, b := redis.NewEvents(shop.servers[0].Client, memory.NewStore()), redis.NewEvents(shop.servers[1].Client, memory.NewStore())
		hearEachOther(t, a, b)
		return porttest.EventsInTurns(a, b)
	})
	shop.used(t)
}

// hearEachOther waits until two servers are connected.
func hearEachOther(t *testing.T, a, b port.Events) {
	t.Helper()
	const topic = domain.Topic("greeting")
	for _, pair := range [][2]port.Events{{a, b}, {b, a}} {
		news, err := pair[1].Subscribe(t.Context(), topic)
		assert.NoError(t, err)
		assert.Eventually(t, func() bool {
			assert.NoError(t, pair[0].Publish(t.Context(), domain.Event{Topic: topic, Key: "hello"}))
			select {
			case heard := <-news:
				return heard.Key == "hello"
			case <-time.After(50 * time.Millisecond):
				return false
			}
		}, 10*time.Second, time.Millisecond)
	}
}

// Reading when the news of what other servers changed has come: from then on a
// server keeps all promises of the ports.
type (
	knowingSessions struct {
		port.Sessions
		server
	}
	knowingProducts struct {
		catalog
		server
	}
	catalog = port.Products
)

func (k knowingSessions) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	if err := k.catchUp(); err != nil {
		return domain.Session{}, err
	}
	return k.Sessions.Session(ctx, key, now)
}

func (k knowingProducts) Product(ctx context.Context, ref string) (domain.Product, error) {
	if err := k.catchUp(); err != nil {
		return domain.Product{}, err
	}
	return k.catalog.Product(ctx, ref)
}

func (k knowingProducts) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	if err := k.catchUp(); err != nil {
		return nil, err
	}
	return k.catalog.Products(ctx, ids)
}

func (k knowingProducts) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	if err := k.catchUp(); err != nil {
		return domain.Found{}, err
	}
	return k.catalog.Search(ctx, q)
}

func (k knowingProducts) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	if err := k.catchUp(); err != nil {
		return nil, err
	}
	return k.catalog.Suggest(ctx, text, limit)
}

func (k knowingProducts) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	if err := k.catchUp(); err != nil {
		return nil, err
	}
	return k.catalog.Categories(ctx)
}
