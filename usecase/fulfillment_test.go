package usecase_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/demopay"
	"eshop/domain"
	"eshop/port"
	testshop "eshop/test/shop"
)

var agent = domain.User{ID: "s", Role: domain.Staff}

// bought returns an order of two teas that is paid.
func (w world) bought(t *testing.T) domain.Order {
	t.Helper()
	w.fill(t, "ann", "tea", 2)
	order, _, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
	require.NoError(t, err)
	return order
}

func TestFulfillment_Move(t *testing.T) {
	w := newWorld(t)
	order := w.bought(t)
	_, err := w.Fulfillment.Move(t.Context(), domain.User{ID: "c", Role: domain.Customer}, order.Number, domain.Shipped, "")
	require.ErrorIs(t, err, domain.ErrDenied)
	_, err = w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Delivered, "")
	require.ErrorIs(t, err, domain.ErrConflict, "nothing arrives before it is sent")
	for _, next := range []domain.OrderStatus{domain.Pending, domain.Paid + "x", domain.Cancelled, domain.Refunding, ""} {
		_, err = w.Fulfillment.Move(t.Context(), agent, order.Number, next, "")
		require.ErrorIs(t, err, domain.ErrInvalid, next)
	}
	for range 2 {
		moved, err := w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Shipped, "ship")
		require.NoError(t, err)
		assert.Len(t, moved.History, 3, "moving it again changes nothing")
	}
	_, err = w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Delivered, "ship")
	assert.Equal(t, domain.CodeIdempotencyKeyReused, domain.CodeOf(err))
	_, err = w.Fulfillment.Move(t.Context(), domain.User{ID: "another", Role: domain.Staff}, order.Number, domain.Delivered, "ship")
	require.NoError(t, err, "a key is its caller's own")
	moved, err := w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Shipped, "ship")
	require.NoError(t, err, "a call that comes late was done before")
	assert.Equal(t, domain.Delivered, moved.Status)

	moved, err = w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Refunded, "refund")
	require.NoError(t, err)
	assert.Equal(t, domain.PaymentRefunded, moved.Payment.Status)
	assert.Equal(t, []domain.OrderStatus{domain.Refunding, domain.Refunded}, []domain.OrderStatus{moved.History[4].Status, moved.History[5].Status})
	assert.Equal(t, 5, w.stock(t, "tea"))
	cart, err := w.store.Cart(t.Context(), "ann")
	require.NoError(t, err)
	assert.Empty(t, cart.Lines, "what was refunded is not put into the cart again")
	for _, key := range []domain.IdempotencyKey{"refund", "again", ""} {
		again, err := w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Refunded, key)
		require.NoError(t, err)
		assert.Equal(t, moved, again)
	}
	assert.Equal(t, 5, w.stock(t, "tea"))
}

// cashier counts refunds, and may lose its way before or after the money moves.
type cashier struct {
	port.Payments
	mu      sync.Mutex
	given   map[domain.OrderID]int
	before  func(context.Context) error
	after   func(context.Context) error
	refused bool
}

func newCashier() *cashier {
	return &cashier{Payments: demopay.New(demopay.NewMemoryLedger(utcNow)), given: map[domain.OrderID]int{}}
}

func (c *cashier) Refund(ctx context.Context, id domain.OrderID) error {
	if c.refused {
		return domain.ErrConflict.Errorf(domain.CodeNotCharged, "nothing was charged")
	}
	if c.before != nil {
		if err := c.before(ctx); err != nil {
			return err
		}
	}
	c.mu.Lock()
	c.given[id]++
	c.mu.Unlock()
	if c.after != nil {
		return c.after(ctx)
	}
	return nil
}

func TestFulfillment_RefundIsKeptBeforeTheMoneyMoves(t *testing.T) {
	lost := func(context.Context) error { return domain.ErrUnavailable }
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, spoil := range map[string]func(*cashier){
		"the gateway is away":          func(c *cashier) { c.before = lost },
		"the gateway hangs":            func(c *cashier) { c.before = hangs },
		"the answer is lost":           func(c *cashier) { c.after = lost },
		"the answer is lost, and late": func(c *cashier) { c.after = hangs },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gateway := newCashier()
				w := newWorldPaidBy(t, gateway)
				order := w.bought(t)
				spoil(gateway)
				begun := time.Now()
				moved, err := w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Refunded, "refund")
				require.NoError(t, err)
				assert.Equal(t, domain.Refunding, moved.Status)
				assert.Less(t, time.Since(begun), 3*time.Second, "nginx waits no longer")
				_, err = w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Shipped, "ship")
				require.ErrorIs(t, err, domain.ErrConflict, "the money may be back")
				refunded, err := w.Fulfillment.FinishRefunds(t.Context())
				require.NoError(t, err)
				assert.Zero(t, refunded, "the first call has its lease")
				time.Sleep(10 * time.Second)
				_, err = w.Fulfillment.FinishRefunds(t.Context())
				require.Error(t, err, "the gateway is away still")

				gateway.before, gateway.after = nil, nil
				time.Sleep(10 * time.Second)
				refunded, err = w.Fulfillment.FinishRefunds(t.Context())
				require.NoError(t, err)
				assert.Equal(t, 1, refunded)
				kept, err := w.store.Order(t.Context(), order.ID)
				require.NoError(t, err)
				assert.Equal(t, domain.Refunded, kept.Status)
				assert.Positive(t, gateway.given[order.ID])
				assert.Equal(t, 5, w.stock(t, "tea"))
				refunded, err = w.Fulfillment.FinishRefunds(t.Context())
				require.NoError(t, err)
				assert.Zero(t, refunded)
			})
		})
	}
}

