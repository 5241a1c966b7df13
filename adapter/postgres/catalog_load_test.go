package postgres_test

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func TestCopyProducts(t *testing.T) {
	t.Run("many products are kept as if they were put, and may be copied again", func(t *testing.T) {
		store, n := open(t), 12_000
		var progress []int
		for range 2 {
			progress = nil
			require.NoError(t, store.CopyProducts(t.Context(), catalog(n), func(kept int) { progress = append(progress, kept) }))
			assert.Equal(t, n, progress[len(progress)-1])
			assert.Greater(t, len(progress), 1)
		}
		for i, want := range enumerate(catalog(n)) {
			if i%997 != 0 {
				continue
			}
			got, err := store.Product(t.Context(), want.Slug)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			movements, err := store.Movements(t.Context(), want.ID)
			require.NoError(t, err)
			if want.Stock == 0 {
				assert.Empty(t, movements)
				continue
			}
			assert.Equal(t, []domain.StockMovement{{Product: want.ID, Delta: want.Stock, Reason: domain.StockReceived, At: want.AddedAt}}, movements)
		}
		found, err := store.Search(t.Context(), complete(domain.Query{}))
		require.NoError(t, err)
		assert.Equal(t, n, found.Total)
	})
	t.Run("what was kept before a failure stays, and the rest follows", func(t *testing.T) {
		store := open(t)
		twin := func(yield func(domain.Product) bool) {
			for i, p := range enumerate(catalog(7000)) {
				if i == 6000 {
					p.Slug = "copper-kettle-0"
				}
				if !yield(p) {
					return
				}
			}
		}
		require.ErrorIs(t, store.CopyProducts(t.Context(), twin, func(int) {}), domain.ErrConflict)
		found, err := store.Search(t.Context(), complete(domain.Query{}))
		require.NoError(t, err)
		assert.Equal(t, 5000, found.Total)
		require.NoError(t, store.CopyProducts(t.Context(), catalog(7000), func(int) {}))
		found, err = store.Search(t.Context(), complete(domain.Query{}))
		require.NoError(t, err)
		assert.Equal(t, 7000, found.Total)
	})
	t.Run("no products are no error", func(t *testing.T) {
		require.NoError(t, open(t).CopyProducts(t.Context(), catalog(0), func(int) { assert.Fail(t, "there is no progress") }))
	})
}

// catalog is n products that differ as those of a shop do: 12 categories of five
// kinds, and in every name a word that no other product has.
func catalog(n int) iter.Seq[domain.Product] {
	colours := []string{"copper", "red", "blue", "green", "black", "white", "oak", "linen", "silver", "amber"}
	things := []string{"kettle", "teapot", "lamp", "chair", "bowl", "knife", "basket", "candle", "mirror", "blanket", "stool", "vase", "clock", "shelf"}
	return func(yield func(domain.Product) bool) {
		for i := range n {
			colour, thing := colours[i%len(colours)], things[i/7%len(things)]
			category, kind := i/3%12, i/3%60
			p := domain.Product{
				ID: domain.ProductID(fmt.Sprintf("p%07d", (i*7919)%10_000_000)), Slug: fmt.Sprintf("%s-%s-%d", colour, thing, i),
				Name: fmt.Sprintf("%s %s m%07d", colour, thing, i),
				Description: fmt.Sprintf("A %s of the workshop number %d, made by hand to last; goes well with any %s and the %s of the house.",
					thing, i%300, things[i/3%len(things)], colours[i/11%len(colours)]),
				Category:    domain.Category{Slug: fmt.Sprint("category-", category), Name: fmt.Sprint("Category ", category)},
				Subcategory: domain.Category{Slug: fmt.Sprint("kind-", kind), Name: fmt.Sprint("Kind ", kind)},
				Price:       domain.Dollars(int64(100 + (i*7907)%40_000)), Stock: i % 5, Sold: (i * 31) % 1000,
				Rating:  domain.Rating{Sum: 10 + i%41, Count: 10},
				Images:  []domain.Image{{URL: "/media/thing.svg", Alt: thing}},
				AddedAt: time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC).Add(time.Duration(i*37%999_983) * time.Minute),
			}
			if !yield(p) {
				return
			}
		}
	}
}

func enumerate[T any](all iter.Seq[T]) iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		i := 0
		for v := range all {
			if !yield(i, v) {
				return
			}
			i++
		}
	}
}
