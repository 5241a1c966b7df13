package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

// purchase is what a shopper types into the form of the checkout.
func purchase(form url.Values, changes ...string) url.Values {
	return with(with(form,
		"email", "ann@mail.example", "shipping_address.name", "Ann Smith", "shipping_address.line1", "1 High Street",
		"shipping_address.line2", "Flat 2", "shipping_address.city", "London", "shipping_address.region", "Greater London",
		"shipping_address.postal_code", "N1 9GU", "shipping_address.country", "GB", "shipping_address.phone", "+44 20 7946 0000",
		"payment.card_number", goodCard, "payment.expiry", "12/30", "payment.cvc", "987"), changes...)
}

// checkoutForm is the form of the checkout, filled in.
func (b *browser) checkoutForm(changes ...string) url.Values {
	b.t.Helper()
	return purchase(b.get("/checkout").form("/checkout"), changes...)
}

// buy buys what is in the cart and returns the path of the order.
func (b *browser) buy(changes ...string) string {
	b.t.Helper()
	a := b.post("/checkout", b.checkoutForm(changes...))
	require.Equal(b.t, http.StatusSeeOther, a.status, a.text())
	path, placed := strings.CutSuffix(a.location, "?placed")
	require.True(b.t, placed, a.location)
	return path
}

// orderOf is the path of the newest order.
func orderOf(s *shop) string { return "/orders/" + string(s.Orders()[0].Number) }

// keeps holds that a page shows again all that was typed but what is secret.
func keeps(t *testing.T, a answer, typed url.Values) {
	t.Helper()
	shown := a.form("/checkout")
	for name := range typed {
		switch name {
		case "payment.card_number", "payment.cvc":
			assert.Empty(t, shown.Get(name), name)
		case "key", "total":
		default:
			assert.Equal(t, typed.Get(name), shown.Get(name), name)
		}
	}
	if number := typed.Get("payment.card_number"); number != "" {
		assert.NotContains(t, a.body, number, "the card's number came back")
	}
	assert.NotContains(t, a.text(), "987", "the card's code came back")
}

func TestCheckout(t *testing.T) {
	t.Run("a guest buys, and sees the order", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 2)
		b.add(cup, 1)
		shown := b.get("/checkout")
		assert.Contains(t, shown.text(), "Oak Desk Lamp × 2 $24.68")
		assert.Contains(t, shown.text(), "Pay $34.17")
		assert.Contains(t, shown.text(), "Sign in")
		path := b.buy()
		assert.Empty(t, b.cart())
		assert.Equal(t, 10, s.Product(lamp.ID).Stock)

		thanks := b.get(path + "?placed")
		order := s.Orders()[0]
		assert.Contains(t, thanks.of("data-placed"), "Its number is "+string(order.Number)+".")
		assert.Equal(t, "paid", thanks.value("data-status"))
		for _, says := range []string{
			"2 × $12.34 $24.68", "Blue Cup 1 × $4.50", "$34.17", "Ann Smith 1 High Street Flat 2 N1 9GU London Greater London United Kingdom",
			"ann@mail.example", "Card ending 4242 Paid", "24 November 2026, 12:00 UTC", "Shipped (still to come)",
		} {
			assert.Contains(t, thanks.text(), says)
		}
		assert.NotContains(t, thanks.body, goodCard)
		assert.Empty(t, b.get(path).all("data-placed"), "thanks are said once")
	})
	t.Run("an empty cart has nothing to pay", func(t *testing.T) {
		b := open(t).visitor()
		b.ask("/checkout").leadsTo("/cart")
		a := b.post("/checkout", purchase(url.Values{})).is(http.StatusConflict)
		assert.Equal(t, "There is nothing in the cart.", a.of("data-mistake"))
		assert.NotEmpty(t, a.all("data-empty"))
		a = b.post("/checkout", url.Values{}).is(http.StatusConflict)
		assert.Equal(t, "There is nothing in the cart.", a.of("data-mistake"))
		assert.False(t, b.hasSession())
	})
	t.Run("a form that is sent twice buys once", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 1)
		form := b.checkoutForm()
		once := b.post("/checkout", form)
		assert.Equal(t, once.location, b.post("/checkout", form).location)
		assert.Len(t, s.Orders(), 1)

		a := b.post("/checkout", with(form, "shipping_address.city", "Leeds")).is(http.StatusUnprocessableEntity)
		assert.Contains(t, a.of("data-mistake"), "You have already placed an order with this form, and your cart is empty.")
		b.add(cup, 1)
		form.Set("total", "949")
		a = b.post("/checkout", with(form, "shipping_address.city", "Leeds")).is(http.StatusUnprocessableEntity)
		assert.Contains(t, a.of("data-mistake"), "You have already placed an order with this form, with other details.")
		b.post("/checkout", purchase(a.form("/checkout"))).leadsTo(orderOf(s) + "?placed")
		assert.Len(t, s.Orders(), 2, "the form that came back is a new one")
	})
	t.Run("sent many times at once, it buys once", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 1)
		led := b.atOnce(8, "/checkout", b.checkoutForm())
		require.Len(t, s.Orders(), 1)
		assert.Equal(t, map[string]int{orderOf(s) + "?placed": 8}, led)
		assert.Equal(t, lamp.Stock-1, s.Product(lamp.ID).Stock)
	})
	t.Run("who bought before need not type it again", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		b := s.signedIn("anna")
		b.add(cup, 1)
		form := b.get("/checkout").form("/checkout")
		assert.Equal(t, "anna@mail.example", form.Get("email"))
		assert.Empty(t, form.Get("shipping_address.city"))
		b.buy("email", "office@mail.example")
		b.add(cup, 1)
		form = b.get("/checkout").form("/checkout")
		assert.Equal(t, "anna@mail.example", form.Get("email"))
		assert.Equal(t, "London", form.Get("shipping_address.city"))
		assert.Equal(t, "GB", form.Get("shipping_address.country"))
		assert.Empty(t, form.Get("payment.card_number"))
	})
	t.Run("a card's date may be written in other ways", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		for i, date := range []string{"12/30", " 12 / 30 ", "1230", "12/2030", "1/31", "122030"} {
			b.add(desk, 1)
			if date == "122030" {
				a := b.post("/checkout", b.checkoutForm("payment.expiry", date)).is(http.StatusUnprocessableEntity)
				assert.Equal(t, map[string]string{"payment.expiry": "Must be a month and year as MM/YY."}, a.mistakes())
				continue
			}
			b.buy("payment.expiry", date, "payment.card_number", "4242 4242-4242 4242")
			assert.Len(t, s.Orders(), i+1, date)
		}
	})
}

