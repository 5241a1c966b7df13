package porttest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

func placingOrders(t *testing.T, open func(t *testing.T) shop) {
	t.Run("an order is made of the cart and those of its products that are there", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10, 5, 7, 8)
		changeCart(t, s.Carts, "guest:a", addOnce("one", cartLine(2, 3)))
		changeCart(t, s.Carts, "guest:a", addOnce("two", cartLine(3, 1)))
		wantCart := changeCart(t, s.Carts, "guest:a", addOnce("three", cartLine(1, 4)))
		s.fill(t, "guest:b", cartLine(4, 1))
		require.NoError(t, s.Products().RemoveProduct(t.Context(), aProduct(3, 0).ID))
		order := anOrder("guest:a")
		var gotCart domain.Cart
		var gotProducts map[domain.ProductID]domain.Product
		order, placed, err := s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: "k", Fingerprint: sent},
			func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
				gotCart, gotProducts = cart.Clone(), products
				cart.Lines = slices.DeleteFunc(cart.Clone().Lines, func(l domain.Line) bool { return l.ID == "line-3" })
				return domain.NewOrder(order, cart, products, domain.DefaultPricing())
			})
		require.NoError(t, err)
		assert.True(t, placed)
		assert.Len(t, order.Lines, 2)
		assertCart(t, wantCart, gotCart)
		assert.Len(t, gotProducts, 2)
		assertProduct(t, aProduct(1, 10), gotProducts[aProduct(1, 0).ID])
		assertProduct(t, aProduct(2, 5), gotProducts[aProduct(2, 0).ID])
		assert.Empty(t, cartOf(t, s.Carts, "guest:a").Lines)
	})
	t.Run("an order is kept as it was made", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10, 10, 10)
		for _, lease := range []time.Duration{0, time.Hour} {
			cart := s.fill(t, "guest:a", cartLine(3, 2), cartLine(1, 1), cartLine(2, 3))
			draft := anOrder("guest:a")
			draft.LeasedUntil = later
			want, err := trusting(draft)(cart, map[domain.ProductID]domain.Product{
				aProduct(1, 0).ID: aProduct(1, 0), aProduct(2, 0).ID: aProduct(2, 0), aProduct(3, 0).ID: aProduct(3, 0),
			})
			require.NoError(t, err)
			got, _, err := s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: string(draft.ID), Lease: lease}, building(draft))
			require.NoError(t, err)
			want.LeasedUntil = got.LeasedUntil
			assertOrder(t, want, got)
			assertOrder(t, want, s.order(t, want.ID))
			all, _, err := s.Orders().Orders(t.Context(), port.OrderFilter{}, domain.Page{Number: 1, Size: 9})
			require.NoError(t, err)
			assert.Contains(t, ordersInUTC(all), orderInUTC(want))
		}
	})
	t.Run("what an order says of its sums is what is kept", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		cart := s.fill(t, "guest:a", cartLine(1, 2))
		want, err := trusting(anOrder("guest:a"))(cart, map[domain.ProductID]domain.Product{aProduct(1, 0).ID: aProduct(1, 0)})
		require.NoError(t, err)
		want.Lines[0].Name, want.Lines[0].UnitPrice, want.Lines[0].LineTotal = "Another name", domain.Dollars(7), domain.Dollars(13)
		want.Subtotal, want.Shipping, want.Tax = domain.Dollars(11), domain.Dollars(12), domain.Dollars(14)
		want.Discount, want.Total = domain.Dollars(15), domain.Dollars(domain.MaxAmount)
		got, _, err := s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: "k", Fingerprint: sent},
			func(domain.Cart, map[domain.ProductID]domain.Product) (domain.Order, error) { return want.Clone(), nil })
		require.NoError(t, err)
		want.LeasedUntil = got.LeasedUntil
		assertOrder(t, want, got)
		assertOrder(t, want, s.order(t, want.ID))
	})
	t.Run("an order stays as it was made when its product changes or goes", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10, 10)
		want := s.sell(t, "guest:a", "k", cartLine(1, 2), cartLine(2, 1))
		p := s.product(t, 1)
		p.Name, p.Price = "A new name", domain.Dollars(1)
		keepProducts(t, s.Products, p)
		assertOrder(t, want, s.order(t, want.ID))
		require.NoError(t, s.Products().RemoveProduct(t.Context(), p.ID))
		assertOrder(t, want, s.order(t, want.ID))
	})
	t.Run("what is ordered is taken from stock, with a movement each, and counts as sold", func(t *testing.T) {
		s := open(t)
		popular := aProduct(2, 9)
		popular.Sold = 40
		keepProducts(t, s.Products, aProduct(1, 5), popular, aProduct(3, 7))
		order := s.sell(t, "guest:a", "k", cartLine(2, 4), cartLine(1, 5))
		for n, want := range map[int]struct{ stock, sold int }{1: {0, 5}, 2: {5, 44}} {
			p := s.product(t, n)
			assert.Equal(t, want.stock, p.Stock)
			assert.Equal(t, want.sold, p.Sold)
		}
		assert.Equal(t, []domain.StockMovement{{Product: aProduct(1, 0).ID, Delta: -5, Reason: domain.StockSold, Order: order.ID, At: order.PlacedAt.UTC()}}, s.movements(t, 1))
		assert.Equal(t, []domain.StockMovement{{Product: popular.ID, Delta: -4, Reason: domain.StockSold, Order: order.ID, At: order.PlacedAt.UTC()}}, s.movements(t, 2))
		assertProduct(t, aProduct(3, 7), s.product(t, 3))
		assert.Empty(t, s.movements(t, 3), "of what nobody ordered")
		s.kept(t)
	})
	t.Run("the cart is emptied and keeps its version, and the carts of others stay", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		changeCart(t, s.Carts, "guest:a", addOnce("one", cartLine(1, 1)))
		before := changeCart(t, s.Carts, "guest:a", addOnce("two", cartLine(1, 1)))
		theirs := s.fill(t, "guest:b", cartLine(1, 1))
		s.place(t, anOrder("guest:a"), "k")
		assertCart(t, domain.Cart{Version: before.Version, Keys: []string{"one", "two"}}, cartOf(t, s.Carts, "guest:a"))
		assertCart(t, theirs, cartOf(t, s.Carts, "guest:b"))
		after := changeCart(t, s.Carts, "guest:a", addOnce("two", cartLine(1, 1)))
		assert.Empty(t, after.Lines, "a change that was made before the order is not made again")
		after = changeCart(t, s.Carts, "guest:a", addOnce("three", cartLine(1, 1)))
		assert.Equal(t, before.Version+1, after.Version)
	})
	t.Run("an order has no number as it is placed, whatever was made", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		for i := range 3 {
			s.fill(t, "guest:a", cartLine(1, 1))
			order := anOrder("guest:a")
			order.Number = "mine"
			order = s.place(t, order, fmt.Sprint(i))
			assert.Empty(t, order.Number)
			assert.Empty(t, s.order(t, order.ID).Number)
		}
		for _, number := range []domain.OrderNumber{"mine", ""} {
			_, err := s.Orders().OrderByNumber(t.Context(), number)
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
	})
}

