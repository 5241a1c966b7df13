package porttest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

func followingProducts(t *testing.T, open func(t *testing.T) shop) {
	t.Run("all products come page by page, as they are, and then nothing until something changes", func(t *testing.T) {
		s := open(t)
		page, start := changesAfter(t, s, "", 9)
		assert.Empty(t, page)
		var all []domain.Product
		for n := range 7 {
			all = append(all, aProduct(n, n))
		}
		keepProducts(t, s.Products, all[:4]...)
		keepProducts(t, s.Products, all[4:]...)
		seen, cursor := map[domain.ProductID]domain.Product{}, start
		for range len(all) {
			page, cursor = changesAfter(t, s, cursor, 3)
			assert.LessOrEqual(t, len(page), 3)
			for _, p := range page {
				seen[p.ID] = p
			}
		}
		require.Len(t, seen, len(all))
		for _, p := range all {
			assertProduct(t, p, seen[p.ID])
		}
		page, cursor = changesAfter(t, s, cursor, 3)
		assert.Empty(t, page)
		keepProducts(t, s.Products, aProduct(8, 1))
		page, _ = changesAfter(t, s, cursor, 3)
		assert.Equal(t, []domain.ProductID{"product-0008"}, productIDs(page))
	})
	t.Run("every change of a product comes, its removal as a product that is no longer sold", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p, aProduct(2, 1))
		cursor := lastChange(t, s)
		next := func(want ...domain.Product) {
			t.Helper()
			page, after := changesAfter(t, s, cursor, 9)
			require.Equal(t, productIDs(want), productIDs(page))
			for i := range want {
				assertProduct(t, want[i], page[i])
			}
			cursor = after
		}
		p.Name, p.Price, p.Category = "Copper kettle", domain.Dollars(4242), domain.Category{Slug: "garden", Name: "Garden"}
		keepProducts(t, s.Products, p)
		next(p)
		_, err := s.Products().UpdateProduct(t.Context(), p.ID, func(kept *domain.Product) error { kept.Images = nil; return nil })
		require.NoError(t, err)
		p.Images = nil
		next(p)
		_, err = s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: -5, Reason: domain.StockCorrected, At: noon}, "")
		require.NoError(t, err)
		p.Stock = 0
		next(p)
		p.Name = "Copper pot"
		keepProducts(t, s.Products, p)
		_, err = s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: 9, Reason: domain.StockReceived, At: noon}, "")
		require.NoError(t, err)
		p.Stock = 9
		next(p)
		require.NoError(t, s.Products().RemoveProduct(t.Context(), p.ID))
		next(domain.DiscontinuedProduct(p.ID))
		keepProducts(t, s.Products, p)
		next(p)
		next()
	})
	t.Run("what was refused changes nothing", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, aProduct(1, 5), aProduct(2, 1))
		cursor, clash := lastChange(t, s), aProduct(3, 1)
		clash.Slug = aProduct(1, 0).Slug
		require.Error(t, s.Products().PutProducts(t.Context(), []domain.Product{aProduct(4, 1), clash}))
		_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: "product-0001", Delta: -6, Reason: domain.StockCorrected, At: noon}, "")
		require.Error(t, err)
		require.Error(t, s.Products().RemoveProduct(t.Context(), "product-0009"))
		page, _ := changesAfter(t, s, cursor, 9)
		assert.Empty(t, page)
	})
	t.Run("who starts again gets every product that is there and every one that was", func(t *testing.T) {
		s, gone, stays := open(t), aProduct(1, 5), aProduct(2, 1)
		keepProducts(t, s.Products, gone, stays)
		lastChange(t, s)
		require.NoError(t, s.Products().RemoveProduct(t.Context(), gone.ID))
		page, _ := changesAfter(t, s, "", 9)
		require.ElementsMatch(t, []domain.ProductID{gone.ID, stays.ID}, productIDs(page))
		for _, p := range page {
			assert.Equal(t, p.ID == gone.ID, p.Discontinued())
		}
	})
	t.Run("a cursor that the store has not given is refused", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, aProduct(1, 5))
		for _, cursor := range []domain.Cursor{"x", "-1", lastChange(t, s) + "000"} {
			_, _, err := s.Products().ChangedProducts(t.Context(), cursor, 9)
			require.ErrorIs(t, err, domain.ErrInvalid, cursor)
		}
	})
	t.Run("who follows while many change products misses nothing", func(t *testing.T) {
		s := open(t)
		const many, writers, rounds = 6, 6, 12
		for n := range many {
			keepProducts(t, s.Products, aProduct(n, 100))
		}
		seen, cursor := map[domain.ProductID]domain.Product{}, domain.Cursor("")
		follow := func() error {
			page, next, err := s.Products().ChangedProducts(t.Context(), cursor, 2)
			for _, p := range page {
				seen[p.ID] = p
			}
			if err == nil {
				cursor = next
			}
			return err
		}
		errs := make([]error, writers+1)
		atOnce(len(errs), func(i int) {
			for round := range 3 * rounds {
				if i == writers {
					errs[i] = errors.Join(errs[i], follow())
				} else if round < rounds {
					errs[i] = errors.Join(errs[i], changeSomething(t.Context(), s, i, round, many))
				}
			}
		})
		require.NoError(t, errors.Join(errs...))
		for before := domain.Cursor("none"); before != cursor; {
			before = cursor
			require.NoError(t, follow())
		}
		for n := range many {
			id := aProduct(n, 0).ID
			p, err := s.Products().Product(t.Context(), string(id))
			if err != nil {
				require.ErrorIs(t, err, domain.ErrNotFound)
				p = domain.DiscontinuedProduct(id)
			}
			assertProduct(t, p, seen[id])
		}
	})
}

