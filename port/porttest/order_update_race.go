package porttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

func updatingAtOnce(t *testing.T, open func(t *testing.T) shop) {
	t.Run("changes of one order at once happen one after another", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		order := s.sell(t, "guest:a", "k", cartLine(1, 1))
		const calls = 30
		seen, errs := make([]int, calls), make([]error, calls)
		atOnce(calls, func(i int) {
			var after domain.Order
			after, _, errs[i] = s.Orders().TransitionOrder(t.Context(), order.ID, changing(func(o *domain.Order) {
				giveWay()
				o.History = append(o.History, domain.StatusChange{Status: domain.Pending, At: noon.Add(time.Duration(i) * time.Hour)})
			}, domain.Effects{}))
			seen[i] = len(after.History)
		})
		require.NoError(t, errors.Join(errs...))
		history := s.order(t, order.ID).History
		require.Len(t, history, 1+calls)
		for i := range calls {
			assert.Equal(t, noon.Add(time.Duration(i)*time.Hour), history[seen[i]-1].At.UTC(), "each was told the order that it left")
		}
	})
	t.Run("who waits for a change of an order finds the whole of it", func(t *testing.T) {
		s := open(t)
		s.stock(t, 20)
		for n := range 5 {
			order := s.sell(t, "guest:a", fmt.Sprint(n), cartLine(1, 1))
			held := make(chan struct{})
			var paying sync.WaitGroup
			paying.Go(func() {
				_, _, err := s.Orders().TransitionOrder(t.Context(), order.ID, func(o *domain.Order) (domain.Effects, error) {
					close(held)
					time.Sleep(30 * time.Millisecond) // the others come to wait
					return o.MoveTo(domain.Paid, later)
				})
				assert.NoError(t, err)
			})
			<-held
			atOnce(3, func(int) {
				after, _, err := s.Orders().TransitionOrder(t.Context(), order.ID, func(o *domain.Order) (domain.Effects, error) {
					assert.Equal(t, domain.Paid, o.Status)
					assert.Equal(t, order.Lines, o.Lines)
					return domain.Effects{}, nil
				})
				assert.NoError(t, err)
				assert.Equal(t, order.Lines, after.Lines)
				assert.NotEmpty(t, after.Number)
			})
			paying.Wait()
		}
	})
	t.Run("of shipping and refunding at once one happens", func(t *testing.T) {
		s := open(t)
		s.stock(t, 20)
		for n := range 5 {
			order := s.sell(t, "guest:a", fmt.Sprint(n), cartLine(1, 1))
			s.moveTo(t, order.ID, domain.Paid)
			next := []domain.OrderStatus{domain.Refunding, domain.Shipped}
			done := make([]bool, 8)
			atOnce(len(done), func(i int) {
				_, _, err := s.Orders().TransitionOrder(t.Context(), order.ID, func(o *domain.Order) (domain.Effects, error) {
					giveWay()
					if o.Status != domain.Paid {
						return domain.Effects{}, domain.ErrConflict
					}
					return o.MoveTo(next[i%2], later)
				})
				done[i] = err == nil
			})
			kept := s.order(t, order.ID)
			require.Len(t, kept.History, 3)
			assert.Equal(t, kept.Status, kept.History[2].Status)
			won := slices.Index(done, true)
			assert.Equal(t, next[won%2], kept.Status)
			assert.NotContains(t, done[won+1:], true)
		}
	})
	t.Run("the key of a change of status and who made it are kept", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		order := s.sell(t, "guest:a", "k", cartLine(1, 1))
		s.moveTo(t, order.ID, domain.Paid)
		once := func(o *domain.Order) (domain.Effects, error) {
			return o.MoveOnce(domain.StatusChange{Status: domain.Refunding, At: later, Key: "sue's", By: "sue"})
		}
		s.transition(t, order.ID, once)
		s.moveTo(t, order.ID, domain.Refunded)
		got := s.transition(t, order.ID, once)
		assert.Equal(t, domain.Refunded, got.Status)
		kept := s.order(t, order.ID).History
		assert.Equal(t, domain.IdempotencyKey("sue's"), kept[2].Key)
		assert.Equal(t, []string{"", "", "sue", ""}, []string{kept[0].By, kept[1].By, kept[2].By, kept[3].By})
	})
	t.Run("who reads an order while it changes sees each change wholly or not at all", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		order := s.sell(t, "guest:a", "k", cartLine(1, 1))
		order = s.transition(t, order.ID, changing(func(*domain.Order) {}, domain.Effects{TakeNumber: true}))
		check := func(o domain.Order, err error) error {
			if steps := len(o.History) - 1; err == nil && o.Payment.Last4 != order.Payment.Last4+strings.Repeat("x", steps) {
				return fmt.Errorf("paid by %s after %d changes", o.Payment.Last4, steps)
			}
			return err
		}
		errs := make([]error, 8)
		atOnce(len(errs), func(i int) {
			for range 10 {
				var o domain.Order
				var err error
				switch i % 4 {
				case 0:
					o, err = s.Orders().Order(t.Context(), order.ID)
				case 1:
					o, err = s.Orders().OrderByNumber(t.Context(), order.Number)
				case 2:
					var all []domain.Order
					if all, _, err = s.Orders().Orders(t.Context(), port.OrderFilter{}, domain.Page{Number: 1, Size: 1}); len(all) > 0 {
						o = all[0]
					}
				default:
					o, _, err = s.Orders().TransitionOrder(t.Context(), order.ID, changing(func(o *domain.Order) {
						o.History = append(o.History, domain.StatusChange{Status: domain.Pending, At: later})
						o.Payment.Last4 += "x"
					}, domain.Effects{}))
				}
				errs[i] = errors.Join(errs[i], check(o, err))
			}
		})
		require.NoError(t, errors.Join(errs...))
		assert.Len(t, s.order(t, order.ID).History, 21)
	})
	t.Run("an order that is cancelled many times at once returns its stock once", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10, 10)
		order := s.sell(t, "guest:a", "k", cartLine(1, 2), cartLine(2, 3))
		effects, errs := make([]domain.Effects, 20), make([]error, 20)
		atOnce(len(errs), func(i int) {
			_, effects[i], errs[i] = s.Orders().TransitionOrder(t.Context(), order.ID, func(o *domain.Order) (domain.Effects, error) {
				if o.Status == domain.Cancelled {
					return domain.Effects{}, nil
				}
				return moving(domain.Cancelled)(o)
			})
		})
		require.NoError(t, errors.Join(errs...))
		made := slices.DeleteFunc(effects, func(e domain.Effects) bool { return e.MovedTo == "" })
		require.Len(t, made, 1, "one call made the effects")
		assert.Equal(t, order.Lines, made[0].ReturnStock)
		assert.Len(t, s.order(t, order.ID).History, 2)
		assert.Equal(t, 10, s.product(t, 1).Stock)
		assert.Equal(t, 10, s.product(t, 2).Stock)
		assert.Len(t, s.movements(t, 1), 2)
		assert.Equal(t, 5, cartOf(t, s.Carts, "guest:a").ItemCount())
	})
	t.Run("who sees that an order is cancelled finds its stock and its lines back", func(t *testing.T) {
		s := open(t)
		s.stock(t, 10)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for round := range 10 {
			owner := domain.OwnerID(fmt.Sprint("guest:", round))
			order := s.sell(t, owner, "k", cartLine(1, 4))
			errs := make([]error, 5)
			atOnce(len(errs), func(i int) {
				if i == 0 {
					_, _, errs[i] = s.Orders().TransitionOrder(ctx, order.ID, moving(domain.Cancelled))
					return
				}
				seen, err := order, error(nil)
				for err == nil && seen.Status != domain.Cancelled {
					seen, err = s.Orders().Order(ctx, order.ID)
				}
				p, productErr := s.Products().Product(ctx, string(order.Lines[0].Product))
				cart, cartErr := s.Carts().Cart(ctx, owner)
				errs[i] = errors.Join(err, productErr, cartErr)
				if errs[i] == nil && (p.Stock != 10 || p.Sold != 0 || cart.ItemCount() != 4) {
					errs[i] = fmt.Errorf("%d in stock, %d sold, and %d in the cart", p.Stock, p.Sold, cart.ItemCount())
				}
			})
			require.NoError(t, errors.Join(errs...))
		}
	})
	t.Run("of a payment and a cancellation at once, one happens", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		paid := 0
		for round := range 10 {
			order := s.sell(t, "guest:a", fmt.Sprint(round), cartLine(1, 1))
			errs := make([]error, 2)
			atOnce(2, func(i int) {
				_, _, errs[i] = s.Orders().TransitionOrder(t.Context(), order.ID, moving([]domain.OrderStatus{domain.Paid, domain.Cancelled}[i]))
			})
			after, lost := s.order(t, order.ID), 1
			if after.Status == domain.Cancelled {
				lost = 0
			} else {
				paid++
			}
			require.NoError(t, errs[1-lost])
			requireCode(t, errs[lost], domain.ErrConflict, domain.CodeOrderState)
			assert.Len(t, after.History, 2)
			assert.Equal(t, 100-paid, s.product(t, 1).Stock)
		}
	})
	t.Run("of many who ask for a lease at once, one gets an order", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		const orders, servers = 40, 20
		for i := range orders {
			s.sell(t, "guest:a", fmt.Sprint(i), cartLine(1, 1))
		}
		var mu sync.Mutex
		got := map[domain.OrderID]int{}
		// lease leases what it gets, and fails when there is nothing left.
		lease := func() (err error) {
			for leased := 0; err == nil && leased <= orders; leased++ {
				var order domain.Order
				if order, err = s.Orders().LeaseOrder(t.Context(), port.Lease{For: time.Hour}); err == nil {
					mu.Lock()
					got[order.ID]++
					mu.Unlock()
				}
			}
			return err
		}
		errs := make([]error, servers)
		atOnce(servers, func(i int) { errs[i] = lease() })
		// Who comes second may go away with less than there is left.
		for _, err := range append(errs, lease()) {
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
		assert.Len(t, got, orders)
		for _, times := range got {
			assert.Equal(t, 1, times)
		}
	})
	t.Run("of many who ask for the lease of one order at once, one gets it", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		s.sell(t, "guest:a", "other", cartLine(1, 1))
		order := s.sell(t, "guest:a", "k", cartLine(1, 1))
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			_, errs[i] = s.Orders().LeaseOrder(t.Context(), port.Lease{Order: order.ID, For: time.Hour})
		})
		lost := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
		assert.Len(t, lost, 19)
		for _, err := range lost {
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
	})
	t.Run("what is placed while orders are adopted is one owner's or the other's", func(t *testing.T) {
		s := open(t)
		s.stock(t, 100)
		const calls = 24
		errs := make([]error, calls)
		atOnce(calls, func(i int) {
			switch owner := domain.OwnerID("guest:a"); i % 3 {
			case 0:
				errs[i] = s.Orders().AdoptOrders(t.Context(), owner, "user:a")
			case 1:
				_, errs[i] = s.Carts().UpdateCart(t.Context(), owner, addOnce("", cartLine(1, 1)))
			default:
				_, _, err := s.call(t.Context(), anOrder(owner), fmt.Sprint(i))
				errs[i] = unlessConflict(err)
			}
		})
		require.NoError(t, errors.Join(errs...))
		sum := 0
		for _, owner := range []domain.OwnerID{"guest:a", "user:a"} {
			orders, total, err := s.Orders().Orders(t.Context(), port.OrderFilter{Owner: owner}, domain.Page{Number: 1, Size: 100})
			require.NoError(t, err)
			assert.Len(t, orders, total)
			for _, o := range orders {
				assert.Equal(t, owner, o.Owner)
			}
			sum += total
		}
		assert.Equal(t, s.kept(t).total, sum)
	})
}
