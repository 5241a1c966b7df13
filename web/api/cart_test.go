package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

const emptyCart = `{"cart":{"items":[],"item_count":0,"subtotal":{"amount":0,"currency":"USD"}}}`

// goneJSON stands in for a product that is no longer sold.
const goneJSON = `{"id":"p-gone","slug":"","name":"A product that is no longer sold","description":"",
	"category":{"slug":"","name":""},"kind":{"slug":"","name":""},"price":{"amount":0,"currency":"USD"},
	"stock":0,"images":[],"rating":{"average":0,"count":0}}`

func TestCart_IsFilledChangedAndEmptied(t *testing.T) {
	v := open(t).visitor()
	assert.JSONEq(t, emptyCart, v.get("/api/cart/").is(http.StatusOK).Body)

	added := v.add(lamp, 2)
	line := v.line()
	two := `{"cart":{"items":[{"id":"` + line + `","product":` + lampJSON + `,"quantity":2,
		"unit_price":{"amount":1999,"currency":"USD"},"line_total":{"amount":3998,"currency":"USD"}}],
		"item_count":2,"subtotal":{"amount":3998,"currency":"USD"}}}`
	assert.JSONEq(t, two, added.Body)
	assert.JSONEq(t, two, v.get("/api/cart/").is(http.StatusOK).Body)
	assert.Equal(t, "no-store", added.Header.Get("Cache-Control"))

	t.Run("a product that is there already joins its line", func(t *testing.T) {
		more := v.post("/api/cart/add", object{"product_id": lamp.Slug, "quantity": 3}).is(http.StatusOK)
		assert.Len(t, more.at("cart", "items"), 1)
		assert.Equal(t, line, more.at("cart", "items", 0, "id"))
		assert.EqualValues(t, 5, more.at("cart", "items", 0, "quantity"))
	})
	t.Run("a line holds what it is set to", func(t *testing.T) {
		set := v.put("/api/cart/update/"+line, object{"quantity": 12}).is(http.StatusOK)
		assert.EqualValues(t, 12, set.at("cart", "items", 0, "quantity"))
		assert.EqualValues(t, 12*1999, set.at("cart", "items", 0, "line_total", "amount"))
		assert.EqualValues(t, 12*1999, set.at("cart", "subtotal", "amount"))
		assert.EqualValues(t, 12, set.at("cart", "item_count"))
	})
	t.Run("several products add up", func(t *testing.T) {
		both := v.add(desk, 1)
		assert.EqualValues(t, 13, both.at("cart", "item_count"))
		assert.EqualValues(t, 12*1999+25900, both.at("cart", "subtotal", "amount"))
	})
	t.Run("a line is taken out", func(t *testing.T) {
		left := v.remove("/api/cart/remove/" + line).is(http.StatusOK)
		assert.Len(t, left.at("cart", "items"), 1)
		assert.EqualValues(t, desk.ID, left.at("cart", "items", 0, "product", "id"))
		v.remove("/api/cart/remove/"+line).fails(http.StatusNotFound, "not_found")
		v.put("/api/cart/update/"+line, object{"quantity": 1}).fails(http.StatusNotFound, "not_found")
	})
	t.Run("the last line leaves an empty cart", func(t *testing.T) {
		assert.JSONEq(t, emptyCart, v.remove("/api/cart/remove/"+v.line()).is(http.StatusOK).Body)
	})
}

// TestCart_FirstCallsWithoutACookieAreThoseOfTwoVisitors holds that strangers behind one address with one program get
// no cart in common, and that a client learns from each answer what its cookie has.
func TestCart_FirstCallsWithoutACookieAreThoseOfTwoVisitors(t *testing.T) {
	s := open(t)
	one, two := s.visitor(), s.visitor()
	for _, first := range []object{
		one.add(lamp, 1).at("cart").(object), two.add(desk, 2).at("cart").(object),
	} {
		assert.Len(t, first["items"], 1)
	}
	assert.NotEmpty(t, one.cookie())
	assert.NotEmpty(t, two.cookie())
	assert.NotEqual(t, one.cookie(), two.cookie())
	assert.EqualValues(t, 1, one.get("/api/cart/").is(http.StatusOK).at("cart", "item_count"))
	assert.EqualValues(t, 2, two.get("/api/cart/").is(http.StatusOK).at("cart", "item_count"))
}

