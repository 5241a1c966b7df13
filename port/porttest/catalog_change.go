package porttest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func showingChanges(t *testing.T, open func(t *testing.T) shop) {
	t.Run("a change is found by what a product is now, and not by what it was", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p, aProduct(2, 1))
		searchFor(t, s.Catalog, domain.Query{Text: "tea"})
		p.Slug, p.Name, p.Description = "copper-kettle", "Copper kettle", "Whistles."
		p.Category, p.Subcategory = domain.Category{Slug: "garden", Name: "Garden"}, domain.Category{Slug: "kettles", Name: "Kettles"}
		p.Price, p.AddedAt = domain.Dollars(7777), noon.Add(24*time.Hour)
		p.Images = []domain.Image{{URL: "/media/kettle.svg", Alt: "a kettle"}, {URL: "/media/spout.svg", Alt: "a spout"}}
		keepProducts(t, s.Products, p)
		assertProduct(t, p, searchFor(t, s.Catalog, domain.Query{Text: "kettle"}).Products[0])
		for text, want := range map[string][]domain.ProductID{
			"whistles": {"product-0001"}, "copper": {"product-0001"}, "kettles": {"product-0001"},
			"tea": {"product-0002"}, "pours": {"product-0002"}, "copper tea": nil, "copper pours": nil,
		} {
			assert.Equal(t, want, productIDs(searchFor(t, s.Catalog, domain.Query{Text: text}).Products), text)
		}
		assert.Equal(t, []domain.ProductID{p.ID}, productIDs(searchFor(t, s.Catalog, domain.Query{Category: "garden", Subcategory: "kettles", MinPrice: 7777, MaxPrice: 7777}).Products))
		assert.Equal(t, []domain.ProductID{p.ID, "product-0002"}, productIDs(searchFor(t, s.Catalog, domain.Query{Sort: domain.ByPriceDown}).Products))
		assert.Equal(t, []domain.ProductID{p.ID, "product-0002"}, productIDs(searchFor(t, s.Catalog, domain.Query{Sort: domain.ByNewest}).Products))
	})
	t.Run("each text of a product may change alone, and is found by what it is now", func(t *testing.T) {
		for name, change := range map[string]func(p *domain.Product, text string){
			"name":        func(p *domain.Product, text string) { p.Name = text },
			"description": func(p *domain.Product, text string) { p.Description = text },
			"category":    func(p *domain.Product, text string) { p.Category.Name = text },
			"kind":        func(p *domain.Product, text string) { p.Subcategory.Name = text },
		} {
			t.Run(name, func(t *testing.T) {
				s, p := open(t), aProduct(1, 1)
				for _, c := range []struct{ now, before string }{{"whistle", "nowhere"}, {"burnish", "whistle"}, {"whistle", "burnish"}} {
					change(&p, c.now)
					keepProducts(t, s.Products, p)
					assert.Equal(t, 1, searchFor(t, s.Catalog, domain.Query{Text: c.now}).Total)
					assert.Zero(t, searchFor(t, s.Catalog, domain.Query{Text: c.before}).Total)
				}
			})
		}
	})
	t.Run("products that were refused are not found", func(t *testing.T) {
		s, p, clash := open(t), aProduct(1, 1), aProduct(2, 1)
		keepProducts(t, s.Products, p)
		clash.Slug, clash.Name = p.Slug, "Clash"
		require.ErrorIs(t, s.Products().PutProducts(t.Context(), []domain.Product{aProduct(3, 1), clash}), domain.ErrConflict)
		assert.Equal(t, []domain.ProductID{p.ID}, productIDs(searchFor(t, s.Catalog, domain.Query{}).Products))
		assert.Zero(t, searchFor(t, s.Catalog, domain.Query{Text: "clash"}).Total)
		assert.Equal(t, []domain.CategoryCount{{Category: p.Category, Count: 1}}, categoriesOf(t, s.Catalog))
	})
	t.Run("a product that was removed is found by nothing", func(t *testing.T) {
		s, p, stays := open(t), aProduct(1, 5), aProduct(2, 1)
		p.Category, p.Description = domain.Category{Slug: "garden", Name: "Garden"}, "Unlike any other of its kind."
		keepProducts(t, s.Products, p, stays)
		searchFor(t, s.Catalog, domain.Query{Text: "garden"})
		require.NoError(t, s.Products().RemoveProduct(t.Context(), p.ID))
		for _, sort := range domain.Sorts {
			for _, text := range []string{"", "tea"} {
				found := searchFor(t, s.Catalog, domain.Query{Text: text, Sort: sort})
				assert.Equal(t, []domain.ProductID{stays.ID}, productIDs(found.Products), sort)
				assert.Equal(t, 1, found.Total)
				assert.Equal(t, []domain.CategoryCount{{Category: stays.Category, Count: 1}}, found.Facets.Categories)
				assert.Equal(t, []domain.PriceCount{{PriceBand: domain.PriceBands[0], Count: 1}}, found.Facets.Prices)
				assert.Equal(t, 1, found.Facets.InStock)
			}
		}
		assert.Zero(t, searchFor(t, s.Catalog, domain.Query{Text: "unlike"}).Total)
		assert.Zero(t, searchFor(t, s.Catalog, domain.Query{Category: "garden"}).Total)
		assert.Equal(t, []domain.CategoryCount{{Category: stays.Category, Count: 1}}, categoriesOf(t, s.Catalog))
		assert.Equal(t, []domain.Suggestion{{Text: stays.Name, Slug: stays.Slug, Kind: domain.SuggestProduct}}, suggestFor(t, s.Catalog, "tea", 9))
		assert.Empty(t, suggestFor(t, s.Catalog, "garden", 9))
		keepProducts(t, s.Products, p)
		assert.Equal(t, []domain.ProductID{p.ID}, productIDs(searchFor(t, s.Catalog, domain.Query{Text: "unlike"}).Products), "it may come back")
	})
	t.Run("a word that left with its product may be a mistyped one from then on", func(t *testing.T) {
		s, leaves, stays := open(t), aProduct(1, 1), aProduct(2, 1)
		leaves.Name, stays.Name = "Kettle", "Kittle"
		keepProducts(t, s.Products, leaves, stays)
		searchFor(t, s.Catalog, domain.Query{Text: "kettle"})
		require.NoError(t, s.Products().RemoveProduct(t.Context(), leaves.ID))
		assert.Equal(t, []domain.ProductID{stays.ID}, productIDs(searchFor(t, s.Catalog, domain.Query{Text: "kettle"}).Products))
	})
	t.Run("the categories that have products come by name, with how many", func(t *testing.T) {
		s := open(t)
		assert.Empty(t, categoriesOf(t, s.Catalog))
		// In the order of their slugs they would come the other way round.
		attic, kitchen, zoo := domain.Category{Slug: "z", Name: "Attic"}, domain.Category{Slug: "k", Name: "Kitchen"}, domain.Category{Slug: "a", Name: "Zoo"}
		var all []domain.Product
		for n, category := range []domain.Category{kitchen, zoo, attic, zoo, kitchen, zoo} {
			p := aProduct(n, n%2)
			p.Category, p.Subcategory = category, domain.Category{Slug: fmt.Sprint("kind-", n), Name: fmt.Sprint("Kind ", n)}
			all = append(all, p)
		}
		keepProducts(t, s.Products, all...)
		assert.Equal(t, []domain.CategoryCount{{Category: attic, Count: 1}, {Category: kitchen, Count: 2}, {Category: zoo, Count: 3}}, categoriesOf(t, s.Catalog))
		require.NoError(t, s.Products().RemoveProduct(t.Context(), all[2].ID))
		all[0].Category = zoo
		keepProducts(t, s.Products, all[0])
		assert.Equal(t, []domain.CategoryCount{{Category: kitchen, Count: 1}, {Category: zoo, Count: 4}}, categoriesOf(t, s.Catalog), "one without products is left out")
	})
	t.Run("changing what came out changes nothing that is kept", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p)
		found := searchFor(t, s.Catalog, domain.Query{Category: "kitchen"})
		require.Len(t, found.Products, 1)
		found.Products[0].Images[0].URL, found.Products[0].Name = "/media/spoilt.svg", "Spoilt"
		found.Facets.Categories[0].Name, found.Facets.Subcategories[0].Name, found.Facets.Prices[0].Max = "Spoilt", "Spoilt", 1
		categories, err := s.Catalog().Categories(t.Context())
		require.NoError(t, err)
		categories[0].Name = "Spoilt"
		again := searchFor(t, s.Catalog, domain.Query{Category: "kitchen"})
		require.Len(t, again.Products, 1)
		assertProduct(t, p, again.Products[0])
		assert.Equal(t, domain.Facets{
			Categories:    []domain.CategoryCount{{Category: p.Category, Count: 1}},
			Subcategories: []domain.CategoryCount{{Category: p.Subcategory, Count: 1}},
			Prices:        []domain.PriceCount{{PriceBand: domain.PriceBands[0], Count: 1}},
			InStock:       1,
		}, again.Facets)
		assert.Equal(t, []domain.CategoryCount{{Category: p.Category, Count: 1}}, categoriesOf(t, s.Catalog))
	})
}

func cancellingCatalog(t *testing.T, open func(t *testing.T) shop) {
	for name, call := range map[string]func(context.Context, shop) error{
		"Search": func(ctx context.Context, s shop) error {
			_, err := s.Catalog().Search(ctx, domain.Query{Text: "tea"})
			return err
		}, "Suggest": func(ctx context.Context, s shop) error {
			_, err := s.Catalog().Suggest(ctx, "tea", 5)
			return err
		}, "Categories": func(ctx context.Context, s shop) error {
			_, err := s.Catalog().Categories(ctx)
			return err
		}} {
		t.Run(name+" that is cancelled is an error", func(t *testing.T) {
			s := open(t)
			keepProducts(t, s.Products, aProduct(1, 5))
			require.Error(t, call(cancelled(t), s))
		})
	}
}
