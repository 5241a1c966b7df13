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

// Stock holds an adapter to the promises of port.Stock. open returns two servers of
// one shop with nothing in it, by their Products and Stock.
func Stock(t *testing.T, open func(*testing.T) (a, b Shop)) {
	run(t, open, shopInTurns, changingStock, cancellingStock)
}

func changingStock(t *testing.T, open func(t *testing.T) shop) {
	t.Run("a change of stock is kept, and its movement after all before", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p, aProduct(2, 1))
		want := movementsOf(t, s.Stock, p.ID)
		stock := 5
		for i, c := range []struct {
			delta  int
			reason domain.MovementReason
		}{{3, domain.StockReceived}, {-7, domain.StockCorrected}, {-1, domain.StockCorrected}, {12, domain.StockReceived}, {12, domain.StockReceived}} {
			// The last ones are at the same time, and still one after the other.
			at := noon.Add(time.Duration(min(i, 2)+1) * time.Hour)
			got, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: c.delta, Reason: c.reason, At: at}, "")
			require.NoError(t, err)
			stock += c.delta
			assert.Equal(t, stock, got)
			assert.Equal(t, stock, productBy(t, s.Products, string(p.ID)).Stock)
			want = append(want, domain.StockMovement{Product: p.ID, Delta: c.delta, Reason: c.reason, At: at})
			assert.Equal(t, want, movementsOf(t, s.Stock, p.ID))
		}
		assert.Equal(t, 1, productBy(t, s.Products, "product-0002").Stock)
		assert.Len(t, movementsOf(t, s.Stock, "product-0002"), 1, "another's stays as it is")
	})
	t.Run("who changed it is kept with the movement, and with none else", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p, aProduct(2, 1))
		want := movementsOf(t, s.Stock, p.ID)
		for i, by := range []string{"sue", "", "Zoë", "sue"} {
			m := domain.StockMovement{Product: p.ID, Delta: 1, Reason: domain.StockReceived, At: noon.Add(time.Duration(i%2) * time.Hour), By: by}
			for range 2 {
				_, err := s.Stock().ChangeStock(t.Context(), m, domain.IdempotencyKey(fmt.Sprint("form ", i)))
				require.NoError(t, err)
			}
			_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: -1000, Reason: domain.StockCorrected, At: noon, By: "bob"}, "")
			require.ErrorIs(t, err, domain.ErrConflict)
			want = append(want, m)
			assert.Equal(t, want, movementsOf(t, s.Stock, p.ID))
		}
		assert.Empty(t, movementsOf(t, s.Stock, "product-0002")[0].By)
	})
	t.Run("the last movements are the newest ones, the newest first", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p, aProduct(2, 1))
		for i := range 6 {
			_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: i + 1, Reason: domain.StockReceived, At: noon}, "")
			require.NoError(t, err)
		}
		all := movementsOf(t, s.Stock, p.ID)
		slices.Reverse(all)
		for _, limit := range []int{0, 1, 3, 7, 100} {
			got, err := s.Stock().LastMovements(t.Context(), p.ID, limit)
			require.NoError(t, err)
			for i := range got {
				got[i].At = got[i].At.UTC()
			}
			assert.Equal(t, all[:min(limit, len(all))], got, "%d", limit)
		}
		none, err := s.Stock().LastMovements(t.Context(), "product-9999", 3)
		require.NoError(t, err)
		assert.Empty(t, none)
	})
	t.Run("changing what came out changes nothing that is kept", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p)
		want := movementsOf(t, s.Stock, p.ID)
		got := movementsOf(t, s.Stock, p.ID)
		got[0].Delta, got[0].Reason = 99, domain.StockSold
		assert.Equal(t, want, movementsOf(t, s.Stock, p.ID))
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
				s, p := open(t), aProduct(1, c.stock)
				keepProducts(t, s.Products, p)
				before := movementsOf(t, s.Stock, p.ID)
				got, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: c.delta, Reason: domain.StockCorrected, At: noon}, "")
				if c.want >= 0 {
					require.NoError(t, err)
					assert.Equal(t, c.want, got)
					assertAddsUp(t, c.want, movementsOf(t, s.Stock, p.ID))
					assert.Equal(t, c.want, productBy(t, s.Products, string(p.ID)).Stock)
					return
				}
				requireCode(t, err, domain.ErrConflict, domain.CodeStockBounds)
				assert.Equal(t, c.stock, productBy(t, s.Products, string(p.ID)).Stock)
				assert.Equal(t, before, movementsOf(t, s.Stock, p.ID))
			})
		}
	})
	t.Run("the stock of a product that is not there does not change", func(t *testing.T) {
		s := open(t)
		_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: "product-0001", Delta: 1, Reason: domain.StockReceived, At: noon}, "")
		require.ErrorIs(t, err, domain.ErrNotFound)
		assert.Empty(t, movementsOf(t, s.Stock, "product-0001"))
		keepProducts(t, s.Products, aProduct(1, 1))
		_, err = s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: "tea-pot-0001", Delta: 1, Reason: domain.StockReceived, At: noon}, "")
		require.ErrorIs(t, err, domain.ErrNotFound, "a slug is not an id")
	})
	t.Run("a key changes the stock once, and is told what there is", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p)
		received := domain.StockMovement{Product: p.ID, Delta: 3, Reason: domain.StockReceived, At: noon}
		for range 4 {
			got, err := s.Stock().ChangeStock(t.Context(), received, "form one")
			require.NoError(t, err)
			assert.Equal(t, 8, got)
		}
		got, err := s.Stock().ChangeStock(t.Context(), received, "form two")
		require.NoError(t, err)
		assert.Equal(t, 11, got, "another key is another change")
		for range 2 {
			got, err = s.Stock().ChangeStock(t.Context(), received, "form one")
			require.NoError(t, err)
			assert.Equal(t, 11, got)
		}
		_, err = s.Stock().ChangeStock(t.Context(), received, "")
		require.NoError(t, err)
		got, err = s.Stock().ChangeStock(t.Context(), received, "")
		require.NoError(t, err)
		assert.Equal(t, 17, got, "none is never a repeat")
		assert.Equal(t, 17, productBy(t, s.Products, string(p.ID)).Stock)
		movements := movementsOf(t, s.Stock, p.ID)
		assert.Len(t, movements, 5)
		assertAddsUp(t, 17, movements)
	})
	t.Run("a key that changed something else is a conflict, and nothing changes", func(t *testing.T) {
		s, p, other := open(t), aProduct(1, 5), aProduct(2, 5)
		keepProducts(t, s.Products, p, other)
		_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: 3, Reason: domain.StockReceived, At: noon}, "k")
		require.NoError(t, err)
		for _, change := range []domain.StockMovement{
			{Product: p.ID, Delta: 4, Reason: domain.StockReceived, At: noon},
			{Product: p.ID, Delta: -3, Reason: domain.StockCorrected, At: noon},
			{Product: other.ID, Delta: 3, Reason: domain.StockReceived, At: noon},
		} {
			_, err := s.Stock().ChangeStock(t.Context(), change, "k")
			requireCode(t, err, domain.ErrConflict, domain.CodeIdempotencyKeyReused)
		}
		assert.Len(t, movementsOf(t, s.Stock, p.ID), 2)
		assert.Len(t, movementsOf(t, s.Stock, other.ID), 1)
		assert.Equal(t, 5, productBy(t, s.Products, string(other.ID)).Stock)
	})
	t.Run("a change that fails keeps no key", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p)
		sold := domain.StockMovement{Product: p.ID, Delta: -6, Reason: domain.StockCorrected, At: noon}
		_, err := s.Stock().ChangeStock(t.Context(), sold, "k")
		requireCode(t, err, domain.ErrConflict, domain.CodeStockBounds)
		_, err = s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: "product-0002", Delta: -6, Reason: domain.StockCorrected, At: noon}, "k")
		require.ErrorIs(t, err, domain.ErrNotFound)
		sold.Delta = -5
		got, err := s.Stock().ChangeStock(t.Context(), sold, "k")
		require.NoError(t, err)
		assert.Zero(t, got)
	})
	t.Run("of many calls at once with one key, one changes the stock", func(t *testing.T) {
		s, p := open(t), aProduct(1, 5)
		keepProducts(t, s.Products, p)
		errs := make([]error, 40)
		atOnce(len(errs), func(i int) {
			_, errs[i] = s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: 10, Reason: domain.StockReceived, At: noon},
				domain.IdempotencyKey(fmt.Sprint("form ", i%4)))
		})
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, 45, productBy(t, s.Products, string(p.ID)).Stock)
		movements := movementsOf(t, s.Stock, p.ID)
		assert.Len(t, movements, 5)
		assertAddsUp(t, 45, movements)
	})
	t.Run("changes of many at once add up", func(t *testing.T) {
		s, p := open(t), aProduct(1, 1000)
		keepProducts(t, s.Products, p)
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
			_, errs[i] = s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: delta, Reason: domain.StockCorrected, At: noon}, "")
		})
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, want, productBy(t, s.Products, string(p.ID)).Stock)
		movements := movementsOf(t, s.Stock, p.ID)
		assert.Len(t, movements, 50)
		assertAddsUp(t, want, movements)
	})
	t.Run("of many who take the last ones at once no more succeed than there are", func(t *testing.T) {
		s, p := open(t), aProduct(1, 10)
		keepProducts(t, s.Products, p)
		left, errs := make([]int, 50), make([]error, 50)
		atOnce(len(errs), func(i int) {
			left[i], errs[i] = s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: -1, Reason: domain.StockCorrected, At: noon}, "")
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
		assert.Zero(t, productBy(t, s.Products, string(p.ID)).Stock)
		movements := movementsOf(t, s.Stock, p.ID)
		assert.Len(t, movements, 11)
		assertAddsUp(t, 0, movements)
	})
	t.Run("changing a product at once with its stock loses neither", func(t *testing.T) {
		s, p := open(t), aProduct(1, 100)
		keepProducts(t, s.Products, p)
		errs := make([]error, 60)
		atOnce(len(errs), func(i int) {
			switch i % 3 {
			case 0:
				errs[i] = insist(func() error {
					_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: 1, Reason: domain.StockReceived, At: noon}, "")
					return err
				})
				return
			case 1:
				for range 5 {
					got, err := s.Products().Product(t.Context(), p.Slug)
					if err == nil && (got.Stock < 100 || got.Stock > 120) {
						err = fmt.Errorf("%d in stock", got.Stock)
					}
					errs[i] = errors.Join(errs[i], err)
				}
				return
			}
			changed := p
			changed.Price = domain.Dollars(4242)
			errs[i] = insist(func() error { return s.Products().PutProducts(t.Context(), []domain.Product{changed}) })
		})
		require.NoError(t, errors.Join(errs...))
		got := productBy(t, s.Products, string(p.ID))
		assert.Equal(t, 120, got.Stock)
		assert.Equal(t, domain.Dollars(4242), got.Price)
		assertAddsUp(t, 120, movementsOf(t, s.Stock, p.ID))
	})
}

func cancellingStock(t *testing.T, open func(t *testing.T) shop) {
	for name, call := range map[string]func(context.Context, shop) error{
		"ChangeStock": func(ctx context.Context, s shop) error {
			_, err := s.Stock().ChangeStock(ctx, domain.StockMovement{Product: "product-0001", Delta: 1, Reason: domain.StockReceived, At: noon}, "")
			return err
		}, "Movements": func(ctx context.Context, s shop) error {
			_, err := s.Stock().Movements(ctx, "product-0001")
			return err
		}, "LastMovements": func(ctx context.Context, s shop) error {
			_, err := s.Stock().LastMovements(ctx, "product-0001", 1)
			return err
		}} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			s, p := open(t), aProduct(1, 5)
			keepProducts(t, s.Products, p)
			require.Error(t, call(cancelled(t), s))
			assertProduct(t, p, productBy(t, s.Products, string(p.ID)))
			assert.Len(t, movementsOf(t, s.Stock, p.ID), 1)
		})
	}
}

func movementsOf(t *testing.T, stock turns[port.Stock], id domain.ProductID) []domain.StockMovement {
	t.Helper()
	all, err := stock().Movements(t.Context(), id)
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
