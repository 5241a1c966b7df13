package postgres_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
)

func TestNoCallReadsAWholeTable(t *testing.T) {
	url := migrated(t)
	copyCatalog(t, openAt(t, url), 20_000)
	execute(t, url, "ANALYZE")
	tables := []string{"product_facts", "products", "product_popularity", "product_terms", "stock_movements"}
	read := func() map[string]int64 {
		all := map[string]int64{}
		for _, table := range tables {
			all[table] = number(t, url, "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = $1", table)
		}
		return all
	}
	for _, c := range append(calls(),
		call{"movements", func(ctx context.Context, s *postgres.Store, p domain.Product, _ int) error {
			_, err := s.Movements(ctx, p.ID)
			return err
		}},
		call{"a change of stock", func(ctx context.Context, s *postgres.Store, p domain.Product, _ int) error {
			_, err := s.ChangeStock(ctx, domain.StockMovement{Product: p.ID, Delta: 1, Reason: domain.StockReceived, At: p.AddedAt}, "")
			return err
		}},
		call{"a product that is put", func(ctx context.Context, s *postgres.Store, p domain.Product, _ int) error {
			p.Name += " anew"
			return s.PutProducts(ctx, []domain.Product{p})
		}},
		call{"a product that is removed", func(ctx context.Context, s *postgres.Store, p domain.Product, _ int) error {
			return s.RemoveProduct(ctx, p.ID)
		}},
	) {
		t.Run(c.name, func(t *testing.T) {
			before := read()
			store, closeStore, err := postgres.Open(t.Context(), postgres.Config{URL: url + "&application_name=watched"})
			require.NoError(t, err)
			for i, p := range enumerate(catalog(10)) {
				require.NoError(t, c.do(t.Context(), store, p, i))
			}
			closeStore()
			awaitFigures(t, url)
			assert.Equal(t, before, read())
		})
	}
}

func TestABroadTextIsEstimated(t *testing.T) {
	exact, broad := openTwo(t)
	copyCatalog(t, exact, 20_000)
	broad.Broaden(500, 1500)
	for _, q := range []domain.Query{
		{Text: "copper"}, {Text: "lamp workshop"}, {Text: "workshop", Category: "category-3", InStock: true},
		{Text: "linen", MinPrice: 2500, MaxPrice: 30_000}, {Text: "kettle", Category: "category-3"},
	} {
		for _, sort := range domain.Sorts {
			q.Sort = sort
			for _, number := range []int{1, 2, 60} {
				q.Page = domain.Page{Number: number, Size: 24}
				want, err := exact.Search(t.Context(), q)
				require.NoError(t, err)
				got, err := broad.Search(t.Context(), q)
				require.NoError(t, err)
				if sort != domain.ByRelevance || len(domain.Words(q.Text)) == 1 { // some words in the name count for nothing here
					assert.Equal(t, want.Products, got.Products, "%+v", q)
				}
				assert.InEpsilon(t, want.Total, got.Total, 0.3, "%+v", q)
				assert.InEpsilon(t, want.Facets.InStock, got.Facets.InStock, 0.3, "%+v", q)
				require.Len(t, got.Facets.Categories, len(want.Facets.Categories))
				for i, c := range got.Facets.Categories {
					assert.Equal(t, want.Facets.Categories[i].Category, c.Category)
					assert.InEpsilon(t, want.Facets.Categories[i].Count, c.Count, 0.7, "%+v %s", q, c.Slug)
				}
				again, err := broad.Search(t.Context(), q)
				require.NoError(t, err)
				assert.Equal(t, got, again)
			}
		}
	}
	t.Run("few that have two broad words are counted", func(t *testing.T) {
		q := complete(domain.Query{Text: "copper m0001230"})
		broad.Broaden(10, 1)
		want, err := exact.Search(t.Context(), q)
		require.NoError(t, err)
		got, err := broad.Search(t.Context(), q)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
	t.Run("a page far past the end is empty", func(t *testing.T) {
		got, err := broad.Search(t.Context(), complete(domain.Query{Text: "copper", Page: domain.Page{Number: 100_000, Size: 24}}))
		require.NoError(t, err)
		assert.Empty(t, got.Products)
		assert.Positive(t, got.Total)
	})
}

func TestAPageMakesAFixedNumberOfStatements(t *testing.T) {
	store := open(t)
	copyCatalog(t, store, 500)
	statements := func(q domain.Query) int64 {
		before := store.Stats().Statements
		_, err := store.Search(t.Context(), complete(q))
		require.NoError(t, err)
		return store.Stats().Statements - before
	}
	for name, c := range map[string]struct {
		q    domain.Query
		want int64
	}{
		"everything": {domain.Query{}, 5},
		"filters":    {domain.Query{Category: "category-1", Subcategory: "kind-1", MinPrice: 100, MaxPrice: 30_000, InStock: true, Sort: domain.ByName}, 5},
		"a text":     {domain.Query{Text: "copper kettle"}, 5},
		"typos":      {domain.Query{Text: "copepr ketlte"}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 24, 100} {
				c.q.Page = domain.Page{Number: 1, Size: size}
				assert.Equal(t, c.want, statements(c.q), "with the beginning and the end of the transaction")
			}
		})
	}
}

