package usecase_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/port"
	testshop "eshop/test/shop"
	"eshop/usecase"
)

var ann = domain.Registration{Username: "Ann", Email: "ann@example.com", Password: "tulips and rain"}

func TestAccount_SignIn_BringsTheGuestsThings(t *testing.T) {
	w := newWorld(t)
	account := w.Account
	wishing := w.Wishlist

	registered, err := account.Register(t.Context(), usecase.Visitor{}, ann, "here")
	require.NoError(t, err)
	w.fill(t, registered.Session.Owner(), "tea", 1)

	guest := account.NewGuest()
	require.NoError(t, account.Keep(t.Context(), guest))
	w.fill(t, guest.Session.Owner(), "tea", 2)
	w.fill(t, guest.Session.Owner(), "pot", 1)
	_, err = wishing.Add(t.Context(), guest.Session.Owner(), "pot", "")
	require.NoError(t, err)
	w.fill(t, "somebody", "pot", 1)

	pass, err := account.SignIn(t.Context(), guest.Visitor, "ANN@example.com", "tulips and rain", "here")
	require.NoError(t, err)
	cart, err := w.Cart.Priced(t.Context(), pass.Session.Owner())
	require.NoError(t, err)
	assert.Equal(t, 4, cart.ItemCount)
	wishes, err := wishing.Items(t.Context(), pass.Session.Owner())
	require.NoError(t, err)
	assert.Len(t, wishes, 1)

	_, err = account.Identify(t.Context(), guest.Secret)
	require.ErrorIs(t, err, domain.ErrNotFound, "the session is renewed, and the old secret is of no use")
	who, err := account.Identify(t.Context(), pass.Secret)
	require.NoError(t, err)
	assert.Equal(t, "Ann", who.User.Username)
	assert.False(t, who.Session.Unmerged)

	require.NoError(t, account.SignOut(t.Context(), who))
	_, err = account.Identify(t.Context(), pass.Secret)
	require.ErrorIs(t, err, domain.ErrNotFound)
}

func TestAccount_SignIn_BringsTheGuestsOrder(t *testing.T) {
	w := newWorld(t)
	account := w.Account
	guest := account.NewGuest()
	w.fill(t, guest.Session.Owner(), "tea", 1)
	order, _, err := w.Checkout.Buy(t.Context(), guest.Session.Owner(), "k", purchase(good))
	require.NoError(t, err)
	pass, err := account.Register(t.Context(), guest.Visitor, ann, "here")
	require.NoError(t, err)
	seen, err := w.Checkout.OrderByNumber(t.Context(), pass.Session.Owner(), order.Number)
	require.NoError(t, err)
	assert.Equal(t, order.ID, seen.ID)
	_, err = w.Checkout.OrderByNumber(t.Context(), "somebody", order.Number)
	require.ErrorIs(t, err, domain.ErrNotFound)
	_, err = w.Checkout.OrderByNumber(t.Context(), "", order.Number)
	require.ErrorIs(t, err, domain.ErrNotFound)
}

// busyOrders lets the guest do something at each step of a merge.
type busyOrders struct {
	*memory.Store
	before, after []func() // each call of AdoptOrders
}

func (o *busyOrders) AdoptOrders(ctx context.Context, from, into domain.OwnerID) error {
	before, after := o.before[0], o.after[0]
	o.before, o.after = o.before[1:], o.after[1:]
	before()
	err := o.Store.AdoptOrders(ctx, from, into)
	after()
	return err
}

func TestAnOrderThatIsCancelledWhileItsGuestSignsInLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		guest := w.Account.NewGuest()
		w.fill(t, guest.Session.Owner(), "tea", 2)
		buy := func() {
			order, _, err := w.Checkout.Buy(t.Context(), guest.Session.Owner(), "k", purchase(demopay.HangsThenDenies))
			require.NoError(t, err)
			require.Equal(t, domain.Pending, order.Status)
		}
		cancel := func() {
			time.Sleep(2 * demopay.Silence)
			n, err := w.Checkout.Settle(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
		nothing := func() {}
		orders := &busyOrders{w.store, []func(){nothing, cancel}, []func(){buy, nothing}}
		account := useCases(t, w.store, func(p *testshop.Parts) { p.Orders = orders }).Account
		pass, err := account.Register(t.Context(), guest.Visitor, ann, "here")
		require.NoError(t, err)
		cart, err := w.Cart.Priced(t.Context(), pass.Session.Owner())
		require.NoError(t, err)
		assert.Equal(t, 2, cart.ItemCount)
	})
}

// brokenCarts cannot merge for a while.
type brokenCarts struct {
	port.Carts
	broken bool
}

