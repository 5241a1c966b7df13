package redis_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/test/container"
)

// BenchmarkRead is what a request reads that needs no record of its own: a session,
// its account, a product by its slug and a list of 24.
func BenchmarkRead(b *testing.B) {
	for name, s := range map[string]*whole{
		"from this process": benchShop(b, container.Redis(b)),
		"without Redis":     benchShop(b, "redis://127.0.0.1:1"),
	} {
		for what, read := range reads(s) {
			b.Run(what+" "+name, func(b *testing.B) {
				for range 3 {
					require.NoError(b, read(b.Context()))
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := read(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func benchShop(b *testing.B, url string) *whole {
	durable := memory.NewStore()
	s := newWhole(open(b, url), durable)
	if url != "redis://127.0.0.1:1" {
		s.getsReady(b)
	}
	var all []domain.Product
	for n := range 100 {
		all = append(all, aProduct(n, 5))
	}
	require.NoError(b, s.products.PutProducts(b.Context(), all))
	require.NoError(b, s.PutSession(b.Context(), aSession("anna")))
	require.NoError(b, durable.AddUser(b.Context(), domain.User{ID: "user-anna", Username: "anna", Email: "anna@example.com", CreatedAt: noon}))
	return s
}

func reads(s *whole) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"session": func(ctx context.Context) error { _, err := s.Session(ctx, "anna", noon); return err },
		"user":    func(ctx context.Context) error { _, err := s.users.User(ctx, "user-anna"); return err },
		"product": func(ctx context.Context) error { _, err := s.products.Product(ctx, "tea-pot-1"); return err },
		"list": func(ctx context.Context) error {
			_, err := s.products.Search(ctx, domain.Query{Category: "kitchen"})
			return err
		},
	}
}
