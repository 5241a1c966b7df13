package usecase_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/port"
	testshop "eshop/test/shop"
	"eshop/usecase"
)

// forgetfulOrders keep nothing of what becomes of an order, as a server does that ends once it has placed it.
type forgetfulOrders struct{ *memory.Store }

func (forgetfulOrders) TransitionOrder(context.Context, domain.OrderID, func(*domain.Order) (domain.Effects, error)) (domain.Order, domain.Effects, error) {
	return domain.Order{}, domain.Effects{}, domain.ErrUnavailable
}

func TestCheckout_Buy_ARepeatThatIsToldToWaitKeepsTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(t, "ann", "tea", 2)
		ending := useCases(t, w.store, func(p *testshop.Parts) {
			p.Orders, p.Payments = forgetfulOrders{w.store}, &stuckGateway{nil, func(domain.OrderID) bool { return true }}
		})
		first, _, err := ending.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
		require.NoError(t, err)
		time.Sleep(time.Until(first.LeasedUntil))
		_, err = w.store.LeaseOrder(t.Context(), port.Lease{Order: first.ID, For: time.Minute})
		require.NoError(t, err)
		again, placed, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
		require.NoError(t, err)
		require.False(t, placed)
		require.Equal(t, domain.Pending, again.Status, "somebody else has the lease")
		time.Sleep(2 * time.Minute)
		settled, err := w.Checkout.Settle(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, settled)
		_, _, err = w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
		require.ErrorIs(t, err, domain.ErrDeclined, "who was told to wait for an order is told what became of that one")
		assert.Equal(t, 5, w.stock(t, "tea"))
	})
}

// readCarts do something each time that a cart was read.
type readCarts struct {
	port.Carts
	after func()
}

func (c readCarts) Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	cart, err := c.Carts.Cart(ctx, owner)
	c.after()
	return cart, err
}

func TestCheckout_Buy_WithoutAKeyWhileTheCartChanges(t *testing.T) {
	w := newWorld(t)
	w.fill(t, "ann", "tea", 1)
	var once sync.Once
	racing := useCases(t, w.store, func(p *testshop.Parts) {
		p.Carts = readCarts{w.store, func() { once.Do(func() { w.fill(t, "ann", "pot", 1) }) }}
	})
	first, placed, err := racing.Checkout.Buy(t.Context(), "ann", "", purchase(good))
	require.NoError(t, err)
	require.True(t, placed)
	require.Len(t, first.Lines, 2)
	again, placed, err := racing.Checkout.Buy(t.Context(), "ann", "", purchase(good))
	require.NoError(t, err, "a repeat finds the order by the cart that it was made of")
	assert.False(t, placed)
	assert.Equal(t, first.ID, again.ID)
}

func TestCheckout_Buy_TheSameKeyAfterSigningIn(t *testing.T) {
	w := newWorld(t)
	registered, err := w.Account.Register(t.Context(), usecase.Visitor{}, ann, "here")
	require.NoError(t, err)
	account := registered.Session.Owner()
	w.fill(t, account, "pot", 1)
	guest := w.Account.NewGuest()
	require.NoError(t, w.Account.Keep(t.Context(), guest))
	w.fill(t, guest.Session.Owner(), "tea", 2)
	first, _, err := w.Checkout.Buy(t.Context(), guest.Session.Owner(), "k", purchase(good))
	require.NoError(t, err)
	pass, err := w.Account.SignIn(t.Context(), guest.Visitor, ann.Username, ann.Password, "here")
	require.NoError(t, err)
	require.Equal(t, account, pass.Session.Owner())

	again, placed, err := w.Checkout.Buy(t.Context(), account, "k", purchase(good))
	require.NoError(t, err)
	assert.False(t, placed)
	assert.Equal(t, first.ID, again.ID)
	_, _, err = w.Checkout.Buy(t.Context(), account, "k", purchase("5555555555554444"))
	assert.Equal(t, domain.CodeIdempotencyKeyReused, domain.CodeOf(err))
	cart, err := w.store.Cart(t.Context(), account)
	require.NoError(t, err)
	assert.Equal(t, 1, cart.ItemCount(), "what the account had is still in its cart")

	next, placed, err := w.Checkout.Buy(t.Context(), account, "next", purchase(good))
	require.NoError(t, err)
	assert.True(t, placed)
	assert.NotEqual(t, first.ID, next.ID)
}

// slowAdoptions keep orders from being adopted, as long as they are slow.
type slowAdoptions struct {
	*memory.Store
	slow *bool
}

func (o slowAdoptions) AdoptOrders(ctx context.Context, from, into domain.OwnerID) error {
	if *o.slow {
		return domain.ErrUnavailable
	}
	return o.Store.AdoptOrders(ctx, from, into)
}

func TestCheckout_Buy_TheSameKeyBeforeTheGuestsOrdersAreAdopted(t *testing.T) {
	w, slow := newWorld(t), true
	shop := useCases(t, w.store, func(p *testshop.Parts) { p.Orders, p.Payments = slowAdoptions{w.store, &slow}, w.gateway })
	registered, err := shop.Account.Register(t.Context(), usecase.Visitor{}, ann, "here")
	require.NoError(t, err)
	account := registered.Session.Owner()
	w.fill(t, account, "pot", 1)
	guest := shop.Account.NewGuest()
	require.NoError(t, shop.Account.Keep(t.Context(), guest))
	w.fill(t, guest.Session.Owner(), "tea", 2)
	first, _, err := shop.Checkout.Buy(t.Context(), guest.Session.Owner(), "k", purchase(good))
	require.NoError(t, err)
	pass, err := shop.Account.SignIn(t.Context(), guest.Visitor, ann.Username, ann.Password, "here")
	require.NoError(t, err)
	require.True(t, pass.Session.Unmerged)

	again := purchase(good)
	again.Guest = pass.Session.UnmergedGuest()
	_, _, err = shop.Checkout.Buy(t.Context(), account, "k", again)
	require.ErrorIs(t, err, domain.ErrUnavailable, "whether the key made an order is not known")
	assert.Equal(t, 3, w.stock(t, "pot"))
	slow = false
	order, placed, err := shop.Checkout.Buy(t.Context(), account, "k", again)
	require.NoError(t, err)
	assert.False(t, placed)
	assert.Equal(t, first.ID, order.ID)
	assert.Equal(t, 3, w.stock(t, "pot"), "what the account had is still in its cart")
}

func TestCheckout_Buy_WithoutAKeyAfterSigningIn(t *testing.T) {
	w := newWorld(t)
	guest := w.Account.NewGuest()
	require.NoError(t, w.Account.Keep(t.Context(), guest))
	w.fill(t, guest.Session.Owner(), "tea", 1)
	first, _, err := w.Checkout.Buy(t.Context(), guest.Session.Owner(), "", purchase(good))
	require.NoError(t, err)
	pass, err := w.Account.Register(t.Context(), guest.Visitor, ann, "here")
	require.NoError(t, err)
	w.fill(t, pass.Session.Owner(), "tea", 1)
	next, placed, err := w.Checkout.Buy(t.Context(), pass.Session.Owner(), "", purchase(good))
	require.NoError(t, err)
	assert.True(t, placed, "another cart of the same version is another purchase")
	assert.NotEqual(t, first.ID, next.ID)
}