func (c *brokenCarts) MergeCart(ctx context.Context, from, into domain.OwnerID) error {
	if c.broken {
		return errors.New("away")
	}
	return c.Carts.MergeCart(ctx, from, into)
}

func TestAccount_SignIn_SucceedsThoughTheMergeFails(t *testing.T) {
	w := newWorld(t)
	carts := &brokenCarts{w.store, true}
	account := useCases(t, w.store, func(p *testshop.Parts) { p.Carts = carts }).Account
	guest := account.NewGuest()
	w.fill(t, guest.Session.Owner(), "tea", 2)
	pass, err := account.Register(t.Context(), guest.Visitor, ann, "here")
	require.NoError(t, err)
	cart, err := w.Cart.Priced(t.Context(), pass.Session.Owner())
	require.NoError(t, err)
	assert.Zero(t, cart.ItemCount)

	carts.broken = false
	for range 2 {
		who, err := account.Identify(t.Context(), pass.Secret)
		require.NoError(t, err)
		assert.False(t, who.Session.Unmerged)
	}
	cart, err = w.Cart.Priced(t.Context(), pass.Session.Owner())
	require.NoError(t, err)
	assert.Equal(t, 2, cart.ItemCount, "merged when the visitor came back, and once")
}

func TestAccount_GuestOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		one, two := w.Account, useCases(t, w.store).Account
		stranger := useCases(t, w.store, func(p *testshop.Parts) { p.SecretKey = usecase.SecretKey("another secret of thirty-two bytes") }).Account
		first, err := one.GuestOf(t.Context(), "page")
		require.NoError(t, err)
		_, err = one.Identify(t.Context(), first.Secret)
		require.ErrorIs(t, err, domain.ErrNotFound, "it is not kept until something was written")
		require.NoError(t, one.Keep(t.Context(), first))
		second, err := two.GuestOf(t.Context(), "page")
		require.NoError(t, err)
		assert.Equal(t, first, second)
		time.Sleep(30 * time.Second)
		second, err = two.GuestOf(t.Context(), "page")
		require.NoError(t, err)
		assert.Equal(t, first, second)
		for _, other := range []func() (usecase.Credential, error){
			func() (usecase.Credential, error) { return one.GuestOf(t.Context(), "page 2") },
			func() (usecase.Credential, error) { return stranger.GuestOf(t.Context(), "page") },
			func() (usecase.Credential, error) {
				time.Sleep(time.Minute)
				return one.GuestOf(t.Context(), "page")
			},
		} {
			guest, err := other()
			require.NoError(t, err)
			assert.NotEqual(t, first.Secret, guest.Secret)
			assert.NotEqual(t, first.Session.Guest, guest.Session.Guest)
		}
		assert.NotContains(t, first.Secret, string(first.Session.Guest)[len("guest:"):], "who sees the one knows nothing of the other")
	})
}

// duringMerge is a store of carts that does something else while a cart is merged.
type duringMerge struct {
	port.Carts
	do func()
}

func (c *duringMerge) MergeCart(ctx context.Context, from, into domain.OwnerID) error {
	if c.do == nil {
		return errors.New("away")
	}
	c.do()
	return c.Carts.MergeCart(ctx, from, into)
}

func TestAccount_ASessionThatWasSignedOutDoesNotComeBack(t *testing.T) {
	w := newWorld(t)
	carts := &duringMerge{Carts: w.store}
	account := useCases(t, w.store, func(p *testshop.Parts) { p.Carts = carts }).Account
	guest := account.NewGuest()
	w.fill(t, guest.Session.Owner(), "tea", 2)
	pass, err := account.Register(t.Context(), guest.Visitor, ann, "here")
	require.NoError(t, err)
	require.True(t, pass.Session.Unmerged)
	carts.do = func() { require.NoError(t, account.SignOut(t.Context(), pass.Visitor)) }
	_, err = account.Identify(t.Context(), pass.Secret)
	require.NoError(t, err)
	carts.do = func() {}
	_, err = account.Identify(t.Context(), pass.Secret)
	require.ErrorIs(t, err, domain.ErrNotFound)
}

