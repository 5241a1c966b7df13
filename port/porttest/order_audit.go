package porttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func auditingOrders(t *testing.T, open func(t *testing.T) shop) {
	t.Run("stock is its movements after whatever happened at once", func(t *testing.T) {
		s := open(t)
		seed := uint64(time.Now().UnixNano())
		t.Log("seed", seed)
		s.stock(t, 60, 60, 60)
		const workers, steps = 8, 25
		errs := make([]error, workers)
		atOnce(workers, func(i int) {
			shopper := shopper{s, rand.New(rand.NewPCG(seed, uint64(i))), domain.OwnerID(fmt.Sprint("guest:", i/2)), nil}
			for range steps {
				errs[i] = errors.Join(errs[i], shopper.step(t.Context()))
			}
		})
		require.NoError(t, errors.Join(errs...))
		s.audit(t, 3)
	})
}

// shopper does what people do, in a random order.
type shopper struct {
	shop
	rand  *rand.Rand
	owner domain.OwnerID
	mine  []domain.OrderID
}

func (s *shopper) step(ctx context.Context) error {
	switch s.rand.IntN(8) {
	case 0, 1, 2, 3:
		var lines []domain.Line
		for _, n := range s.rand.Perm(3)[:1+s.rand.IntN(3)] {
			lines = append(lines, cartLine(n+1, 1+s.rand.IntN(6)))
		}
		if _, err := s.Carts().UpdateCart(ctx, s.owner, filling(lines)); err != nil {
			return err
		}
		order, _, err := s.call(ctx, anOrder(s.owner), fmt.Sprint(s.rand.IntN(20)))
		if err == nil {
			s.mine = append(s.mine, order.ID)
		}
		return unlessConflict(err)
	case 4, 5:
		return s.move(ctx, domain.Cancelled)
	case 6:
		return errors.Join(s.move(ctx, domain.Paid), s.move(ctx, domain.Refunding), s.move(ctx, domain.Refunded))
	default:
		_, err := s.Stock().ChangeStock(ctx, domain.StockMovement{Product: aProduct(1+s.rand.IntN(3), 0).ID, Delta: []int{-4, -1, 2, 5}[s.rand.IntN(4)], Reason: domain.StockCorrected, At: later}, "")
		return unlessConflict(err)
	}
}

func (s *shopper) move(ctx context.Context, next domain.OrderStatus) error {
	if len(s.mine) == 0 {
		return nil
	}
	_, _, err := s.Orders().TransitionOrder(ctx, s.mine[s.rand.IntN(len(s.mine))], moving(next))
	return unlessConflict(err)
}

func unlessConflict(err error) error {
	if errors.Is(err, domain.ErrConflict) {
		return nil
	}
	return err
}

// audit demands that products 1 to n, their movements and the orders tell the same.
func (s shop) audit(t *testing.T, n int) {
	t.Helper()
	type cause struct {
		order   domain.OrderID
		product domain.ProductID
		reason  domain.MovementReason
	}
	want, sold := map[cause]int{}, map[domain.ProductID]int{}
	all := s.allOrders(t)
	require.NotEmpty(t, all)
	for _, o := range all {
		for _, line := range o.Lines {
			want[cause{o.ID, line.Product, domain.StockSold}] = -line.Quantity
			if o.Status == domain.Cancelled || o.Status == domain.Refunded {
				want[cause{o.ID, line.Product, domain.StockReturned}] = line.Quantity
			} else {
				sold[line.Product] += line.Quantity
			}
		}
	}
	got := map[cause]int{}
	for i := range n {
		p := s.product(t, i+1)
		assert.Equal(t, sold[p.ID], p.Sold)
		movements := movementsOf(t, s.Stock, p.ID)
		assertAddsUp(t, p.Stock, movements)
		for _, m := range movements {
			if m.Order != "" {
				got[cause{m.Order, m.Product, m.Reason}] += m.Delta
			}
		}
	}
	assert.Equal(t, want, got)
}
