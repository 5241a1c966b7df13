package porttest

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

func updatingOrders(t *testing.T, open func(t *testing.T) shop) {
	t.Run("the status, the payment and the history are kept, each change on top of the last", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		want, other := s.sell(t, "guest:a", "k", cartLine(1, 2)), s.sell(t, "guest:a", "k2", cartLine(1, 1))
		for _, change := range []transition{
			moving(domain.Paid), moving(domain.Shipped),
			changing(func(o *domain.Order) { o.Payment = domain.Payment{Method: "cash", Last4: "1", Awaited: true} }, domain.Effects{}),
			changing(func(o *domain.Order) { o.Payment.Awaited = false }, domain.Effects{}),
			changing(func(o *domain.Order) { o.History = o.History[1:] }, domain.Effects{}),
			changing(func(*domain.Order) {}, domain.Effects{}),
			moving(domain.Delivered),
		} {
			before := want.Clone()
			_, err := change(&want)
			require.NoError(t, err)
			got := s.transition(t, want.ID, func(o *domain.Order) (domain.Effects, error) {
				assertOrder(t, before, *o)
				return change(o)
			})
			assert.NotEmpty(t, got.Number, "it has had a number since it was paid")
			want.Number = cmp.Or(want.Number, got.Number)
			assertOrder(t, want, got)
			assertOrder(t, want, s.order(t, want.ID))
			byNumber, err := s.Orders().OrderByNumber(t.Context(), want.Number)
			require.NoError(t, err)
			assertOrder(t, want, byNumber)
			assert.ElementsMatch(t, ordersInUTC([]domain.Order{other, want}), s.kept(t).orders)
		}
		assertOrder(t, other, s.order(t, other.ID))
		assert.Equal(t, 7, s.product(t, 1).Stock, "no other status returns it")
		assert.Equal(t, 3, s.product(t, 1).Sold)
		assert.Len(t, s.movements(t, 1), 2)
		assert.Empty(t, cartOf(t, s.Carts, "guest:a").Lines)
	})
	t.Run("each field of the payment and of the history is changed by itself, and back again", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		order := s.sell(t, "guest:a", "k", cartLine(1, 2))
		to := map[string]any{"Payment.Status": domain.PaymentFailed, "History[0].Status": domain.Paid}
		for field := range reflect.TypeFor[domain.Order]().Fields() {
			if field.Name != "Payment" && field.Name != "History" {
				to[field.Name] = nil
			}
		}
		eachField(t, order, to, func(t *testing.T, changed domain.Order) {
			for _, want := range []domain.Order{changed, order} {
				s.transition(t, order.ID, changing(func(o *domain.Order) { o.Payment, o.History = want.Payment, want.History }, domain.Effects{}))
				assertOrder(t, want, s.order(t, order.ID))
			}
		})
	})
	t.Run("what was bought, by whom and for how much never changes", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10, 10)
		want := s.sell(t, "guest:a", "k", cartLine(1, 2), cartLine(2, 1))
		got := s.transition(t, want.ID, changing(func(o *domain.Order) {
			o.Lines[0].Quantity, o.Lines[1].Product, o.Lines = 7, "spoilt", append(o.Lines, o.Lines[0])
			o.Subtotal, o.Shipping, o.Tax, o.Discount, o.Total = o.Tax, o.Subtotal, o.Total, o.Total, o.Shipping
			o.ID, o.Number, o.Owner, o.Email, o.PlacedAt = "spoilt", "spoilt", "guest:b", "spoilt", noon
			o.ShippingAddress.City, o.LeasedUntil = "spoilt", later
		}, domain.Effects{}))
		assertOrder(t, want, got)
		assertOrder(t, want, s.order(t, want.ID))
		s.moveTo(t, want.ID, domain.Cancelled)
		assert.Equal(t, 10, s.product(t, 1).Stock)
		assert.Equal(t, 10, s.product(t, 2).Stock)
		assert.Equal(t, 3, cartOf(t, s.Carts, "guest:a").ItemCount())
	})
	t.Run("a change that fails keeps nothing, and its very error comes back", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		order := s.sell(t, "guest:a", "k", cartLine(1, 2))
		before := s.kept(t)
		broken := errors.New("broken")
		for _, failure := range []error{broken, fmt.Errorf("wrapped: %w", broken), domain.ErrConflict.Errorf(domain.CodeConflict, "somebody else")} {
			_, effects, err := s.Orders().TransitionOrder(t.Context(), order.ID, func(o *domain.Order) (domain.Effects, error) {
				o.History[0].Status, o.Lines[0].Quantity = "spoilt", 9
				effects, err := o.MoveTo(domain.Cancelled, later)
				require.NoError(t, err)
				return effects, failure
			})
			require.ErrorIs(t, err, failure)
			assert.Zero(t, effects)
			assert.Equal(t, before, s.kept(t))
		}
		_, _, err := s.Orders().TransitionOrder(t.Context(), order.ID, moving(domain.Delivered))
		requireCode(t, err, domain.ErrConflict, domain.CodeOrderState)
		_, placed, err := s.call(t.Context(), order, "k")
		require.NoError(t, err)
		assert.False(t, placed, "its key is kept as before")
	})
	t.Run("an order that is not there is not changed", func(t *testing.T) {
		s := open(t)
		_, _, err := s.Orders().TransitionOrder(t.Context(), "none", func(*domain.Order) (domain.Effects, error) {
			t.Error("there was something to change")
			return domain.Effects{}, nil
		})
		require.ErrorIs(t, err, domain.ErrNotFound)
	})
}

