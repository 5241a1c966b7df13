package main

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"eshop/adapter/postgres"
	"eshop/adapter/redis"
)

// figure is a number of an adapter that is read when operators ask for it. The
// name of one that only grows ends in _total.
type figure struct {
	name, help string
	value      func() float64
}

// newRegistry has the figures of the process and those given; the rest registers itself.
func newRegistry(figures ...figure) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, f := range figures {
		if strings.HasSuffix(f.name, "_total") {
			registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: f.name, Help: f.help}, f.value))
		} else {
			registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: f.name, Help: f.help}, f.value))
		}
	}
	return registry
}

func storedFigures(store *postgres.Store) []figure {
	of := func(value func(postgres.Stats) float64) func() float64 {
		return func() float64 { return value(store.Stats()) }
	}
	return []figure{
		{"eshop_postgres_connections", "Connections to PostgreSQL.", of(func(s postgres.Stats) float64 { return float64(s.Conns) })},
		{"eshop_postgres_idle_connections", "Connections that nobody uses now.", of(func(s postgres.Stats) float64 { return float64(s.IdleConns) })},
		{"eshop_postgres_max_connections", "The most connections that there may be.", of(func(s postgres.Stats) float64 { return float64(s.MaxConns) })},
		{"eshop_postgres_waits_total", "How often a call waited for a connection.", of(func(s postgres.Stats) float64 { return float64(s.Waits) })},
		{"eshop_postgres_waited_seconds_total", "How long calls waited for a connection.", of(func(s postgres.Stats) float64 { return s.Waited.Seconds() })},
		{"eshop_postgres_statements_total", "Statements sent to PostgreSQL.", of(func(s postgres.Stats) float64 { return float64(s.Statements) })},
		{"eshop_postgres_retries_total", "Calls that were made once more.", of(func(s postgres.Stats) float64 { return float64(s.Retries) })},
	}
}

func clusterFigures(client *redis.Client) []figure {
	of := func(value func(redis.Stats) float64) func() float64 {
		return func() float64 { return value(client.Stats()) }
	}
	return []figure{
		{"eshop_cache_local_reads_total", "Entries read from this process's memory.", of(func(s redis.Stats) float64 { return float64(s.Local) })},
		{"eshop_cache_shared_reads_total", "Entries read from Redis.", of(func(s redis.Stats) float64 { return float64(s.Shared) })},
		{"eshop_cache_loads_total", "Entries read from PostgreSQL.", of(func(s redis.Stats) float64 { return float64(s.Loaded) })},
		{"eshop_redis_round_trips_total", "Round trips to Redis.", of(func(s redis.Stats) float64 { return float64(s.RoundTrips) })},
		{"eshop_redis_failures_total", "Round trips without an answer in time, or with an error.", of(func(s redis.Stats) float64 { return float64(s.Failures) })},
		{"eshop_redis_fallbacks_total", "Times that something, such as a session, was answered without Redis, as it was away.",
			of(func(s redis.Stats) float64 { return float64(s.Fallbacks) })},
		{"eshop_redis_connected", "1 while Redis answers, else 0.", of(func(s redis.Stats) float64 {
			if s.Connected {
				return 1
			}
			return 0
		})},
	}
}
