package porttest

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Shop is one server's answers to the ports that one store answers together, and to
// Catalog, which may follow that store from elsewhere. A suite says which it asks.
type Shop struct {
	Orders   port.Orders
	Products port.Products
	Stock    port.Stock
	Carts    port.Carts
	Catalog  port.Catalog
}

// CatchUp catches up with what other servers did to products, where the server caches them.
func (s Shop) CatchUp() error {
	if f, ok := s.Products.(follower); ok {
		return f.CatchUp()
	}
	return nil
}

// Orders holds an adapter to the promises of port.Orders. open returns two servers of
// one shop with nothing in it, by all but their Catalog.
func Orders(t *testing.T, open func(*testing.T) (a, b Shop)) {
	run(t, open, shopInTurns,
		placingOrders, failingToPlace, repeatingPlacements, findingOrders, updatingOrders, makingEffects, returningOrders,
		leasingOrders, adoptingOrders, sharingOrders, placingAtOnce, updatingAtOnce, auditingOrders, followingOrders, cancellingOrders)
}

func findingOrders(t *testing.T, open func(t *testing.T) shop) {
	t.Run("an order that is not there is not found", func(t *testing.T) {
		s := open(t)
		s.stock(t, 5)
		order := s.moveTo(t, s.sell(t, "guest:a", "k", cartLine(1, 1)).ID, domain.Paid)
		for _, id := range []domain.OrderID{"", "none", domain.OrderID(order.Number)} {
			_, err := s.Orders().Order(t.Context(), id)
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
		for _, number := range []domain.OrderNumber{"", "none", domain.OrderNumber(order.ID)} {
			_, err := s.Orders().OrderByNumber(t.Context(), number)
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
	})
	t.Run("orders are found by owner and by status, the newest first and page by page, and what was cancelled by its status alone", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		var all []domain.Order
		for i, minute := range []int{7, 2, 9, 0, 4, 11, 1, 8, 3, 10, 6, 5} {
			owner := []domain.OwnerID{"guest:a", "user:a", "guest:a", "guest:A"}[i%4]
			s.fill(t, owner, cartLine(1, 1+i%3))
			order := anOrder(owner)
			order.PlacedAt = order.PlacedAt.Add(time.Duration(minute) * time.Minute)
			order = s.place(t, order, "k"+string(order.ID))
			for _, next := range [][]domain.OrderStatus{{}, {domain.Paid}, {domain.Paid, domain.Shipped}, {domain.Cancelled}, {domain.Paid}}[i%5] {
				order = s.moveTo(t, order.ID, next)
			}
			all = append(all, order)
		}
		slices.SortFunc(all, func(a, b domain.Order) int { return b.PlacedAt.Compare(a.PlacedAt) })
		for _, owner := range []domain.OwnerID{"", "guest:a", "user:a", "guest:A", "guest:", "none"} {
			for _, status := range append([]domain.OrderStatus{""}, domain.OrderStatuses...) {
				var want []domain.Order
				for _, o := range all {
					if (owner == "" || o.Owner == owner) && (o.Status == status || status == "" && o.Status != domain.Cancelled) {
						want = append(want, o)
					}
				}
				filter := port.OrderFilter{Owner: owner, Status: status}
				for _, size := range []int{100, 12, 5, 1} {
					var got []domain.Order
					for number := 1; number <= len(want)/size+2; number++ {
						page, total, err := s.Orders().Orders(t.Context(), filter, domain.Page{Number: number, Size: size})
						require.NoError(t, err)
						assert.Equal(t, len(want), total, "on page %d of %d of %+v", number, size, filter)
						assert.Len(t, page, min(size, max(0, len(want)-(number-1)*size)))
						got = append(got, page...)
					}
					assert.Equal(t, ordersInUTC(want), ordersInUTC(got))
				}
			}
		}
	})
	t.Run("a page far past the end is empty and has the right total", func(t *testing.T) {
		s := open(t)
		s.stock(t, 5)
		s.sell(t, "guest:a", "k", cartLine(1, 1))
		for _, number := range []int{2, 1_000_000} {
			page, total, err := s.Orders().Orders(t.Context(), port.OrderFilter{}, domain.Page{Number: number, Size: 100})
			require.NoError(t, err)
			assert.Empty(t, page)
			assert.Equal(t, 1, total)
		}
	})
	t.Run("pages of orders of the same time do not overlap", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		want := map[domain.OrderID]bool{}
		for range 12 {
			want[s.sell(t, "guest:a", rand.Text(), cartLine(1, 1)).ID] = true
		}
		for _, filter := range []port.OrderFilter{{}, {Owner: "guest:a"}, {Status: domain.Pending}} {
			whole, _, err := s.Orders().Orders(t.Context(), filter, domain.Page{Number: 1, Size: 12})
			require.NoError(t, err)
			var paged []domain.Order
			got := map[domain.OrderID]bool{}
			for number := range 6 {
				page, _, err := s.Orders().Orders(t.Context(), filter, domain.Page{Number: number + 1, Size: 2})
				require.NoError(t, err)
				for _, o := range page {
					got[o.ID] = true
				}
				paged = append(paged, page...)
			}
			assert.Equal(t, want, got)
			assert.Equal(t, whole, paged)
		}
	})
}

