package main

import (
	"context"
	"crypto/rand"
	"errors"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	"eshop/adapter/postgres"
	counting "eshop/adapter/prometheus"
	"eshop/adapter/raster"
	"eshop/adapter/redis"
	"eshop/cmd/eshop/demo"
	"eshop/port"
	"eshop/usecase"
	"eshop/web"
)

// utcNow ticks in microseconds, which is what databases keep: an order is then told
// alike by who placed it and by who reads it.
func utcNow() usecase.Clock {
	return func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
}

// newID makes ids that sort by time, which keeps the stores' indexes compact.
func newID() usecase.NewID {
	return func() string { return uuid.Must(uuid.NewV7()).String() }
}

// newSecret makes 260 random bits, twice what rand.Text gives.
func newSecret() usecase.NewSecret {
	return func() string { return rand.Text() + rand.Text() }
}

func developPicture() usecase.DecodeImage { return raster.New().Decode }

func registerer(registry *prometheus.Registry) prometheus.Registerer { return registry }

// The shop in memory.

// newMemoryHealth asks nothing: the embedded stores are there as long as the process is.
func newMemoryHealth() *web.Health { return web.NewHealth(nil, nil) }

func newMemoryGateway(clock usecase.Clock) port.Payments {
	return demopay.New(clock, demopay.NewMemoryLedger())
}

func newMemoryOrders(store *memory.Store, registry prometheus.Registerer) port.Orders {
	return counting.CountOrders(store, registry)
}

func newMemoryRegistry() *prometheus.Registry { return newRegistry() }

func newMemorySweeper() sweeper { return nil }

// The shop on PostgreSQL.

func newGateway(clock usecase.Clock, ledger *postgres.Store) port.Payments {
	return demopay.New(clock, ledger)
}

func newStoredOrders(store *postgres.Store, registry prometheus.Registerer) port.Orders {
	return counting.CountOrders(store, registry)
}

func newStoredHealth(c config, store *postgres.Store) *web.Health {
	return web.NewHealth(map[string]web.Check{"database": fitDatabase(c, store)}, nil)
}

func newStoredRegistry(store *postgres.Store) *prometheus.Registry {
	return newRegistry(storedFigures(store)...)
}

// sweeper takes away what has ended; nil when there is nothing to take away.
type sweeper func(ctx context.Context, now time.Time) error

func newStoredSweeper(store *postgres.Store) sweeper { return store.Sweep }

// errDemoAccounts is a production shop that everybody could sign in to.
var errDemoAccounts = errors.New("the database holds demo accounts, whose passwords are known to everybody; a production shop needs a database of its own")

// fitDatabase asks whether the database answers, has the schema that is needed, and
// holds no demo accounts in production.
func fitDatabase(c config, store *postgres.Store) web.Check {
	var free atomic.Bool // of demo accounts, which nobody adds to a production shop
	free.Store(c.Environment != production)
	return func(ctx context.Context) error {
		if err := store.Ping(ctx); err != nil || free.Load() {
			return err
		}
		present, err := demo.Present(ctx, store)
		if err == nil && present {
			err = errDemoAccounts
		}
		free.Store(err == nil)
		return err
	}
}

// The shop on PostgreSQL and Redis, on any number of servers.

func newClusterHealth(c config, store *postgres.Store, client *redis.Client) *web.Health {
	return web.NewHealth(map[string]web.Check{"database": fitDatabase(c, store)}, map[string]web.Check{"redis": client.Check})
}

func newClusterRegistry(store *postgres.Store, client *redis.Client) *prometheus.Registry {
	return newRegistry(append(storedFigures(store), clusterFigures(client)...)...)
}

func newClusterOrders(client *redis.Client, store *postgres.Store, registry prometheus.Registerer) port.Orders {
	return counting.CountOrders(redis.NewOrders(client, store), registry)
}

func newClusterProducts(client *redis.Client, store *postgres.Store) *redis.Products {
	return redis.NewProducts(client, store)
}

func newClusterUsers(client *redis.Client, store *postgres.Store) *redis.Users {
	return redis.NewUsers(client, store)
}

func newClusterSessions(client *redis.Client, store *postgres.Store) *redis.Sessions {
	return redis.NewSessions(client, store)
}

// newClusterLimits counts in this server alone while Redis is away.
func newClusterLimits(client *redis.Client, local *memory.Store) *redis.Limits {
	return redis.NewLimits(client, local)
}

func newClusterEvents(client *redis.Client, local *memory.Store) *redis.Events {
	return redis.NewEvents(client, local)
}
