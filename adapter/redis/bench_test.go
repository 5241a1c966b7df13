package redis_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/test/container"
)

// BenchmarkRead measures the reads of a request that changes nothing. The durable store is
// in this process's memory, so the figures are the cost of Redis.
func BenchmarkRead(b *testing.B) {
	here, there, durable := twoServers(b, container.Redis(b))
	seedBenchmark(b, here, durable)
	for what, read := range reads(here) {
		b.Run(what+" from this process", func(b *testing.B) { benchmark(b, here, read) })
	}
	first := 0
	for name, servers := range map[string][]*shopServer{"from the durable store": {here}, "from Redis": {here, there}} {
		b.Run("session "+name, func(b *testing.B) {
			keys := make([]domain.SessionKey, b.N)
			reader := servers[len(servers)-1]
			for i := range keys {
				first++
				s := aSession(fmt.Sprint(first))
				keys[i] = s.Key
				require.NoError(b, durable.PutSession(b.Context(), s))
				for _, server := range servers[:len(servers)-1] {
					require.True(b, server.hasSession(b, string(s.Key)))
				}
			}
			before := reader.statsSince()
			b.ReportAllocs()
			b.ResetTimer()
			for _, key := range keys {
				if _, err := reader.Session(b.Context(), key, noon); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(before().RoundTrips)/float64(b.N), "trips/op")
		})
	}
	durable = memory.NewStore()
	alone := newShopServer(open(b, "redis://127.0.0.1:1"), durable)
	seedBenchmark(b, alone, durable)
	for what, read := range reads(alone) {
		b.Run(what+" without Redis", func(b *testing.B) { benchmark(b, alone, read) })
	}
}

// benchmark measures one read.
func benchmark(b *testing.B, s *shopServer, read func(context.Context) error) {
	for range 3 {
		require.NoError(b, read(b.Context()))
	}
	before := s.statsSince()
	b.ReportAllocs()
	for b.Loop() {
		if err := read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(before().RoundTrips)/float64(b.N), "trips/op")
}

func seedBenchmark(b *testing.B, s *shopServer, durable *memory.Store) {
	b.Helper()
	var all []domain.Product
	for n := range 100 {
		all = append(all, aProduct(n, 5))
	}
	require.NoError(b, s.products.PutProducts(b.Context(), all))
	require.NoError(b, s.PutSession(b.Context(), aSession("anna")))
	require.NoError(b, durable.AddUser(b.Context(), domain.User{ID: "user-anna", Username: "anna", Email: "anna@example.com", CreatedAt: noon}))
}

func reads(s *shopServer) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"session": func(ctx context.Context) error { _, err := s.Session(ctx, "anna", noon); return err },
		"user":    func(ctx context.Context) error { _, err := s.users.User(ctx, "user-anna"); return err },
		"product": func(ctx context.Context) error { _, err := s.products.Product(ctx, "tea-pot-1"); return err },
		"list of 24": func(ctx context.Context) error {
			_, err := s.catalog.Search(ctx, everything)
			return err
		},
	}
}
