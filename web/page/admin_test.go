package page_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// staff is somebody of the shop's staff, who is signed in.
func (s *shop) staff() *browser {
	s.t.Helper()
	s.AddAccount("sue", domain.Staff)
	return s.signedIn("sue")
}

func TestAdmin_IsForStaff(t *testing.T) {
	s := open(t)
	s.AddAccount("anna", domain.Customer)
	guest, customer := s.visitor(), s.signedIn("anna")
	customer.add(lamp, 1)
	number := strings.TrimPrefix(customer.buy(), "/orders/")
	for _, path := range []string{"/admin", "/admin/orders", "/admin/orders?status=paid", "/admin/orders/" + number, "/admin/products?q=lamp&page=2", "/admin/messages"} {
		guest.ask(path).leadsTo("/login?" + url.Values{"next": {path}}.Encode())
		a := customer.ask(path).is(http.StatusForbidden)
		assert.Equal(t, "forbidden", a.value("data-failure"))
		assert.NotContains(t, a.text(), "Ann Smith")
	}
	for path, form := range map[string]url.Values{
		"/admin/orders/" + number: {"status": {"shipped"}},
		"/admin/products/p-lamp":  {"price": {"0.01"}},
		"/admin/products/p-cup":   {"delta": {"5"}},
	} {
		list := path[:strings.LastIndex(path, "/")]
		guest.post(path, form).leadsTo("/login?" + url.Values{"next": {list}}.Encode())
		customer.post(path, form).is(http.StatusForbidden)
	}
	assert.Equal(t, domain.Paid, s.Orders()[0].Status)
	assert.Equal(t, lamp.Price, s.Product(lamp.ID).Price)
	assert.Equal(t, cup.Stock, s.Product(cup.ID).Stock)
	assert.NotContains(t, customer.get("/").body, `"/admin"`)

	s.AddAccount("sue", domain.Staff)
	form := guest.get("/login?next=/admin/orders").form("/login")
	guest.post("/login", with(form, "username", "sue", "password", password)).leadsTo("/admin/orders?done=welcome")
	guest.get("/admin/orders?done=welcome")
	assert.Contains(t, guest.get("/").body, `"/admin"`)
}

func TestAdmin_Overview(t *testing.T) {
	s := open(t)
	b, shopper := s.staff(), s.visitor()
	for range 2 {
		shopper.add(lamp, 1)
		shopper.buy()
	}
	shopper.post("/contact", letter(url.Values{})).leadsTo("/contact?done=sent")
	shown := b.get("/admin")
	counts := map[string]string{}
	for _, n := range shown.all("data-count") {
		counts[attr(n, "data-count")] = strings.Fields(textOf(n))[0]
	}
	assert.Equal(t, map[string]string{"pending": "0", "paid": "2", "shipped": "0", "delivered": "0", "refunding": "0", "refunded": "0"}, counts)
	assert.Contains(t, shown.text(), "4 products")
	assert.Contains(t, shown.text(), "1 message")
}