func TestCart_HoldsNoMoreThanThereIs(t *testing.T) {
	s := open(t)
	v := s.visitor()
	t.Run("not at once", func(t *testing.T) {
		short := v.post("/api/cart/add", object{"product_id": lamp.ID, "quantity": 13}).fails(http.StatusConflict, "out_of_stock")
		assert.EqualValues(t, 12, short.at("available"))
		assert.Equal(t, list{object{"product_id": "p-lamp", "name": "Oak Desk Lamp", "quantity": 13., "available": 12.}}, short.at("lines"))
		assert.Empty(t, v.cookie(), "what fails begins no session")
	})
	t.Run("nor bit by bit", func(t *testing.T) {
		v.add(lamp, 12)
		short := v.post("/api/cart/add", object{"product_id": lamp.ID, "quantity": 1}).fails(http.StatusConflict, "out_of_stock")
		assert.EqualValues(t, 12, short.at("available"))
		v.put("/api/cart/update/"+v.line(), object{"quantity": 13}).fails(http.StatusConflict, "out_of_stock")
	})
	t.Run("nor what is sold out", func(t *testing.T) {
		short := v.post("/api/cart/add", object{"product_id": rug.ID, "quantity": 1}).fails(http.StatusConflict, "out_of_stock")
		assert.EqualValues(t, 0, short.at("available"))
	})
	t.Run("but less may be wanted of what became short", func(*testing.T) {
		s.SetStock(lamp.ID, 2)
		v.put("/api/cart/update/"+v.line(), object{"quantity": 5}).is(http.StatusOK)
	})
	t.Run("and never more than 99", func(*testing.T) {
		v.add(desk, 60)
		v.post("/api/cart/add", object{"product_id": desk.ID, "quantity": 40}).faults("quantity")
		v.add(desk, 39)
	})
}

func TestCart_HoldsAHundredProducts(t *testing.T) {
	s := open(t)
	var many []domain.Product
	for i := range domain.MaxCartLines + 1 {
		p := desk
		p.ID, p.Slug = domain.ProductID(fmt.Sprintf("p-%d", i)), fmt.Sprintf("desk-%d", i)
		many = append(many, p)
	}
	require.NoError(t, s.Store.PutProducts(context.Background(), many))
	v := s.visitor()
	for _, p := range many[1:] {
		v.add(p, 1)
	}
	before := s.everything(v)
	v.post("/api/cart/add", object{"product_id": many[0].ID, "quantity": 1}).fails(http.StatusConflict, "cart_full")
	assert.Equal(t, before, s.everything(v))
}

func TestCart_ARepeatWithTheSameKeyChangesNothing(t *testing.T) {
	v := open(t).visitor()
	v.post("/api/cart/add", object{"product_id": lamp.ID, "quantity": 2}, "Idempotency-Key", "add-1").is(http.StatusOK)
	again := v.post("/api/cart/add", object{"product_id": lamp.ID, "quantity": 2}, "Idempotency-Key", "add-1").is(http.StatusOK)
	assert.EqualValues(t, 2, again.at("cart", "item_count"))
	other := v.post("/api/cart/add", object{"product_id": lamp.ID, "quantity": 2}, "Idempotency-Key", "add-2").is(http.StatusOK)
	assert.EqualValues(t, 4, other.at("cart", "item_count"))

	line := v.line()
	v.put("/api/cart/update/"+line, object{"quantity": 1}, "Idempotency-Key", "set-1").is(http.StatusOK)
	v.put("/api/cart/update/"+line, object{"quantity": 7}).is(http.StatusOK)
	again = v.put("/api/cart/update/"+line, object{"quantity": 1}, "Idempotency-Key", "set-1").is(http.StatusOK)
	assert.EqualValues(t, 7, again.at("cart", "item_count"))
}

func TestCart_ARepeatedRemovalWithTheSameKeySucceeds(t *testing.T) {
	v := open(t).visitor()
	v.add(lamp, 1)
	line := v.line()
	for range 2 {
		gone := v.remove("/api/cart/remove/"+line, "Idempotency-Key", "remove-1").is(http.StatusOK)
		assert.JSONEq(t, emptyCart, gone.Body)
	}
}

func TestCart_FollowsThePrice(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.add(lamp, 2)
	dearer := lamp
	dearer.Price = domain.Dollars(2500)
	require.NoError(t, s.Store.PutProducts(context.Background(), []domain.Product{dearer}))
	assert.EqualValues(t, 5000, v.get("/api/cart/").at("cart", "subtotal", "amount"))
}

func TestCart_KeepsALineWhoseProductVanished(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.add(lamp, 2)
	line := v.line()
	s.loseProducts(v)
	assert.JSONEq(t, `{"cart":{"items":[{"id":"`+line+`","product":`+goneJSON+`,"quantity":2,
		"unit_price":{"amount":0,"currency":"USD"},"line_total":{"amount":0,"currency":"USD"}}],
		"item_count":2,"subtotal":{"amount":0,"currency":"USD"}}}`, v.get("/api/cart/").is(http.StatusOK).Body)

	v.post("/api/cart/add", object{"product_id": "p-gone", "quantity": 1}).fails(http.StatusNotFound, "not_found")
	v.put("/api/cart/update/"+line, object{"quantity": 1}).fails(http.StatusNotFound, "not_found")
	assert.JSONEq(t, emptyCart, v.remove("/api/cart/remove/"+line).is(http.StatusOK).Body)
}