func sharingOrders(t *testing.T, open func(t *testing.T) shop) {
	t.Run("changing what went in or came out changes nothing that is kept", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10, 10)
		changeCart(t, s.Carts, "guest:a", addOnce("one", cartLine(1, 2)))
		cart := changeCart(t, s.Carts, "guest:a", addOnce("two", cartLine(2, 1)))
		var held []domain.Order
		want, _, err := s.Orders().PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: "k", Fingerprint: sent},
			func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
				order, err := domain.NewOrder(anOrder("guest:a"), cart, products, domain.DefaultPricing())
				cart.Version = 77
				clear(cart.Lines)
				clear(cart.Keys)
				for _, p := range products {
					p.Images[0].URL = "spoilt"
				}
				clear(products)
				held = append(held, order)
				return order, err
			})
		require.NoError(t, err)
		assertCart(t, domain.Cart{Version: cart.Version, Keys: []string{"one", "two"}}, cartOf(t, s.Carts, "guest:a"))
		assert.Equal(t, aProduct(1, 0).Images, s.product(t, 1).Images)
		held = append(held, want)
		want = want.Clone()
		check := func() {
			t.Helper()
			for _, o := range held {
				require.NotEmpty(t, o.Lines)
				o.Lines[0].Quantity, o.Lines[0].Product, o.History[0].Status = 9, "spoilt", "spoilt"
				_ = append(o.Lines[:1], domain.OrderLine{Product: "spoilt"})
			}
			assertOrder(t, want, s.order(t, want.ID))
		}
		read := func(order domain.Order, err error) {
			t.Helper()
			require.NoError(t, err)
			assertOrder(t, want, order)
			held = append(held, order)
			check()
		}
		check()
		read(s.Orders().Order(t.Context(), want.ID))
		again, _, err := s.call(t.Context(), anOrder("guest:a"), "k")
		read(again, err)
		all, _, err := s.Orders().Orders(t.Context(), port.OrderFilter{}, domain.Page{Number: 1, Size: 9})
		read(all[0], err)
		leased := s.lease(t, port.Lease{For: time.Hour})
		want.LeasedUntil = leased.LeasedUntil
		read(leased, nil)
		history := append(want.Clone().History, domain.StatusChange{Status: domain.Paid, At: later})
		want.Status, want.Payment.Status = domain.Paid, domain.PaymentPaid
		want.History = append(want.History, history[1])
		var changed *domain.Order
		paid := s.transition(t, want.ID, func(o *domain.Order) (domain.Effects, error) {
			changed = o
			o.Status, o.Payment.Status, o.History = domain.Paid, domain.PaymentPaid, history
			return domain.Effects{MovedTo: domain.Paid, At: later, TakeNumber: true}, nil
		})
		want.Number = paid.Number
		read(paid, nil)
		read(s.Orders().OrderByNumber(t.Context(), want.Number))
		changed.Status, changed.History[1].Status, history[0].Status = "spoilt", "spoilt", "spoilt"
		check()
		movements, err := s.Stock().Movements(t.Context(), aProduct(1, 0).ID)
		require.NoError(t, err)
		for i := range movements {
			movements[i].Delta = 77
		}
		s.moveTo(t, want.ID, domain.Refunding)
		s.moveTo(t, want.ID, domain.Refunded)
		assert.Equal(t, 10, s.product(t, 1).Stock)
		s.kept(t)
	})
}
