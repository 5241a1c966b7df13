package porttest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Products holds an adapter to the promises of port.Products. open returns two
// servers of one shop with nothing in it, by their Products and Stock.
func Products(t *testing.T, open func(*testing.T) (a, b Shop)) {
	run(t, open, shopInTurns,
		findingProducts, puttingProducts, updatingProducts, removingProducts, followingProducts, cancellingProducts)
}

func findingProducts(t *testing.T, open func(t *testing.T) shop) {
	t.Run("a product is found by its id and by its slug, as it was put", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		p.Rating, p.Sold = domain.Rating{Sum: 9, Count: 2}, 7
		p.Images = append(p.Images, domain.Image{URL: "/media/lid.svg", Alt: "its lid"})
		p.Description = "Pours — “without a drop”\nbeside the cup; 100% café-proof, it's said. 茶"
		keepProducts(t, s.Products, aProduct(0, 1), p, aProduct(2, 1))
		assertProduct(t, p, productBy(t, s.Products, "product-0001"))
		assertProduct(t, p, productBy(t, s.Products, "tea-pot-0001"))
	})
	t.Run("a product without images or description has none", func(t *testing.T) {
		s, p := open(t), aProduct(1, 0)
		p.Images, p.Description = nil, ""
		keepProducts(t, s.Products, p)
		assertProduct(t, p, productBy(t, s.Products, string(p.ID)))
	})
	t.Run("an id beats a slug", func(t *testing.T) {
		byID, bySlug := aProduct(1, 1), aProduct(2, 1)
		bySlug.Slug = string(byID.ID)
		for _, all := range [][]domain.Product{{byID, bySlug}, {bySlug, byID}} {
			s := open(t)
			keepProducts(t, s.Products, all...)
			assert.Equal(t, byID.ID, productBy(t, s.Products, string(byID.ID)).ID)
		}
	})
	t.Run("a product that is not there is not found", func(t *testing.T) {
		s := open(t)
		assertNoProduct(t, s.Products, "product-0001")
		keepProducts(t, s.Products, aProduct(1, 1))
		assertNoProduct(t, s.Products, "product-0002")
		assertNoProduct(t, s.Products, "tea-pot-0002")
		assertNoProduct(t, s.Products, "product-000")
		assertNoProduct(t, s.Products, "product%")
	})
	t.Run("of the products named those come that are there, each once", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, aProduct(1, 1), aProduct(2, 1), aProduct(3, 1))
		found, err := s.Products().Products(t.Context(), []domain.ProductID{"product-0003", "product-0009", "tea-pot-0002", "product-0001", "product-0003"})
		require.NoError(t, err)
		assert.ElementsMatch(t, []domain.ProductID{"product-0001", "product-0003"}, productIDs(found))
		for _, p := range found {
			assertProduct(t, productBy(t, s.Products, string(p.ID)), p)
		}
		found, err = s.Products().Products(t.Context(), nil)
		require.NoError(t, err)
		assert.Empty(t, found)
	})
	t.Run("changing what went in or came out changes nothing that is kept", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		put := []domain.Product{p}
		put[0].Images = slices.Clone(p.Images)
		keepProducts(t, s.Products, put...)
		spoil := func(p *domain.Product) { p.Images[0].URL, p.Name = "/media/spoilt.svg", "Spoilt" }
		spoil(&put[0])
		assertProduct(t, p, productBy(t, s.Products, string(p.ID)))

		for _, ref := range []string{string(p.ID), p.Slug} {
			got := productBy(t, s.Products, ref)
			spoil(&got)
			assertProduct(t, p, productBy(t, s.Products, ref))
		}
		named, err := s.Products().Products(t.Context(), []domain.ProductID{p.ID})
		require.NoError(t, err)
		require.Len(t, named, 1)
		spoil(&named[0])
		movements := movementsOf(t, s.Stock, p.ID)
		movements[0].Delta = 99

		assertProduct(t, p, productBy(t, s.Products, string(p.ID)))
		assert.Equal(t, 5, movementsOf(t, s.Stock, p.ID)[0].Delta)

		put = []domain.Product{p}
		put[0].Images = slices.Clone(p.Images)
		keepProducts(t, s.Products, put...)
		spoil(&put[0])
		assertProduct(t, p, productBy(t, s.Products, string(p.ID)))
	})
}

