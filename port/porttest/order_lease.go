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

func leasingOrders(t *testing.T, open func(t *testing.T) shop) {
	none := func(t *testing.T, s shop, lease port.Lease) {
		t.Helper()
		_, err := s.Orders().LeaseOrder(t.Context(), lease)
		require.ErrorIs(t, err, domain.ErrNotFound)
	}
	t.Run("pending orders are leased, first the one whose lease ended first, and not again before the lease ends", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		orders := make([]domain.Order, 5)
		for i := range orders {
			orders[i] = s.sell(t, []domain.OwnerID{"guest:a", "guest:b"}[i%2], fmt.Sprint(i), cartLine(1, 1))
		}
		paid, cancelled := s.moveTo(t, orders[1].ID, domain.Paid), s.moveTo(t, orders[3].ID, domain.Cancelled)
		var until []time.Time
		for _, lease := range []time.Duration{0, time.Hour, 3 * time.Hour, 2 * time.Hour} {
			want := orders[[]int{0, 2, 4, 0}[len(until)]]
			got := s.lease(t, port.Lease{For: lease})
			want.LeasedUntil = got.LeasedUntil
			assertOrder(t, want, got)
			assertOrder(t, want, s.order(t, want.ID))
			until = append(until, got.LeasedUntil.Add(-lease))
		}
		for _, at := range until {
			assert.WithinDuration(t, until[0], at, time.Minute, "each as long as it was asked for")
		}
		none(t, s, port.Lease{For: time.Hour})
		assertOrder(t, paid, s.order(t, paid.ID))
		assertOrder(t, cancelled, s.order(t, cancelled.ID))
	})
	t.Run("a lease ends after its time by the store's clock", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		const lease, idle = 200 * time.Millisecond, 100 * time.Millisecond
		begin := time.Now()
		order := s.sell(t, "guest:a", "k", cartLine(1, 1))
		s.lease(t, port.Lease{Order: order.ID, For: lease})
		require.Eventually(t, func() bool {
			_, err := s.Orders().LeaseOrder(t.Context(), port.Lease{EndedFor: idle, For: time.Hour})
			return err == nil
		}, 10*time.Second, 5*time.Millisecond)
		assert.GreaterOrEqual(t, time.Since(begin), lease+idle)
	})
	t.Run("a lease that an order was placed with holds, and a repeat has none", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		s.fill(t, "guest:a", cartLine(1, 1))
		placement := port.Placement{Owner: "guest:a", Key: "k", Fingerprint: sent, Lease: time.Hour}
		order, _, err := s.Orders().PlaceOrder(t.Context(), placement, building(anOrder("guest:a")))
		require.NoError(t, err)
		placement.Lease = 2 * time.Hour
		again, _, err := s.Orders().PlaceOrder(t.Context(), placement, building(anOrder("guest:a")))
		require.NoError(t, err)
		assertOrder(t, order, again)
		none(t, s, port.Lease{For: time.Hour})
		none(t, s, port.Lease{Order: order.ID, For: time.Hour})
		free := s.sell(t, "guest:a", "free", cartLine(1, 1))
		assert.WithinDuration(t, free.LeasedUntil.Add(time.Hour), order.LeasedUntil, time.Minute)
		none(t, s, port.Lease{EndedFor: time.Hour, For: time.Hour})
		assert.Equal(t, free.ID, s.lease(t, port.Lease{For: time.Hour}).ID)
	})
	t.Run("an order that is being refunded is leased by who asks for one, and by nobody else", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		s.fill(t, "guest:a", cartLine(1, 1))
		placement := port.Placement{Owner: "guest:a", Key: "1", Fingerprint: sent, Lease: time.Hour}
		refunding, _, err := s.Orders().PlaceOrder(t.Context(), placement, building(anOrder("guest:a")))
		require.NoError(t, err)
		paid := s.sell(t, "guest:a", "2", cartLine(1, 1))
		pending := s.sell(t, "guest:a", "3", cartLine(1, 1))
		for _, order := range []domain.Order{refunding, paid} {
			s.moveTo(t, order.ID, domain.Paid)
		}
		none(t, s, port.Lease{Status: domain.Refunding, For: time.Hour})
		want := s.moveTo(t, refunding.ID, domain.Refunding)
		assert.Zero(t, want.LeasedUntil, "the lease for its payment has ended")
		assertOrder(t, want, s.order(t, want.ID))
		none(t, s, port.Lease{Order: refunding.ID, For: time.Hour})
		none(t, s, port.Lease{Order: pending.ID, Status: domain.Refunding, For: time.Hour})
		got := s.lease(t, port.Lease{Status: domain.Refunding, For: time.Hour})
		want.LeasedUntil = got.LeasedUntil
		assertOrder(t, want, got)
		none(t, s, port.Lease{Status: domain.Refunding, For: time.Hour})
		assert.Equal(t, pending.ID, s.lease(t, port.Lease{For: time.Hour}).ID)
		s.moveTo(t, refunding.ID, domain.Refunded)
		none(t, s, port.Lease{Order: refunding.ID, Status: domain.Refunding, For: time.Hour})
	})
	t.Run("an order that is named is leased, and no other in its place", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		first, second := s.sell(t, "guest:a", "1", cartLine(1, 1)), s.sell(t, "guest:a", "2", cartLine(1, 1))
		assert.Equal(t, second.ID, s.lease(t, port.Lease{Order: second.ID, For: time.Hour}).ID)
		none(t, s, port.Lease{Order: second.ID, For: time.Hour})
		none(t, s, port.Lease{Order: "none", For: time.Hour})
		s.moveTo(t, first.ID, domain.Paid)
		none(t, s, port.Lease{Order: first.ID, For: time.Hour})
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
				if want.Number != "" {
					byNumber, err := s.Orders().OrderByNumber(t.Context(), want.Number)
					require.NoError(t, err)
					assertOrder(t, want, byNumber)
				}
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
		adopted := func(key, fingerprint string) (domain.Order, error) {
			order, placed, err := s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: "user:a", Key: key, Fingerprint: fingerprint, Adopted: true},
				func(domain.Cart, map[domain.ProductID]domain.Product) (domain.Order, error) {
					return domain.Order{}, domain.CartEmpty()
				})
			assert.False(t, placed)
			return order, err
		}
		for key, want := range map[string]domain.Order{"k": mine, "alone": alone} {
			got, err := adopted(key, sent)
			require.NoError(t, err, "who adopted it repeats it, and their own key comes first")
			assertOrder(t, want, got)
			_, err = adopted(key, "something else")
			requireCode(t, err, domain.ErrConflict, domain.CodeIdempotencyKeyReused)
		}
		_, err := adopted("none", sent)
		requireCode(t, err, domain.ErrConflict, domain.CodeCartEmpty)
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
		s.moveTo(t, theirs.ID, domain.Cancelled)
		s.moveTo(t, mine.ID, domain.Cancelled)
		_, err = adopted("k", sent)
		requireCode(t, err, domain.ErrConflict, domain.CodeCartEmpty)
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
					return domain.NewOrder(anOrder("guest:a"), cart, products, domain.DefaultPricing())
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
		"TransitionOrder": func(ctx context.Context, s shop, order domain.Order) error {
			_, _, err := s.Orders().TransitionOrder(ctx, order.ID, moving(domain.Cancelled))
			return err
		},
		"TransitionOrder, while the change is made,": func(ctx context.Context, s shop, order domain.Order) error {
			ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
			defer cancel()
			_, _, err := s.Orders().TransitionOrder(ctx, order.ID, func(o *domain.Order) (domain.Effects, error) {
				cancel()
				return o.MoveTo(domain.Cancelled, later)
			})
			return err
		},
		"LeaseOrder": func(ctx context.Context, s shop, _ domain.Order) error {
			_, err := s.Orders().LeaseOrder(ctx, port.Lease{For: time.Hour})
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
