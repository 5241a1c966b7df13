package porttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Products holds an adapter to the promises of port.Products. open gives a
// catalog with nothing in it.
func Products(t *testing.T, open func(*testing.T) (a, b port.Products)) {
	run(t, open, inTurns,
		findingProducts, puttingProducts, updatingProducts, removingProducts, changingStock, sortingAndPaging,
		filtering, searchingText, countingFacets, suggesting, readingWhileWriting, cancellingProducts)
}

func findingProducts(t *testing.T, open func(t *testing.T) turns[port.Products]) {
	t.Run("a product is found by its id and by its slug, as it was put", func(t *testing.T) {
		products, p := open(t), aProduct(1, 5)
		p.Rating, p.Sold = domain.Rating{Sum: 9, Count: 2}, 7
		p.Images = append(p.Images, domain.Image{URL: "/media/lid.svg", Alt: "its lid"})
		p.Description = "Pours — “without a drop”\nbeside the cup; 100% café-proof, it's said. 茶"
		keepProducts(t, products, aProduct(0, 1), p, aProduct(2, 1))
		assertProduct(t, p, productBy(t, products, "product-0001"))
		assertProduct(t, p, productBy(t, products, "tea-pot-0001"))
	})
	t.Run("a product without images or description has none", func(t *testing.T) {
		products, p := open(t), aProduct(1, 0)
		p.Images, p.Description = nil, ""
		keepProducts(t, products, p)
		assertProduct(t, p, productBy(t, products, string(p.ID)))
	})
	t.Run("an id beats a slug", func(t *testing.T) {
		byID, bySlug := aProduct(1, 1), aProduct(2, 1)
		bySlug.Slug = string(byID.ID)
		for _, all := range [][]domain.Product{{byID, bySlug}, {bySlug, byID}} {
			products := open(t)
			keepProducts(t, products, all...)
			assert.Equal(t, byID.ID, productBy(t, products, string(byID.ID)).ID)
		}
	})
	t.Run("a product that is not there is not found", func(t *testing.T) {
		products := open(t)
		assertNoProduct(t, products, "product-0001")
		keepProducts(t, products, aProduct(1, 1))
		assertNoProduct(t, products, "product-0002")
		assertNoProduct(t, products, "tea-pot-0002")
		assertNoProduct(t, products, "product-000")
		assertNoProduct(t, products, "product%")
	})
	t.Run("of the products named those come that are there, each once", func(t *testing.T) {
		products := open(t)
		keepProducts(t, products, aProduct(1, 1), aProduct(2, 1), aProduct(3, 1))
		found, err := products().Products(t.Context(), []domain.ProductID{"product-0003", "product-0009", "tea-pot-0002", "product-0001", "product-0003"})
		require.NoError(t, err)
		assert.ElementsMatch(t, []domain.ProductID{"product-0001", "product-0003"}, productIDs(found))
		for _, p := range found {
			assertProduct(t, productBy(t, products, string(p.ID)), p)
		}
		found, err = products().Products(t.Context(), nil)
		require.NoError(t, err)
		assert.Empty(t, found)
	})
	t.Run("changing what went in or came out changes nothing that is kept", func(t *testing.T) {
		products, p := open(t), aProduct(1, 5)
		put := []domain.Product{p}
		put[0].Images = slices.Clone(p.Images)
		keepProducts(t, products, put...)
		spoil := func(p *domain.Product) { p.Images[0].URL, p.Name = "/media/spoilt.svg", "Spoilt" }
		spoil(&put[0])
		assertProduct(t, p, productBy(t, products, string(p.ID)))

		for _, ref := range []string{string(p.ID), p.Slug} {
			got := productBy(t, products, ref)
			spoil(&got)
			assertProduct(t, p, productBy(t, products, ref))
		}
		named, err := products().Products(t.Context(), []domain.ProductID{p.ID})
		require.NoError(t, err)
		require.Len(t, named, 1)
		spoil(&named[0])
		found := searchFor(t, products, domain.Query{Category: "kitchen"})
		require.Len(t, found.Products, 1)
		spoil(&found.Products[0])
		found.Facets.Categories[0].Name, found.Facets.Subcategories[0].Name, found.Facets.Prices[0].Max = "Spoilt", "Spoilt", 1
		categories, err := products().Categories(t.Context())
		require.NoError(t, err)
		categories[0].Name = "Spoilt"
		movements := movementsOf(t, products, p.ID)
		movements[0].Delta = 99

		assertProduct(t, p, productBy(t, products, string(p.ID)))
		again := searchFor(t, products, domain.Query{Category: "kitchen"})
		require.Len(t, again.Products, 1)
		assertProduct(t, p, again.Products[0])
		assert.Equal(t, domain.Facets{
			Categories:    []domain.CategoryCount{{Category: p.Category, Count: 1}},
			Subcategories: []domain.CategoryCount{{Category: p.Subcategory, Count: 1}},
			Prices:        []domain.PriceCount{{PriceBand: domain.PriceBands[0], Count: 1}},
			InStock:       1,
		}, again.Facets)
		assert.Equal(t, []domain.CategoryCount{{Category: p.Category, Count: 1}}, categoriesOf(t, products))
		assert.Equal(t, 5, movementsOf(t, products, p.ID)[0].Delta)

		put = []domain.Product{p}
		put[0].Images = slices.Clone(p.Images)
		keepProducts(t, products, put...)
		spoil(&put[0])
		assertProduct(t, p, productBy(t, products, string(p.ID)))
	})
	t.Run("the categories that have products come by name, with how many", func(t *testing.T) {
		products := open(t)
		assert.Empty(t, categoriesOf(t, products))
		// In the order of their slugs they would come the other way round.
		attic, kitchen, zoo := domain.Category{Slug: "z", Name: "Attic"}, domain.Category{Slug: "k", Name: "Kitchen"}, domain.Category{Slug: "a", Name: "Zoo"}
		var all []domain.Product
		for n, category := range []domain.Category{kitchen, zoo, attic, zoo, kitchen, zoo} {
			p := aProduct(n, n%2)
			p.Category, p.Subcategory = category, domain.Category{Slug: fmt.Sprint("kind-", n), Name: fmt.Sprint("Kind ", n)}
			all = append(all, p)
		}
		keepProducts(t, products, all...)
		assert.Equal(t, []domain.CategoryCount{{Category: attic, Count: 1}, {Category: kitchen, Count: 2}, {Category: zoo, Count: 3}}, categoriesOf(t, products))
		require.NoError(t, products().RemoveProduct(t.Context(), all[2].ID))
		all[0].Category = zoo
		keepProducts(t, products, all[0])
		assert.Equal(t, []domain.CategoryCount{{Category: kitchen, Count: 1}, {Category: zoo, Count: 4}}, categoriesOf(t, products), "one without products is left out")
	})
}