func puttingProducts(t *testing.T, open func(t *testing.T) shop) {
	t.Run("a change is seen at once, and what it was before is gone", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p, aProduct(2, 1))
		p.Slug, p.Name, p.Description = "copper-kettle", "Copper kettle", "Whistles."
		p.Category, p.Subcategory = domain.Category{Slug: "garden", Name: "Garden"}, domain.Category{Slug: "kettles", Name: "Kettles"}
		p.Price, p.Rating, p.AddedAt = domain.Dollars(7777), domain.Rating{Sum: 5, Count: 1}, noon.Add(24*time.Hour)
		p.Images = []domain.Image{{URL: "/media/kettle.svg", Alt: "a kettle"}, {URL: "/media/spout.svg", Alt: "a spout"}}
		keepProducts(t, s.Products, p)

		assertProduct(t, p, productBy(t, s.Products, string(p.ID)))
		assertProduct(t, p, productBy(t, s.Products, "copper-kettle"))
		assertNoProduct(t, s.Products, "tea-pot-0001")
	})
	t.Run("each field is changed by itself, and back again, by putting and by updating", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p)
		to := map[string]any{"ID": nil, "Price.Currency": nil, "Stock": nil, "Sold": nil}
		eachField(t, p, to, func(t *testing.T, changed domain.Product) {
			for _, want := range []domain.Product{changed, p} {
				keepProducts(t, s.Products, want)
				assertProduct(t, want, productBy(t, s.Products, string(p.ID)))
			}
			for _, want := range []domain.Product{changed, p} {
				_, err := s.Products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error {
					*kept = want
					return nil
				})
				require.NoError(t, err)
				assertProduct(t, want, productBy(t, s.Products, want.Slug))
			}
		})
	})
	t.Run("a change leaves the stock and the number sold as they are", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		p.Sold = 3
		keepProducts(t, s.Products, p)
		_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: 2, Reason: domain.StockReceived, At: noon}, "")
		require.NoError(t, err)
		p.Stock, p.Sold, p.Name = 0, 50, "Better tea pot"
		keepProducts(t, s.Products, p)
		p.Stock, p.Sold = 7, 3
		assertProduct(t, p, productBy(t, s.Products, string(p.ID)))
		assert.Len(t, movementsOf(t, s.Stock, p.ID), 2, "what was there is not received again")
	})
	t.Run("the stock of a new one is received when it was added", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p, aProduct(2, 0))
		assert.Equal(t, []domain.StockMovement{{Product: p.ID, Delta: 5, Reason: domain.StockReceived, At: p.AddedAt}}, movementsOf(t, s.Stock, p.ID))
		assert.Empty(t, movementsOf(t, s.Stock, "product-0002"), "no stock is no movement")
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
				s := open(t)
				kept := []domain.Product{aProduct(1, 1), aProduct(2, 1), aProduct(3, 1)}
				keepProducts(t, s.Products, kept...)
				requireCode(t, s.Products().PutProducts(t.Context(), batch), domain.ErrConflict, domain.CodeSlugTaken)
				for _, p := range kept {
					assertProduct(t, p, productBy(t, s.Products, string(p.ID)))
					assertProduct(t, p, productBy(t, s.Products, p.Slug))
					assert.Len(t, movementsOf(t, s.Stock, p.ID), 1)
				}
				for _, ref := range []string{"product-0009", "tea-pot-0009", "changed", "product-0008", "product-0006", "tea-pot-0006", "product-0007"} {
					assertNoProduct(t, s.Products, ref)
				}
				assert.Empty(t, movementsOf(t, s.Stock, "product-0009"))
				keepProducts(t, s.Products, aProduct(9, 4))
			})
		}
	})
	t.Run("a slug that is free again may be taken", func(t *testing.T) {
		s, p := open(t), aProduct(1, 1)
		keepProducts(t, s.Products, p)
		p.Slug = "new-address"
		keepProducts(t, s.Products, p)
		heir := aProduct(2, 1)
		heir.Slug = "tea-pot-0001"
		keepProducts(t, s.Products, heir)
		assert.Equal(t, heir.ID, productBy(t, s.Products, "tea-pot-0001").ID)
		assert.Equal(t, p.ID, productBy(t, s.Products, "new-address").ID)

		require.NoError(t, s.Products().RemoveProduct(t.Context(), p.ID))
		last := aProduct(3, 1)
		last.Slug = "new-address"
		keepProducts(t, s.Products, last)
		assert.Equal(t, last.ID, productBy(t, s.Products, "new-address").ID)
	})
	t.Run("no products are no error", func(t *testing.T) { keepProducts(t, open(t).Products) })
	t.Run("of several products that want one slug at once one gets it", func(t *testing.T) {
		s := open(t)
		errs := make([]error, 10)
		atOnce(len(errs), func(i int) {
			p := aProduct(i, 1)
			p.Slug = "wanted"
			errs[i] = s.Products().PutProducts(t.Context(), []domain.Product{p})
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
	})
	t.Run("a new product that is put by several at once is received once", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		errs := make([]error, 10)
		atOnce(len(errs), func(i int) { errs[i] = s.Products().PutProducts(t.Context(), []domain.Product{p}) })
		require.NoError(t, errors.Join(errs...))
		assertProduct(t, p, productBy(t, s.Products, string(p.ID)))
		assert.Len(t, movementsOf(t, s.Stock, p.ID), 1)
	})
}

