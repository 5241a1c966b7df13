package page_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func TestAddToCart(t *testing.T) {
	t.Run("a guest adds what the product's page offers", func(t *testing.T) {
		b := open(t).visitor()
		b.add(lamp, 2)
		assert.Equal(t, []string{"2 Oak Desk Lamp"}, b.cart())
		shown := b.get("/cart?done=added")
		assert.Equal(t, "Added to your cart.", shown.of("data-notice"))
		assert.Equal(t, "2", shown.of("data-cart-count"))
		assert.Contains(t, shown.text(), "$12.34 each")
		assert.Contains(t, shown.text(), "$24.68")
		assert.Equal(t, "$29.67", shown.of("data-total"), "with delivery")
	})
	t.Run("and what a shelf offers, without a quantity", func(t *testing.T) {
		b := open(t).visitor()
		form := b.get("/products").form("/cart/add", "product_id", string(cup.ID))
		assert.False(t, form.Has("quantity"))
		b.post("/cart/add", form).leadsTo("/cart?done=added")
		assert.Equal(t, []string{"1 Blue Cup"}, b.cart())
	})
	t.Run("a form that is sent twice adds once", func(t *testing.T) {
		b := open(t).visitor()
		b.add(cup, 1)
		form := with(b.get("/products/"+lamp.Slug).form("/cart/add"), "quantity", "3")
		for range 2 {
			b.post("/cart/add", form).leadsTo("/cart?done=added")
		}
		assert.Equal(t, []string{"1 Blue Cup", "3 Oak Desk Lamp"}, b.cart())
		b.add(lamp, 3)
		assert.Equal(t, []string{"1 Blue Cup", "6 Oak Desk Lamp"}, b.cart(), "a new page is a new wish")
	})
	t.Run("sent many times at once, it adds once", func(t *testing.T) {
		b := open(t).visitor()
		b.add(cup, 1)
		led := b.atOnce(8, "/cart/add", b.get("/products/"+lamp.Slug).form("/cart/add"))
		assert.Equal(t, map[string]int{"/cart?done=added": 8}, led)
		assert.Equal(t, []string{"1 Blue Cup", "1 Oak Desk Lamp"}, b.cart())
	})
	t.Run("the session comes with the first thing kept", func(t *testing.T) {
		b := open(t).visitor()
		for _, path := range []string{"/", "/products", "/products/" + lamp.Slug, "/cart", "/wishlist", "/login", "/register", "/contact"} {
			b.get(path)
		}
		b.post("/cart/add", url.Values{"product_id": {"nothing"}}).is(http.StatusNotFound)
		require.False(t, b.hasSession())
		a := b.post("/cart/add", url.Values{"product_id": {string(lamp.ID)}})
		a.leadsTo("/cart?done=added")
		require.True(t, b.hasSession())
		cookie := a.header.Get("Set-Cookie")
		assert.Contains(t, cookie, "HttpOnly")
		assert.Contains(t, cookie, "SameSite=Lax")
		again := b.post("/cart/add", url.Values{"product_id": {string(lamp.ID)}})
		assert.Empty(t, again.header["Set-Cookie"], "who is known stays as they are")
	})
	t.Run("it goes on where the form says, in this shop only", func(t *testing.T) {
		b := open(t).visitor()
		for from, want := range map[string]string{
			"/products?category=lighting&page=2": "/products?category=lighting&done=added&page=2",
			"/products?done=wished":              "/products?done=added",
			"//evil.example":                     "/?done=added",
			"/\\evil.example":                    "/?done=added",
			"https://evil.example/":              "/?done=added",
			"evil.example":                       "/?done=added",
		} {
			b.post("/cart/add", url.Values{"product_id": {string(desk.ID)}, "from": {from}}).leadsTo(want)
		}
	})
}