func puttingProducts(t *testing.T, open func(t *testing.T) turns[port.Products]) {
	t.Run("a change is seen at once, and what it was before is gone", func(t *testing.T) {
		products, p := open(t), aProduct(1, 5)
		keepProducts(t, products, p, aProduct(2, 1))
		searchFor(t, products, domain.Query{Text: "tea"})
		p.Slug, p.Name, p.Description = "copper-kettle", "Copper kettle", "Whistles."
		p.Category, p.Subcategory = domain.Category{Slug: "garden", Name: "Garden"}, domain.Category{Slug: "kettles", Name: "Kettles"}
		p.Price, p.Rating, p.AddedAt = domain.Dollars(7777), domain.Rating{Sum: 5, Count: 1}, noon.Add(24*time.Hour)
		p.Images = []domain.Image{{URL: "/media/kettle.svg", Alt: "a kettle"}, {URL: "/media/spout.svg", Alt: "a spout"}}
		keepProducts(t, products, p)

		assertProduct(t, p, productBy(t, products, string(p.ID)))
		assertProduct(t, p, productBy(t, products, "copper-kettle"))
		assertNoProduct(t, products, "tea-pot-0001")
		for text, want := range map[string][]domain.ProductID{
			"whistles": {"product-0001"}, "copper": {"product-0001"}, "kettles": {"product-0001"},
			"tea": {"product-0002"}, "pours": {"product-0002"}, "copper tea": nil, "copper pours": nil,
		} {
			assert.Equal(t, want, productIDs(searchFor(t, products, domain.Query{Text: text}).Products), text)
		}
		assert.Equal(t, []domain.ProductID{p.ID}, productIDs(searchFor(t, products, domain.Query{Category: "garden", Subcategory: "kettles", MinPrice: 7777, MaxPrice: 7777}).Products))
		assert.Equal(t, []domain.ProductID{p.ID, "product-0002"}, productIDs(searchFor(t, products, domain.Query{Sort: domain.ByPriceDown}).Products))
		assert.Equal(t, []domain.ProductID{p.ID, "product-0002"}, productIDs(searchFor(t, products, domain.Query{Sort: domain.ByNewest}).Products))
	})
	t.Run("each text of a product may change alone, and is found by what it is now", func(t *testing.T) {
		for name, change := range map[string]func(p *domain.Product, text string){
			"name":        func(p *domain.Product, text string) { p.Name = text },
			"description": func(p *domain.Product, text string) { p.Description = text },
			"category":    func(p *domain.Product, text string) { p.Category.Name = text },
			"kind":        func(p *domain.Product, text string) { p.Subcategory.Name = text },
		} {
			t.Run(name, func(t *testing.T) {
				products, p := open(t), aProduct(1, 1)
				for _, c := range []struct{ now, before string }{{"whistle", "nowhere"}, {"burnish", "whistle"}, {"whistle", "burnish"}} {
					change(&p, c.now)
					keepProducts(t, products, p)
					assert.Equal(t, 1, searchFor(t, products, domain.Query{Text: c.now}).Total)
					assert.Zero(t, searchFor(t, products, domain.Query{Text: c.before}).Total)
				}
			})
		}
	})
	t.Run("a change leaves the stock and the number sold as they are", func(t *testing.T) {
		products, p := open(t), aProduct(1, 5)
		p.Sold = 3
		keepProducts(t, products, p)
		_, err := products().ChangeStock(t.Context(), p.ID, 2, domain.StockReceived, noon)
		require.NoError(t, err)
		p.Stock, p.Sold, p.Name = 0, 50, "Better tea pot"
		keepProducts(t, products, p)
		p.Stock, p.Sold = 7, 3
		assertProduct(t, p, productBy(t, products, string(p.ID)))
		assert.Len(t, movementsOf(t, products, p.ID), 2, "what was there is not received again")
		assert.Equal(t, 1, searchFor(t, products, domain.Query{InStock: true}).Total)
	})
	t.Run("the stock of a new one is received when it was added", func(t *testing.T) {
		products, p := open(t), aProduct(1, 5)
		keepProducts(t, products, p, aProduct(2, 0))
		assert.Equal(t, []domain.StockMovement{{Product: p.ID, Delta: 5, Reason: domain.StockReceived, At: p.AddedAt}}, movementsOf(t, products, p.ID))
		assert.Empty(t, movementsOf(t, products, "product-0002"), "no stock is no movement")
	})
	t.Run("a slug that another product has is a conflict, and none of the products is kept", func(t *testing.T) {
		clash, clashing := aProduct(8, 1), aProduct(3, 1)
		clash.Slug = aProduct(1, 0).Slug
		clashing.Slug = clash.Slug
		changed := aProduct(2, 1)
		changed.Name, changed.Slug = "Changed", "changed"
		taken, twin := aProduct(6, 1), aProduct(7, 1)
		twin.Slug = taken.Slug
		for name, batch := range map[string][]domain.Product{
			"a new one, last":      {aProduct(9, 4), changed, clash},
			"a new one, first":     {clash, changed, aProduct(9, 4)},
			"one that is there":    {aProduct(9, 4), changed, clashing},
			"two of the same call": {aProduct(9, 4), changed, taken, twin},
		} {
			t.Run(name, func(t *testing.T) {
				products := open(t)
				kept := []domain.Product{aProduct(1, 1), aProduct(2, 1), aProduct(3, 1)}
				keepProducts(t, products, kept...)
				requireCode(t, products().PutProducts(t.Context(), batch), domain.ErrConflict, domain.CodeSlugTaken)
				for _, p := range kept {
					assertProduct(t, p, productBy(t, products, string(p.ID)))
					assertProduct(t, p, productBy(t, products, p.Slug))
					assert.Len(t, movementsOf(t, products, p.ID), 1)
				}
				for _, ref := range []string{"product-0009", "tea-pot-0009", "changed", "product-0008", "product-0006", "tea-pot-0006", "product-0007"} {
					assertNoProduct(t, products, ref)
				}
				assert.Empty(t, movementsOf(t, products, "product-0009"))
				assert.Equal(t, productIDs(kept), productIDs(searchFor(t, products, domain.Query{Sort: domain.ByPrice}).Products))
				assert.Zero(t, searchFor(t, products, domain.Query{Text: "changed"}).Total)
				assert.Equal(t, []domain.CategoryCount{{Category: kept[0].Category, Count: 3}}, categoriesOf(t, products))
				keepProducts(t, products, aProduct(9, 4))
			})
		}
	})
	t.Run("a slug that is free again may be taken", func(t *testing.T) {
		products, p := open(t), aProduct(1, 1)
		keepProducts(t, products, p)
		p.Slug = "new-address"
		keepProducts(t, products, p)
		heir := aProduct(2, 1)
		heir.Slug = "tea-pot-0001"
		keepProducts(t, products, heir)
		assert.Equal(t, heir.ID, productBy(t, products, "tea-pot-0001").ID)
		assert.Equal(t, p.ID, productBy(t, products, "new-address").ID)

		require.NoError(t, products().RemoveProduct(t.Context(), p.ID))
		last := aProduct(3, 1)
		last.Slug = "new-address"
		keepProducts(t, products, last)
		assert.Equal(t, last.ID, productBy(t, products, "new-address").ID)
	})
	t.Run("no products are no error", func(t *testing.T) { keepProducts(t, open(t)) })
	t.Run("of several products that want one slug at once one gets it", func(t *testing.T) {
		products := open(t)
		errs := make([]error, 10)
		atOnce(len(errs), func(i int) {
			p := aProduct(i, 1)
			p.Slug = "wanted"
			errs[i] = products().PutProducts(t.Context(), []domain.Product{p})
		})
		kept := 0
		for _, err := range errs {
			if err == nil {
				kept++
				continue
			}
			requireCode(t, err, domain.ErrConflict, domain.CodeSlugTaken)
		}
		assert.Equal(t, 1, kept)
		assert.Equal(t, 1, searchFor(t, products, domain.Query{}).Total)
	})
	t.Run("a new product that is put by several at once is received once", func(t *testing.T) {
		products, p := open(t), aProduct(1, 5)
		errs := make([]error, 10)
		atOnce(len(errs), func(i int) { errs[i] = products().PutProducts(t.Context(), []domain.Product{p}) })
		require.NoError(t, errors.Join(errs...))
		assertProduct(t, p, productBy(t, products, string(p.ID)))
		assert.Len(t, movementsOf(t, products, p.ID), 1)
	})
}

