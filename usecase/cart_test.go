package usecase_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func TestCart(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		cart, err := w.Cart.Add(t.Context(), "ann", "tea", 2, "one form")
		require.NoError(t, err)
		assert.Equal(t, 2, cart.ItemCount(), "a form that is sent again adds nothing")
	}
	_, err := w.Cart.Add(t.Context(), "ann", "tea", 4, "")
	require.ErrorIs(t, err, domain.ErrConflict)
	_, err = w.Cart.Add(t.Context(), "ann", "ghost", 1, "")
	require.ErrorIs(t, err, domain.ErrNotFound)

	cart, err := w.Cart.Of(t.Context(), "ann")
	require.NoError(t, err)
	line := cart.Lines[0].ID
	cart, err = w.Cart.SetQuantity(t.Context(), "ann", line, 5, "five")
	require.NoError(t, err)
	priced, err := w.Cart.Price(t.Context(), cart)
	require.NoError(t, err)
	assert.Equal(t, domain.Dollars(5000), priced.Subtotal)
	_, err = w.Cart.SetQuantity(t.Context(), "bob", line, 1, "")
	require.ErrorIs(t, err, domain.ErrNotFound, "a line of somebody else's cart is not there")
	_, err = w.Cart.Remove(t.Context(), "bob", line, "")
	require.ErrorIs(t, err, domain.ErrNotFound)

	require.NoError(t, w.store.RemoveProduct(t.Context(), "tea"))
	priced, err = w.Cart.Priced(t.Context(), "ann")
	require.NoError(t, err)
	require.Len(t, priced.Items, 1)
	assert.True(t, priced.Items[0].Product.Discontinued())
	assert.True(t, priced.Items[0].Short())
	again, err := w.Cart.Add(t.Context(), "ann", "tea", 2, "one form")
	require.NoError(t, err, "what was added before the product was discontinued is added still")
	assert.Equal(t, cart, again)
	_, err = w.Cart.Add(t.Context(), "ann", "tea", 2, "another form")
	require.ErrorIs(t, err, domain.ErrNotFound)
	cart, err = w.Cart.Remove(t.Context(), "ann", line, "gone")
	require.NoError(t, err)
	assert.Empty(t, cart.Lines)
	_, err = w.Cart.Remove(t.Context(), "ann", line, "gone")
	require.NoError(t, err, "the same removal sent again is no mistake")
	_, err = w.Cart.Remove(t.Context(), "ann", line, "")
	require.ErrorIs(t, err, domain.ErrNotFound)
	_, err = w.Cart.SetQuantity(t.Context(), "ann", line, 5, "five")
	require.NoError(t, err, "a quantity sent again after the line was removed is no mistake")
}

func TestWishlist_RepeatsChangeNothing(t *testing.T) {
	w := newWorld(t)
	items, err := w.Wishlist.Add(t.Context(), "ann", "tea", "add")
	require.NoError(t, err)
	require.Len(t, items, 1)
	for range 2 {
		left, err := w.Wishlist.Remove(t.Context(), "ann", items[0].ID, "remove")
		require.NoError(t, err, "the same removal sent again is no mistake")
		assert.Empty(t, left)
	}
	left, err := w.Wishlist.Add(t.Context(), "ann", "tea", "add")
	require.NoError(t, err)
	assert.Empty(t, left, "what comes late does not undo what was done since")
	_, err = w.Wishlist.Remove(t.Context(), "ann", items[0].ID, "")
	require.ErrorIs(t, err, domain.ErrNotFound)
	require.NoError(t, w.store.RemoveProduct(t.Context(), "tea"))
	_, err = w.Wishlist.Add(t.Context(), "ann", "tea", "add")
	require.NoError(t, err)
	_, err = w.Wishlist.Add(t.Context(), "ann", "tea", "more")
	require.ErrorIs(t, err, domain.ErrNotFound)
}

func TestContact(t *testing.T) {
	w := newWorld(t)
	contacting := w.Contact
	message := domain.Contact{Name: "Ann", Email: "ann@example.com", Subject: "Tea", Message: "Is it fresh?"}
	first, err := contacting.Send(t.Context(), message, "form", "here")
	require.NoError(t, err)
	again, err := contacting.Send(t.Context(), message, "form", "here")
	require.NoError(t, err)
	assert.Equal(t, first, again)
	for range 10 {
		_, err = contacting.Send(t.Context(), message, "", "here")
	}
	require.ErrorIs(t, err, domain.ErrLimited)
	_, _, err = contacting.Messages(t.Context(), domain.User{Role: domain.Customer}, domain.Page{Number: 1, Size: 10})
	require.ErrorIs(t, err, domain.ErrDenied)
	_, total, err := contacting.Messages(t.Context(), domain.User{Role: domain.Staff}, domain.Page{Number: 1, Size: 10})
	require.NoError(t, err)
	assert.Equal(t, 4, total, "five were allowed, and one of them came twice")
}
