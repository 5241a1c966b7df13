package porttest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

func claimingOrders(t *testing.T, open func(t *testing.T) shop) {
	t.Run("pending orders are claimed, the oldest first, and not again before the claim ends", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		byAge := make([]domain.Order, 7)
		for i, age := range []int{4, 0, 6, 2, 5, 1, 3} {
			order := anOrder([]domain.OwnerID{"guest:a", "guest:b"}[i%2])
			order.PlacedAt = order.PlacedAt.Add(time.Duration(age) * time.Minute)
			order.ClaimedUntil = time.Time{}
			s.fill(t, order.Owner, cartLine(1, 1))
			byAge[age] = s.place(t, order, string(order.ID))
		}
		for i, next := range map[int]domain.OrderStatus{1: domain.Paid, 4: domain.Cancelled} {
			s.moveTo(t, byAge[i].ID, next)
		}
		pending := []domain.Order{byAge[0], byAge[2], byAge[3], byAge[5], byAge[6]}
		until := later.Add(time.Minute + time.Microsecond)
		claim := func(now, until time.Time, limit int, want ...domain.Order) {
			t.Helper()
			for i := range want {
				want[i].ClaimedUntil = until
			}
			got, err := s.Orders().ClaimOrders(t.Context(), now, until, limit)
			require.NoError(t, err)
			assert.Equal(t, ordersInUTC(want), ordersInUTC(got))
			for _, o := range want {
				assertOrder(t, o, s.order(t, o.ID))
			}
		}
		claim(later, until, 0)
		claim(later, until, 2, pending[:2]...)
		claim(later, until, 2, pending[2:4]...)
		claim(later, until, 2, pending[4:]...)
		claim(later, until, 2)
		claim(until, until.Add(time.Hour), 9)
		claim(until.Add(time.Microsecond), until.Add(time.Hour), 9, pending...)
		for _, i := range []int{1, 4} {
			assert.Equal(t, byAge[i].ClaimedUntil.UTC(), s.order(t, byAge[i].ID).ClaimedUntil.UTC(), "of one that is not pending")
		}
	})
	t.Run("a claim that an order was placed or changed with holds", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		order := s.sell(t, "guest:a", "k", cartLine(1, 1))
		ids := func(now time.Time) []domain.OrderID {
			orders, err := s.Orders().ClaimOrders(t.Context(), now, now, 5)
			require.NoError(t, err)
			var ids []domain.OrderID
			for _, o := range orders {
				ids = append(ids, o.ID)
			}
			return ids
		}
		assert.Empty(t, ids(order.ClaimedUntil))
		assert.Equal(t, []domain.OrderID{order.ID}, ids(order.ClaimedUntil.Add(time.Second)))
		s.update(t, order.ID, func(o *domain.Order) error { o.ClaimedUntil = later; return nil })
		assert.Empty(t, ids(later))
		s.update(t, order.ID, func(o *domain.Order) error { o.ClaimedUntil = time.Time{}; return nil })
		assert.Equal(t, []domain.OrderID{order.ID}, ids(noon))
		s.moveTo(t, order.ID, domain.Paid)
		assert.Empty(t, ids(later.Add(time.Hour)), "nobody asks for a payment that is known")
	})
}

