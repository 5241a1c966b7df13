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

func TestOrders(t *testing.T) {
	t.Run("guests are led to sign in, and back", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		b := s.visitor()
		b.ask("/orders?page=1").leadsTo("/login?next=%2Forders%3Fpage%3D1")
		form := b.get("/login?next=%2Forders%3Fpage%3D1").form("/login")
		b.post("/login", with(form, "username", "anna", "password", password)).leadsTo("/orders?done=welcome&page=1")
		assert.NotEmpty(t, b.get("/orders").all("data-empty"))
	})
	t.Run("the newest first, some a page", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		b := s.signedIn("anna")
		for range 11 {
			b.add(desk, 1)
			b.buy()
		}
		shown := b.get("/orders")
		assert.Len(t, shown.all("data-order"), 10)
		assert.Equal(t, string(s.Orders()[0].Number), shown.value("data-order"))
		assert.Contains(t, shown.text(), "$1,234.50")
		assert.Contains(t, shown.text(), "1 item")
		assert.Len(t, b.get("/orders?page=2").all("data-order"), 1)
		assert.Contains(t, b.get("/orders?page=9").text(), "Nothing on this page")
		for _, page := range []string{"0", "-1", "x", "99999999999999999999", "<script>", "%00", "%ff"} {
			b.ask("/orders?page=" + page).is(http.StatusUnprocessableEntity)
		}
	})
}

func TestOrder(t *testing.T) {
	t.Run("another's is not there", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		s.AddAccount("bert", domain.Customer)
		s.AddAccount("sue", domain.Staff)
		guest := s.visitor()
		guest.add(lamp, 1)
		theirs := guest.buy()
		anna := s.signedIn("anna")
		anna.add(lamp, 1)
		hers := anna.buy()

		stranger := s.visitor()
		shopper := s.visitor()
		shopper.add(cup, 1)
		for _, b := range []*browser{stranger, shopper, s.signedIn("bert"), s.signedIn("sue")} {
			for _, path := range []string{theirs, hers, theirs + "?placed"} {
				a := b.ask(path).is(http.StatusNotFound)
				assert.NotContains(t, a.text(), "Ann Smith")
			}
		}
		anna.ask(theirs).is(http.StatusNotFound)
		guest.ask(hers).is(http.StatusNotFound)
		guest.get(theirs)
		anna.get(hers)
	})
	t.Run("what is no number", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		b := s.signedIn("anna")
		for _, number := range []string{"E-1", "<script>", "%00", "%ff", strings.Repeat("9", 3000), "%E2%80%AE"} {
			b.ask("/orders/" + number).is(http.StatusNotFound)
		}
	})
	t.Run("a guest's becomes the account's that is made from its page", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 1)
		path := b.buy()
		assert.Contains(t, b.get(path+"?placed").body, "/register?next="+url.QueryEscape(path))
		form := b.get("/register?next=" + url.QueryEscape(path)).form("/register")
		b.post("/register", with(form, "username", "anna", "email", "anna@mail.example", "password", password)).leadsTo(path + "?done=welcome")
		b.get(path)
		assert.Len(t, b.get("/orders").all("data-order"), 1)
		s.signedIn("anna").get(path)
	})
	t.Run("one that was cancelled says that nothing was charged", func(t *testing.T) {
		s := open(t, func(p *parts) { p.Payments = mute{} })
		b := s.visitor()
		b.add(lamp, 1)
		path := b.buy()
		_, _, err := s.Store.TransitionOrder(t.Context(), s.Orders()[0].ID, func(o *domain.Order) (domain.Effects, error) {
			return o.MoveTo(domain.Cancelled, o.PlacedAt)
		})
		require.NoError(t, err)
		shown := b.get(path + "?placed")
		assert.Empty(t, shown.all("data-placed"))
		assert.Equal(t, "cancelled", shown.value("data-status"))
		assert.Contains(t, shown.text(), "nothing was charged")
		assert.NotContains(t, shown.text(), "still to come")
		assert.Equal(t, []string{"1 Oak Desk Lamp"}, b.cart())
	})
	t.Run("it stays as it was bought", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		b.add(lamp, 2)
		path := b.buy()
		require.NoError(t, s.Store.RemoveProduct(t.Context(), lamp.ID))
		shown := b.get(path)
		assert.Contains(t, shown.text(), "Oak Desk Lamp 2 × $12.34 $24.68")
		assert.Contains(t, shown.text(), fmt.Sprint("Delivery ", domain.Dollars(499)))
	})
}