func TestAdmin_Orders(t *testing.T) {
	t.Run("by state and page", func(t *testing.T) {
		s := open(t)
		b, shopper := s.staff(), s.visitor()
		assert.NotEmpty(t, b.get("/admin/orders").all("data-empty"))
		for range 21 {
			shopper.add(desk, 1)
			shopper.buy()
		}
		assert.Len(t, b.get("/admin/orders").all("data-order"), 20)
		assert.Len(t, b.get("/admin/orders?status=paid&page=2").all("data-order"), 1)
		assert.Contains(t, b.get("/admin/orders?status=paid").body, "/admin/orders?page=2&amp;status=paid")
		assert.Empty(t, b.get("/admin/orders?status=shipped").all("data-order"))
		for _, query := range []string{"status=lost", "status=%00", "status=<script>", "page=0", "page=x"} {
			b.ask("/admin/orders?" + query).is(http.StatusUnprocessableEntity)
		}
	})
	t.Run("from paid to delivered to refunded", func(t *testing.T) {
		s := open(t)
		b, shopper := s.staff(), s.visitor()
		shopper.add(lamp, 2)
		path := "/admin" + shopper.buy()
		assert.Contains(t, b.get(path).text(), "Ann Smith")
		for _, step := range []struct{ status, offers string }{
			{"paid", "shipped refunded"}, {"shipped", "delivered refunded"}, {"delivered", "refunded"}, {"refunded", ""},
		} {
			shown := b.get(path)
			assert.Equal(t, step.status, shown.value("data-status"))
			var offers []string
			for _, form := range shown.forms(path) {
				offers = append(offers, filled(form).Get("status"))
			}
			assert.Equal(t, step.offers, strings.Join(offers, " "))
			if len(offers) > 0 {
				for range 2 {
					b.post(path, filled(shown.forms(path)[0])).leadsTo(path + "?done=saved")
				}
			}
		}
		assert.Equal(t, lamp.Stock, s.Product(lamp.ID).Stock, "the goods are back")
		assert.Len(t, s.Orders()[0].History, 6)
		var by []string
		for _, n := range b.get(path).all("data-by") {
			by = append(by, textOf(n))
		}
		assert.Equal(t, []string{"by sue", "by sue", "by sue"}, by, "who shipped, delivered and refunded it")
		assert.Empty(t, shopper.get(strings.TrimPrefix(path, "/admin")).all("data-by"), "which is nothing for shoppers")
		assert.Contains(t, shopper.get(strings.TrimPrefix(path, "/admin")).text(), "Your refund is on its way")
	})
	t.Run("only as orders go", func(t *testing.T) {
		s := open(t)
		b, shopper := s.staff(), s.visitor()
		shopper.add(lamp, 2)
		path := "/admin" + shopper.buy()
		a := b.post(path, url.Values{"status": {"delivered"}}).is(http.StatusConflict)
		assert.Equal(t, "An order that is paid cannot become delivered.", a.of("data-mistake"))
		for _, status := range []string{"", "pending", "cancelled", "lost", "<script>"} {
			a := b.post(path, url.Values{"status": {status}}).is(http.StatusUnprocessableEntity)
			assert.Equal(t, "Status must be shipped, delivered or refunded.", a.of("data-mistake"))
		}
		b.post(path, url.Values{"status": {"paid"}}).leadsTo(path + "?done=saved")
		b.post(path, url.Values{"status": {"\x00"}}).is(http.StatusUnprocessableEntity)
		assert.Equal(t, domain.Paid, s.Orders()[0].Status)
		assert.Len(t, s.Orders()[0].History, 2)
	})
	t.Run("a payment that is not known yet is not staff's to say", func(t *testing.T) {
		s := open(t, func(p *parts) { p.Payments = mute{} })
		b, shopper := s.staff(), s.visitor()
		shopper.add(lamp, 2)
		path := "/admin" + shopper.buy()
		assert.Empty(t, b.get(path).forms(path))
		b.post(path, url.Values{"status": {"shipped"}}).is(http.StatusConflict)
		b.post(path, url.Values{"status": {"paid"}}).is(http.StatusUnprocessableEntity)
		assert.Equal(t, domain.Pending, s.Orders()[0].Status)
	})
	t.Run("money that cannot go back now", func(t *testing.T) {
		var away atomic.Bool
		s := open(t, func(p *parts) { p.Payments = deaf{p.Payments, &away} })
		b, shopper := s.staff(), s.visitor()
		shopper.add(lamp, 2)
		bought := shopper.buy()
		path := "/admin" + bought
		away.Store(true)
		form := filled(b.get(path).forms(path)[1])
		for range 2 {
			b.post(path, form).leadsTo(path + "?done=refunding")
		}
		assert.Equal(t, domain.Refunding, s.Orders()[0].Status)
		assert.Contains(t, b.get(path+"?done=refunding").of("data-notice"), "as soon as the payment service confirms it")
		assert.Empty(t, b.get(path).forms(path), "nobody ships it")
		b.post(path, url.Values{"status": {"shipped"}}).is(http.StatusConflict)
		b.post(path, url.Values{"status": {"delivered"}}).is(http.StatusConflict)
		assert.Len(t, b.get("/admin/orders?status=refunding").all("data-order"), 1)
		assert.Contains(t, shopper.get(bought).of("data-refunding"), "$29.67 is on its way back")
		assert.Equal(t, lamp.Stock-2, s.Product(lamp.ID).Stock)
	})
	t.Run("money that was never taken does not go back", func(t *testing.T) {
		s := open(t, func(p *parts) { p.Payments = empty{p.Payments} })
		b, shopper := s.staff(), s.visitor()
		shopper.add(lamp, 2)
		path := "/admin" + shopper.buy()
		a := b.post(path, url.Values{"status": {"refunded"}}).is(http.StatusConflict)
		assert.Equal(t, "Nothing was charged.", a.of("data-mistake"))
		assert.Equal(t, domain.Paid, s.Orders()[0].Status, "it may be shipped still")
	})
	t.Run("what is not there", func(t *testing.T) {
		b := open(t).staff()
		for _, number := range []string{"E-1", "%00", "%ff", "<script>", strings.Repeat("9", 3000)} {
			b.ask("/admin/orders/" + number).is(http.StatusNotFound)
			b.post("/admin/orders/"+number, url.Values{"status": {"shipped"}}).is(http.StatusNotFound)
		}
	})
}