func TestAddToCart_WhatCannotBeAdded(t *testing.T) {
	for name, c := range map[string]struct {
		form   url.Values
		status int
		says   string
	}{
		"nothing":                  {url.Values{}, 404, "There is no such product."},
		"what is not there":        {url.Values{"product_id": {"p-none"}}, 404, "There is no such product."},
		"what is sold out":         {url.Values{"product_id": {"p-rug"}}, 409, "Wool Rug is sold out."},
		"more than there are":      {url.Values{"product_id": {"p-lamp"}, "quantity": {"13"}}, 409, "Only 12 of Oak Desk Lamp left."},
		"more than a cart holds":   {url.Values{"product_id": {"p-desk"}, "quantity": {"100"}}, 422, "The quantity must be from 1 to 99."},
		"none":                     {url.Values{"product_id": {"p-lamp"}, "quantity": {"0"}}, 422, "The quantity must be from 1 to 99."},
		"fewer than none":          {url.Values{"product_id": {"p-lamp"}, "quantity": {"-1"}}, 422, "The quantity must be from 1 to 99."},
		"half a one":               {url.Values{"product_id": {"p-lamp"}, "quantity": {"0.5"}}, 422, "The quantity must be a whole number from 1 to 99."},
		"more than can be counted": {url.Values{"product_id": {"p-lamp"}, "quantity": {strings.Repeat("9", 40)}}, 422, "The quantity must be a whole number from 1 to 99."},
		"with a key of a book":     {url.Values{"product_id": {"p-lamp"}, "token": {strings.Repeat("k", 256)}}, 422, "Token must be 1 to 255 visible ASCII characters."},
		"a NUL":                    {url.Values{"product_id": {"p-lamp\x00"}}, 422, "Product id has characters that cannot be used."},
		"what is no text":          {url.Values{"product_id": {"p-lamp"}, "quantity": {"\xff"}}, 422, "Quantity has characters that cannot be used."},
		"script":                   {url.Values{"product_id": {"<script>alert(1)</script>"}}, 404, "There is no such product."},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			guest, shopper := s.visitor(), s.visitor()
			a := guest.post("/cart/add", c.form).is(c.status)
			assert.Contains(t, a.text(), c.says)
			assert.False(t, guest.hasSession())
			shopper.add(cup, 1)
			assert.Contains(t, shopper.post("/cart/add", c.form).is(c.status).text(), c.says)
			assert.Equal(t, []string{"1 Blue Cup"}, shopper.cart())
		})
	}
	t.Run("more than are left besides those in the cart", func(t *testing.T) {
		b := open(t).visitor()
		b.add(cup, 2)
		a := b.post("/cart/add", url.Values{"product_id": {string(cup.ID)}, "quantity": {"2"}}).is(http.StatusConflict)
		assert.Contains(t, a.text(), "Only 3 of Blue Cup left.")
		assert.Equal(t, []string{"2 Blue Cup"}, b.cart())
	})
	t.Run("a full cart", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		many := make([]domain.Product, domain.MaxCartLines)
		for i := range many {
			many[i] = cup
			many[i].ID, many[i].Slug = domain.ProductID(fmt.Sprint("p-", i)), fmt.Sprint("cup-", i)
		}
		require.NoError(t, s.Store.PutProducts(t.Context(), many))
		for _, p := range many {
			b.post("/cart/add", url.Values{"product_id": {string(p.ID)}}).leadsTo("/cart?done=added")
		}
		a := b.post("/cart/add", url.Values{"product_id": {string(lamp.ID)}}).is(http.StatusConflict)
		assert.Contains(t, a.text(), "A cart holds at most 100 different products.")
		assert.Len(t, b.cart(), domain.MaxCartLines)
	})
}