func updatingProducts(t *testing.T, open func(t *testing.T) turns[port.Products]) {
	t.Run("an update is passed what is kept, and what it makes of that is kept and comes back", func(t *testing.T) {
		products, p := open(t), aProduct(1, 5)
		p.Sold = 3
		keepProducts(t, products, p, aProduct(2, 1))
		searchFor(t, products, domain.Query{Text: "tea"})
		want := p
		want.Slug, want.Name, want.Price = "copper-kettle", "Copper kettle", domain.Dollars(7777)
		want.Category, want.Subcategory = domain.Category{Slug: "garden", Name: "Garden"}, domain.Category{Slug: "kettles", Name: "Kettles"}
		want.Images = []domain.Image{{URL: "/media/kettle.svg", Alt: "a kettle"}}
		got, err := products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error {
			assertProduct(t, p, *kept)
			*kept = want
			kept.ID, kept.Stock, kept.Sold = "product-0009", 50, 70
			return nil
		})
		require.NoError(t, err)
		assertProduct(t, want, got)
		got.Images[0].URL = "/media/spoilt.svg"
		want.Images[0].URL = "/media/kettle.svg"
		assertProduct(t, want, productBy(t, products, string(p.ID)))
		assertProduct(t, want, productBy(t, products, "copper-kettle"))
		assertNoProduct(t, products, "tea-pot-0001")
		assertNoProduct(t, products, "product-0009")
		assert.Equal(t, []domain.ProductID{p.ID}, productIDs(searchFor(t, products, domain.Query{Text: "copper", Category: "garden", Subcategory: "kettles"}).Products))
		assert.Len(t, movementsOf(t, products, p.ID), 1, "what was there is not received again")
	})
	t.Run("an update that fails keeps nothing", func(t *testing.T) {
		products, p := open(t), aProduct(1, 5)
		keepProducts(t, products, p, aProduct(2, 1))
		fault := errors.New("no")
		_, err := products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error {
			kept.Name, kept.Images[0].URL = "Spoilt", "/media/spoilt.svg"
			return fault
		})
		require.ErrorIs(t, err, fault)
		_, err = products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error {
			kept.Name, kept.Slug = "Spoilt", aProduct(2, 1).Slug
			return nil
		})
		requireCode(t, err, domain.ErrConflict, domain.CodeSlugTaken)
		assertProduct(t, p, productBy(t, products, string(p.ID)))
		assert.Zero(t, searchFor(t, products, domain.Query{Text: "spoilt"}).Total)
	})
	t.Run("a product that is not there cannot be updated", func(t *testing.T) {
		products := open(t)
		keepProducts(t, products, aProduct(1, 1))
		for _, id := range []domain.ProductID{"product-0009", "tea-pot-0001"} {
			_, err := products().UpdateProduct(t.Context(), id, func(*domain.Product) error {
				assert.Fail(t, "there is nothing to change")
				return nil
			})
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
	})
	t.Run("no update of several at once is lost", func(t *testing.T) {
		products, p := open(t), aProduct(1, 5)
		keepProducts(t, products, p)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			_, errs[i] = products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error {
				giveWay()
				kept.Price.Amount++
				return nil
			})
		})
		require.NoError(t, errors.Join(errs...))
		p.Price.Amount += int64(len(errs))
		assertProduct(t, p, productBy(t, products, string(p.ID)))
	})
	t.Run("no update brings a product back that was removed meanwhile", func(t *testing.T) {
		for range 5 {
			products, p := open(t), aProduct(1, 5)
			keepProducts(t, products, p)
			atOnce(6, func(i int) {
				if i == 3 {
					assert.NoError(t, products().RemoveProduct(t.Context(), p.ID))
					return
				}
				_, err := products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error {
					kept.Price.Amount++
					return nil
				})
				if err != nil {
					assert.ErrorIs(t, err, domain.ErrNotFound)
				}
			})
			assertNoProduct(t, products, string(p.ID))
			assert.Zero(t, searchFor(t, products, domain.Query{}).Total)
		}
	})
}