func TestAdmin_Products(t *testing.T) {
	t.Run("a price", func(t *testing.T) {
		s := open(t)
		b := s.staff()
		for typed, want := range map[string]int64{"12.99": 1299, "13": 1300, " $14.5 ": 1450, "0.01": 1, "1000000": 1_000_000_00} {
			form := b.get("/admin/products?q=lamp").form("/admin/products/p-lamp", "price", fmt.Sprintf("%d.%02d", s.Product(lamp.ID).Price.Amount/100, s.Product(lamp.ID).Price.Amount%100))
			b.post("/admin/products/p-lamp", with(form, "price", typed)).leadsTo("/admin/products?done=saved&q=lamp")
			assert.Equal(t, want, s.Product(lamp.ID).Price.Amount, typed)
		}
		assert.Equal(t, lamp.Stock, s.Product(lamp.ID).Stock)
	})
	t.Run("stock", func(t *testing.T) {
		s := open(t)
		b := s.staff()
		for _, step := range []struct {
			typed string
			want  int
		}{{"10", 22}, {"-22", 0}, {" +3 ", 3}} {
			b.post("/admin/products/p-lamp", url.Values{"delta": {step.typed}, "from": {"/admin/products"}}).leadsTo("/admin/products?done=saved")
			assert.Equal(t, step.want, s.Product(lamp.ID).Stock)
		}
		assert.Equal(t, lamp.Price, s.Product(lamp.ID).Price)
	})
	for name, c := range map[string]struct {
		field, typed string
		status       int
		says         string
	}{
		"no price":              {"price", "", 422, "Must be a price, like 12.99."},
		"words for a price":     {"price", "<script>", 422, "Must be a price, like 12.99."},
		"three digits of cents": {"price", "1.234", 422, "Must be a price, like 12.99."},
		"less than nothing":     {"price", "-1", 422, "Must be a price, like 12.99."},
		"nothing for a price":   {"price", "0", 422, "Must be from $0.01 to $1,000,000.00."},
		"a price too high":      {"price", "9999999999.99", 422, "Must be from $0.01 to $1,000,000.00."},
		"a price with no bound": {"price", strings.Repeat("9", 100), 422, "Must be a price, like 12.99."},
		"no number":             {"delta", "", 422, "Must be a whole number, like 10 or -3."},
		"words for a number":    {"delta", "<b>many</b>", 422, "Must be a whole number, like 10 or -3."},
		"a number with no end":  {"delta", strings.Repeat("9", 100), 422, "Must be a whole number, like 10 or -3."},
		"no change":             {"delta", "0", 422, "Must be from -1000000000 to 1000000000 and not 0."},
		"more than are counted": {"delta", "1000000000", 409, ""},
		"more than there are":   {"delta", "-13", 409, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			b := s.staff()
			form := url.Values{c.field: {c.typed}, "from": {"/admin/products?q=lamp"}}
			a := b.post("/admin/products/p-lamp", form).is(c.status)
			said := a.mistakes()
			require.Len(t, said, 1)
			require.NotEmpty(t, said[c.field])
			if c.says != "" {
				assert.Equal(t, c.says, said[c.field])
			}
			shown := url.Values{}
			for _, form := range a.forms("/admin/products/p-lamp") {
				if filled(form).Has(c.field) {
					shown = filled(form)
				}
			}
			assert.Equal(t, c.typed, shown.Get(c.field))
			assert.Equal(t, "/admin/products?q=lamp", shown.Get("from"), "the list is the one it was")
			assert.Len(t, a.all("data-product"), 1)
			assert.Equal(t, lamp.Stock, s.Product(lamp.ID).Stock)
			assert.Equal(t, lamp.Price, s.Product(lamp.ID).Price)
		})
	}
	t.Run("a product that is not on the page says it on top", func(t *testing.T) {
		b := open(t).staff()
		from := url.Values{"from": {"/admin/products?q=cup"}}
		a := b.post("/admin/products/p-lamp", with(from, "price", "x")).is(http.StatusUnprocessableEntity)
		assert.Equal(t, "Price must be a price, like 12.99.", a.of("data-mistake"))
		a = b.post("/admin/products/p-none", with(from, "price", "1")).is(http.StatusNotFound)
		assert.Equal(t, "There is no such product.", a.of("data-mistake"))
		a = b.post("/admin/products/p-none", with(from, "delta", "1")).is(http.StatusNotFound)
		assert.Contains(t, a.of("data-mistake"), "here is no such product.")
	})
	t.Run("it goes on in this shop only", func(t *testing.T) {
		b := open(t).staff()
		for _, from := range elsewhere {
			want := "/?done=saved"
			if from == "" {
				want = "/admin/products?done=saved"
			}
			b.post("/admin/products/p-lamp", url.Values{"delta": {"1"}, "from": {from}}).leadsTo(want)
			b.post("/admin/products/p-lamp", url.Values{"delta": {"x"}, "from": {from}}).is(http.StatusUnprocessableEntity)
		}
	})
	t.Run("searched for", func(t *testing.T) {
		b := open(t).staff()
		assert.Len(t, b.get("/admin/products").all("data-product"), 4)
		assert.Len(t, b.get("/admin/products?q=desk").all("data-product"), 2)
		a := b.get("/admin/products?" + url.Values{"q": {`"><script>alert(1)</script>`}}.Encode())
		assert.Equal(t, `"><script>alert(1)</script>`, a.form("/admin/products").Get("q"))
		assert.NotContains(t, a.body, "<script>alert")
		b.ask("/admin/products?q=%00").is(http.StatusUnprocessableEntity)
		b.ask("/admin/products?page=0").is(http.StatusUnprocessableEntity)
	})
}

