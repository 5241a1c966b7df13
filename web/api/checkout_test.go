package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/demopay"
	"eshop/domain"
	"eshop/port"
)

// addressAnswer is the address of purchase, as an order has it.
const addressAnswer = `{"name":"Jane Smith","line1":"1 Harbour Street","line2":"Flat 2","city":"Portland",
	"region":"OR","postal_code":"97201","country":"US","phone":"+1 503 555 0100"}`

// twoLamps is the order of two lamps, paid at once.
func twoLamps(id, number any) string {
	return fmt.Sprintf(`{"id":%q,"number":%q,"status":"paid","items":[{"product_id":"p-lamp","name":"Oak Desk Lamp","quantity":2,
		"unit_price":{"amount":1999,"currency":"USD"},"line_total":{"amount":3998,"currency":"USD"}}],
		"subtotal":{"amount":3998,"currency":"USD"},"shipping":{"amount":499,"currency":"USD"},
		"tax":{"amount":0,"currency":"USD"},"discount":{"amount":0,"currency":"USD"},"total":{"amount":4497,"currency":"USD"},
		"shipping_address":%s,"payment":{"method":"demo_card","status":"paid","last4":"4242"},"placed_at":"2026-11-24T12:00:00Z",
		"history":[{"status":"pending","at":"2026-11-24T12:00:00Z"},{"status":"paid","at":"2026-11-24T12:00:00Z"}]}`,
		id, number, addressAnswer)
}

func TestBuy_PlacesTheOrderOfTheCart(t *testing.T) {
	s := open(t)
	for name, v := range map[string]*visitor{"a guest": s.visitor(), "a member": s.member("jane")} {
		t.Run(name, func(t *testing.T) {
			stock := s.stock(lamp.ID)
			v.add(lamp, 2)
			bought := v.buy(goodCard, "").is(http.StatusCreated)
			id, number := bought.at("order", "id"), bought.at("order", "number")
			assert.JSONEq(t, `{"order":`+twoLamps(id, number)+`}`, bought.Body)
			assert.Equal(t, "no-store", bought.Header.Get("Cache-Control"))
			assert.Equal(t, stock-2, s.stock(lamp.ID))
			assert.JSONEq(t, emptyCart, v.get("/api/cart/").Body)

			assert.JSONEq(t, bought.Body, v.get("/api/checkout/orders/"+id.(string)).is(http.StatusOK).Body)
			s.visitor().get("/api/checkout/orders/"+id.(string)).fails(http.StatusNotFound, "not_found")
		})
	}
}

func TestBuy_AMembersOwnAddressIsTheDefault(t *testing.T) {
	s := open(t)
	v := s.member("jane")
	v.add(lamp, 1)
	order := purchase(goodCard)
	delete(order, "email")
	v.post("/api/checkout/process", order).is(http.StatusCreated)
	assert.Equal(t, "jane@example.com", s.Orders()[0].Email)

	guest := s.visitor()
	guest.add(lamp, 1)
	guest.post("/api/checkout/process", order).faults("email")
}

func TestBuy_DeliveryIsFreeFromFiftyDollars(t *testing.T) {
	v := open(t).visitor()
	v.add(desk, 1)
	bought := v.buy(goodCard, "").is(http.StatusCreated)
	assert.EqualValues(t, 0, bought.at("order", "shipping", "amount"))
	assert.EqualValues(t, 25900, bought.at("order", "total", "amount"))
}