// changeSomething is a change of one or several products, another each round.
func changeSomething(ctx context.Context, s shop, i, round, many int) error {
	p := aProduct((i+round)%many, 100)
	switch (i + round) % 4 {
	case 0:
		_, err := s.Products().UpdateProduct(ctx, p.ID, func(kept *domain.Product) error { giveWay(); kept.Price.Amount++; return nil })
		return unlessGone(err)
	case 1:
		_, err := s.Stock().ChangeStock(ctx, domain.StockMovement{Product: p.ID, Delta: 1, Reason: domain.StockReceived, At: noon}, "")
		return unlessGone(err)
	case 2:
		all := []domain.Product{p, aProduct((i+round+1)%many, 100)}
		all[0].Name, all[1].Name = "Changed", "Changed too"
		return s.Products().PutProducts(ctx, all)
	}
	if i != 0 {
		return nil
	}
	return unlessGone(s.Products().RemoveProduct(ctx, p.ID))
}

// followingOrders is a part of Orders.
func followingOrders(t *testing.T, open func(t *testing.T) shop) {
	t.Run("what an order takes and returns is a change of its products", func(t *testing.T) {
		s := open(t)
		s.stock(t, 5, 5, 5)
		cursor := lastChange(t, s)
		order := s.sell(t, "guest:a", "k", cartLine(1, 2), cartLine(3, 1))
		page, cursor := changesAfter(t, s, cursor, 9)
		require.ElementsMatch(t, []domain.ProductID{"product-0001", "product-0003"}, productIDs(page))
		for _, p := range page {
			assert.Equal(t, 5, p.Stock+p.Sold)
			assert.Positive(t, p.Sold)
		}
		s.moveTo(t, order.ID, domain.Cancelled)
		page, _ = changesAfter(t, s, cursor, 9)
		require.ElementsMatch(t, []domain.ProductID{"product-0001", "product-0003"}, productIDs(page))
		for _, p := range page {
			assert.Equal(t, 5, p.Stock)
			assert.Zero(t, p.Sold)
		}
	})
}

func changesAfter(t *testing.T, s shop, after domain.Cursor, limit int) ([]domain.Product, domain.Cursor) {
	t.Helper()
	changed, next, err := s.Products().ChangedProducts(t.Context(), after, limit)
	require.NoError(t, err)
	return changed, next
}

// lastChange follows to the end and returns the cursor there.
func lastChange(t *testing.T, s shop) domain.Cursor {
	t.Helper()
	cursor := domain.Cursor("")
	for {
		changed, next := changesAfter(t, s, cursor, 100)
		if len(changed) == 0 {
			return cursor
		}
		cursor = next
	}
}

// Follow returns engine as a catalog that knows of products by ChangedProducts alone, as
// a search engine does. index takes what was listed into the engine, and out of it
// what is Discontinued.
//
// Each question first follows to the end, in the worst way that the port allows: page
// by page, indexing each page late and some twice, and now and then from an old cursor.
func Follow(products port.Products, engine port.Catalog, index func(context.Context, []domain.Product) error) port.Catalog {
	return &followed{products: products, engine: engine, index: index, cursors: []domain.Cursor{""}}
}

type followed struct {
	products port.Products
	engine   port.Catalog
	index    func(context.Context, []domain.Product) error

	mu      sync.Mutex // one follower, so that no late page comes after a newer one
	cursors []domain.Cursor
	rounds  int
}

const followedAtOnce = 7

func (f *followed) follow(ctx context.Context) error {
	f.rounds++
	at := f.cursors[len(f.cursors)-1]
	if f.rounds%5 == 0 {
		at = f.cursors[len(f.cursors)/2]
	}
	var late []domain.Product
	for {
		changed, next, err := f.products.ChangedProducts(ctx, at, followedAtOnce)
		if err != nil {
			return err
		}
		for range 1 + f.rounds%2 {
			if err := f.index(ctx, late); err != nil {
				return err
			}
		}
		if len(changed) == 0 {
			f.cursors = append(f.cursors, at)
			return nil
		}
		late, at = changed, next
	}
}

func (f *followed) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.follow(ctx); err != nil {
		return domain.Found{}, err
	}
	return f.engine.Search(ctx, q)
}

func (f *followed) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.follow(ctx); err != nil {
		return nil, err
	}
	return f.engine.Suggest(ctx, text, limit)
}

func (f *followed) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.follow(ctx); err != nil {
		return nil, err
	}
	return f.engine.Categories(ctx)
}

// Replace is the index of an engine that answers port.Products too.
func Replace(engine port.Products) func(context.Context, []domain.Product) error {
	return func(ctx context.Context, changed []domain.Product) error {
		for _, p := range changed {
			// Put would leave the stock and the number sold of what is there as they are.
			if err := unlessGone(engine.RemoveProduct(ctx, p.ID)); err != nil {
				return err
			}
			if p.Discontinued() {
				continue
			}
			// Who had the slug has another by now or is gone, and is listed later.
			before, err := engine.Product(ctx, p.Slug)
			if err == nil && before.Slug == p.Slug {
				err = engine.RemoveProduct(ctx, before.ID)
			}
			if err := errors.Join(unlessGone(err), engine.PutProducts(ctx, []domain.Product{p})); err != nil {
				return err
			}
		}
		return nil
	}
}