func failingToPlace(t *testing.T, open func(t *testing.T) shop) {
	t.Run("when no order can be made nothing is kept, the key neither, and the very error comes back", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10, 10)
		changeCart(t, s.Carts, "guest:a", addOnce("one", cartLine(1, 1)))
		changeCart(t, s.Carts, "guest:a", addOnce("two", cartLine(2, 2)))
		before := s.kept(t)
		broken := errors.New("broken")
		for i, failure := range []error{broken, fmt.Errorf("wrapped: %w", broken), domain.ErrDenied.Errorf("no", "not you")} {
			_, placed, err := s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: "k", Fingerprint: fmt.Sprint(i)},
				func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
					order, err := domain.NewOrder(anOrder("guest:a"), cart, products, domain.DefaultPricing())
					require.NoError(t, err)
					clear(cart.Lines)
					clear(cart.Keys)
					products[aProduct(1, 0).ID].Images[0].URL = "spoilt"
					clear(products)
					return order, failure
				})
			require.ErrorIs(t, err, failure)
			assert.False(t, placed)
			assert.Equal(t, before, s.kept(t))
		}
		s.place(t, anOrder("guest:a"), "k")
	})
	t.Run("of an empty cart no order is placed, and its key stays free", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		for range 2 {
			_, placed, err := s.call(t.Context(), anOrder("guest:a"), "k")
			requireCode(t, err, domain.ErrConflict, domain.CodeCartEmpty)
			assert.False(t, placed)
		}
		assert.Empty(t, s.kept(t).orders)
		s.sell(t, "guest:a", "k", cartLine(1, 1))
	})
	for name, order := range map[string]func(domain.Order) port.BuildOrder{
		"as the order is made": building, "after the order was made": trusting,
	} {
		t.Run("stock that does not suffice is a conflict with every shortage, and nothing is kept, "+name, func(t *testing.T) {
			s := open(t)
			s.stock(t, 5, 3, 0, 2)
			s.fill(t, "guest:a", cartLine(2, 4), cartLine(1, 5), cartLine(4, 1), cartLine(3, 2))
			require.NoError(t, s.Products().RemoveProduct(t.Context(), aProduct(4, 0).ID))
			before := s.kept(t)
			for i := range 2 {
				_, placed, err := s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: "k", Fingerprint: fmt.Sprint(i)}, order(anOrder("guest:a")))
				requireCode(t, err, domain.ErrConflict, domain.CodeOutOfStock)
				assert.False(t, placed)
				var known *domain.Error
				require.ErrorAs(t, err, &known)
				short := slices.Clone(known.Shortages)
				for i := range short {
					assert.NotEmpty(t, short[i].Name)
					if short[i].Product == aProduct(4, 0).ID {
						short[i].Name = ""
					}
				}
				assert.ElementsMatch(t, []domain.Shortage{
					{Product: aProduct(2, 0).ID, Name: aProduct(2, 0).Name, Wanted: 4, Available: 3},
					{Product: aProduct(3, 0).ID, Name: aProduct(3, 0).Name, Wanted: 2, Available: 0},
					{Product: aProduct(4, 0).ID, Wanted: 1, Available: 0},
				}, short)
				assert.Equal(t, before, s.kept(t))
			}
			s.sell(t, "guest:a", "k", cartLine(1, 5), cartLine(2, 3))
			assert.Zero(t, s.product(t, 1).Stock, "the last ones can be sold")
			assert.Zero(t, s.product(t, 2).Stock)
		})
	}
}