func makingEffects(t *testing.T, open func(t *testing.T) shop) {
	cancelled := func(o *domain.Order) { o.Status = domain.Cancelled }
	t.Run("each order takes a number of its own, and keeps it", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		const n = 12
		orders, errs := make([]domain.Order, n), make([]error, n)
		for i := range orders {
			owner := domain.OwnerID(fmt.Sprint("guest:", i))
			orders[i] = s.sell(t, owner, "k", cartLine(1, 1), cartLine(1, 2))
		}
		attempt := s.moveTo(t, s.sell(t, "guest:a", "attempt", cartLine(1, 1)).ID, domain.Cancelled)
		atOnce(n, func(i int) {
			orders[i], _, errs[i] = s.Orders().TransitionOrder(t.Context(), orders[i].ID, moving(domain.Paid))
		})
		require.NoError(t, errors.Join(errs...))
		numbers := map[domain.OrderNumber]bool{"": true}
		for _, order := range orders {
			assert.False(t, numbers[order.Number], order.Number)
			numbers[order.Number] = true
			for range 2 {
				again := s.transition(t, order.ID, changing(func(*domain.Order) {}, domain.Effects{TakeNumber: true}))
				assertOrder(t, order, again)
			}
			assertOrder(t, order, s.order(t, order.ID))
			found, err := s.Orders().OrderByNumber(t.Context(), order.Number)
			require.NoError(t, err)
			assertOrder(t, order, found)
		}
		assert.Empty(t, s.order(t, attempt.ID).Number, "an attempt has none")
	})
	for name, c := range map[string]struct {
		change      transition
		stock, sold int // of product 1
		inCart      int
		keyIsFree   bool
	}{
		"nothing, though it is cancelled": {changing(cancelled, domain.Effects{MovedTo: domain.Cancelled, At: later}), 6, 4, 0, false},
		"lines into stock": {changing(func(*domain.Order) {}, domain.Effects{
			At: later, ReturnStock: []domain.OrderLine{{Product: aProduct(1, 0).ID, Quantity: 3}}}), 9, 1, 0, false},
		"lines into the cart": {changing(func(*domain.Order) {}, domain.Effects{
			RestoreCart: domain.Cart{Lines: []domain.Line{cartLine(1, 2)}}}), 6, 4, 2, false},
		"a number": {changing(func(*domain.Order) {}, domain.Effects{TakeNumber: true}), 6, 4, 0, false},
		"the key":  {changing(func(*domain.Order) {}, domain.Effects{FreeKey: true}), 6, 4, 0, true},
	} {
		t.Run("a transition gives back what its effects name and no more: "+name, func(t *testing.T) {
			s := open(t)
			s.stock(t, 10, 10)
			order := s.sell(t, "guest:a", "k", cartLine(1, 4), cartLine(2, 1))
			order = s.transition(t, order.ID, c.change)
			assert.Equal(t, name == "a number", order.Number != "")
			p, other := s.product(t, 1), s.product(t, 2)
			assert.Equal(t, c.stock, p.Stock)
			assert.Equal(t, c.sold, p.Sold)
			assert.Equal(t, 9, other.Stock)
			assert.Equal(t, 1, other.Sold)
			assert.Equal(t, c.inCart, cartOf(t, s.Carts, "guest:a").ItemCount())
			s.kept(t)
			s.fill(t, "guest:a", cartLine(2, 1))
			_, placed, err := s.call(t.Context(), anOrder("guest:a"), "k")
			require.NoError(t, err)
			assert.Equal(t, c.keyIsFree, placed)
		})
	}
}

