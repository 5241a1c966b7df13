package page_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

func TestWishlist(t *testing.T) {
	t.Run("a guest keeps what the product's page offers, once", func(t *testing.T) {
		b := open(t).visitor()
		form := b.get("/products/" + rug.Slug).form("/wishlist/add")
		b.post("/wishlist/add", form).leadsTo("/wishlist?done=wished")
		assert.True(t, b.hasSession())
		b.post("/wishlist/add", form).leadsTo("/wishlist?done=wished")
		b.post("/wishlist/add", url.Values{"product_id": {string(lamp.ID)}, "from": {"/products?page=1"}}).leadsTo("/products?done=wished&page=1")
		b.post("/wishlist/add", url.Values{"product_id": {string(lamp.ID)}, "from": {"//evil.example"}}).leadsTo("/?done=wished")
		assert.Equal(t, []string{"Oak Desk Lamp", "Wool Rug"}, b.wishes())
		shown := b.get("/wishlist?done=wished")
		assert.Equal(t, "Saved to your wishlist.", shown.of("data-notice"))
		assert.Contains(t, shown.text(), "2 products")
		assert.Contains(t, shown.text(), "$12.34")
		assert.Contains(t, shown.text(), "Sold out")
	})
	t.Run("what is not there", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		for _, ref := range []string{"", "p-none", "<script>alert(1)</script>"} {
			a := b.post("/wishlist/add", url.Values{"product_id": {ref}}).is(http.StatusNotFound)
			assert.Equal(t, "There is no such product.", a.of("data-mistake"))
		}
		b.post("/wishlist/add", url.Values{"product_id": {"\x00"}}).is(http.StatusUnprocessableEntity)
		assert.False(t, b.hasSession())
		assert.Empty(t, b.wishes())
	})
	t.Run("taken off, twice is no mistake", func(t *testing.T) {
		b := open(t).visitor()
		b.wish(string(lamp.ID))
		form := b.get("/wishlist").form("/wishlist/remove")
		for range 2 {
			b.post("/wishlist/remove", form).leadsTo("/wishlist?done=unwished")
		}
		assert.NotEmpty(t, b.get("/wishlist?done=unwished").all("data-empty"))
	})
	t.Run("nobody takes off another's", func(t *testing.T) {
		s := open(t)
		b, other := s.visitor(), s.visitor()
		b.wish(string(lamp.ID))
		form := b.get("/wishlist").form("/wishlist/remove")
		other.post("/wishlist/remove", form)
		other.post("/wishlist/move", form)
		assert.Equal(t, []string{"Oak Desk Lamp"}, b.wishes())
		assert.Empty(t, other.cart())
	})
}

func TestMoveToCart(t *testing.T) {
	t.Run("a wish becomes one in the cart, once", func(t *testing.T) {
		b := open(t).visitor()
		b.wish(string(lamp.ID))
		form := b.get("/wishlist").form("/wishlist/move")
		b.post("/wishlist/move", form).leadsTo("/wishlist?done=added")
		b.post("/wishlist/move", form).leadsTo("/wishlist")
		assert.Equal(t, []string{"1 Oak Desk Lamp"}, b.cart())
		assert.Empty(t, b.wishes())
	})
	t.Run("sent many times at once, it is one too", func(t *testing.T) {
		b := open(t).visitor()
		b.wish(string(lamp.ID))
		led := b.atOnce(8, "/wishlist/move", b.get("/wishlist").form("/wishlist/move"))
		assert.Equal(t, 8, led["/wishlist?done=added"]+led["/wishlist"], led)
		assert.Equal(t, []string{"1 Oak Desk Lamp"}, b.cart())
		assert.Empty(t, b.wishes())
	})
	t.Run("after half of it failed, the form can be sent again", func(t *testing.T) {
		list := &forgetful{}
		b := open(t, func(p *parts) { list.Wishlists, p.Wishlists = p.Wishlists, list }).visitor()
		b.wish(string(lamp.ID))
		form := b.get("/wishlist").form("/wishlist/move")
		list.away = true
		b.post("/wishlist/move", form).is(http.StatusServiceUnavailable)
		list.away = false
		b.post("/wishlist/move", form).leadsTo("/wishlist?done=added")
		assert.Equal(t, []string{"1 Oak Desk Lamp"}, b.cart())
		assert.Empty(t, b.wishes())
	})
	t.Run("what is sold out stays a wish", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.wish(string(lamp.ID))
		form := b.get("/wishlist").form("/wishlist/move")
		s.SetStock(lamp.ID, 0)
		a := b.post("/wishlist/move", form).is(http.StatusConflict)
		assert.Equal(t, "Oak Desk Lamp is sold out.", a.of("data-mistake"))
		assert.Empty(t, a.forms("/wishlist/move"), "it is no longer offered")
		assert.Equal(t, []string{"Oak Desk Lamp"}, b.wishes())
		assert.Empty(t, b.cart())
	})
	t.Run("what is no longer sold can only be taken off", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.wish(string(lamp.ID))
		form := b.get("/wishlist").form("/wishlist/move")
		require.NoError(t, s.Store.RemoveProduct(t.Context(), lamp.ID))
		assert.Equal(t, []string{"A product that is no longer sold"}, b.wishes())
		a := b.post("/wishlist/move", form).is(http.StatusNotFound)
		assert.Equal(t, "There is no such product.", a.of("data-mistake"))
		assert.Empty(t, a.forms("/wishlist/move"))
		b.post("/wishlist/remove", a.form("/wishlist/remove")).leadsTo("/wishlist?done=unwished")
		assert.Empty(t, b.wishes())
	})
	t.Run("more than a cart holds", func(t *testing.T) {
		b := open(t).visitor()
		b.add(desk, 99)
		b.wish(string(desk.ID))
		a := b.post("/wishlist/move", b.get("/wishlist").form("/wishlist/move")).is(http.StatusUnprocessableEntity)
		assert.Contains(t, a.of("data-mistake"), "Quantity must leave at most 99 in the cart, which holds 99 already.")
		assert.Equal(t, []string{"Birch Desk"}, b.wishes())
	})
}

// forgetful is a store of wishlists that keeps no change while it is away.
type forgetful struct {
	port.Wishlists
	away bool
}

func (f *forgetful) UpdateWishlist(ctx context.Context, owner domain.OwnerID, change func(*domain.Wishlist) error) (domain.Wishlist, error) {
	if f.away {
		return domain.Wishlist{}, domain.ErrUnavailable
	}
	return f.Wishlists.UpdateWishlist(ctx, owner, change)
}

func (b *browser) wish(id string) {
	b.t.Helper()
	b.post("/wishlist/add", url.Values{"product_id": {id}}).leadsTo("/wishlist?done=wished")
}