func TestCart_IsTheVisitorsOwn(t *testing.T) {
	s := open(t)
	jane, john := s.member("jane"), s.visitor()
	jane.add(lamp, 2)
	john.add(desk, 1)
	line, before := jane.line(), s.everything(jane)

	john.put("/api/cart/update/"+line, object{"quantity": 1}).fails(http.StatusNotFound, "not_found")
	john.remove("/api/cart/remove/"+line).fails(http.StatusNotFound, "not_found")
	s.visitor().remove("/api/cart/remove/"+line).fails(http.StatusNotFound, "not_found")
	assert.NotContains(t, john.get("/api/cart/").Body, line)
	assert.Equal(t, before, s.everything(jane))
}

func TestCart_TheFirstWriteBeginsASession(t *testing.T) {
	for name, write := range map[string]func(*visitor) reply{
		"to the cart":     func(v *visitor) reply { return v.add(lamp, 1) },
		"to the wishlist": func(v *visitor) reply { return v.wish(lamp) },
	} {
		t.Run(name, func(t *testing.T) {
			v := open(t).visitor()
			cookie := sessionCookie(t, write(v))
			assert.True(t, cookie.HttpOnly)
			assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
			assert.False(t, cookie.Secure, "without TLS no browser would send it back")
			assert.Equal(t, "/", cookie.Path)
			assert.Greater(t, cookie.MaxAge, int(domain.SessionIdle.Seconds()), "a session that is in use outlives the time it may rest")
			assert.Empty(t, cookie.Domain)

			assert.Empty(t, write(v).Header.Values("Set-Cookie"), "a later write keeps it")
		})
	}
}

func TestCart_ASessionThatNobodyGaveOutIsNotTaken(t *testing.T) {
	for name, value := range map[string]string{"invented": "invented", "long": strings.Repeat("a", 3000), "of odd characters": "a b,c"} {
		t.Run(name, func(t *testing.T) {
			v := open(t).visitor()
			v.keep(value)
			assert.JSONEq(t, emptyCart, v.get("/api/cart/").is(http.StatusOK).Body)
			v.add(lamp, 1)
			assert.NotEqual(t, value, v.cookie())
			assert.EqualValues(t, 1, v.get("/api/cart/").at("cart", "item_count"))
		})
	}
}

func TestCart_EndsWithItsSession(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.add(lamp, 1)
	s.Wait(domain.SessionIdle - 1)
	assert.EqualValues(t, 1, v.get("/api/cart/").at("cart", "item_count"), "what is in use lives on")
	s.Wait(domain.SessionIdle - 1)
	assert.EqualValues(t, 1, v.get("/api/cart/").at("cart", "item_count"))
	s.Wait(domain.SessionIdle + 1)
	assert.JSONEq(t, emptyCart, v.get("/api/cart/").is(http.StatusOK).Body)
}

// sessionCookie is the session's cookie that an answer sets. Only that of a device may be beside it.
func sessionCookie(t *testing.T, a reply) *http.Cookie {
	t.Helper()
	cookies := (&http.Response{Header: a.Header}).Cookies()
	require.NotEmpty(t, cookies)
	require.Equal(t, "session", cookies[0].Name)
	for _, other := range cookies[1:] {
		require.Equal(t, "device", other.Name)
	}
	return cookies[0]
}

func TestCart_GuestsOfOneAddressAreBounded(t *testing.T) {
	s := open(t, quick)
	known := s.visitor()
	known.add(lamp, 1)
	// By the use case, for that many requests are slow.
	var full error
	for full == nil {
		full = s.UseCases.Account.AdmitGuest(t.Context(), "192.0.2.7")
	}
	require.ErrorIs(t, full, domain.ErrLimited)
	for path, send := range map[string]func(*visitor, string) reply{
		"/api/cart/add":          func(v *visitor, path string) reply { return v.post(path, object{"product_id": lamp.ID, "quantity": 1}) },
		"/api/cart/update/x":     func(v *visitor, path string) reply { return v.put(path, object{"quantity": 1}) },
		"/api/cart/remove/x":     func(v *visitor, path string) reply { return v.remove(path) },
		"/api/wishlist/add":      func(v *visitor, path string) reply { return v.post(path, object{"product_id": lamp.ID}) },
		"/api/wishlist/remove/x": func(v *visitor, path string) reply { return v.remove(path) },
		"/api/chat/messages":     func(v *visitor, path string) reply { return v.post(path, object{"client_id": "m", "body": "hi"}) },
		"/api/checkout/process":  func(v *visitor, path string) reply { return v.post(path, purchase(goodCard)) },
	} {
		late := send(s.visitor(), path).fails(http.StatusTooManyRequests, "rate_limited")
		assert.Equal(t, "1", late.Header.Get("Retry-After"), path)
		assert.Empty(t, late.Header.Values("Set-Cookie"), path)
	}
	s.visitor().get("/api/cart/").is(http.StatusOK)
	known.add(lamp, 1)
	elsewhere := s.visitor()
	elsewhere.address = "192.0.2.8:1234"
	elsewhere.add(lamp, 1)
	s.Wait(time.Second)
	s.visitor().add(lamp, 1)
}