func returningOrders(t *testing.T, open func(t *testing.T) shop) {
	for _, way := range [][]domain.OrderStatus{
		{domain.Cancelled}, {domain.Paid, domain.Refunding, domain.Refunded}, {domain.Paid, domain.Shipped, domain.Refunding, domain.Refunded},
		{domain.Paid, domain.Shipped, domain.Delivered, domain.Refunding, domain.Refunded},
	} {
		t.Run(fmt.Sprint("stock comes back once, with a movement each, and no longer counts as sold ", way), func(t *testing.T) {
			s := open(t)
			popular := aProduct(2, 9)
			popular.Sold = 40
			keepProducts(t, s.Products, aProduct(1, 5), popular, aProduct(3, 7))
			other := s.sell(t, "guest:b", "k", cartLine(1, 1))
			order := s.sell(t, "guest:a", "k", cartLine(2, 4), cartLine(1, 3))
			for _, next := range way {
				assert.Equal(t, 1, s.product(t, 1).Stock, "not before")
				order = s.moveTo(t, order.ID, next)
			}
			for range 3 {
				for n, want := range map[int]struct{ stock, sold int }{1: {4, 1}, 2: {9, 40}} {
					p := s.product(t, n)
					assert.Equal(t, want.stock, p.Stock)
					assert.Equal(t, want.sold, p.Sold)
				}
				assert.Equal(t, []domain.StockMovement{
					{Product: aProduct(1, 0).ID, Delta: -1, Reason: domain.StockSold, Order: other.ID, At: other.PlacedAt.UTC()},
					{Product: aProduct(1, 0).ID, Delta: -3, Reason: domain.StockSold, Order: order.ID, At: order.PlacedAt.UTC()},
					{Product: aProduct(1, 0).ID, Delta: 3, Reason: domain.StockReturned, Order: order.ID, At: later},
				}, s.movements(t, 1))
				assert.Equal(t, []domain.StockMovement{
					{Product: popular.ID, Delta: -4, Reason: domain.StockSold, Order: order.ID, At: order.PlacedAt.UTC()},
					{Product: popular.ID, Delta: 4, Reason: domain.StockReturned, Order: order.ID, At: later},
				}, s.movements(t, 2))
				assertProduct(t, aProduct(3, 7), s.product(t, 3))
				assertOrder(t, order, s.order(t, order.ID))
				cart := cartOf(t, s.Carts, "guest:a")
				order = s.transition(t, order.ID, paying(order.Payment.Last4+"x"))
				assertCart(t, cart, cartOf(t, s.Carts, "guest:a"))
			}
		})
	}
	t.Run("what was cancelled is merged back into its owner's cart", func(t *testing.T) {
		s := open(t)
		s.stock(t, 500, 500, 500, 500)
		order := s.sell(t, "guest:a", "k", cartLine(1, 2), cartLine(2, 60), cartLine(3, 3))
		changeCart(t, s.Carts, "guest:a", addOnce("four", cartLine(4, 1)))
		before := changeCart(t, s.Carts, "guest:a", addOnce("two", cartLine(2, 50)))
		theirs := s.fill(t, "guest:b", cartLine(1, 1))
		s.moveTo(t, order.ID, domain.Cancelled)
		cart := cartOf(t, s.Carts, "guest:a")
		quantities, ids := map[domain.ProductID]int{}, map[domain.LineID]bool{"": true}
		for _, line := range cart.Lines {
			assert.False(t, ids[line.ID], "line %q", line.ID)
			ids[line.ID] = true
			quantities[line.Product] += line.Quantity
		}
		assert.Equal(t, map[domain.ProductID]int{
			aProduct(1, 0).ID: 2, aProduct(2, 0).ID: domain.MaxQuantity, aProduct(3, 0).ID: 3, aProduct(4, 0).ID: 1,
		}, quantities)
		require.Len(t, cart.Lines, 4)
		for i, line := range before.Lines {
			assert.Equal(t, line.ID, cart.Lines[i].ID, "what was in the cart stays where it was")
		}
		assert.Equal(t, before.Version+1, cart.Version, "a change like any other")
		assert.Equal(t, before.Keys, cart.Keys)
		assertCart(t, theirs, cartOf(t, s.Carts, "guest:b"))
		line := cart.Lines[2]
		changeCart(t, s.Carts, "guest:a", func(c *domain.Cart) error { return c.Remove(line.ID) })
	})
	t.Run("the key of an order that was cancelled is free again", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		cancelled := s.sell(t, "guest:a", "k", cartLine(1, 2))
		other := s.sell(t, "guest:a", "another", cartLine(1, 1))
		theirs := s.sell(t, "guest:b", "k", cartLine(1, 1))
		s.moveTo(t, cancelled.ID, domain.Cancelled)
		order, placed, err := s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: "k", Fingerprint: "something else"}, building(anOrder("guest:a")))
		require.NoError(t, err)
		assert.True(t, placed)
		assert.NotEqual(t, cancelled.ID, order.ID)
		assert.Equal(t, cancelled.Lines, order.Lines)

		s.transition(t, cancelled.ID, paying("1"))
		again, placed, err := s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: "k", Fingerprint: "something else"}, building(anOrder("guest:a")))
		require.NoError(t, err)
		assert.False(t, placed, "the key is the new order's, whatever becomes of the old one")
		assertOrder(t, order, again)
		for _, o := range []struct {
			domain.Order
			key string
		}{{other, "another"}, {theirs, "k"}} {
			again, placed, err := s.call(t.Context(), o.Order, o.key)
			require.NoError(t, err)
			assert.False(t, placed)
			assertOrder(t, o.Order, again)
		}
		assert.Equal(t, domain.Cancelled, s.order(t, cancelled.ID).Status)
	})
	t.Run("a return that would pass the most that is counted is a conflict, and nothing is kept", func(t *testing.T) {
		s := open(t)
		s.stock(t, domain.MaxStock, 10, 10)
		order := s.sell(t, "guest:a", "k", cartLine(2, 1), cartLine(1, 2))
		_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: aProduct(1, 0).ID, Delta: 1, Reason: domain.StockReceived, At: later}, "")
		require.NoError(t, err)
		before := s.kept(t)
		_, effects, err := s.Orders().TransitionOrder(t.Context(), order.ID, moving(domain.Cancelled))
		requireCode(t, err, domain.ErrConflict, domain.CodeStockBounds)
		assert.Zero(t, effects)
		assert.Equal(t, before, s.kept(t))
		_, err = s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: aProduct(1, 0).ID, Delta: -1, Reason: domain.StockCorrected, At: later}, "")
		require.NoError(t, err)
		s.moveTo(t, order.ID, domain.Cancelled)
		assert.Equal(t, domain.MaxStock, s.product(t, 1).Stock)
		assert.Equal(t, 10, s.product(t, 2).Stock)
	})
	t.Run("what was refunded stays out of the cart, and its key stays", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		order := s.sell(t, "guest:a", "k", cartLine(1, 2))
		s.moveTo(t, order.ID, domain.Paid)
		cart := cartOf(t, s.Carts, "guest:a")
		s.moveTo(t, order.ID, domain.Refunding)
		order = s.moveTo(t, order.ID, domain.Refunded)
		assertCart(t, cart, cartOf(t, s.Carts, "guest:a"))
		s.fill(t, "guest:a", cartLine(1, 1))
		again, placed, err := s.call(t.Context(), anOrder("guest:a"), "k")
		require.NoError(t, err)
		assert.False(t, placed)
		assertOrder(t, order, again)
	})
	for _, way := range [][]domain.OrderStatus{{domain.Cancelled}, {domain.Paid, domain.Refunding, domain.Refunded}} {
		t.Run(fmt.Sprint("products that were discontinued are passed over ", way), func(t *testing.T) {
			s := open(t)
			s.stock(t, 5, 5)
			order := s.sell(t, "guest:a", "k", cartLine(1, 2), cartLine(2, 3))
			require.NoError(t, s.Products().RemoveProduct(t.Context(), aProduct(1, 0).ID))
			before := s.movements(t, 1)
			for _, next := range way {
				order = s.moveTo(t, order.ID, next)
			}
			assert.Equal(t, way[len(way)-1], s.order(t, order.ID).Status)
			assert.Equal(t, 5, s.product(t, 2).Stock)
			assert.Len(t, s.movements(t, 2), 2)
			assert.Equal(t, before, s.movements(t, 1))
			assertNoProduct(t, s.Products, string(aProduct(1, 0).ID))
		})
	}
}