func TestAccount_SignIn_AgainBringsTheGuestsThings(t *testing.T) {
	w := newWorld(t)
	carts := &brokenCarts{w.store, true}
	account := useCases(t, w.store, func(p *testshop.Parts) { p.Carts = carts }).Account
	_, err := account.Register(t.Context(), usecase.Visitor{}, ann, "here")
	require.NoError(t, err)
	guest := account.NewGuest()
	require.NoError(t, account.Keep(t.Context(), guest))
	w.fill(t, guest.Session.Owner(), "tea", 2)
	_, err = account.SignIn(t.Context(), guest.Visitor, "ann", ann.Password, "here")
	require.NoError(t, err)

	carts.broken = false
	who, err := account.Identify(t.Context(), guest.Secret)
	require.NoError(t, err)
	assert.False(t, who.SignedIn(), "the guest's secret is a guest's")
	pass, err := account.SignIn(t.Context(), who, "ann", ann.Password, "here")
	require.NoError(t, err)
	cart, err := w.Cart.Priced(t.Context(), pass.Session.Owner())
	require.NoError(t, err)
	assert.Equal(t, 2, cart.ItemCount)
	_, err = account.Identify(t.Context(), guest.Secret)
	require.ErrorIs(t, err, domain.ErrNotFound)
}

func TestAccount_SignIn_LimitsWrongPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		account := useCases(t, store).Account
		_, err := account.Register(t.Context(), usecase.Visitor{}, ann, "here")
		require.NoError(t, err)
		signIn := func(name, password, address string) error {
			_, err := account.SignIn(t.Context(), usecase.Visitor{}, name, password, address)
			return err
		}
		unknown, wrong := signIn("nobody", "x", "here"), signIn("ann", "x", "here")
		require.ErrorIs(t, wrong, domain.ErrUnauthenticated)
		assert.Equal(t, unknown, wrong, "nobody learns which accounts there are")

		for range 20 {
			wrong = signIn("ann", "x", "there")
		}
		var e *domain.Error
		require.ErrorAs(t, wrong, &e)
		assert.Equal(t, domain.ErrLimited, e.Kind)
		assert.Positive(t, e.RetryAfter)
		require.ErrorIs(t, signIn("ann", "tulips and rain", "there"), domain.ErrLimited, "the right one too: a guess that is right is a guess")
		require.NoError(t, signIn("ann", "tulips and rain", "here"), "a stranger cannot lock her out")
		time.Sleep(e.RetryAfter)
		require.NoError(t, signIn("ann", "tulips and rain", "there"))
	})
}

func TestAccount_Identify_KeepsASessionInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		account := useCases(t, store).Account
		pass, err := account.Register(t.Context(), usecase.Visitor{}, ann, "here")
		require.NoError(t, err)
		for range 5 {
			time.Sleep(domain.SessionIdle - time.Hour)
			_, err := account.Identify(t.Context(), pass.Secret)
			require.NoError(t, err)
		}
		time.Sleep(domain.SessionIdle + time.Second)
		_, err = account.Identify(t.Context(), pass.Secret)
		require.ErrorIs(t, err, domain.ErrNotFound)
	})
}

func TestAccount_AddStaff(t *testing.T) {
	w := newWorld(t)
	account := w.Account
	sue := domain.Registration{Username: " sue ", Email: "sue@shop.example", Password: "tulips and rain"}
	added, err := account.AddStaff(t.Context(), sue)
	require.NoError(t, err)
	assert.Equal(t, "sue", added.Username)
	pass, err := account.SignIn(t.Context(), usecase.Visitor{}, "sue", "tulips and rain", "here")
	require.NoError(t, err)
	assert.Equal(t, domain.Staff, pass.User.Role)

	_, err = account.AddStaff(t.Context(), domain.Registration{Username: "SUE", Email: "other@shop.example", Password: "tulips and rain"})
	require.ErrorIs(t, err, domain.ErrConflict, "an account is never made staff's by its name")
	_, err = account.AddStaff(t.Context(), domain.Registration{Username: "bob", Email: "bob@shop.example", Password: "short"})
	require.ErrorIs(t, err, domain.ErrInvalid)
}

func TestAccount_SignIn_CountsAnAddressOverAllNames(t *testing.T) {
	w := newWorld(t)
	_, err := w.Account.Register(t.Context(), usecase.Visitor{}, ann, "here")
	require.NoError(t, err)
	var limited error
	for i := range 401 {
		_, limited = w.Account.SignIn(t.Context(), usecase.Visitor{}, fmt.Sprintf("made-up-%d", i), "password123", "crowd")
		if i < 400 {
			require.ErrorIs(t, limited, domain.ErrUnauthenticated)
		}
	}
	require.ErrorIs(t, limited, domain.ErrLimited)
	_, err = w.Account.SignIn(t.Context(), usecase.Visitor{}, "ann", ann.Password, "crowd")
	require.ErrorIs(t, err, domain.ErrLimited)
	_, err = w.Account.SignIn(t.Context(), usecase.Visitor{}, "ann", ann.Password, "here")
	require.NoError(t, err, "nobody else is told to wait")
}
