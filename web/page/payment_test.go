package page_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

func TestCheckout_WhatThePaymentSays(t *testing.T) {
	t.Run("declined", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 2)
		form := b.checkoutForm("payment.card_number", "4000000000000002")
		a := b.post("/checkout", form).is(http.StatusPaymentRequired)
		assert.Contains(t, a.of("data-mistake"), "The payment was declined, and nothing was charged.")
		assert.Equal(t, map[string]string{"payment.card_number": "The payment was declined, and nothing was charged. Please try another card."}, a.mistakes())
		keeps(t, a, form)
		assert.Equal(t, []string{"2 Oak Desk Lamp"}, b.cart())
		assert.Equal(t, lamp.Stock, s.Product(lamp.ID).Stock)

		paid := b.post("/checkout", purchase(a.form("/checkout")))
		require.Equal(t, http.StatusSeeOther, paid.status, "another card works at once")
		assert.Equal(t, 10, s.Product(lamp.ID).Stock)
	})
	t.Run("away", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 2)
		form := b.checkoutForm("payment.card_number", "4000000000000119")
		a := b.post("/checkout", form).is(http.StatusServiceUnavailable)
		assert.Contains(t, a.of("data-mistake"), "The payment could not be made just now, and nothing was charged; try again.")
		assert.Equal(t, "5", a.header.Get("Retry-After"))
		keeps(t, a, form)
		assert.Equal(t, []string{"2 Oak Desk Lamp"}, b.cart())
	})
	t.Run("nothing yet", func(t *testing.T) {
		s := open(t, func(p *parts) { p.Payments = mute{} })
		b := s.visitor()
		b.add(lamp, 2)
		path := b.buy()
		a := b.get(path + "?placed")
		assert.NotEmpty(t, a.all("data-placed"))
		assert.Contains(t, a.of("data-pending"), "We are confirming your payment.")
		assert.Equal(t, "pending", a.value("data-status"))
		assert.Contains(t, a.text(), "Being confirmed")
		assert.Contains(t, a.body, `<meta http-equiv="refresh" content="5">`, "it looks again by itself")
		assert.Empty(t, b.cart())
	})
}

func TestCheckout_AnAttemptThatIsNotPaid(t *testing.T) {
	s := open(t, func(p *parts) { p.Payments = &mute{Payments: p.Payments} })
	s.AddAccount("anna", domain.Customer)
	s.AddAccount("sue", domain.Staff)
	b, staff := s.signedIn("anna"), s.signedIn("sue")
	b.add(lamp, 1)
	path := b.buy()
	assert.Contains(t, staff.get("/admin"+path).text(), "Ask the payment service now")
	a := staff.post("/admin"+path+"/settle", url.Values{}).is(http.StatusConflict)
	assert.Contains(t, a.of("data-mistake"), "try again in some seconds")
	s.visitor().post("/admin"+path+"/settle", url.Values{})
	assert.Equal(t, domain.Pending, s.Orders()[0].Status)
	s.settle(domain.Cancelled)
	assert.NotContains(t, staff.get("/admin"+path).text(), "Ask the payment service now")
	staff.post("/admin"+path+"/settle", url.Values{}).leadsTo("/admin" + path + "?done=asked")
	assert.Contains(t, b.get(path).text(), "nothing was charged")
	assert.NotContains(t, b.get(path).body, `http-equiv="refresh"`)
	assert.NotEmpty(t, b.get("/orders").all("data-empty"), "it is in nobody's history")
	assert.Empty(t, staff.get("/admin/orders").all("data-order"))
	assert.Contains(t, staff.get("/admin").text(), "Orders")
	apart := staff.get("/admin/orders?status=cancelled")
	assert.Len(t, apart.all("data-order"), 1, "staff see it apart")
	assert.Contains(t, apart.text(), "1 attempt")
	staff.get("/admin" + path)

	path = b.buy()
	assert.Len(t, b.get("/orders").all("data-order"), 1, "one that may yet be paid is shown")
	s.settle(domain.Paid)
	b.ask(path + "?placed").leadsTo("/orders/E-10001?placed=")
	b.ask(path).leadsTo("/orders/E-10001")
	assert.Contains(t, b.get("/orders/E-10001?placed=").of("data-placed"), "Its number is E-10001.")
	staff.get("/admin" + path)
}

// settle moves the newest order on, as the gateway would have said.
func (s *shop) settle(next domain.OrderStatus) {
	s.t.Helper()
	_, _, err := s.Store.TransitionOrder(context.Background(), s.Orders()[0].ID, func(o *domain.Order) (domain.Effects, error) { return o.MoveTo(next, o.PlacedAt) })
	require.NoError(s.t, err)
}

// mute is a gateway that never says what became of a charge.
type mute struct{ port.Payments }

func (mute) Charge(context.Context, domain.OrderID, domain.Money, domain.Card) (port.ChargeStatus, error) {
	return "", domain.ErrUnavailable
}