func removingProducts(t *testing.T, open func(t *testing.T) turns[port.Products]) {
	t.Run("a product that was removed is found nowhere, and its movements stay", func(t *testing.T) {
		products, p, stays := open(t), aProduct(1, 5), aProduct(2, 1)
		p.Category, p.Description = domain.Category{Slug: "garden", Name: "Garden"}, "Unlike any other of its kind."
		keepProducts(t, products, p, stays)
		_, err := products().ChangeStock(t.Context(), p.ID, -2, domain.StockCorrected, noon.Add(time.Hour))
		require.NoError(t, err)
		before := movementsOf(t, products, p.ID)
		require.Len(t, before, 2)
		searchFor(t, products, domain.Query{Text: "garden"})

		require.NoError(t, products().RemoveProduct(t.Context(), p.ID))
		assertNoProduct(t, products, string(p.ID))
		assertNoProduct(t, products, p.Slug)
		named, err := products().Products(t.Context(), []domain.ProductID{p.ID, stays.ID})
		require.NoError(t, err)
		assert.Equal(t, []domain.ProductID{stays.ID}, productIDs(named))
		for _, sort := range domain.Sorts {
			for _, text := range []string{"", "tea"} {
				found := searchFor(t, products, domain.Query{Text: text, Sort: sort})
				assert.Equal(t, []domain.ProductID{stays.ID}, productIDs(found.Products), sort)
				assert.Equal(t, 1, found.Total)
				assert.Equal(t, []domain.CategoryCount{{Category: stays.Category, Count: 1}}, found.Facets.Categories)
				assert.Equal(t, []domain.PriceCount{{PriceBand: domain.PriceBands[0], Count: 1}}, found.Facets.Prices)
				assert.Equal(t, 1, found.Facets.InStock)
			}
		}
		assert.Zero(t, searchFor(t, products, domain.Query{Text: "unlike"}).Total)
		assert.Zero(t, searchFor(t, products, domain.Query{Category: "garden"}).Total)
		assert.Equal(t, []domain.CategoryCount{{Category: stays.Category, Count: 1}}, categoriesOf(t, products))
		assert.Equal(t, []domain.Suggestion{{Text: stays.Name, Slug: stays.Slug, Kind: domain.SuggestProduct}}, suggestFor(t, products, "tea", 9))
		assert.Empty(t, suggestFor(t, products, "garden", 9))
		assert.Equal(t, before, movementsOf(t, products, p.ID))

		require.ErrorIs(t, products().RemoveProduct(t.Context(), p.ID), domain.ErrNotFound)
		_, err = products().ChangeStock(t.Context(), p.ID, 1, domain.StockReceived, noon)
		require.ErrorIs(t, err, domain.ErrNotFound)
		assert.Equal(t, before, movementsOf(t, products, p.ID))
	})
	t.Run("a word that left with its product may be a mistyped one from then on", func(t *testing.T) {
		products, leaves, stays := open(t), aProduct(1, 1), aProduct(2, 1)
		leaves.Name, stays.Name = "Kettle", "Kittle"
		keepProducts(t, products, leaves, stays)
		searchFor(t, products, domain.Query{Text: "kettle"})
		require.NoError(t, products().RemoveProduct(t.Context(), leaves.ID))
		assert.Equal(t, []domain.ProductID{stays.ID}, productIDs(searchFor(t, products, domain.Query{Text: "kettle"}).Products))
	})
	t.Run("a product that was never there cannot be removed", func(t *testing.T) {
		products := open(t)
		keepProducts(t, products, aProduct(1, 1))
		require.ErrorIs(t, products().RemoveProduct(t.Context(), "product-0009"), domain.ErrNotFound)
		require.ErrorIs(t, products().RemoveProduct(t.Context(), "tea-pot-0001"), domain.ErrNotFound, "a slug is not an id")
		assert.Equal(t, 1, searchFor(t, products, domain.Query{}).Total)
	})
	t.Run("a product that was removed may be put again, and its movements add up to its stock", func(t *testing.T) {
		products := open(t)
		for _, stock := range []int{0, 3, 5, 9} {
			first := aProduct(1, 5)
			keepProducts(t, products, first, aProduct(2, 1))
			_, err := products().ChangeStock(t.Context(), first.ID, -1, domain.StockCorrected, noon.Add(time.Hour))
			require.NoError(t, err)
			before := movementsOf(t, products, first.ID)
			require.NoError(t, products().RemoveProduct(t.Context(), first.ID))

			again := aProduct(1, stock)
			again.Sold, again.Name, again.AddedAt = 2, "Tea pot reborn", noon.Add(48*time.Hour)
			keepProducts(t, products, again)
			assertProduct(t, again, productBy(t, products, string(again.ID)))
			assertProduct(t, again, productBy(t, products, again.Slug))
			assert.Equal(t, []domain.ProductID{again.ID}, productIDs(searchFor(t, products, domain.Query{Text: "reborn"}).Products))
			movements := movementsOf(t, products, again.ID)
			assert.Equal(t, before, movements[:len(before)], "what was stays")
			assertAddsUp(t, stock, movements)
			require.NoError(t, products().RemoveProduct(t.Context(), again.ID))
		}
	})
	t.Run("of several who remove a product at once one does", func(t *testing.T) {
		products := open(t)
		keepProducts(t, products, aProduct(1, 1))
		errs := make([]error, 10)
		atOnce(len(errs), func(i int) { errs[i] = products().RemoveProduct(t.Context(), "product-0001") })
		removed := 0
		for _, err := range errs {
			if err == nil {
				removed++
				continue
			}
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
		assert.Equal(t, 1, removed)
	})
}

func changingStock(t *testing.T, open func(t *testing.T) turns[port.Products]) {
	t.Run("a change of stock is kept, and its movement after all before", func(t *testing.T) {
		products, p := open(t), aProduct(1, 5)
		keepProducts(t, products, p, aProduct(2, 1))
		want := movementsOf(t, products, p.ID)
		stock := 5
		for i, c := range []struct {
			delta  int
			reason domain.MovementReason
		}{{3, domain.StockReceived}, {-7, domain.StockCorrected}, {-1, domain.StockCorrected}, {12, domain.StockReceived}, {12, domain.StockReceived}} {
			// The last ones are at the same time, and still one after the other.
			at := noon.Add(time.Duration(min(i, 2)+1) * time.Hour)
			got, err := products().ChangeStock(t.Context(), p.ID, c.delta, c.reason, at)
			require.NoError(t, err)
			stock += c.delta
			assert.Equal(t, stock, got)
			assert.Equal(t, stock, productBy(t, products, string(p.ID)).Stock)
			want = append(want, domain.StockMovement{Product: p.ID, Delta: c.delta, Reason: c.reason, At: at})
			assert.Equal(t, want, movementsOf(t, products, p.ID))
		}
		assert.Equal(t, 1, productBy(t, products, "product-0002").Stock)
		assert.Len(t, movementsOf(t, products, "product-0002"), 1, "another's stays as it is")
	})
	t.Run("stock stays from none to the most that is counted", func(t *testing.T) {
		for name, c := range map[string]struct {
			stock, delta int
			want         int // -1 is a conflict
		}{
			"to the last one":          {3, -3, 0},
			"below none":               {3, -4, -1},
			"below none from none":     {0, -1, -1},
			"up to the most":           {1, domain.MaxStock - 1, domain.MaxStock},
			"past the most":            {1, domain.MaxStock, -1},
			"past the most by one":     {domain.MaxStock, 1, -1},
			"from the most to none":    {domain.MaxStock, -domain.MaxStock, 0},
			"so many that it overruns": {5, math.MaxInt, -1},
			"so few that it overruns":  {5, math.MinInt, -1},
		} {
			t.Run(name, func(t *testing.T) {
				products, p := open(t), aProduct(1, c.stock)
				keepProducts(t, products, p)
				before := movementsOf(t, products, p.ID)
				got, err := products().ChangeStock(t.Context(), p.ID, c.delta, domain.StockCorrected, noon)
				if c.want >= 0 {
					require.NoError(t, err)
					assert.Equal(t, c.want, got)
					assertAddsUp(t, c.want, movementsOf(t, products, p.ID))
					assert.Equal(t, c.want, productBy(t, products, string(p.ID)).Stock)
					return
				}
				requireCode(t, err, domain.ErrConflict, domain.CodeStockBounds)
				assert.Equal(t, c.stock, productBy(t, products, string(p.ID)).Stock)
				assert.Equal(t, before, movementsOf(t, products, p.ID))
			})
		}
	})
	t.Run("the stock of a product that is not there does not change", func(t *testing.T) {
		products := open(t)
		_, err := products().ChangeStock(t.Context(), "product-0001", 1, domain.StockReceived, noon)
		require.ErrorIs(t, err, domain.ErrNotFound)
		assert.Empty(t, movementsOf(t, products, "product-0001"))
		keepProducts(t, products, aProduct(1, 1))
		_, err = products().ChangeStock(t.Context(), "tea-pot-0001", 1, domain.StockReceived, noon)
		require.ErrorIs(t, err, domain.ErrNotFound, "a slug is not an id")
	})
	t.Run("changes of many at once add up", func(t *testing.T) {
		products, p := open(t), aProduct(1, 1000)
		keepProducts(t, products, p)
		errs := make([]error, 50)
		want := p.Stock
		for i := range errs {
			want += i - 20
		}
		atOnce(len(errs), func(i int) {
			delta := i - 20
			if delta == 0 {
				return
			}
			_, errs[i] = products().ChangeStock(t.Context(), p.ID, delta, domain.StockCorrected, noon)
		})
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, want, productBy(t, products, string(p.ID)).Stock)
		movements := movementsOf(t, products, p.ID)
		assert.Len(t, movements, 50)
		assertAddsUp(t, want, movements)
	})
	t.Run("of many who take the last ones at once no more succeed than there are", func(t *testing.T) {
		products, p := open(t), aProduct(1, 10)
		keepProducts(t, products, p)
		left, errs := make([]int, 50), make([]error, 50)
		atOnce(len(errs), func(i int) {
			left[i], errs[i] = products().ChangeStock(t.Context(), p.ID, -1, domain.StockCorrected, noon)
		})
		var seen []int
		for i, err := range errs {
			if err == nil {
				seen = append(seen, left[i])
				continue
			}
			requireCode(t, err, domain.ErrConflict, domain.CodeStockBounds)
		}
		assert.ElementsMatch(t, []int{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, seen, "each is told the stock that it left")
		assert.Zero(t, productBy(t, products, string(p.ID)).Stock)
		movements := movementsOf(t, products, p.ID)
		assert.Len(t, movements, 11)
		assertAddsUp(t, 0, movements)
	})
	t.Run("changing a product at once with its stock loses neither", func(t *testing.T) {
		products, p := open(t), aProduct(1, 100)
		keepProducts(t, products, p)
		errs := make([]error, 60)
		atOnce(len(errs), func(i int) {
			switch i % 3 {
			case 0:
				_, errs[i] = products().ChangeStock(t.Context(), p.ID, 1, domain.StockReceived, noon)
				return
			case 1:
				for range 5 {
					got, err := products().Product(t.Context(), p.Slug)
					if err == nil && (got.Stock < 100 || got.Stock > 120) {
						err = fmt.Errorf("%d in stock", got.Stock)
					}
					errs[i] = errors.Join(errs[i], err)
				}
				return
			}
			changed := p
			changed.Price = domain.Dollars(4242)
			errs[i] = products().PutProducts(t.Context(), []domain.Product{changed})
		})
		require.NoError(t, errors.Join(errs...))
		got := productBy(t, products, string(p.ID))
		assert.Equal(t, 120, got.Stock)
		assert.Equal(t, domain.Dollars(4242), got.Price)
		assertAddsUp(t, 120, movementsOf(t, products, p.ID))
	})
}

func cancellingProducts(t *testing.T, open func(t *testing.T) turns[port.Products]) {
	changed := aProduct(1, 5)
	changed.Name = "Changed"
	for name, call := range map[string]func(context.Context, turns[port.Products]) error{
		"Product": func(ctx context.Context, products turns[port.Products]) error {
			_, err := products().Product(ctx, "product-0001")
			return err
		},
		"Products": func(ctx context.Context, products turns[port.Products]) error {
			_, err := products().Products(ctx, []domain.ProductID{"product-0001"})
			return err
		},
		"Search": func(ctx context.Context, products turns[port.Products]) error {
			_, err := products().Search(ctx, domain.Query{Text: "tea"})
			return err
		},
		"Suggest": func(ctx context.Context, products turns[port.Products]) error {
			_, err := products().Suggest(ctx, "tea", 5)
			return err
		},
		"Categories": func(ctx context.Context, products turns[port.Products]) error {
			_, err := products().Categories(ctx)
			return err
		},
		"PutProducts": func(ctx context.Context, products turns[port.Products]) error {
			return products().PutProducts(ctx, []domain.Product{changed, aProduct(2, 3)})
		},
		"UpdateProduct": func(ctx context.Context, products turns[port.Products]) error {
			_, err := products().UpdateProduct(ctx, "product-0001", func(p *domain.Product) error {
				p.Name = "Changed"
				return nil
			})
			return err
		},
		"RemoveProduct": func(ctx context.Context, products turns[port.Products]) error {
			return products().RemoveProduct(ctx, "product-0001")
		},
		"ChangeStock": func(ctx context.Context, products turns[port.Products]) error {
			_, err := products().ChangeStock(ctx, "product-0001", 1, domain.StockReceived, noon)
			return err
		},
		"Movements": func(ctx context.Context, products turns[port.Products]) error {
			_, err := products().Movements(ctx, "product-0001")
			return err
		},
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			products, p := open(t), aProduct(1, 5)
			keepProducts(t, products, p)
			require.Error(t, call(cancelled(t), products))
			assertProduct(t, p, productBy(t, products, string(p.ID)))
			assert.Equal(t, 1, searchFor(t, products, domain.Query{}).Total)
			assert.Len(t, movementsOf(t, products, p.ID), 1)
			assert.Empty(t, movementsOf(t, products, "product-0002"))
		})
	}
}

