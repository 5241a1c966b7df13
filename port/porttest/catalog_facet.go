package porttest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func countingFacets(t *testing.T, open func(t *testing.T) shop) {
	a, b, c := domain.Category{Slug: "z-first", Name: "Attic"}, domain.Category{Slug: "m-second", Name: "Bath"}, domain.Category{Slug: "a-third", Name: "Cellar"}
	one, two := domain.Category{Slug: "z-one", Name: "Ewers"}, domain.Category{Slug: "a-two", Name: "Flasks"}
	band := func(i, count int) domain.PriceCount {
		return domain.PriceCount{PriceBand: domain.PriceBands[i], Count: count}
	}
	count := func(category domain.Category, n int) domain.CategoryCount {
		return domain.CategoryCount{Category: category, Count: n}
	}
	// shelf is n products alike.
	var all []domain.Product
	shelf := func(n int, category, kind domain.Category, price int64, stock int, name string) {
		for range n {
			p := aProduct(len(all), stock)
			p.Category, p.Subcategory, p.Price, p.Name = category, kind, domain.Dollars(price), name
			all = append(all, p)
		}
	}
	shelf(1, a, one, 2499, 1, "Red jug")
	shelf(2, a, one, 2500, 0, "Red jug")
	shelf(4, a, two, 4999, 1, "Red jug")
	shelf(8, b, one, 5000, 1, "Red jug")
	shelf(16, b, two, 25000, 0, "Red jug")
	shelf(32, a, one, 24999, 1, "Blue jug")
	shelf(3, c, two, 1, 0, "Blue jug")

	for name, test := range map[string]struct {
		q     domain.Query
		total int
		want  domain.Facets
	}{
		"nothing chosen": {domain.Query{}, 66, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 39), count(b, 24), count(c, 3)},
			Prices:     []domain.PriceCount{band(0, 4), band(1, 6), band(2, 8), band(3, 32), band(4, 16)}, InStock: 45,
		}},
		"a text": {domain.Query{Text: "red"}, 31, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 7), count(b, 24)},
			Prices:     []domain.PriceCount{band(0, 1), band(1, 6), band(2, 8), band(4, 16)}, InStock: 13,
		}},
		"a category": {domain.Query{Text: "red", Category: a.Slug}, 7, domain.Facets{
			Categories:    []domain.CategoryCount{count(a, 7), count(b, 24)},
			Subcategories: []domain.CategoryCount{count(one, 3), count(two, 4)},
			Prices:        []domain.PriceCount{band(0, 1), band(1, 6)}, InStock: 5,
		}},
		"a category and a kind": {domain.Query{Text: "red", Category: a.Slug, Subcategory: one.Slug}, 3, domain.Facets{
			Categories:    []domain.CategoryCount{count(a, 7), count(b, 24)},
			Subcategories: []domain.CategoryCount{count(one, 3), count(two, 4)},
			Prices:        []domain.PriceCount{band(0, 1), band(1, 2)}, InStock: 1,
		}},
		"a kind alone": {domain.Query{Text: "red", Subcategory: two.Slug}, 20, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 7), count(b, 24)},
			Prices:     []domain.PriceCount{band(1, 4), band(4, 16)}, InStock: 4,
		}},
		"a price": {domain.Query{MinPrice: 2500, MaxPrice: 5000}, 14, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 6), count(b, 8)},
			Prices:     []domain.PriceCount{band(0, 4), band(1, 6), band(2, 8), band(3, 32), band(4, 16)}, InStock: 12,
		}},
		"what is in stock": {domain.Query{InStock: true}, 45, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 37), count(b, 8)},
			Prices:     []domain.PriceCount{band(0, 1), band(1, 4), band(2, 8), band(3, 32)}, InStock: 45,
		}},
		"everything at once": {domain.Query{Text: "jug", Category: a.Slug, Subcategory: two.Slug, MaxPrice: 4999, InStock: true}, 4, domain.Facets{
			Categories:    []domain.CategoryCount{count(a, 5)},
			Subcategories: []domain.CategoryCount{count(one, 1), count(two, 4)},
			Prices:        []domain.PriceCount{band(1, 4)}, InStock: 4,
		}},
		"a choice that finds nothing": {domain.Query{Category: c.Slug, Subcategory: two.Slug, InStock: true}, 0, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 37), count(b, 8)},
		}},
		"a category that there is not": {domain.Query{Category: "nowhere", MinPrice: 25000}, 0, domain.Facets{
			Categories: []domain.CategoryCount{count(b, 16)},
		}},
		"a text that nothing has": {domain.Query{Text: "nowhere"}, 0, domain.Facets{}},
	} {
		t.Run("a facet counts with all other filters but not its own: "+name, func(t *testing.T) {
			s := open(t)
			keepProducts(t, s.Products, all...)
			require.NoError(t, test.q.Check())
			for _, sort := range []domain.Sort{"", domain.ByPrice} {
				test.q.Sort = sort
				found := searchFor(t, s.Catalog, test.q)
				assert.Equal(t, test.total, found.Total)
				assert.Equal(t, test.want, emptyAsNil(found.Facets))
			}
		})
	}
	t.Run("a facet tells what another choice would give", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, all...)
		total := func(q domain.Query) int { return searchFor(t, s.Catalog, q).Total }
		for _, q := range []domain.Query{
			{}, {Text: "blue", Category: a.Slug}, {Category: b.Slug, Subcategory: two.Slug}, {MinPrice: 2500, MaxPrice: 24999, InStock: true},
			{Category: a.Slug, MinPrice: 5000}, {Text: "red", Subcategory: one.Slug, InStock: true},
		} {
			facets := searchFor(t, s.Catalog, q).Facets
			for _, choice := range facets.Categories {
				other := q
				other.Category, other.Subcategory = choice.Slug, ""
				assert.Equal(t, total(other), choice.Count, "%+v %s", q, choice.Slug)
			}
			for _, choice := range facets.Subcategories {
				other := q
				other.Subcategory = choice.Slug
				assert.Equal(t, total(other), choice.Count, "%+v %s", q, choice.Slug)
			}
			for _, choice := range facets.Prices {
				other := q
				other.MinPrice, other.MaxPrice = choice.Min, choice.Max
				assert.Equal(t, total(other), choice.Count, "%+v %v", q, choice.PriceBand)
			}
			other := q
			other.InStock = true
			assert.Equal(t, total(other), facets.InStock, "%+v", q)
		}
	})
	t.Run("stock that changes and products that come and go are counted at once", func(t *testing.T) {
		s, first, second := open(t), aProduct(1, 1), aProduct(2, 0)
		second.Price = domain.Dollars(5000)
		keepProducts(t, s.Products, first, second)
		inStock := func() (int, []domain.ProductID) {
			found := searchFor(t, s.Catalog, domain.Query{Text: "tea", InStock: true, Sort: domain.ByPrice})
			assert.Equal(t, found.Total, found.Facets.InStock)
			return searchFor(t, s.Catalog, domain.Query{Text: "tea"}).Facets.InStock, productIDs(found.Products)
		}
		expect := func(want ...domain.ProductID) {
			t.Helper()
			n, ids := inStock()
			assert.Equal(t, len(want), n)
			assert.Equal(t, want, ids)
		}
		change := func(id domain.ProductID, delta int) {
			t.Helper()
			_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: id, Delta: delta, Reason: domain.StockCorrected, At: noon}, "")
			require.NoError(t, err)
		}
		expect(first.ID)
		change(second.ID, 3)
		expect(first.ID, second.ID)
		assert.Equal(t, 3, searchFor(t, s.Catalog, domain.Query{Sort: domain.ByPriceDown}).Products[0].Stock)
		change(first.ID, -1)
		expect(second.ID)
		change(second.ID, -2)
		expect(second.ID)
		keepProducts(t, s.Products, aProduct(3, 1))
		expect("product-0003", second.ID)
		require.NoError(t, s.Products().RemoveProduct(t.Context(), second.ID))
		expect("product-0003")
		assert.Equal(t, []domain.PriceCount{band(0, 2)}, searchFor(t, s.Catalog, domain.Query{}).Facets.Prices)
		moved := aProduct(3, 1)
		moved.Category, moved.Price = c, domain.Dollars(25000)
		keepProducts(t, s.Products, moved)
		facets := searchFor(t, s.Catalog, domain.Query{Category: c.Slug}).Facets
		assert.Equal(t, domain.Facets{
			Categories: []domain.CategoryCount{count(c, 1), count(first.Category, 1)}, Subcategories: []domain.CategoryCount{count(moved.Subcategory, 1)},
			Prices: []domain.PriceCount{band(4, 1)}, InStock: 1,
		}, facets)
	})
}

// emptyAsNil makes facets without choices compare equal, however an adapter says none.
func emptyAsNil(f domain.Facets) domain.Facets {
	if len(f.Categories) == 0 {
		f.Categories = nil
	}
	if len(f.Subcategories) == 0 {
		f.Subcategories = nil
	}
	if len(f.Prices) == 0 {
		f.Prices = nil
	}
	return f
}