func adoptingOrders(t *testing.T, open func(t *testing.T) shop) {
	t.Run("all orders become another's, and adopting again changes nothing", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		other := s.sell(t, "guest:b", "k", cartLine(1, 1))
		mine := s.sell(t, "user:a", "k", cartLine(1, 1))
		paid, pending := s.sell(t, "guest:a", "k1", cartLine(1, 2)), s.sell(t, "guest:a", "k2", cartLine(1, 3))
		paid = s.moveTo(t, paid.ID, domain.Paid)
		cart := s.fill(t, "guest:a", cartLine(1, 1))
		before := s.kept(t)
		paid.Owner, pending.Owner = "user:a", "user:a"
		for range 3 {
			require.NoError(t, s.Orders().AdoptOrders(t.Context(), "guest:a", "user:a"))
			for _, want := range []domain.Order{other, mine, paid, pending} {
				assertOrder(t, want, s.order(t, want.ID))
				byNumber, err := s.Orders().OrderByNumber(t.Context(), want.Number)
				require.NoError(t, err)
				assertOrder(t, want, byNumber)
			}
			for owner, want := range map[domain.OwnerID][]domain.Order{"guest:a": nil, "guest:b": {other}, "user:a": {mine, paid, pending}} {
				got, total, err := s.Orders().Orders(t.Context(), port.OrderFilter{Owner: owner}, domain.Page{Number: 1, Size: 9})
				require.NoError(t, err)
				assert.Equal(t, len(want), total)
				assert.ElementsMatch(t, ordersInUTC(want), ordersInUTC(got))
			}
			after := s.kept(t)
			assert.Equal(t, before.products, after.products)
			assert.Equal(t, before.movements, after.movements)
			assert.Equal(t, before.carts, after.carts)
		}
		assertCart(t, cart, cartOf(t, s.Carts, "guest:a"))
		next := s.sell(t, "guest:a", "k3", cartLine(1, 1))
		assert.Equal(t, domain.OwnerID("guest:a"), s.order(t, next.ID).Owner, "what is placed later waits for the next time")
		require.NoError(t, s.Orders().AdoptOrders(t.Context(), "guest:a", "user:a"))
		assert.Equal(t, domain.OwnerID("user:a"), s.order(t, next.ID).Owner)
	})
	t.Run("adopting one's own or nobody's orders changes nothing", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		s.sell(t, "user:a", "k", cartLine(1, 1))
		before := s.kept(t)
		require.NoError(t, s.Orders().AdoptOrders(t.Context(), "user:a", "user:a"))
		require.NoError(t, s.Orders().AdoptOrders(t.Context(), "guest:none", "user:a"))
		assert.Equal(t, before, s.kept(t))
		mine, total, err := s.Orders().Orders(t.Context(), port.OrderFilter{Owner: "user:a"}, domain.Page{Number: 1, Size: 9})
		require.NoError(t, err)
		assert.Equal(t, 1, total)
		assert.Equal(t, before.orders, ordersInUTC(mine))
	})
	t.Run("orders that were adopted come among the new owner's by age", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		var want []domain.Order
		for i := range 6 {
			owner := []domain.OwnerID{"guest:a", "user:a"}[i%2]
			order := anOrder(owner)
			order.PlacedAt = order.PlacedAt.Add(-time.Duration(i) * time.Minute)
			s.fill(t, owner, cartLine(1, 1))
			order = s.place(t, order, fmt.Sprint(i))
			order.Owner = "user:a"
			want = append(want, order)
		}
		require.NoError(t, s.Orders().AdoptOrders(t.Context(), "guest:a", "user:a"))
		got, total, err := s.Orders().Orders(t.Context(), port.OrderFilter{Owner: "user:a"}, domain.Page{Number: 1, Size: 9})
		require.NoError(t, err)
		assert.Equal(t, 6, total)
		assert.Equal(t, ordersInUTC(want), ordersInUTC(got))
	})
	t.Run("keys stay as they were made when orders are adopted", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		mine, theirs := s.sell(t, "user:a", "k", cartLine(1, 1)), s.sell(t, "guest:a", "k", cartLine(1, 2))
		alone := s.sell(t, "guest:a", "alone", cartLine(1, 3))
		require.NoError(t, s.Orders().AdoptOrders(t.Context(), "guest:a", "user:a"))
		theirs.Owner, alone.Owner = "user:a", "user:a"
		for _, c := range []struct {
			owner domain.OwnerID
			key   string
			want  domain.Order
		}{{"user:a", "k", mine}, {"guest:a", "k", theirs}, {"guest:a", "alone", alone}} {
			got, placed, err := s.call(t.Context(), anOrder(c.owner), c.key)
			require.NoError(t, err)
			assert.False(t, placed)
			assertOrder(t, c.want, got)
		}
		again := s.sell(t, "user:a", "alone", cartLine(1, 4))
		assert.NotEqual(t, alone.ID, again.ID, "the new owner never used that key")

		s.moveTo(t, alone.ID, domain.Cancelled)
		assert.Equal(t, 3, cartOf(t, s.Carts, "user:a").ItemCount(), "its lines come to who has it now")
		assert.Empty(t, cartOf(t, s.Carts, "guest:a").Lines)
		got, placed, err := s.call(t.Context(), anOrder("user:a"), "alone")
		require.NoError(t, err)
		assert.False(t, placed)
		assertOrder(t, again, got)
		s.sell(t, "guest:a", "alone", cartLine(1, 1))
	})
}

func cancellingOrders(t *testing.T, open func(t *testing.T) shop) {
	for name, call := range map[string]func(ctx context.Context, s shop, order domain.Order) error{
		"PlaceOrder": func(ctx context.Context, s shop, _ domain.Order) error {
			_, _, err := s.call(ctx, anOrder("guest:a"), "free")
			return err
		},
		"PlaceOrder, while the order is made,": func(ctx context.Context, s shop, _ domain.Order) error {
			ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
			defer cancel()
			_, _, err := s.Orders().PlaceOrder(ctx, port.Placement{Owner: "guest:a", Key: "free", Fingerprint: sent},
				func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
					cancel()
					return domain.NewOrder(anOrder("guest:a"), cart, products)
				})
			return err
		},
		"a repeat of PlaceOrder": func(ctx context.Context, s shop, _ domain.Order) error {
			_, _, err := s.call(ctx, anOrder("guest:a"), "k")
			return err
		},
		"Order": func(ctx context.Context, s shop, order domain.Order) error {
			_, err := s.Orders().Order(ctx, order.ID)
			return err
		},
		"OrderByNumber": func(ctx context.Context, s shop, order domain.Order) error {
			_, err := s.Orders().OrderByNumber(ctx, order.Number)
			return err
		},
		"Orders": func(ctx context.Context, s shop, _ domain.Order) error {
			_, _, err := s.Orders().Orders(ctx, port.OrderFilter{}, domain.Page{Number: 1, Size: 9})
			return err
		},
		"UpdateOrder": func(ctx context.Context, s shop, order domain.Order) error {
			_, err := s.Orders().UpdateOrder(ctx, order.ID, moving(domain.Cancelled))
			return err
		},
		"UpdateOrder, while the change is made,": func(ctx context.Context, s shop, order domain.Order) error {
			ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
			defer cancel()
			_, err := s.Orders().UpdateOrder(ctx, order.ID, func(o *domain.Order) error {
				cancel()
				return o.MoveTo(domain.Cancelled, later)
			})
			return err
		},
		"ClaimOrders": func(ctx context.Context, s shop, _ domain.Order) error {
			_, err := s.Orders().ClaimOrders(ctx, later, later.Add(time.Hour), 9)
			return err
		},
		"AdoptOrders": func(ctx context.Context, s shop, _ domain.Order) error {
			return s.Orders().AdoptOrders(ctx, "guest:a", "user:a")
		},
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			s := open(t)
			s.stock(t, 10, 10)
			order := s.sell(t, "guest:a", "k", cartLine(1, 2))
			s.fill(t, "guest:a", cartLine(2, 1))
			before := s.kept(t)
			require.Error(t, call(cancelled(t), s, order))
			assert.Equal(t, before, s.kept(t))
			s.place(t, anOrder("guest:a"), "free")
		})
	}
}