func keepProducts(t *testing.T, products turns[port.Products], all ...domain.Product) {
	t.Helper()
	require.NoError(t, products().PutProducts(t.Context(), all))
}

func productBy(t *testing.T, products turns[port.Products], ref string) domain.Product {
	t.Helper()
	p, err := products().Product(t.Context(), ref)
	require.NoError(t, err)
	return p
}

func assertNoProduct(t *testing.T, products turns[port.Products], ref string) {
	t.Helper()
	p, err := products().Product(t.Context(), ref)
	require.ErrorIs(t, err, domain.ErrNotFound, "%s is %s", ref, p.ID)
}

// assertProduct compares all that was put. Where a time was kept does not matter, nor how having no images is said.
func assertProduct(t *testing.T, want, got domain.Product) {
	t.Helper()
	for _, p := range []*domain.Product{&want, &got} {
		p.AddedAt = p.AddedAt.UTC()
		if len(p.Images) == 0 {
			p.Images = nil
		}
	}
	assert.Equal(t, want, got)
}

func categoriesOf(t *testing.T, products turns[port.Products]) []domain.CategoryCount {
	t.Helper()
	all, err := products().Categories(t.Context())
	require.NoError(t, err)
	return all
}

func movementsOf(t *testing.T, products turns[port.Products], id domain.ProductID) []domain.StockMovement {
	t.Helper()
	all, err := products().Movements(t.Context(), id)
	require.NoError(t, err)
	for i := range all {
		all[i].At = all[i].At.UTC()
	}
	return all
}

// assertAddsUp demands that movements come to stock and that no step left the bounds.
func assertAddsUp(t *testing.T, stock int, movements []domain.StockMovement) {
	t.Helper()
	sum := 0
	for _, m := range movements {
		assert.NotZero(t, m.Delta)
		sum += m.Delta
		assert.GreaterOrEqual(t, sum, 0)
		assert.LessOrEqual(t, sum, domain.MaxStock)
	}
	assert.Equal(t, stock, sum)
}

func productIDs(products []domain.Product) []domain.ProductID {
	var ids []domain.ProductID
	for _, p := range products {
		ids = append(ids, p.ID)
	}
	return ids
}