func repeatingPlacements(t *testing.T, open func(t *testing.T) shop) {
	t.Run("a repeat returns the order and does nothing, whatever is in the cart by then", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10, 10)
		s.fill(t, "guest:b", cartLine(2, 1))
		want := s.sell(t, "guest:a", "k", cartLine(1, 2))
		repeat := func() {
			t.Helper()
			before := s.kept(t)
			for _, build := range []port.BuildOrder{
				building(anOrder("guest:a")), trusting(anOrder("guest:a")),
				func(domain.Cart, map[domain.ProductID]domain.Product) (domain.Order, error) {
					return domain.Order{}, errors.New("broken")
				},
			} {
				got, placed, err := s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: "k", Fingerprint: sent}, build)
				require.NoError(t, err)
				assert.False(t, placed)
				assertOrder(t, want, got)
			}
			assert.Equal(t, before, s.kept(t))
		}
		repeat()
		s.fill(t, "guest:a", cartLine(1, 1), cartLine(2, 2))
		repeat()
		s.fill(t, "guest:a", cartLine(1, 99))
		repeat()
		require.NoError(t, s.Products().RemoveProduct(t.Context(), aProduct(1, 0).ID))
		repeat()
		for _, next := range []domain.OrderStatus{domain.Paid, domain.Shipped, domain.Delivered} {
			want = s.moveTo(t, want.ID, next)
			repeat()
		}
	})
	t.Run("a key that comes with something else is a conflict, and nothing is kept", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		want := s.sell(t, "guest:a", "k", cartLine(1, 2))
		for _, next := range []domain.OrderStatus{domain.Paid, domain.Refunding, domain.Refunded, ""} {
			s.fill(t, "guest:a", cartLine(1, 1))
			before := s.kept(t)
			for _, fingerprint := range []string{"something else", "", sent + " "} {
				_, placed, err := s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: "k", Fingerprint: fingerprint}, building(anOrder("guest:a")))
				requireCode(t, err, domain.ErrConflict, domain.CodeIdempotencyKeyReused)
				assert.False(t, placed)
			}
			assert.Equal(t, before, s.kept(t))
			got, placed, err := s.call(t.Context(), anOrder("guest:a"), "k")
			require.NoError(t, err)
			assert.False(t, placed)
			assertOrder(t, want, got)
			if next != "" {
				want = s.moveTo(t, want.ID, next)
			}
		}
	})
	t.Run("keys of two owners are apart, and so are two keys", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		pairs := []port.Placement{
			{Owner: "guest:a", Key: "k"}, {Owner: "guest:b", Key: "k"}, {Owner: "guest:a", Key: "K"}, {Owner: "guest:a", Key: "cart:1"},
			{Owner: "guest:a:cart", Key: "1"}, {Owner: "guest", Key: "a:k"}, {Owner: "guest:", Key: "ak"}, {Owner: "guest:a", Key: "k2"},
		}
		var orders []domain.Order
		for _, p := range pairs {
			orders = append(orders, s.sell(t, p.Owner, p.Key, cartLine(1, 1)))
		}
		for i, p := range pairs {
			got, placed, err := s.call(t.Context(), anOrder(p.Owner), p.Key)
			require.NoError(t, err)
			assert.False(t, placed)
			assertOrder(t, orders[i], got)
		}
		assert.Equal(t, 100-len(pairs), s.product(t, 1).Stock)
	})
}