func (mute) SettleOrVoid(context.Context, domain.OrderID) (port.ChargeStatus, error) {
	return "", domain.ErrUnavailable
}

func TestCheckout_WhatChangedSince(t *testing.T) {
	t.Run("less in stock", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 5)
		b.add(cup, 3)
		form := b.checkoutForm()
		s.SetStock(lamp.ID, 2)
		a := b.post("/checkout", form).is(http.StatusConflict)
		assert.Equal(t, "Only 2 of Oak Desk Lamp left.", a.of("data-mistake"))
		assert.Contains(t, a.text(), "Edit your cart")
		keeps(t, a, form)
		s.SetStock(cup.ID, 0)
		a = b.post("/checkout", form).is(http.StatusConflict)
		assert.Contains(t, a.of("data-mistake"), "Only 2 of Oak Desk Lamp left. Blue Cup is sold out.")
		assert.Equal(t, "Only 2 of Oak Desk Lamp left. Edit your cart", b.get("/checkout").of("data-warning"))
		assert.Empty(t, s.Orders())
		assert.Equal(t, []string{"5 Oak Desk Lamp", "3 Blue Cup"}, b.cart())

		b.post("/cart/remove", b.get("/cart").form("/cart/remove", "line", lineOf(b, "Blue Cup"))).leadsTo("/cart?done=removed")
		b.post("/cart/update", with(b.get("/cart").form("/cart/update"), "quantity", "2")).leadsTo("/cart?done=updated")
		b.buy()
		assert.Equal(t, 0, s.Product(lamp.ID).Stock)
	})
	t.Run("no longer sold", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 1)
		b.add(cup, 1)
		form := b.checkoutForm()
		require.NoError(t, s.Store.RemoveProduct(t.Context(), lamp.ID))
		a := b.post("/checkout", form).is(http.StatusConflict)
		keeps(t, a, form)
		assert.Contains(t, a.text(), "Edit your cart")
		a = b.get("/checkout")
		assert.Equal(t, "Something in your cart is no longer sold. Edit your cart", a.of("data-warning"))
		a = b.post("/checkout", purchase(a.form("/checkout"))).is(http.StatusConflict)
		assert.Equal(t, "Something in your cart is no longer sold.", a.of("data-mistake"))
		assert.Contains(t, a.text(), "Edit your cart")
		b.post("/cart/remove", b.get("/cart").form("/cart/remove", "line", lineOf(b, "no longer sold"))).leadsTo("/cart?done=removed")
		b.buy()
	})
	t.Run("another sum", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 1)
		form := b.checkoutForm()
		dearer := s.Product(lamp.ID)
		dearer.Price = domain.Dollars(2000)
		require.NoError(t, s.Store.PutProducts(t.Context(), []domain.Product{dearer}))
		a := b.post("/checkout", form).is(http.StatusConflict)
		assert.Contains(t, a.of("data-mistake"), "The total is now $24.99")
		keeps(t, a, form)
		assert.Empty(t, s.Orders())
		again := b.post("/checkout", purchase(a.form("/checkout")))
		require.Equal(t, http.StatusSeeOther, again.status)
		assert.EqualValues(t, 2499, s.Orders()[0].Total.Amount)
	})
	t.Run("the whole cart, after the form had bought the one before", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 1)
		form := b.checkoutForm()
		once := b.post("/checkout", form)
		require.Equal(t, http.StatusSeeOther, once.status)
		b.add(cup, 1)
		again := b.post("/checkout", form)
		assert.Equal(t, once.location, again.location, "the form leads to the order that it placed")
		assert.Len(t, s.Orders(), 1)
		assert.Equal(t, []string{"1 Blue Cup"}, b.cart())
		b.buy()
		assert.Len(t, s.Orders(), 2)
	})
	t.Run("the total, which the form does not say or says in words", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 1)
		for _, total := range []string{"", "-1", "17.33", "1e3", "much", "0x10", "99999999999999999999", "9999999999999999"} {
			form := b.checkoutForm()
			form.Set("total", total)
			a := b.post("/checkout", form).is(http.StatusUnprocessableEntity)
			assert.Equal(t, "Please check the total and pay again.", a.of("data-mistake"), total)
			keeps(t, a, form)
			assert.Empty(t, s.Orders())
			assert.Equal(t, "1733", a.form("/checkout").Get("total"))
		}
		form := b.checkoutForm()
		form.Del("total")
		b.post("/checkout", form).is(http.StatusUnprocessableEntity)
		assert.Equal(t, []string{"1 Oak Desk Lamp"}, b.cart())
	})
	t.Run("the card, which runs out at the month's end", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 1)
		form := b.checkoutForm("payment.expiry", "11/26")
		s.Wait(7 * 24 * time.Hour)
		a := b.post("/checkout", form).is(http.StatusUnprocessableEntity)
		assert.Equal(t, map[string]string{"payment.expiry": "Must not be in the past."}, a.mistakes())
	})
}
