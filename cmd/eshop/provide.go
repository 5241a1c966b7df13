package main

import (
	"crypto/rand"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	adapterprometheus "eshop/adapter/prometheus"
	"eshop/usecase"
	"eshop/web"
)

func utcNow() usecase.Clock { return func() time.Time { return time.Now().UTC() } }

// newID makes ids that sort by time, which keeps the stores' indexes compact.
func newID() usecase.NewID {
	return func() string { return uuid.Must(uuid.NewV7()).String() }
}

// newSecret makes 260 random bits, twice what rand.Text gives.
func newSecret() usecase.NewSecret {
	return func() string { return rand.Text() + rand.Text() }
}

func newGateway(clock usecase.Clock) *demopay.Gateway {
	return demopay.New(clock, demopay.NewMemoryLedger())
}

// newRegistry has the figures of the process; the rest registers itself.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// newHealth asks nothing: the embedded stores are there as long as the process is.
func newHealth() *web.Health { return web.NewHealth(nil) }

func countMemoryOrders(store *memory.Store, registry prometheus.Registerer) *adapterprometheus.Orders {
	return adapterprometheus.CountOrders(store, registry)
}