func TestUpdateCart(t *testing.T) {
	t.Run("a line holds what it is told, and the same again", func(t *testing.T) {
		b := open(t).visitor()
		b.add(lamp, 2)
		form := with(b.get("/cart").form("/cart/update"), "quantity", "5")
		for range 2 {
			b.post("/cart/update", form).leadsTo("/cart?done=updated")
			assert.Equal(t, []string{"5 Oak Desk Lamp"}, b.cart())
		}
		b.post("/cart/update", with(form, "quantity", "2")).leadsTo("/cart?done=updated")
		b.post("/cart/update", form).leadsTo("/cart?done=updated")
		assert.Equal(t, []string{"5 Oak Desk Lamp"}, b.cart(), "going back to the old page works")
	})
	t.Run("a balancer's repeat that comes late changes nothing", func(t *testing.T) {
		b := open(t).visitor()
		b.add(lamp, 2)
		form := b.get("/cart").form("/cart/update")
		for _, sent := range []struct{ key, quantity string }{{"first", "5"}, {"second", "3"}, {"first", "5"}} {
			b.balancerKey = sent.key
			b.post("/cart/update", with(form, "quantity", sent.quantity)).leadsTo("/cart?done=updated")
		}
		assert.Equal(t, []string{"3 Oak Desk Lamp"}, b.cart())
	})
	t.Run("delivery is free from $50.00", func(t *testing.T) {
		b := open(t, sayAll).visitor()
		b.add(lamp, 4)
		shown := b.get("/cart")
		assert.Contains(t, shown.text(), "Add $0.64 more for free delivery.")
		assert.Equal(t, "$54.35", shown.of("data-total"))
		b.post("/cart/update", with(shown.form("/cart/update"), "quantity", "5")).leadsTo("/cart?done=updated")
		shown = b.get("/cart")
		assert.Contains(t, shown.text(), "Delivery is free.")
		assert.Equal(t, "$61.70", shown.of("data-total"))
	})
	for name, c := range map[string]struct {
		typed  string
		status int
		says   string
	}{
		"more than there are": {"13", 409, "Only 12 of Oak Desk Lamp left."},
		"more than it holds":  {"100", 422, "Must be from 1 to 99."},
		"none":                {"0", 422, "Must be from 1 to 99."},
		"fewer than none":     {"-3", 422, "Must be from 1 to 99."},
		"nothing":             {"", 422, "Must be a whole number from 1 to 99."},
		"words":               {"<script>a few</script>", 422, "Must be a whole number from 1 to 99."},
		"a great many":        {strings.Repeat("9", 400), 422, "Must be a whole number from 1 to 99."},
	} {
		t.Run(name+" is said beside the line and stays typed", func(t *testing.T) {
			b := open(t).visitor()
			b.add(cup, 1)
			b.add(lamp, 2)
			line := lineOf(b, "Oak Desk Lamp")
			a := b.post("/cart/update", url.Values{"line": {line}, "quantity": {c.typed}}).is(c.status)
			assert.Equal(t, map[string]string{"quantity": c.says}, a.mistakes())
			assert.Equal(t, []string{"1", c.typed}, a.form("/cart/update")["quantity"], "the other line is as it was")
			assert.Equal(t, []string{"1", "2"}, a.form("/cart/update")["was"])
			assert.Empty(t, a.all("data-mistake"), "it is said once")
			assert.Equal(t, []string{"1 Blue Cup", "2 Oak Desk Lamp"}, b.cart())
		})
	}
	t.Run("what was typed goes along to the checkout", func(t *testing.T) {
		b := open(t).visitor()
		b.add(cup, 1)
		b.add(lamp, 2)
		form := b.get("/cart").form("/cart/update")
		assert.Equal(t, []string{"1", "2"}, form["quantity"])
		form["quantity"][1] = "4"
		b.post("/cart/update", with(form, "then", "checkout")).leadsTo("/checkout")
		assert.Equal(t, []string{"1 Blue Cup", "4 Oak Desk Lamp"}, b.cart())
		b.post("/cart/update", with(b.get("/cart").form("/cart/update"), "then", "checkout")).leadsTo("/checkout")
		form["quantity"][1] = "13"
		a := b.post("/cart/update", with(form, "then", "checkout")).is(http.StatusConflict)
		assert.Equal(t, map[string]string{"quantity": "Only 12 of Oak Desk Lamp left."}, a.mistakes())
		assert.Equal(t, []string{"1 Blue Cup", "4 Oak Desk Lamp"}, b.cart())
	})
	t.Run("a line that nobody typed in stays as another tab left it", func(t *testing.T) {
		b := open(t).visitor()
		b.add(cup, 1)
		b.add(lamp, 2)
		form := b.get("/cart").form("/cart/update")
		b.post("/cart/update", url.Values{"line": {lineOf(b, "Blue Cup")}, "quantity": {"3"}}).leadsTo("/cart?done=updated")
		form["quantity"][1] = "5"
		b.balancerKey = "no key"
		b.post("/cart/update", form).is(http.StatusUnprocessableEntity)
		b.balancerKey = "one-key"
		b.post("/cart/update", form).leadsTo("/cart?done=updated")
		assert.Equal(t, []string{"3 Blue Cup", "5 Oak Desk Lamp"}, b.cart())
	})
	t.Run("lines that are right are changed beside one that is wrong", func(t *testing.T) {
		b := open(t).visitor()
		b.add(cup, 1)
		b.add(lamp, 2)
		form := b.get("/cart").form("/cart/update")
		form["quantity"] = []string{"99", "5"}
		b.balancerKey = "one-key"
		a := b.post("/cart/update", form).is(http.StatusConflict)
		assert.Equal(t, []string{"99", "5"}, a.form("/cart/update")["quantity"])
		assert.Equal(t, []string{"1 Blue Cup", "5 Oak Desk Lamp"}, b.cart())
		b.post("/cart/update", form).is(http.StatusConflict)
	})
	t.Run("lists that do not belong together", func(t *testing.T) {
		b := open(t).visitor()
		b.add(cup, 1)
		b.add(lamp, 2)
		form := b.get("/cart").form("/cart/update")
		many := url.Values{}
		for range domain.MaxCartLines + 1 {
			many["line"], many["quantity"] = append(many["line"], form.Get("line")), append(many["quantity"], "2")
		}
		for name, spoilt := range map[string]url.Values{
			"too few numbers": with(form, "quantity", "3"), "no number": with(url.Values{}, "line", form.Get("line"), "was", "1"),
			"too few shown": with(form, "was", "1"), "no lines": {"quantity": {"1", "2"}, "was": {"1"}}, "too many": many,
		} {
			assert.Equal(t, http.StatusUnprocessableEntity, b.post("/cart/update", spoilt).status, name)
		}
		assert.Equal(t, []string{"1 Blue Cup", "2 Oak Desk Lamp"}, b.cart())
	})
	t.Run("a line that is gone", func(t *testing.T) {
		b := open(t).visitor()
		b.add(lamp, 2)
		for _, line := range []string{"id-none", "", "<script>", strings.Repeat("x", 5000)} {
			a := b.post("/cart/update", url.Values{"line": {line}, "quantity": {"1"}}).is(http.StatusNotFound)
			assert.Equal(t, "That line is no longer in the cart.", a.of("data-mistake"))
		}
		assert.Equal(t, []string{"2 Oak Desk Lamp"}, b.cart())
	})
	t.Run("another visitor's line", func(t *testing.T) {
		s := open(t)
		theirs, b := s.visitor(), s.visitor()
		theirs.add(lamp, 2)
		line := lineOf(theirs, "Oak Desk Lamp")
		b.post("/cart/update", url.Values{"line": {line}, "quantity": {"9"}}).is(http.StatusNotFound)
		b.post("/cart/remove", url.Values{"line": {line}}).is(http.StatusNotFound)
		assert.Equal(t, []string{"2 Oak Desk Lamp"}, theirs.cart())
	})
}