func TestCheckout_Mistakes(t *testing.T) {
	long := strings.Repeat("long ", 60)
	for name, c := range map[string]struct{ field, typed, says string }{
		"no e-mail":           {"email", "", "Must be given."},
		"no e-mail address":   {"email", "ann<script>", "Must be an e-mail address."},
		"no name":             {"shipping_address.name", "", "Must be given."},
		"no street":           {"shipping_address.line1", "   ", "Must be given."},
		"a street too long":   {"shipping_address.line1", long + "street", "Must have at most 200 characters."},
		"a flat too long":     {"shipping_address.line2", long + "flat", "Must have at most 200 characters."},
		"no city":             {"shipping_address.city", "", "Must be given."},
		"a region too long":   {"shipping_address.region", long + "shire", "Must have at most 100 characters."},
		"no postal code":      {"shipping_address.postal_code", "?", "Must be a postal code."},
		"no country":          {"shipping_address.country", "", "Must be a country from the list."},
		"no telephone number": {"shipping_address.phone", "<script>", "Must be a telephone number."},
		"no card":             {"payment.card_number", "", "Must be a card number."},
		"no card's number":    {"payment.card_number", "4242424242424241", "Must be a card number."},
		"words for a card":    {"payment.card_number", "my red card", "Must be a card number."},
		"a card of the past":  {"payment.expiry", "10/26", "Must not be in the past."},
		"no date":             {"payment.expiry", "<b>", "Must be a month and year as MM/YY."},
		"no code":             {"payment.cvc", "", "Must be the 3 or 4 digits of the security code."},
		"a code of words":     {"payment.cvc", "xyz", "Must be the 3 or 4 digits of the security code."},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			b := s.visitor()
			b.add(lamp, 2)
			form := b.checkoutForm(c.field, c.typed)
			a := b.post("/checkout", form).is(http.StatusUnprocessableEntity)
			assert.Equal(t, map[string]string{c.field: c.says}, a.mistakes())
			assert.Equal(t, "Please check the fields marked below.", a.of("data-mistake"))
			keeps(t, a, form)
			assert.Equal(t, form.Get("key"), a.form("/checkout").Get("key"), "it is still the same purchase")
			assert.Empty(t, s.Orders())
			assert.Equal(t, []string{"2 Oak Desk Lamp"}, b.cart())
		})
	}
	t.Run("all at once", func(t *testing.T) {
		b := open(t).visitor()
		b.add(lamp, 1)
		said := b.post("/checkout", url.Values{}).is(http.StatusUnprocessableEntity).mistakes()
		assert.Len(t, said, 9, said)
	})
	t.Run("a key that is none", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 1)
		for _, key := range []string{"with space", strings.Repeat("k", 256), "ключ"} {
			form := b.checkoutForm("key", key)
			a := b.post("/checkout", form).is(http.StatusUnprocessableEntity)
			keeps(t, a, form)
			assert.NotEqual(t, key, a.form("/checkout").Get("key"))
			assert.NotContains(t, a.of("data-mistake"), "marked below")
			assert.Empty(t, s.Orders())
		}
	})
	t.Run("script stays text", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 1)
		const evil = `<script>alert("1")</script>`
		form := b.checkoutForm("shipping_address.name", evil, "shipping_address.line1", `"><img src=x onerror=alert(1)>`, "email", "")
		keeps(t, b.post("/checkout", form).is(http.StatusUnprocessableEntity), form)
		path := b.buy("shipping_address.name", evil, "shipping_address.line1", `"><img src=x onerror=alert(1)>`)
		a := b.get(path)
		assert.Contains(t, a.text(), evil)
		assert.NotContains(t, a.body, "<script>alert")
		assert.NotContains(t, a.body, "<img src=x")
	})
}

func TestCheckout_WhoTriesCardsIsToldToWait(t *testing.T) {
	s := open(t)
	b := s.visitor()
	b.add(lamp, 2)
	for range 10 {
		a := b.post("/checkout", b.checkoutForm("payment.card_number", "4000000000000002"))
		require.Equal(t, http.StatusPaymentRequired, a.status)
	}
	typed := b.checkoutForm()
	a := b.post("/checkout", typed)
	require.Equal(t, http.StatusTooManyRequests, a.status)
	assert.Equal(t, "60", a.header.Get("Retry-After"))
	assert.Contains(t, a.text(), "wait a little and try again")
	keeps(t, a, typed)
	assert.Empty(t, s.Orders())
	assert.Equal(t, 12, s.Product(lamp.ID).Stock)
	s.Wait(time.Minute)
	again := with(a.form("/checkout"), "payment.card_number", goodCard, "payment.cvc", "987")
	assert.Equal(t, http.StatusSeeOther, b.post("/checkout", again).status, "the same form once more is paid")
}