func updatingProducts(t *testing.T, open func(t *testing.T) shop) {
	t.Run("an update is passed what is kept, and what it makes of that is kept and comes back", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		p.Sold = 3
		keepProducts(t, s.Products, p, aProduct(2, 1))
		want := p
		want.Slug, want.Name, want.Price = "copper-kettle", "Copper kettle", domain.Dollars(7777)
		want.Category, want.Subcategory = domain.Category{Slug: "garden", Name: "Garden"}, domain.Category{Slug: "kettles", Name: "Kettles"}
		want.Images = []domain.Image{{URL: "/media/kettle.svg", Alt: "a kettle"}}
		got, err := s.Products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error {
			assertProduct(t, p, *kept)
			*kept = want
			kept.ID, kept.Stock, kept.Sold = "product-0009", 50, 70
			return nil
		})
		require.NoError(t, err)
		assertProduct(t, want, got)
		got.Images[0].URL = "/media/spoilt.svg"
		want.Images[0].URL = "/media/kettle.svg"
		assertProduct(t, want, productBy(t, s.Products, string(p.ID)))
		assertProduct(t, want, productBy(t, s.Products, "copper-kettle"))
		assertNoProduct(t, s.Products, "tea-pot-0001")
		assertNoProduct(t, s.Products, "product-0009")
		assert.Len(t, movementsOf(t, s.Stock, p.ID), 1, "what was there is not received again")
	})
	t.Run("an update that fails keeps nothing", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p, aProduct(2, 1))
		fault := errors.New("no")
		_, err := s.Products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error {
			kept.Name, kept.Images[0].URL = "Spoilt", "/media/spoilt.svg"
			return fault
		})
		require.ErrorIs(t, err, fault)
		_, err = s.Products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error {
			kept.Name, kept.Slug = "Spoilt", aProduct(2, 1).Slug
			return nil
		})
		requireCode(t, err, domain.ErrConflict, domain.CodeSlugTaken)
		assertProduct(t, p, productBy(t, s.Products, string(p.ID)))
	})
	t.Run("a product that is not there cannot be updated", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, aProduct(1, 1))
		for _, id := range []domain.ProductID{"product-0009", "tea-pot-0001"} {
			_, err := s.Products().UpdateProduct(t.Context(), id, func(*domain.Product) error {
				assert.Fail(t, "there is nothing to change")
				return nil
			})
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
	})
	t.Run("no update of several at once is lost", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			_, errs[i] = s.Products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error {
				giveWay()
				kept.Price.Amount++
				return nil
			})
		})
		require.NoError(t, errors.Join(errs...))
		p.Price.Amount += int64(len(errs))
		assertProduct(t, p, productBy(t, s.Products, string(p.ID)))
	})
	t.Run("no update brings a product back that was removed meanwhile", func(t *testing.T) {
		for range 5 {
			s, p := open(t), aProduct(1, 5)
			keepProducts(t, s.Products, p)
			atOnce(6, func(i int) {
				if i == 3 {
					assert.NoError(t, s.Products().RemoveProduct(t.Context(), p.ID))
					return
				}
				_, err := s.Products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error {
					kept.Price.Amount++
					return nil
				})
				if err != nil {
					assert.ErrorIs(t, err, domain.ErrNotFound)
				}
			})
			assertNoProduct(t, s.Products, string(p.ID))
		}
	})
}

