package porttest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

func placingAtOnce(t *testing.T, open func(t *testing.T) shop) {
	t.Run("of many calls at once with one key, one places", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		s.fill(t, "guest:a", cartLine(1, 2))
		const calls = 50
		orders, places, errs := make([]domain.Order, calls), make([]bool, calls), make([]error, calls)
		atOnce(calls, func(i int) { orders[i], places[i], errs[i] = s.call(t.Context(), anOrder("guest:a"), "k") })
		require.NoError(t, errors.Join(errs...))
		count := 0
		for i := range calls {
			assertOrder(t, orders[0], orders[i])
			if places[i] {
				count++
			}
		}
		assert.Equal(t, 1, count)
		assert.Equal(t, ordersInUTC(orders[:1]), s.kept(t).orders)
		assert.Equal(t, 98, s.product(t, 1).Stock)
		assert.Equal(t, 2, s.product(t, 1).Sold)
	})
	t.Run("of two purchases at once with one key, one is placed and the other is a conflict", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		s.fill(t, "guest:a", cartLine(1, 2))
		const calls = 20
		orders, places, errs := make([]domain.Order, calls), make([]bool, calls), make([]error, calls)
		atOnce(calls, func(i int) {
			orders[i], places[i], errs[i] = s.Orders().PlaceOrder(t.Context(),
				port.Placement{Owner: "guest:a", Key: "k", Fingerprint: fmt.Sprint("purchase ", i%2)}, building(anOrder("guest:a")))
		})
		all := s.kept(t).orders
		require.Len(t, all, 1)
		count, won := 0, 0
		for i := range calls {
			if places[i] {
				count, won = count+1, i%2
			}
		}
		assert.Equal(t, 1, count)
		for i := range calls {
			if i%2 != won {
				requireCode(t, errs[i], domain.ErrConflict, domain.CodeIdempotencyKeyReused)
				continue
			}
			require.NoError(t, errs[i])
			assertOrder(t, all[0], orders[i])
		}
		assert.Equal(t, 98, s.product(t, 1).Stock)
	})
	for name, order := range map[string]func(domain.Order) port.BuildOrder{
		"looking at the stock": building, "not looking at the stock": trusting,
	} {
		t.Run("many buyers at once buy what there is and not one more, "+name, func(t *testing.T) {
			s := open(t)
			s.stock(t, 20)
			const buyers = 60
			orders, errs := make([]domain.Order, buyers), make([]error, buyers)
			for i := range buyers {
				s.fill(t, domain.OwnerID(fmt.Sprint("guest:", i)), cartLine(1, 1))
			}
			atOnce(buyers, func(i int) {
				owner := domain.OwnerID(fmt.Sprint("guest:", i))
				errs[i] = insist(func() error {
					var err error
					orders[i], _, err = s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: owner, Key: "k", Fingerprint: sent}, order(anOrder(owner)))
					return err
				})
			})
			sold := map[domain.OrderID]bool{}
			for i, err := range errs {
				cart := cartOf(t, s.Carts, domain.OwnerID(fmt.Sprint("guest:", i)))
				if err == nil {
					sold[orders[i].ID] = true
					assert.Empty(t, cart.Lines)
					continue
				}
				requireCode(t, err, domain.ErrConflict, domain.CodeOutOfStock)
				assert.Len(t, cart.Lines, 1, "who got nothing keeps the cart")
			}
			assert.Len(t, sold, 20)
			assert.Zero(t, s.product(t, 1).Stock)
			assert.Equal(t, 20, s.product(t, 1).Sold)
			assert.Equal(t, 20, s.kept(t).total)
			for _, m := range s.movements(t, 1) {
				assert.True(t, sold[m.Order])
				delete(sold, m.Order)
			}
			assert.Empty(t, sold, "a movement each")
		})
	}
	t.Run("orders of the same products in opposite order of lines do not block each other", func(t *testing.T) {
		s := open(t)
		s.stock(t, 1000, 1000, 1000)
		const buyers, rounds = 12, 4
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		errs := make([]error, buyers)
		atOnce(buyers, func(i int) {
			owner := domain.OwnerID(fmt.Sprint("guest:", i))
			lines := []domain.Line{cartLine(1, 1), cartLine(2, 1), cartLine(3, 1)}
			if i%2 == 0 {
				lines[0], lines[2] = lines[2], lines[0]
			}
			for round := range rounds {
				_, err := s.Carts().UpdateCart(ctx, owner, filling(lines))
				order, _, placeErr := s.call(ctx, anOrder(owner), fmt.Sprint(round))
				errs[i] = errors.Join(errs[i], err, placeErr)
				if i%3 == 0 && placeErr == nil {
					_, _, err := s.Orders().TransitionOrder(ctx, order.ID, moving(domain.Cancelled))
					errs[i] = errors.Join(errs[i], err)
				}
			}
		})
		require.NoError(t, errors.Join(errs...))
		for n := range 3 {
			assert.Equal(t, 1000-8*rounds, s.product(t, n+1).Stock)
		}
		s.kept(t)
	})
	t.Run("one cart is bought once, though with two keys at once", func(t *testing.T) {
		s := open(t)
		s.stock(t, 1000)
		for round := range 10 {
			s.fill(t, "guest:a", cartLine(1, 2))
			errs := make([]error, 4)
			atOnce(len(errs), func(i int) { _, _, errs[i] = s.call(t.Context(), anOrder("guest:a"), fmt.Sprint(round, "by", i)) })
			count := 0
			for _, err := range errs {
				if err == nil {
					count++
					continue
				}
				requireCode(t, err, domain.ErrConflict, domain.CodeCartEmpty)
			}
			assert.Equal(t, 1, count)
			assert.Equal(t, 1000-2*(round+1), s.product(t, 1).Stock)
		}
	})
	t.Run("what is added while the cart is bought is either bought or still there", func(t *testing.T) {
		s := open(t)
		s.stock(t, 1000)
		const calls = 40
		errs := make([]error, calls)
		atOnce(calls, func(i int) {
			if i%4 > 0 {
				_, errs[i] = s.Carts().UpdateCart(t.Context(), "guest:a", addOnce("", cartLine(1, 1)))
				return
			}
			_, _, err := s.call(t.Context(), anOrder("guest:a"), fmt.Sprint(i))
			errs[i] = unlessConflict(err)
		})
		require.NoError(t, errors.Join(errs...))
		cart := cartOf(t, s.Carts, "guest:a")
		assert.Equal(t, 30, cart.ItemCount()+s.product(t, 1).Sold)
		assert.EqualValues(t, 30, cart.Version)
		s.kept(t)
	})
	t.Run("who reads while orders are placed sees each wholly or not at all", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		errs := make([]error, 6)
		atOnce(len(errs), func(i int) {
			if i == 0 {
				errs[i] = s.watch(t.Context(), 100)
				return
			}
			owner := domain.OwnerID(fmt.Sprint("guest:", i))
			for round := range 10 {
				_, err := s.Carts().UpdateCart(t.Context(), owner, filling([]domain.Line{cartLine(1, 1)}))
				_, _, placeErr := s.call(t.Context(), anOrder(owner), fmt.Sprint(round))
				errs[i] = errors.Join(errs[i], err, placeErr)
			}
		})
		require.NoError(t, errors.Join(errs...))
	})
}

// watch says what is wrong with the stock of product 1 while orders of one each are
// placed: told by the orders, the movements and the product in turn it only ever gets less.
func (s shop) watch(ctx context.Context, left int) error {
	for range 30 {
		_, total, err := s.Orders().Orders(ctx, port.OrderFilter{}, domain.Page{Number: 1, Size: 1})
		if err != nil {
			return err
		}
		movements, err := s.Stock().Movements(ctx, aProduct(1, 0).ID)
		if err != nil {
			return err
		}
		sum := 0
		for _, m := range movements {
			sum += m.Delta
		}
		p, err := s.Products().Product(ctx, string(aProduct(1, 0).ID))
		if err != nil {
			return err
		}
		if 100-total > left || sum > 100-total || p.Stock > sum || p.Sold < 100-sum {
			return fmt.Errorf("%d were left, then %d orders, movements of %d and %d in stock", left, total, sum, p.Stock)
		}
		left = p.Stock
	}
	return nil
}
