package postgres_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
	"eshop/test/container"
)

var (
	most   = flag.Int("products", 100_000, "how many products the largest catalog of BenchmarkCatalog has, at most")
	rounds = flag.Int("rounds", 200, "how often BenchmarkCatalog makes each call")
)

// BenchmarkCatalog makes the catalog's calls with catalogs of several sizes in
// turn, so that what else the machine does slows all of them alike, each call after
// it was made once. It prints their medians and how many times slower the largest
// is than the smallest. A million products: go test -run '^$' -bench Catalog
// -benchtime 1x -timeout 1h ./adapter/postgres -products 1000000
func BenchmarkCatalog(b *testing.B) {
	var (
		sizes  []int
		stores []*postgres.Store
	)
	for _, n := range []int{1000, 100_000, 1_000_000} {
		if n > *most {
			continue
		}
		store := openAt(b, container.StartPostgres(b).URL)
		_, err := store.Migrate(b.Context())
		require.NoError(b, err)
		start := time.Now()
		require.NoError(b, store.CopyProducts(b.Context(), catalog(n), func(int) {}))
		fmt.Printf("%d products copied in %s\n", n, time.Since(start).Round(time.Millisecond))
		sizes, stores = append(sizes, n), append(stores, store)
	}
	measure(b, sizes, stores)
}

// call is something that shoppers do; i makes one unlike the one before.
type call struct {
	name string
	do   func(ctx context.Context, s *postgres.Store, p domain.Product, i int) error
}

func calls() []call {
	search := func(name string, query func(p domain.Product, i int) domain.Query) call {
		return call{name, func(ctx context.Context, s *postgres.Store, p domain.Product, i int) error {
			found, err := s.Search(ctx, complete(query(p, i)))
			if err == nil && len(found.Products) == 0 {
				return fmt.Errorf("%+v finds nothing", query(p, i))
			}
			return err
		}}
	}
	all := []call{
		{"product by id", func(ctx context.Context, s *postgres.Store, p domain.Product, _ int) error {
			_, err := s.Product(ctx, string(p.ID))
			return err
		}},
		{"product by slug", func(ctx context.Context, s *postgres.Store, p domain.Product, _ int) error {
			_, err := s.Product(ctx, p.Slug)
			return err
		}},
	}
	for _, sort := range domain.Sorts {
		all = append(all, search("category by "+string(sort), func(p domain.Product, _ int) domain.Query {
			return domain.Query{Category: p.Category.Slug, Sort: sort}
		}))
	}
	all = append(all,
		search("category, in stock, page 2", func(p domain.Product, _ int) domain.Query {
			return domain.Query{Category: p.Category.Slug, InStock: true, Page: domain.Page{Number: 2, Size: 24}}
		}),
		search("kind", func(p domain.Product, _ int) domain.Query {
			return domain.Query{Category: p.Category.Slug, Subcategory: p.Subcategory.Slug}
		}),
		search("category, price band", func(p domain.Product, i int) domain.Query {
			band := domain.PriceBands[i%len(domain.PriceBands)]
			return domain.Query{Category: p.Category.Slug, MinPrice: band.Min, MaxPrice: band.Max}
		}),
		search("everything by newest", func(domain.Product, int) domain.Query { return domain.Query{Sort: domain.ByNewest} }),
		search("selective text", func(p domain.Product, _ int) domain.Query { return domain.Query{Text: p.Name} }),
		search("selective text with a typo", func(p domain.Product, _ int) domain.Query {
			colour, rest, _ := strings.Cut(p.Name, " ")
			return domain.Query{Text: colour + " " + rest[:1] + rest[2:3] + rest[1:2] + rest[3:]}
		}),
		search("broad text", func(p domain.Product, _ int) domain.Query { return domain.Query{Text: p.Name[:3]} }),
		call{"categories", func(ctx context.Context, s *postgres.Store, _ domain.Product, _ int) error {
			_, err := s.Categories(ctx)
			return err
		}},
		call{"suggestions for a rare word", func(ctx context.Context, s *postgres.Store, p domain.Product, _ int) error {
			_, err := s.Suggest(ctx, p.Name, 8)
			return err
		}},
		call{"suggestions for three letters", func(ctx context.Context, s *postgres.Store, p domain.Product, _ int) error {
			_, err := s.Suggest(ctx, p.Name[:3], 8)
			return err
		}},
	)
	return all
}

// measure prints how long calls take in each of the stores, whose catalogs have the sizes given.
func measure(b *testing.B, sizes []int, stores []*postgres.Store) {
	samples := make([][]domain.Product, len(sizes))
	for i, n := range sizes {
		for at, p := range enumerate(catalog(n)) {
			if at%(n / *rounds | 1) == 0 {
				samples[i] = append(samples[i], p)
			}
		}
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "median\t")
	for _, n := range sizes {
		fmt.Fprintf(table, "%d\t", n)
	}
	fmt.Fprintln(table, "ratio\t")
	for _, c := range calls() {
		for at, store := range stores { // what is read for the first time comes from the disk
			for i := range samples[at] {
				require.NoError(b, c.do(b.Context(), store, samples[at][i], i), c.name)
			}
		}
		took := make([][]time.Duration, len(stores))
		for i := range *rounds {
			for at, store := range stores {
				start := time.Now()
				require.NoError(b, c.do(b.Context(), store, samples[at][i%len(samples[at])], i), c.name)
				took[at] = append(took[at], time.Since(start))
			}
		}
		fmt.Fprintf(table, "%s\t", c.name)
		for at := range took {
			slices.Sort(took[at])
			fmt.Fprintf(table, "%.2f ms\t", float64(took[at][len(took[at])/2].Microseconds())/1000)
		}
		first, last := took[0], took[len(took)-1]
		fmt.Fprintf(table, "%.2f\t\n", float64(last[len(last)/2])/float64(first[len(first)/2]))
	}
	require.NoError(b, table.Flush())
}