func TestWhatIsKeptReadyIsRight(t *testing.T) {
	url := migrated(t)
	before := number(t, url, deadlocks)
	var stores [2]*postgres.Store
	var closeStores [2]func()
	for i := range stores {
		var err error
		stores[i], closeStores[i], err = postgres.Open(t.Context(), postgres.Config{URL: url + "&application_name=watched"})
		require.NoError(t, err)
	}
	all := slices.Collect(catalog(60))
	require.NoError(t, stores[0].PutProducts(t.Context(), all))
	errs := make(chan error, 8)
	for worker := range cap(errs) {
		go func() {
			store := stores[worker%2]
			errs <- func() error {
				for i := range 40 {
					p := all[(worker*7+i*13)%len(all)]
					other := all[(i*worker)%len(all)]
					switch (i + worker) % 5 {
					case 0, 1: // most have few, so many come to none and back
						if _, err := store.ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: []int{-1, 1}[i%2], Reason: domain.StockCorrected, At: p.AddedAt}, ""); err != nil && !isExpected(err) {
							return err
						}
					case 2:
						p.Category, p.Subcategory, p.Name, p.Price = other.Category, other.Subcategory, other.Name, other.Price
						if err := store.PutProducts(t.Context(), []domain.Product{p, other}); err != nil && !isExpected(err) {
							return err
						}
					case 3:
						if err := store.RemoveProduct(t.Context(), p.ID); err != nil && !isExpected(err) {
							return err
						}
					case 4:
						if err := store.PutProducts(t.Context(), []domain.Product{other, p}); err != nil && !isExpected(err) {
							return err
						}
					}
				}
				return nil
			}()
		}()
	}
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
	for _, closeStore := range closeStores {
		closeStore()
	}
	awaitFigures(t, url)
	assert.Equal(t, before, number(t, url, deadlocks), "nobody waits in a circle")
	for name, differing := range map[string]string{
		"counts": `SELECT count(*) FROM (SELECT category, kind, band, in_stock, count(*) AS n FROM product_facts GROUP BY 1, 2, 3, 4) f
			FULL JOIN (SELECT category, kind, band, in_stock, n FROM product_counts WHERE n <> 0) c USING (category, kind, band, in_stock)
			WHERE f.n IS DISTINCT FROM c.n`,
		"words": `SELECT count(*) FROM (SELECT term, count(*) AS n FROM product_facts CROSS JOIN unnest(tsvector_to_array(words)) term
			WHERE term NOT LIKE '=%' GROUP BY term) f FULL JOIN (SELECT term, n FROM product_terms WHERE n <> 0) t USING (term) WHERE f.n IS DISTINCT FROM t.n`,
		"the order of the most sold": `SELECT count(*) FROM product_facts f FULL JOIN product_popularity p USING (id)
			WHERE (f.category, f.kind, f.sold) IS DISTINCT FROM (p.category, p.kind, p.sold)`,
		"movements": `SELECT count(*) FROM product_facts f WHERE f.stock <> (SELECT coalesce(sum(delta), 0) FROM stock_movements m WHERE m.product_id = f.id)`,
		"texts":     `SELECT count(*) FROM product_facts f FULL JOIN products p USING (id) WHERE f.category IS NULL OR p.slug IS NULL`,
	} {
		assert.Zero(t, number(t, url, differing), name)
	}
	assert.Positive(t, number(t, url, "SELECT count(*) FROM product_facts"))
}

const deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

// awaitFigures waits for the end of the connections that are called watched: one tells its figures before it ends.
func awaitFigures(t *testing.T, url string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return number(t, url, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'watched'") == 0
	}, 10*time.Second, 10*time.Millisecond)
}

func isExpected(err error) bool {
	return slices.ContainsFunc([]error{domain.ErrConflict, domain.ErrNotFound}, func(kind error) bool { return errors.Is(err, kind) })
}

func TestPriceBandsAreThoseOfTheShop(t *testing.T) {
	store, n := open(t), 0
	var want []domain.PriceCount
	for _, band := range domain.PriceBands {
		for _, price := range []int64{max(band.Min, 1), cmp.Or(band.Max, domain.MaxAmount/1000)} {
			p := slices.Collect(catalog(n + 1))[n]
			p.Price = domain.Dollars(price)
			require.NoError(t, store.PutProducts(t.Context(), []domain.Product{p}))
			n++
		}
		want = append(want, domain.PriceCount{PriceBand: band, Count: 2})
	}
	for _, text := range []string{"", "workshop"} {
		found, err := store.Search(t.Context(), complete(domain.Query{Text: text}))
		require.NoError(t, err)
		assert.Equal(t, want, found.Facets.Prices)
	}
}

func TestAChangeOfStockLeavesTheIndexesAsTheyAre(t *testing.T) {
	url := migrated(t)
	store, closeStore, err := postgres.Open(t.Context(), postgres.Config{URL: url + "&application_name=watched"})
	require.NoError(t, err)
	require.NoError(t, store.PutProducts(t.Context(), slices.Collect(catalog(50))))
	execute(t, url, "SELECT pg_stat_reset_single_table_counters('product_facts'::regclass)")
	before := number(t, url, "SELECT pg_relation_size('product_facts_words')")
	for i := range 500 {
		_, err := store.ChangeStock(t.Context(), domain.StockMovement{Product: slices.Collect(catalog(2))[1].ID, Delta: 1 + i%3, Reason: domain.StockReceived, At: noon}, "")
		require.NoError(t, err)
	}
	closeStore()
	awaitFigures(t, url)
	require.Equal(t, int64(500), number(t, url, "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'product_facts'"))
	hot := number(t, url, "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'product_facts'")
	assert.Greater(t, hot, int64(480), "but for a row that moves to another page now and then")
	assert.Equal(t, before, number(t, url, "SELECT pg_relation_size('product_facts_words')"))
}

// number is the one number that a statement gives.
func number(t testing.TB, url, statement string, args ...any) int64 {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var n int64
	require.NoError(t, conn.QueryRow(t.Context(), statement, args...).Scan(&n), fmt.Sprint(statement, args))
	return n
}

// copyCatalog keeps n products.
func copyCatalog(t testing.TB, store *postgres.Store, n int) {
	t.Helper()
	require.NoError(t, store.CopyProducts(t.Context(), catalog(n), func(int) {}))
}

// complete is q as the use cases pass it on.
func complete(q domain.Query) domain.Query {
	q, err := q.Complete()
	if err != nil {
		panic(err)
	}
	return q
}