func TestRemoveFromCart(t *testing.T) {
	b := open(t).visitor()
	b.add(cup, 1)
	b.add(lamp, 2)
	form := b.get("/cart").form("/cart/remove", "line", lineOf(b, "Blue Cup"))
	for range 2 {
		b.post("/cart/remove", form).leadsTo("/cart?done=removed")
		assert.Equal(t, []string{"2 Oak Desk Lamp"}, b.cart())
	}
	a := b.post("/cart/remove", with(form, "token", "another")).is(http.StatusNotFound)
	assert.Equal(t, "That line is no longer in the cart.", a.of("data-mistake"))
	b.post("/cart/remove", b.get("/cart").form("/cart/remove")).leadsTo("/cart?done=removed")
	shown := b.get("/cart?done=removed")
	assert.NotEmpty(t, shown.all("data-empty"))
	assert.Equal(t, "Removed from your cart.", shown.of("data-notice"))
	assert.Equal(t, "0", shown.of("data-cart-count"))
}

func TestCart_WhatChangedSince(t *testing.T) {
	t.Run("less in stock", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 5)
		s.SetStock(lamp.ID, 2)
		shown := b.get("/cart")
		assert.Equal(t, "Only 2 left.", shown.of("data-warning"))
		s.SetStock(lamp.ID, 0)
		assert.Equal(t, "Currently sold out.", b.get("/cart").of("data-warning"))
	})
	t.Run("no longer sold", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 5)
		b.add(cup, 1)
		change := with(b.get("/cart").form("/cart/update"), "quantity", "2")
		change.Add("quantity", "1")
		add := b.get("/products/" + lamp.Slug).form("/cart/add")
		require.NoError(t, s.Store.RemoveProduct(t.Context(), lamp.ID))
		assert.Equal(t, []string{"gone: A product that is no longer sold", "1 Blue Cup"}, b.cart())
		shown := b.get("/cart")
		assert.Equal(t, "We no longer sell this. Please remove it.", shown.of("data-warning"))
		assert.Equal(t, "$9.49", shown.of("data-total"), "it costs nothing")

		assert.Equal(t, "There is no such product.", b.post("/cart/add", add).is(http.StatusNotFound).of("data-mistake"))
		assert.Equal(t, "There is no such product.", b.post("/cart/update", change).is(http.StatusNotFound).of("data-mistake"))
		b.post("/cart/remove", shown.form("/cart/remove", "line", change.Get("line"))).leadsTo("/cart?done=removed")
		assert.Equal(t, []string{"1 Blue Cup"}, b.cart())
	})
	t.Run("another price", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 1)
		dearer := s.Product(lamp.ID)
		dearer.Price = domain.Dollars(100_000_00)
		require.NoError(t, s.Store.PutProducts(t.Context(), []domain.Product{dearer}))
		assert.Equal(t, "$100,000.00", b.get("/cart").of("data-total"))
	})
}

// lineOf is the id of the cart's line with the product called name.
func lineOf(b *browser, name string) string {
	b.t.Helper()
	for _, line := range b.get("/cart").all("data-line") {
		if strings.Contains(textOf(line), name) {
			return attr(line, "data-line")
		}
	}
	require.Failf(b.t, "no such line", "with %s", name)
	return ""
}
