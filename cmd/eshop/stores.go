package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"eshop"
	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	"eshop/adapter/near"
	"eshop/adapter/postgres"
	counting "eshop/adapter/prometheus"
	"eshop/adapter/raster"
	"eshop/adapter/redis"
	"eshop/cmd/eshop/demo"
	"eshop/domain"
	"eshop/usecase"
	"eshop/web"
)

// application is what Wire makes of the settings.
type application struct {
	shop     *eshop.Shop
	demo     *demo.Loader
	registry *prometheus.Registry
	needs    dependencies
}

// drainDelay lets a balancer notice that a server is about to leave.
const drainDelay = 2 * time.Second

// telemetry is what operators see of a shop.
type telemetry struct {
	log      *slog.Logger
	registry *prometheus.Registry
	tracer   trace.Tracer // nil where nothing is traced
}

func options(c config, passwords usecase.Passwords, seen telemetry, d dependencies) (eshop.Options, error) {
	info, err := shopInfo(c)
	o := eshop.Options{
		SecretKey: usecase.SecretKey(c.SecretKey), Passwords: passwords, DecodeImage: raster.New().Decode,
		StaffSessions: domain.StaffSessions{Idle: c.StaffIdle, Most: c.StaffSession}, SessionIdle: c.SessionIdle,
		Rates: c.rates(), PictureBytes: 1000 * c.UploadSize,
		Info: info, Pricing: c.pricing(), Log: seen.log, Metrics: seen.registry, Tracer: seen.tracer,
		Required: d.required, Helpful: d.helpful, Sweep: d.sweep,
	}
	if len(c.Proxies) > 0 {
		o.DrainDelay = drainDelay
	}
	return o, err
}

func demoLoader(c config, s eshop.Stores, passwords usecase.Passwords) *demo.Loader {
	return &demo.Loader{Products: s.Products, Carts: s.Carts, Users: s.Users, Orders: s.Orders, Passwords: passwords, Pricing: c.pricing()}
}

// tracedPostgres is postgresConfig of a server, whose statements are traced where its requests are.
func tracedPostgres(c config, tracer trace.Tracer) postgres.Config {
	traced := postgresConfig(c)
	traced.Tracer = tracer
	return traced
}

func tracedRedis(c config, tracer trace.Tracer) redis.Config {
	traced := redisConfig(c)
	traced.Tracer = tracer
	return traced
}

func memoryStores(store *memory.Store, registry *prometheus.Registry, log *slog.Logger) eshop.Stores {
	return counted(eshop.Stores{
		Products: store, Stock: store, Catalog: store, Carts: store, Wishlists: store, Orders: store, Payments: demopay.New(demopay.NewMemoryLedger(eshop.Now)),
		Users: store, Sessions: store, Conversations: store, Contacts: store, Pictures: store, Limits: store, Events: store,
	}, registry, log)
}

// storedStores keeps in this server's memory what is shown while PostgreSQL is away.
func storedStores(store *postgres.Store, local *memory.Store, registry *prometheus.Registry, log *slog.Logger) eshop.Stores {
	stores := recordStores(store, local)
	stores.Products, stores.Catalog = near.NewCatalog(store, store)
	stores.Sessions, stores.Users = near.NewSessions(store), near.NewUsers(store)
	return counted(stores, registry, log)
}

// clusterStores caches in Redis what is read most. The catalog that this server has read
// is shown while PostgreSQL and Redis are away, too. Limits are counted in this server
// alone while Redis is away.
func clusterStores(store *postgres.Store, client *redis.Client, local *memory.Store, registry *prometheus.Registry, log *slog.Logger) eshop.Stores {
	stores := recordStores(store, local)
	stores.Products, stores.Catalog = near.NewCatalog(redis.NewProducts(client, store), redis.NewCatalog(client, store))
	stores.Stock = redis.NewStock(client, store)
	stores.Orders = redis.NewOrders(client, store)
	stores.Users = redis.NewUsers(client, store)
	stores.Sessions = redis.NewSessions(client, store)
	stores.Limits = redis.NewLimits(client, local)
	stores.Events = redis.NewEvents(client, local)
	return counted(stores, registry, log)
}

// recordStores keeps the records in PostgreSQL. Limits and events are those of this server alone.
func recordStores(store *postgres.Store, local *memory.Store) eshop.Stores {
	return eshop.Stores{
		Products: store, Stock: store, Catalog: store, Carts: store, Wishlists: store, Orders: store, Payments: demopay.New(store),
		Users: store, Sessions: store, Conversations: store, Contacts: store, Pictures: store, Limits: local, Events: local,
	}
}

// counted returns stores whose orders and payments are counted.
func counted(stores eshop.Stores, registry *prometheus.Registry, log *slog.Logger) eshop.Stores {
	stores.Orders = counting.CountOrders(stores.Orders, registry)
	stores.Payments = counting.CountPayments(stores.Payments, registry, log)
	counting.GaugePending(stores.Orders, registry)
	return stores
}

func memoryRegistry() *prometheus.Registry { return newRegistry() }

func storedRegistry(store *postgres.Store) *prometheus.Registry {
	registry := newRegistry(storedFigures(store)...)
	registry.MustRegister(newUpkeepFigures(store))
	return registry
}

func clusterRegistry(store *postgres.Store, client *redis.Client) *prometheus.Registry {
	registry := newRegistry(append(storedFigures(store), clusterFigures(client)...)...)
	registry.MustRegister(newUpkeepFigures(store))
	return registry
}

// dependencies is what /ready asks, and how what has ended is removed.
type dependencies struct {
	required, helpful map[string]web.Check
	sweep             func(ctx context.Context, now time.Time) error
}

func memoryDependencies(store *memory.Store) dependencies { return dependencies{sweep: store.Sweep} }

func storedDependencies(c config, store *postgres.Store) dependencies {
	return dependencies{required: map[string]web.Check{"database": fitDatabase(c, store)}, sweep: store.Sweep}
}

func clusterDependencies(c config, store *postgres.Store, client *redis.Client) dependencies {
	d := storedDependencies(c, store)
	d.helpful = map[string]web.Check{"redis": client.Check}
	return d
}