// dying is a store whose server dies once the order is Refunding.
type dying struct{ orders }

// orders embeds port.Orders under a name that its method Orders leaves free.
type orders = port.Orders

func (d dying) LeaseOrder(context.Context, port.Lease) (domain.Order, error) {
	return domain.Order{}, domain.ErrUnavailable
}

func TestFulfillment_AnotherServerFinishesARefund(t *testing.T) {
	gateway := newCashier()
	w := newWorldPaidBy(t, gateway)
	order := w.bought(t)
	dead := useCases(t, w.store, func(p *testshop.Parts) { p.Payments, p.Orders = gateway, dying{p.Orders} })
	moved, err := dead.Fulfillment.Move(t.Context(), agent, order.Number, domain.Refunded, "refund")
	require.NoError(t, err)
	assert.Equal(t, domain.Refunding, moved.Status)
	assert.Empty(t, gateway.given)
	refunded, err := w.Fulfillment.FinishRefunds(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, refunded)
	assert.Equal(t, map[domain.OrderID]int{order.ID: 1}, gateway.given)
	moved, err = w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Refunded, "refund")
	require.NoError(t, err)
	assert.Equal(t, domain.Refunded, moved.Status)
	assert.Equal(t, 5, w.stock(t, "tea"))
}

func TestFulfillment_TwoAgentsAtOnce(t *testing.T) {
	for range 20 {
		gateway := newCashier()
		w := newWorldPaidBy(t, gateway)
		order := w.bought(t)
		var both sync.WaitGroup
		errs := make([]error, 2)
		for i, next := range []domain.OrderStatus{domain.Refunded, domain.Shipped} {
			both.Go(func() { _, errs[i] = w.Fulfillment.Move(t.Context(), agent, order.Number, next, "") })
		}
		both.Wait()
		kept, err := w.store.Order(t.Context(), order.ID)
		require.NoError(t, err)
		require.NoError(t, errs[0], "what was shipped may be refunded")
		assert.Equal(t, domain.Refunded, kept.Status)
		assert.Equal(t, 1, gateway.given[order.ID])
		if errs[1] != nil {
			require.ErrorIs(t, errs[1], domain.ErrConflict)
			assert.Len(t, kept.History, 4, "it was never shipped")
		}
	}
}

func TestFulfillment_NothingToGiveBack(t *testing.T) {
	gateway := newCashier()
	w := newWorldPaidBy(t, gateway)
	order := w.bought(t)
	gateway.refused = true
	for range 2 {
		_, err := w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Refunded, "refund")
		assert.Equal(t, domain.CodeNotCharged, domain.CodeOf(err), "a repeat is told what the first one was")
	}
	moved, err := w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Shipped, "")
	require.NoError(t, err)
	assert.Equal(t, domain.Shipped, moved.Status)
	assert.Equal(t, 3, w.stock(t, "tea"))
}

func TestFulfillment_ARefundThatCannotBeMadeKeepsNoOtherWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := newCashier()
		w := newWorldPaidBy(t, gateway)
		var orders []domain.Order
		for _, owner := range []domain.OwnerID{"ann", "bob"} {
			w.fill(t, owner, "tea", 1)
			order, _, err := w.Checkout.Buy(t.Context(), owner, "k", purchase(good))
			require.NoError(t, err)
			orders = append(orders, order)
		}
		gateway.before = func(context.Context) error { return domain.ErrUnavailable }
		for _, order := range orders {
			_, err := w.Fulfillment.Move(t.Context(), agent, order.Number, domain.Refunded, "")
			require.NoError(t, err)
		}
		time.Sleep(time.Minute)
		first := true
		gateway.before = func(context.Context) error {
			if first {
				first = false
				return domain.ErrUnavailable
			}
			return nil
		}
		refunded, err := w.Fulfillment.FinishRefunds(t.Context())
		require.ErrorIs(t, err, domain.ErrUnavailable)
		assert.Equal(t, 1, refunded)
	})
}