func removingProducts(t *testing.T, open func(t *testing.T) shop) {
	t.Run("a product that was removed is found nowhere, and its movements stay", func(t *testing.T) {
		s, p, stays := open(t), aProduct(1, 5), aProduct(2, 1)
		p.Category, p.Description = domain.Category{Slug: "garden", Name: "Garden"}, "Unlike any other of its kind."
		keepProducts(t, s.Products, p, stays)
		_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: -2, Reason: domain.StockCorrected, At: noon.Add(time.Hour)}, "")
		require.NoError(t, err)
		before := movementsOf(t, s.Stock, p.ID)
		require.Len(t, before, 2)

		require.NoError(t, s.Products().RemoveProduct(t.Context(), p.ID))
		assertNoProduct(t, s.Products, string(p.ID))
		assertNoProduct(t, s.Products, p.Slug)
		named, err := s.Products().Products(t.Context(), []domain.ProductID{p.ID, stays.ID})
		require.NoError(t, err)
		assert.Equal(t, []domain.ProductID{stays.ID}, productIDs(named))
		assert.Equal(t, before, movementsOf(t, s.Stock, p.ID))

		require.ErrorIs(t, s.Products().RemoveProduct(t.Context(), p.ID), domain.ErrNotFound)
		_, err = s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: 1, Reason: domain.StockReceived, At: noon}, "")
		require.ErrorIs(t, err, domain.ErrNotFound)
		assert.Equal(t, before, movementsOf(t, s.Stock, p.ID))
	})
	t.Run("a product that was never there cannot be removed", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, aProduct(1, 1))
		require.ErrorIs(t, s.Products().RemoveProduct(t.Context(), "product-0009"), domain.ErrNotFound)
		require.ErrorIs(t, s.Products().RemoveProduct(t.Context(), "tea-pot-0001"), domain.ErrNotFound, "a slug is not an id")
		productBy(t, s.Products, "product-0001")
	})
	t.Run("a product that was removed may be put again, and its movements add up to its stock", func(t *testing.T) {
		s := open(t)
		for _, stock := range []int{0, 3, 5, 9} {
			first := aProduct(1, 5)
			keepProducts(t, s.Products, first, aProduct(2, 1))
			_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: first.ID, Delta: -1, Reason: domain.StockCorrected, At: noon.Add(time.Hour)}, "")
			require.NoError(t, err)
			before := movementsOf(t, s.Stock, first.ID)
			require.NoError(t, s.Products().RemoveProduct(t.Context(), first.ID))

			again := aProduct(1, stock)
			again.Sold, again.Name, again.AddedAt = 2, "Tea pot reborn", noon.Add(48*time.Hour)
			keepProducts(t, s.Products, again)
			assertProduct(t, again, productBy(t, s.Products, string(again.ID)))
			assertProduct(t, again, productBy(t, s.Products, again.Slug))
			movements := movementsOf(t, s.Stock, again.ID)
			assert.Equal(t, before, movements[:len(before)], "what was stays")
			assertAddsUp(t, stock, movements)
			require.NoError(t, s.Products().RemoveProduct(t.Context(), again.ID))
		}
	})
	t.Run("of several who remove a product at once one does", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, aProduct(1, 1))
		errs := make([]error, 10)
		atOnce(len(errs), func(i int) { errs[i] = s.Products().RemoveProduct(t.Context(), "product-0001") })
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

func cancellingProducts(t *testing.T, open func(t *testing.T) shop) {
	changed := aProduct(1, 5)
	changed.Name = "Changed"
	for name, call := range map[string]func(context.Context, shop) error{
		"Product": func(ctx context.Context, s shop) error {
			_, err := s.Products().Product(ctx, "product-0001")
			return err
		}, "Products": func(ctx context.Context, s shop) error {
			_, err := s.Products().Products(ctx, []domain.ProductID{"product-0001"})
			return err
		}, "ChangedProducts": func(ctx context.Context, s shop) error {
			_, _, err := s.Products().ChangedProducts(ctx, "", 1)
			return err
		},
		"PutProducts": func(ctx context.Context, s shop) error {
			return s.Products().PutProducts(ctx, []domain.Product{changed, aProduct(2, 3)})
		}, "UpdateProduct": func(ctx context.Context, s shop) error {
			_, err := s.Products().UpdateProduct(ctx, "product-0001", func(p *domain.Product) error {
				p.Name = "Changed"
				return nil
			})
			return err
		}, "RemoveProduct": func(ctx context.Context, s shop) error {
			return s.Products().RemoveProduct(ctx, "product-0001")
		}} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			s, p := open(t), aProduct(1, 5)
			keepProducts(t, s.Products, p)
			require.Error(t, call(cancelled(t), s))
			assertProduct(t, p, productBy(t, s.Products, string(p.ID)))
			assertNoProduct(t, s.Products, "product-0002")
			assert.Len(t, movementsOf(t, s.Stock, p.ID), 1)
			assert.Empty(t, movementsOf(t, s.Stock, "product-0002"))
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

func productIDs(products []domain.Product) []domain.ProductID {
	var ids []domain.ProductID
	for _, p := range products {
		ids = append(ids, p.ID)
	}
	return ids
}