func TestBuy_ARepeatGivesTheSameOrder(t *testing.T) {
	for name, key := range map[string]string{
		"with a key": "key-1", "without a key": "", "with the shortest key": "k", "with the longest key": strings.Repeat("~", 255), "with an odd key": `!"#%&'\`,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			v := s.visitor()
			v.add(lamp, 2)
			first := v.buy(goodCard, key).is(http.StatusCreated)
			s.Wait(time.Hour)
			for range 3 {
				assert.JSONEq(t, first.Body, v.buy(goodCard, key).is(http.StatusOK).Body)
			}
			assert.Len(t, s.Orders(), 1)
			assert.Equal(t, 10, s.stock(lamp.ID))

			t.Run("until the cart is filled again", func(t *testing.T) {
				v.add(lamp, 2)
				if key == "" {
					v.buy(goodCard, key).is(http.StatusCreated)
					return
				}
				assert.JSONEq(t, first.Body, v.buy(goodCard, key).is(http.StatusOK).Body)
				v.buy(goodCard, "another-key").is(http.StatusCreated)
			})
		})
	}
}

func TestBuy_AKeyStandsForOneBody(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.add(lamp, 2)
	v.buy(goodCard, "key-1").is(http.StatusCreated)
	v.add(lamp, 1)
	before := s.everything(v)
	for name, change := range map[string]func(object){
		"another card":    func(o object) { o["payment"].(object)["card_number"] = "5555555555554444" },
		"another expiry":  func(o object) { o["payment"].(object)["expiry"] = "11/30" },
		"another code":    func(o object) { o["payment"].(object)["cvc"] = "124" },
		"another e-mail":  func(o object) { o["email"] = "other@example.com" },
		"another city":    func(o object) { o["shipping_address"].(object)["city"] = "Salem" },
		"no second line":  func(o object) { delete(o["shipping_address"].(object), "line2") },
		"another country": func(o object) { o["shipping_address"].(object)["country"] = "CA" },
	} {
		t.Run(name, func(t *testing.T) {
			order := purchase(goodCard)
			change(order)
			v.post("/api/checkout/process", order, "Idempotency-Key", "key-1").fails(http.StatusUnprocessableEntity, "idempotency_key_reused")
			assert.Equal(t, before, s.everything(v))
		})
	}
	t.Run("and is each visitor's own", func(*testing.T) {
		other := s.visitor()
		other.add(lamp, 1)
		other.buy(goodCard, "key-1").is(http.StatusCreated)
	})
}

func TestBuy_RefusesAKeyThatIsNone(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.add(lamp, 1)
	before := s.everything(v)
	for name, keys := range map[string][]string{
		"empty": {""}, "too long": {strings.Repeat("k", 256)}, "with a space": {"a b"}, "not ASCII": {"schlüssel"}, "two of them": {"a", "b"}, "a tab": {"a\tb"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, call := range []struct {
				method, path string
				body         any
			}{
				{"POST", "/api/checkout/process", purchase(goodCard)},
				{"POST", "/api/cart/add", object{"product_id": lamp.ID, "quantity": 1}},
				{"PUT", "/api/cart/update/" + v.line(), object{"quantity": 2}},
				{"DELETE", "/api/cart/remove/" + v.line(), nil},
				{"POST", "/api/contact", letter()},
			} {
				v.sendWith(call.method, call.path, call.body, http.Header{"Idempotency-Key": keys}).faults("Idempotency-Key")
				assert.Equal(t, before, s.everything(v), call.path)
			}
		})
	}
}

func TestBuy_APaymentThatFailsLeavesAllAsItWas(t *testing.T) {
	for name, fails := range map[string]struct {
		card   string
		status int
		code   string
	}{
		"declined":        {declinedCard, http.StatusPaymentRequired, "payment_declined"},
		"a gateway error": {failingCard, http.StatusServiceUnavailable, "payment_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			v := s.member("jane")
			v.add(lamp, 2)
			cart := v.get("/api/cart/")
			for _, key := range []string{"key-1", ""} {
				failed := v.buy(fails.card, key).fails(fails.status, fails.code)
				assert.Equal(t, fails.status == http.StatusServiceUnavailable, failed.Header.Get("Retry-After") == "5")
				assert.Equal(t, 12, s.stock(lamp.ID))
				left := v.get("/api/cart/")
				assert.Equal(t, cart.at("cart", "subtotal"), left.at("cart", "subtotal"))
				assert.Equal(t, cart.at("cart", "item_count"), left.at("cart", "item_count"))
			}
			t.Run("and the key free", func(t *testing.T) {
				v.buy(goodCard, "key-1").is(http.StatusCreated)
				assert.Equal(t, 10, s.stock(lamp.ID))
			})
		})
	}
}

func TestBuy_AnAttemptThatIsNotPaidIsNoOrder(t *testing.T) {
	v := open(t).member("jane")
	var numbers []any
	for range 2 {
		v.add(lamp, 2)
		for _, card := range []string{declinedCard, failingCard, declinedCard} {
			require.GreaterOrEqual(t, v.buy(card, "").Status, http.StatusPaymentRequired)
		}
		all := v.get("/api/checkout/orders").is(http.StatusOK)
		assert.EqualValues(t, len(numbers), all.at("total"))
		assert.Len(t, all.at("orders"), len(numbers))
		numbers = append(numbers, v.buy(goodCard, "").is(http.StatusCreated).at("order", "number"))
	}
	assert.Equal(t, []any{"E-10001", "E-10002"}, numbers, "attempts use up no number")
}

func TestBuy_ChargesWhatWasExpected(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.add(lamp, 2)
	buying := func(total any, key string) reply {
		order := purchase(goodCard)
		order["expected_total"] = total
		return v.post("/api/checkout/process", order, "Idempotency-Key", key)
	}
	before := s.everything(v)
	for name, amount := range map[string]int{"too little": 4496, "too much": 4498, "nothing": 0} {
		t.Run(name, func(t *testing.T) {
			refused := buying(object{"amount": amount, "currency": "USD"}, "key-1").fails(http.StatusConflict, "total_changed")
			assert.Equal(t, object{"amount": 4497., "currency": "USD"}, refused.at("total"))
			assert.Equal(t, before, s.everything(v))
		})
	}
	for name, wrong := range map[string]any{
		"expected_total": object{"amount": 4497, "currency": "EUR"}, "expected_total ": object{"amount": -4497, "currency": "USD"},
		"expected_total  ": object{"amount": 4497, "currency": ""}, "expected_total   ": "44.97",
		"expected_total.amount": object{"amount": 44.97, "currency": "USD"}, "expected_total.currency": object{"amount": 4497},
		"expected_total.cents": object{"amount": 4497, "currency": "USD", "cents": 1},
	} {
		t.Run(name, func(t *testing.T) {
			buying(wrong, "key-1").faults(strings.TrimSpace(name))
			assert.Equal(t, before, s.everything(v))
		})
	}
	t.Run("and a repeat is the same order, whatever is in the cart by then", func(t *testing.T) {
		first := buying(object{"amount": 4497, "currency": "USD"}, "key-1").is(http.StatusCreated)
		v.add(desk, 1)
		assert.JSONEq(t, first.Body, buying(object{"amount": 4497, "currency": "USD"}, "key-1").is(http.StatusOK).Body)
		assert.JSONEq(t, first.Body, buying(nil, "key-1").is(http.StatusOK).Body)
		buying(object{"amount": 4498, "currency": "USD"}, "key-1").fails(http.StatusUnprocessableEntity, "idempotency_key_reused")
		assert.Len(t, s.Orders(), 1)
	})
}

func TestBuy_SaysWhatIsShort(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.add(lamp, 5)
	v.add(desk, 2)
	s.SetStock(lamp.ID, 4)
	before := s.everything(v)
	short := v.buy(goodCard, "key-1").fails(http.StatusConflict, "out_of_stock")
	assert.EqualValues(t, 4, short.at("available"))
	assert.Equal(t, list{object{"product_id": "p-lamp", "name": "Oak Desk Lamp", "quantity": 5., "available": 4.}}, short.at("lines"))
	assert.Equal(t, before, s.everything(v))

	t.Run("of every line", func(t *testing.T) {
		s.SetStock(desk.ID, 0)
		short := v.buy(goodCard, "key-1").fails(http.StatusConflict, "out_of_stock")
		assert.Len(t, short.at("lines"), 2)
		assert.NotContains(t, short.at(), "available", "one number says nothing about two lines")
	})
	t.Run("and the key may be used when there is enough", func(*testing.T) {
		s.SetStock(lamp.ID, 5)
		s.SetStock(desk.ID, 2)
		v.buy(goodCard, "key-1").is(http.StatusCreated)
	})
}

func TestBuy_AProductThatVanishedIsShort(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.add(lamp, 2)
	s.loseProducts(v)
	short := v.buy(goodCard, "").fails(http.StatusConflict, "out_of_stock")
	assert.EqualValues(t, 0, short.at("available"))
	assert.Equal(t, "p-gone", short.at("lines", 0, "product_id"))
	assert.Empty(t, s.Orders())
}

func TestBuy_NothingIsNotBought(t *testing.T) {
	s := open(t)
	for name, v := range map[string]*visitor{"somebody new": s.visitor(), "a member": s.member("jane")} {
		t.Run(name, func(t *testing.T) {
			for _, key := range []string{"", "key-1"} {
				empty := v.buy(goodCard, key).fails(http.StatusConflict, "cart_empty")
				assert.Empty(t, empty.Header.Values("Set-Cookie"))
			}
		})
	}
}

func TestBuy_SaysWhatIsWrong(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.add(lamp, 1)
	before := s.everything(v)
	for name, bad := range map[string]struct {
		in, field string
		values    []any
	}{
		"e-mail":  {"", "email", []any{"jane", "jane@", "@example.com", "jane@example", "a b@example.com", "a@b@example.com", "jane@example.com\n", strings.Repeat("a", 250) + "@example.com"}},
		"name":    {"shipping_address", "name", []any{"", "  ", "a\nb", strings.Repeat("é", 101)}},
		"line 1":  {"shipping_address", "line1", []any{"", "a\tb", strings.Repeat("é", 201)}},
		"line 2":  {"shipping_address", "line2", []any{"a\rb", strings.Repeat("é", 201)}},
		"city":    {"shipping_address", "city", []any{"", strings.Repeat("é", 101)}},
		"region":  {"shipping_address", "region", []any{"a\nb", strings.Repeat("é", 101)}},
		"code":    {"shipping_address", "postal_code", []any{"", "1", "-12", "1234567890123", "97201\n", "９７２０１"}},
		"country": {"shipping_address", "country", []any{"", "us", "USA", "XX", "U\u200bS"}},
		"phone":   {"shipping_address", "phone", []any{"call me", "12", "+", strings.Repeat("1", 40)}},
		"method":  {"payment", "method", []any{"", "cash", "DEMO_CARD"}},
		"number": {"payment", "card_number", []any{"", "4242", "4242424242424241", "4242-4242-4242-4242-4242-4242", "424242424242424a",
			"４２４２４２４２４２４２４２４２", strings.Repeat("0", 20), "4242.4242.4242.4242"}},
		"expiry": {"payment", "expiry", []any{"", "10/26", "12/25", "13/30", "00/30", "1/30", "12/2030", "1230", "12-30", "-1/30", "१२/३०"}},
		"cvc":    {"payment", "cvc", []any{"", "12", "12345", "abc", "-12", "1.2", "१२३"}},
	} {
		for _, value := range bad.values {
			t.Run(fmt.Sprintf("%s %.20q", name, value), func(t *testing.T) {
				order, field := purchase(goodCard), bad.field
				if bad.in == "" {
					order[bad.field] = value
				} else {
					order[bad.in].(object)[bad.field] = value
					field = bad.in + "." + field
				}
				v.post("/api/checkout/process", order).faults(field)
				assert.Equal(t, before, s.everything(v))
			})
		}
	}
	t.Run("all of it at once", func(*testing.T) {
		v.post("/api/checkout/process", object{
			"email":            "",
			"shipping_address": object{"name": "", "line1": "", "city": "", "postal_code": "", "country": ""},
			"payment":          object{"method": "", "card_number": "", "expiry": "", "cvc": ""},
		}).faults("email", "shipping_address.name", "shipping_address.line1", "shipping_address.city", "shipping_address.postal_code",
			"shipping_address.country", "payment.method", "payment.card_number", "payment.expiry", "payment.cvc")
	})
	t.Run("this month's card is good", func(*testing.T) {
		order := purchase("4242 4242-4242 4242")
		order["payment"].(object)["expiry"] = "11/26"
		v.post("/api/checkout/process", order).is(http.StatusCreated)
	})
}

func TestBuy_NoAnswerInTimeLeavesAPendingOrder(t *testing.T) {
	document() // what outlives the test is made outside of its bubble
	_, _ = passwords()
	for name, ends := range map[string]struct {
		card, order, payment string
		stock                int
	}{
		"that turns out to be paid":  {paysLaterCard, "paid", "paid", 10},
		"that turns out to be never": {neverPaidCard, "cancelled", "failed", 12},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t)
				v := s.visitor()
				v.add(lamp, 2)
				placed := v.buy(ends.card, "key-1").is(http.StatusAccepted)
				assert.Equal(t, placed.Body, v.buy(ends.card, "key-1").is(http.StatusAccepted).Body)
				assert.Equal(t, "pending", placed.at("order", "status"))
				assert.Equal(t, "pending", placed.at("order", "payment", "status"))
				assert.Nil(t, placed.at("order", "number"))
				assert.Equal(t, 10, s.stock(lamp.ID))
				path := placed.Header.Get("Location")
				assert.Equal(t, "/api/checkout/orders/"+placed.at("order", "id").(string), path)

				s.Wait(demopay.Silence + time.Minute)
				time.Sleep(time.Minute) // leases end by the store's own clock
				settled, err := s.UseCases.Checkout.Settle(context.Background())
				require.NoError(t, err)
				require.Equal(t, 1, settled)
				now := v.get(path).is(http.StatusOK)
				assert.Equal(t, ends.order, now.at("order", "status"))
				assert.Equal(t, ends.payment, now.at("order", "payment", "status"))
				assert.Equal(t, ends.order == "paid", now.at("order", "number") != nil)
				assert.Equal(t, ends.stock, s.stock(lamp.ID))
				for range 2 {
					again := v.buy(ends.card, "key-1")
					if ends.order == "paid" {
						assert.JSONEq(t, now.Body, again.is(http.StatusOK).Body)
					} else {
						again.fails(http.StatusPaymentRequired, "payment_declined")
					}
				}
				assert.Equal(t, ends.stock, s.stock(lamp.ID))
			})
		})
	}
}

// slowPayments answers a charge when it is let go.
type slowPayments struct {
	port.Payments
	letGo chan struct{}
}

func (p slowPayments) Charge(ctx context.Context, order domain.OrderID, sum domain.Money, card domain.Card) (port.ChargeStatus, error) {
	<-p.letGo
	return p.Payments.Charge(ctx, order, sum, card)
}

func TestBuy_ARepeatWaitsForTheFirst(t *testing.T) {
	document()
	_, _ = passwords()
	synctest.Test(t, func(t *testing.T) {
		letGo := make(chan struct{})
		s := open(t, func(p *parts) { p.Payments = slowPayments{p.Payments, letGo} })
		v := s.visitor()
		v.add(lamp, 2)
		answers := make(chan reply, 2)
		for range 2 {
			go func() { answers <- v.buy(goodCard, "key-1") }()
		}
		time.Sleep(time.Second) // of the bubble's time, in which the repeat looks many times
		synctest.Wait()
		assert.Empty(t, answers, "neither answers while the payment is under way")
		close(letGo)
		one, two := <-answers, <-answers
		assert.ElementsMatch(t, []int{http.StatusCreated, http.StatusOK}, []int{one.Status, two.Status})
		assert.JSONEq(t, one.Body, two.Body)
		assert.Equal(t, "paid", one.at("order", "status"))
		assert.Len(t, s.Orders(), 1)
	})
}

func TestBuy_FiftyPostsOfOneKeyAreOneOrder(t *testing.T) {
	for name, key := range map[string]string{"with a key": "key-1", "without a key": ""} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			v := s.visitor()
			v.add(lamp, 2)
			answers := atOnce(50, func(int) reply { return v.buy(goodCard, key) })
			created := 0
			for _, a := range answers {
				require.Contains(t, []int{http.StatusCreated, http.StatusOK}, a.Status, a.Body)
				if a.Status == http.StatusCreated {
					created++
				}
				assert.JSONEq(t, answers[0].Body, a.Body)
			}
			assert.Equal(t, 1, created)
			assert.Len(t, s.Orders(), 1)
			assert.Equal(t, 10, s.stock(lamp.ID))
			assert.JSONEq(t, emptyCart, v.get("/api/cart/").Body)
		})
	}
}

func TestBuy_ThreeHundredBuyersOfAHundred(t *testing.T) {
	const buyers, stock = 300, 100
	s := open(t)
	s.SetStock(desk.ID, stock)
	visitors := make([]*visitor, buyers)
	for i := range visitors {
		visitors[i] = s.visitor()
		visitors[i].add(desk, 1)
	}
	created, refused := 0, 0
	for _, a := range atOnce(buyers, func(i int) reply { return visitors[i].buy(goodCard, "") }) {
		switch a.Status {
		case http.StatusCreated:
			created++
		default:
			a.fails(http.StatusConflict, "out_of_stock")
			assert.EqualValues(t, 0, a.at("available"))
			refused++
		}
	}
	assert.Equal(t, stock, created)
	assert.Equal(t, buyers-stock, refused)
	assert.Equal(t, 0, s.stock(desk.ID))
	assert.Len(t, s.Orders(), stock)
}

func TestCart_ManyAddsAtOnceAddUp(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.add(desk, 1)
	for _, a := range atOnce(40, func(int) reply { return v.post("/api/cart/add", object{"product_id": desk.ID, "quantity": 2}) }) {
		a.is(http.StatusOK)
	}
	assert.EqualValues(t, 81, v.get("/api/cart/").at("cart", "item_count"))
}

func TestOrders_AreTheMembersNewestFirst(t *testing.T) {
	s := open(t)
	v := s.member("jane")
	assert.JSONEq(t, `{"orders":[],"total":0,"page":1,"per_page":24,"pages":0}`, v.get("/api/checkout/orders").is(http.StatusOK).Body)

	var numbers []any
	for range 3 {
		v.add(lamp, 2)
		numbers = append(numbers, v.buy(goodCard, "").is(http.StatusCreated).at("order", "number"))
	}
	all := v.get("/api/checkout/orders").is(http.StatusOK)
	for i := range 3 {
		assert.Equal(t, numbers[2-i], all.at("orders", i, "number"))
	}
	t.Run("a page at a time", func(t *testing.T) {
		last := v.get("/api/checkout/orders?per_page=2&page=2").is(http.StatusOK)
		assert.JSONEq(t, `{"orders":[`+twoLamps(last.at("orders", 0, "id"), numbers[0])+`],"total":3,"page":2,"per_page":2,"pages":2}`, last.Body)
	})
	t.Run("a page past the end is empty", func(t *testing.T) {
		assert.JSONEq(t, `{"orders":[],"total":3,"page":1000000,"per_page":100,"pages":1}`,
			v.get("/api/checkout/orders?page=1000000&per_page=1000000").is(http.StatusOK).Body)
	})
	for query, field := range badPages {
		t.Run("not for "+query, func(*testing.T) {
			v.get("/api/checkout/orders?" + query).faults(field)
		})
	}
	t.Run("not for guests", func(*testing.T) {
		guest := s.visitor()
		guest.get("/api/checkout/orders").fails(http.StatusUnauthorized, "unauthenticated")
		guest.add(lamp, 1)
		guest.get("/api/checkout/orders").fails(http.StatusUnauthorized, "unauthenticated")
		guest.get("/api/checkout/orders?page=0").fails(http.StatusUnauthorized, "unauthenticated")
	})
	t.Run("and nobody else's", func(t *testing.T) {
		other := s.member("john")
		assert.EqualValues(t, 0, other.get("/api/checkout/orders").is(http.StatusOK).at("total"))
		secret := other.get("/api/checkout/orders/"+all.at("orders", 0, "id").(string)).fails(http.StatusNotFound, "not_found")
		none := other.get("/api/checkout/orders/none").fails(http.StatusNotFound, "not_found")
		assert.JSONEq(t, none.Body, secret.Body, "another's order is like none")
	})
	for name, id := range oddIDs {
		t.Run(name+" names none", func(*testing.T) {
			v.get("/api/checkout/orders/"+id).fails(http.StatusNotFound, "not_found")
		})
	}
}

func TestBuy_CardsStayOutOfSight(t *testing.T) {
	s := open(t)
	v := s.member("jane")
	var seen strings.Builder
	for _, card := range []string{declinedCard, failingCard, goodCard, "4242424242424241"} {
		v.add(lamp, 1)
		seen.WriteString(v.buy(card, "").Body)
	}
	fmt.Fprintf(&seen, "%+v %#v", s.Orders(), s.Orders())
	seen.WriteString(v.get("/api/checkout/orders").Body)
	assert.Contains(t, s.Log.String(), "unavailable", "what is a fault is noted")
	seen.WriteString(s.Log.String())
	for _, secret := range []string{goodCard, declinedCard, failingCard, "4242424242424241", "42424242", "correct horse", v.cookie()} {
		assert.NotContains(t, seen.String(), secret)
	}
}

// atOnce makes n calls at the same time and waits for all answers.
func atOnce(n int, call func(int) reply) []reply {
	answers := make([]reply, n)
	start := make(chan struct{})
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() {
			<-start
			answers[i] = call(i)
		})
	}
	close(start)
	calls.Wait()
	return answers
}

func TestBuy_WhoTriesCardsIsToldToWait(t *testing.T) {
	s := open(t, quick)
	v := s.member("jane")
	v.add(lamp, 1)
	paid := v.buy(goodCard, "paid").is(http.StatusCreated)
	v.add(lamp, 2)
	for range 10 {
		v.buy(declinedCard, "").fails(http.StatusPaymentRequired, "payment_declined")
	}
	cart := v.get("/api/cart/").Body
	for range 3 {
		late := v.buy(goodCard, "late").fails(http.StatusTooManyRequests, "rate_limited")
		assert.Equal(t, "60", late.Header.Get("Retry-After"))
	}
	assert.Equal(t, cart, v.get("/api/cart/").Body)
	assert.Equal(t, 11, s.stock(lamp.ID))
	assert.Equal(t, paid.at("order"), v.buy(goodCard, "paid").is(http.StatusOK).at("order"), "a repeat of what was paid gets its answer")
	other := s.visitor()
	other.add(lamp, 1)
	other.buy(declinedCard, "").fails(http.StatusTooManyRequests, "rate_limited")
	other.buy(goodCard, "").is(http.StatusCreated)
	s.Wait(time.Minute)
	v.buy(goodCard, "late").is(http.StatusCreated)
}
