package page_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func TestStaff_ConfirmByPassword(t *testing.T) {
	const late = domain.ConfirmedFor + time.Second
	begin := func(t *testing.T) (*shop, *browser, string) {
		s := open(t)
		b, shopper := s.staff(), s.visitor()
		shopper.add(lamp, 2)
		return s, b, strings.TrimPrefix(shopper.buy(), "/orders/")
	}
	t.Run("a refund asks for it, and goes on", func(t *testing.T) {
		s, b, number := begin(t)
		path := "/admin/orders/" + number
		s.Wait(late)
		asked := b.post(path, url.Values{"status": {"refunded"}}).is(http.StatusUnauthorized)
		assert.Contains(t, asked.text(), "Confirm it is you")
		assert.Equal(t, domain.Paid, s.Orders()[0].Status)

		form := asked.form(path)
		wrong := b.post(path, with(form, "confirm_password", "wrong")).is(http.StatusUnauthorized)
		assert.Contains(t, wrong.text(), "not your password")
		assert.NotContains(t, wrong.body, `value="wrong"`)
		assert.Equal(t, domain.Paid, s.Orders()[0].Status)
		b.post(path, with(form, "confirm_password", "")).is(http.StatusUnprocessableEntity)

		b.post(path, with(wrong.form(path), "confirm_password", password)).leadsTo(path + "?done=saved")
		assert.Equal(t, domain.Refunded, s.Orders()[0].Status)
		b.post("/admin/products/p-lamp", url.Values{"price": {"15.00"}}).leadsTo("/admin/products?done=saved")
	})
	t.Run("a price asks for it, wherever it is set, and nothing typed is lost", func(t *testing.T) {
		s, b, _ := begin(t)
		edit := b.get("/admin/products/p-lamp").form("/admin/products/p-lamp/edit")
		edit = with(edit, "price", "20.00", "description", "Line one.\r\n<b>Line two.</b>")
		for path, form := range map[string]url.Values{
			"/admin/products/p-cup":       {"price": {"20.00"}, "from": {"/admin/products?page=1"}},
			"/admin/products/p-lamp/edit": edit,
		} {
			s.Wait(20 * time.Minute)
			b.get("/admin")
			s.Wait(20 * time.Minute)
			asked := b.post(path, form).is(http.StatusUnauthorized)
			again := asked.form(path)
			for name := range form {
				assert.Equal(t, domain.UnixLines(form.Get(name)), domain.UnixLines(again.Get(name)), name)
			}
			assert.Equal(t, http.StatusSeeOther, b.post(path, with(again, "confirm_password", password)).status)
		}
		assert.Equal(t, domain.Dollars(2000), s.Product(lamp.ID).Price)
		assert.Equal(t, domain.Dollars(2000), s.Product(cup.ID).Price)
		assert.Contains(t, s.Product(lamp.ID).Description, "<b>Line two.</b>")
	})
	t.Run("what can be undone does not", func(t *testing.T) {
		s, b, number := begin(t)
		s.Wait(late)
		b.post("/admin/orders/"+number, url.Values{"status": {"shipped"}}).leadsTo("/admin/orders/" + number + "?done=saved")
		b.post("/admin/products/p-lamp", url.Values{"delta": {"1"}}).leadsTo("/admin/products?done=saved")
		edit := b.get("/admin/products/p-lamp").form("/admin/products/p-lamp/edit")
		b.post("/admin/products/p-lamp/edit", with(edit, "name", "Oak Lamp")).leadsTo("/admin/products/p-lamp?done=saved")
	})
}

func TestStaff_TheirSessionsEnd(t *testing.T) {
	s := open(t)
	b := s.staff()
	s.Wait(29 * time.Minute)
	b.get("/admin")
	s.Wait(31 * time.Minute)
	b.ask("/admin").leadsTo("/login?next=%2Fadmin")
	b.get("/")
}

func TestStaff_ShoppersSeeTheirDisplayNames(t *testing.T) {
	s := open(t)
	b, shopper := s.staff(), s.visitor()
	_, err := s.Store.UpdateUser(context.Background(), "u-sue", func(u *domain.User) error { u.DisplayName = ""; return nil })
	require.NoError(t, err)
	conversation := shopper.write("Hello?")
	say := func(id, body string) {
		b.post("/admin/chat/"+conversation, url.Values{"client_id": {id}, "body": {body}}).leadsTo("/admin/chat/" + conversation + "#latest")
	}
	say("m-1", "Good day.")
	b.post("/account/name", url.Values{"display_name": {"sue"}}).is(http.StatusUnprocessableEntity)
	b.post("/account/name", url.Values{"display_name": {"Susan"}}).leadsTo("/account?done=saved")
	assert.Equal(t, "Susan", b.get("/account").form("/account/name").Get("display_name"))
	say("m-2", "How can I help?")
	shown := shopper.get("/chat")
	assert.Contains(t, shown.text(), "Customer service")
	assert.Contains(t, shown.text(), "Susan")
	assert.NotContains(t, shown.text(), "sue")
	assert.NotContains(t, shopper.get("/chat?panel").text(), "sue")

	s.AddAccount("anna", domain.Customer)
	anna := s.signedIn("anna")
	anna.post("/account/name", url.Values{"display_name": {"Support"}}).is(http.StatusForbidden)
	assert.NotContains(t, anna.get("/account").text(), "What shoppers call you")
}