// deaf is a gateway that gives nothing back while it is away.
type deaf struct {
	port.Payments
	away *atomic.Bool
}

func (d deaf) Refund(ctx context.Context, order domain.OrderID) error {
	if d.away.Load() {
		return domain.ErrUnavailable
	}
	return d.Payments.Refund(ctx, order)
}

// empty is a gateway that has nothing to give back.
type empty struct{ port.Payments }

func (empty) Refund(context.Context, domain.OrderID) error {
	return domain.ErrConflict.Errorf(domain.CodeNotCharged, "nothing was charged")
}

func TestAdmin_Messages(t *testing.T) {
	s := open(t)
	b, writer := s.staff(), s.visitor()
	assert.NotEmpty(t, b.get("/admin/messages").all("data-empty"))
	writer.post("/contact", letter(url.Values{}, "subject", "<script>alert(1)</script>", "name", "<b>Ann</b>",
		"message", "one\r\n\r\n<img src=x onerror=alert(1)>", "email", "ann?bcc=bob%40mail.example@mail.example", "phone", "+1 (555) 010-0200", "call_back", "yes")).leadsTo("/contact?done=sent")
	a := b.get("/admin/messages")
	for _, says := range []string{"<script>alert(1)</script>", "<b>Ann</b>", "<img src=x onerror=alert(1)>", "Call back", "24 November 2026, 12:00 UTC"} {
		assert.Contains(t, a.text(), says)
	}
	assert.Contains(t, a.body, `href="tel:+15550100200"`)
	assert.Contains(t, a.body, `href="mailto:ann%3Fbcc=bob%2540mail.example@mail.example"`, "an answer goes to the writer alone")
	assert.NotContains(t, a.body, "<script>alert")
	assert.NotContains(t, a.body, "<img src=x")
	b.ask("/admin/messages?page=x").is(http.StatusUnprocessableEntity)
}

func TestAdmin_ProductTellsWhoChangedItsStock(t *testing.T) {
	s := open(t)
	b, shopper := s.staff(), s.visitor()
	path := "/admin/products/" + string(lamp.ID)
	for _, delta := range []string{"5", "-2"} {
		b.post(path, url.Values{"delta": {delta}}).leadsTo("/admin/products?done=saved")
	}
	shopper.add(lamp, 1)
	shopper.buy()
	var told []string
	for _, n := range b.get(path).all("data-movement") {
		told = append(told, strings.Join(strings.Fields(textOf(n))[:2], " ")+" "+strings.Join(strings.Fields(textOf(n))[2:4], " "))
	}
	require.Len(t, told, 4)
	assert.Equal(t, []string{"-2 corrected by sue", "+5 received by sue"}, told[1:3])
	for _, other := range []string{told[0], told[3]} {
		assert.NotContains(t, other, "by")
	}
	for range 30 {
		b.post(path, url.Values{"delta": {"1"}}).leadsTo("/admin/products?done=saved")
	}
	assert.Len(t, b.get(path).all("data-movement"), 20)
}
