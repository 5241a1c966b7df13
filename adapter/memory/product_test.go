package memory_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestProducts(t *testing.T) {
	porttest.Products(t, openShop)
}

func TestStock(t *testing.T) { porttest.Stock(t, openShop) }

func TestCatalog(t *testing.T) {
	porttest.Catalog(t, openShop)
	t.Run("a store of its own follows", func(t *testing.T) {
		porttest.Catalog(t, func(*testing.T) (a, b porttest.Shop) {
			s, engine := memory.NewStore(), memory.NewStore()
			shop := porttest.Shop{Products: s, Stock: s, Catalog: porttest.Follow(s, engine, porttest.Replace(engine))}
			return shop, shop
		})
	})
}

func TestCarts(t *testing.T) {
	porttest.Carts(t, func(t *testing.T) (a, b port.Carts) { return openTwo(t) })
}

func TestWishlists(t *testing.T) {
	porttest.Wishlists(t, func(t *testing.T) (a, b port.Wishlists) { return openTwo(t) })
}

func TestStore_PutProducts(t *testing.T) {
	t.Run("two products may change places in one call", func(t *testing.T) {
		store, all := memory.NewStore(), catalog(2)
		require.NoError(t, store.PutProducts(t.Context(), all))
		all[0].Slug, all[1].Slug = all[1].Slug, all[0].Slug
		require.NoError(t, store.PutProducts(t.Context(), all))
		for _, want := range all {
			got, err := store.Product(t.Context(), want.Slug)
			require.NoError(t, err)
			assert.Equal(t, want.ID, got.ID)
		}
	})
	t.Run("of a product that is put twice in one call the last holds", func(t *testing.T) {
		store, p := memory.NewStore(), catalog(1)[0]
		last := p
		last.Slug, last.Name = "the-last", "The last"
		require.NoError(t, store.PutProducts(t.Context(), []domain.Product{p, last}))
		got, err := store.Product(t.Context(), "the-last")
		require.NoError(t, err)
		assert.Equal(t, last, got)
		_, err = store.Product(t.Context(), p.Slug)
		require.ErrorIs(t, err, domain.ErrNotFound)
	})
}

// complete is q as the use cases pass it on.
func complete(q domain.Query) domain.Query {
	q, err := q.Complete()
	if err != nil {
		panic(err)
	}
	return q
}

// catalog is n products that differ as those of a shop do.
func catalog(n int) []domain.Product {
	colours := []string{"red", "blue", "green", "black", "white", "copper", "oak", "linen", "silver", "amber"}
	things := []string{"kettle", "teapot", "lamp", "chair", "bowl", "knife", "basket", "candle", "mirror", "blanket", "stool", "vase", "clock", "shelf"}
	all := make([]domain.Product, n)
	for i := range all {
		colour, thing := colours[i%len(colours)], things[i/7%len(things)]
		all[i] = domain.Product{
			ID: domain.ProductID(fmt.Sprintf("p%06d", (i*7919)%1_000_000)), Slug: fmt.Sprintf("%s-%s-%d", colour, thing, i),
			Name:        fmt.Sprintf("%s %s %d", colour, thing, i),
			Description: fmt.Sprintf("A %s of the workshop number %d, made by hand to last; goes well with any %s.", thing, i%300, things[i/3%len(things)]),
			Category:    domain.Category{Slug: fmt.Sprint("category-", i%12), Name: fmt.Sprint("Category ", i%12)},
			Subcategory: domain.Category{Slug: fmt.Sprint("kind-", i%60), Name: fmt.Sprint("Kind ", i%60)},
			Price:       domain.Dollars(int64(100 + (i*7907)%40_000)), Stock: i % 5, Sold: (i * 31) % 1000,
			Rating:  domain.Rating{Sum: i % 50, Count: 10},
			Images:  []domain.Image{{URL: "/media/thing.svg", Alt: thing}},
			AddedAt: time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC).Add(time.Duration(i*37%9999) * time.Minute),
		}
	}
	return all
}

func BenchmarkSearch(b *testing.B) {
	store := memory.NewStore()
	require.NoError(b, store.PutProducts(b.Context(), catalog(20_000)))
	for _, c := range []struct {
		name string
		q    domain.Query
	}{
		{"everything", domain.Query{}},
		{"one word", domain.Query{Text: "kettle"}},
		{"prefix", domain.Query{Text: "copper ke"}},
		{"typo", domain.Query{Text: "keetle"}},
		{"category, price and stock", domain.Query{Category: "category-3", MinPrice: 2000, MaxPrice: 20_000, InStock: true, Sort: domain.ByPrice}},
		{"page 50", domain.Query{Page: domain.Page{Number: 50, Size: 100}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			q := complete(c.q)
			found, err := store.Search(b.Context(), q)
			require.NoError(b, err)
			require.NotEmpty(b, found.Products)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := store.Search(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzSearch(f *testing.F) {
	store := memory.NewStore()
	all := catalog(60)
	for i, name := range []string{"Crème brûlée", "Чайник", "茶壶", "İstanbul", "ΣΊΣΥΦΟΣ", "e\u0301te\u0301", "Straße 4711", "Tea-Pot & Cup"} {
		all[i].Name = name
	}
	require.NoError(f, store.PutProducts(f.Context(), all))
	for _, text := range []string{
		"", "kettle", "keetle", "RED kett", "ektlte", "crème brul", "чай", "茶", "İ", "ς", "e\u0301", "ß", "'%_\\", "!(a | b):*", "category 1",
		"…", "\u200d", "\U0001f375 tea", "a a a a a", "1 2 3", "ab\x00", "\xff\xfe",
	} {
		f.Add(text, "", int64(0), int64(0), false, 1, 24, 3)
	}
	f.Add("lamp", "category-1", int64(100), int64(30_000), true, 2, 5, 0)
	f.Add("of", "category-x", int64(-1), int64(1<<62), false, -1, 1<<40, -1)
	f.Fuzz(func(t *testing.T, text, category string, least, most int64, inStock bool, number, size, limit int) {
		page, err := domain.NewPage(number, size)
		if err != nil {
			return
		}
		q := domain.Query{Text: text, Category: category, MinPrice: least, MaxPrice: most, InStock: inStock, Page: page}
		if q.Check() != nil {
			return
		}
		for _, sort := range domain.Sorts {
			q.Sort = sort
			found, err := store.Search(t.Context(), q)
			require.NoError(t, err)
			require.LessOrEqual(t, len(found.Products), found.Total)
			require.LessOrEqual(t, len(found.Products), page.Size)
			again, err := store.Search(t.Context(), q)
			require.NoError(t, err)
			require.Equal(t, found, again)
		}

		suggested, err := store.Suggest(t.Context(), text, limit)
		require.NoError(t, err)
		require.LessOrEqual(t, len(suggested), max(limit, 0))
		found, err := store.Search(t.Context(), complete(domain.Query{Text: text, Page: domain.Page{Number: 1, Size: domain.MaxPageSize}}))
		require.NoError(t, err)
		for _, s := range suggested {
			require.True(t, slices.ContainsFunc(found.Products, func(p domain.Product) bool {
				return s.Kind == domain.SuggestProduct && s.Slug == p.Slug || s.Kind == domain.SuggestCategory && s.Slug == p.Category.Slug
			}), "%q suggests %q, which it does not find", text, s.Slug)
		}
	})
}
