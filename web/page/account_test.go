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

// elsewhere are addresses of other sites, as somebody might write them into next.
var elsewhere = []string{
	"//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "///evil.example", "http:evil.example",
	"/%2fevil.example/ü", "/%2Fevil.example/a b", "/%2f\\evil.example", "/%5cevil.example/ü", "evil.example", "javascript:alert(1)", "/\t/evil.example", " //evil.example", "https:/evil.example", "?x", "",
}

func TestSignIn(t *testing.T) {
	t.Run("the guest's things come along, and the way leads back", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		before := s.signedIn("anna")
		before.add(lamp, 2)
		before.post("/wishlist/add", url.Values{"product_id": {string(desk.ID)}}).leadsTo("/wishlist?done=wished")

		b := s.visitor()
		b.add(lamp, 1)
		b.add(cup, 3)
		b.post("/wishlist/add", url.Values{"product_id": {string(rug.ID)}}).leadsTo("/wishlist?done=wished")
		guest := b.session()
		form := b.get("/login?next=/cart").form("/login")
		a := b.post("/login", with(form, "username", "ANNA@mail.example", "password", password))
		a.leadsTo("/cart?done=welcome")
		assert.NotEqual(t, guest, b.session(), "what somebody planted is of no use")
		assert.Equal(t, []string{"3 Oak Desk Lamp", "3 Blue Cup"}, b.cart())
		assert.ElementsMatch(t, []string{"Wool Rug", "Birch Desk"}, b.wishes())
		assert.Equal(t, []string{"3 Oak Desk Lamp", "3 Blue Cup"}, before.cart(), "on every device")
		assert.Contains(t, b.get("/").body, "anna@mail.example")
	})
	t.Run("the way never leads to another site", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		for _, next := range elsewhere {
			b := s.visitor()
			for _, path := range []string{"/login", "/register"} {
				shown := b.get(path + "?" + url.Values{"next": {next}}.Encode())
				assert.Equal(t, "/", shown.form(path).Get("next"), next)
				assert.NotContains(t, shown.body, "evil.example")
				shown = b.post(path, url.Values{"next": {next}}).is(http.StatusUnprocessableEntity)
				assert.Equal(t, "/", shown.form(path).Get("next"), next)
				assert.NotContains(t, shown.body, "evil.example")
			}
			b.post("/login", url.Values{"username": {"anna"}, "password": {password}, "next": {next}}).leadsTo("/?done=welcome")
			b.ask("/login?" + url.Values{"next": {next}}.Encode()).leadsTo("/")
			s.Wait(time.Hour)
		}
	})
	t.Run("nor by a detour", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		at, err := url.Parse(home + "/login")
		require.NoError(t, err)
		for _, next := range []string{"/.//evil.example", "/..//evil.example", "/a/..//evil.example", "/%2F/evil.example", "/%5Cevil.example", "/;//evil.example", "/@evil.example"} {
			a := s.visitor().post("/login", url.Values{"username": {"anna"}, "password": {password}, "next": {next}})
			require.Equal(t, http.StatusSeeOther, a.status)
			to, err := at.Parse(a.location)
			require.NoError(t, err)
			assert.Equal(t, at.Host, to.Host, next)
			assert.NotRegexp(t, `^/[/\\]`, a.location)
		}
	})
	t.Run("the way keeps its query", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		b := s.visitor()
		shown := b.get("/login?" + url.Values{"next": {"/products?q=lamp&page=2"}}.Encode())
		assert.Contains(t, shown.body, "/register?next=%2Fproducts%3Fq%3Dlamp%26page%3D2")
		b.post("/login", with(shown.form("/login"), "username", "anna", "password", password)).leadsTo("/products?done=welcome&page=2&q=lamp")
	})
	t.Run("who is signed in needs no form", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		b := s.signedIn("anna")
		b.ask("/login?next=/orders").leadsTo("/orders")
		b.ask("/register").leadsTo("/")
		b.ask("/login?next=/login").leadsTo("/login")
		b.ask("/login").leadsTo("/")
	})
	t.Run("names and passwords that do not belong together", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		b := s.visitor()
		b.add(cup, 1)
		guest := b.session()
		for _, name := range []string{"anna", "nobody", "<script>alert(1)</script>"} {
			a := b.post("/login", url.Values{"username": {name}, "password": {"wrong horse"}, "next": {"/cart"}}).is(http.StatusUnauthorized)
			assert.Equal(t, "That name and password do not belong together.", a.of("data-mistake"))
			form := a.form("/login")
			assert.Equal(t, name, form.Get("username"))
			assert.Equal(t, "/cart", form.Get("next"))
			assert.Empty(t, form.Get("password"))
			assert.NotContains(t, a.body, "wrong horse")
		}
		assert.Equal(t, guest, b.session())
		assert.Equal(t, []string{"1 Blue Cup"}, b.cart())
	})
	t.Run("what is missing", func(t *testing.T) {
		b := open(t).visitor()
		for _, c := range []struct {
			form url.Values
			says map[string]string
		}{
			{url.Values{}, map[string]string{"username": "Must be given.", "password": "Must be given."}},
			{url.Values{"username": {"anna"}}, map[string]string{"password": "Must be given."}},
			{url.Values{"password": {"wrong horse"}}, map[string]string{"username": "Must be given."}},
			{url.Values{"username": {strings.Repeat("a", 257)}, "password": {strings.Repeat("p", 257)}},
				map[string]string{"username": "Cannot be that.", "password": "Cannot be that."}},
		} {
			a := b.post("/login", c.form).is(http.StatusUnprocessableEntity)
			assert.Equal(t, c.says, a.mistakes())
			assert.Equal(t, c.form.Get("username"), a.form("/login").Get("username"))
			assert.NotContains(t, a.body, "wrong horse")
			assert.NotContains(t, a.body, strings.Repeat("p", 257))
		}
	})
	t.Run("too often", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		b := s.visitor()
		form := url.Values{"username": {"anna"}, "password": {"wrong horse"}}
		for range 10 {
			b.post("/login", form).is(http.StatusUnauthorized)
		}
		a := b.post("/login", with(form, "password", password)).is(http.StatusTooManyRequests)
		assert.Equal(t, "That was too often; wait a little and try again.", a.of("data-mistake"))
		assert.Equal(t, "30", a.header.Get("Retry-After"))
		assert.Equal(t, "anna", a.form("/login").Get("username"))
		assert.NotContains(t, a.body, password)
		s.Wait(30 * time.Second)
		b.post("/login", with(form, "password", password)).leadsTo("/?done=welcome")
	})
}

func TestRegister(t *testing.T) {
	good := url.Values{"username": {"anna"}, "email": {"anna@mail.example"}, "password": {password}, "next": {"/cart"}}
	t.Run("the guest's things come along, and the way leads back", func(t *testing.T) {
		b := open(t).visitor()
		b.add(lamp, 1)
		b.post("/wishlist/add", url.Values{"product_id": {string(desk.ID)}}).leadsTo("/wishlist?done=wished")
		page := b.get("/register?next=/cart")
		form := page.form("/register")
		assert.True(t, has(page.forms("/register")[0], "data-once"), "a second click would be told that the name is taken")
		b.post("/register", with(form, "username", " anna ", "email", "anna@mail.example ", "password", password)).leadsTo("/cart?done=welcome")
		assert.Equal(t, []string{"1 Oak Desk Lamp"}, b.cart())
		assert.Equal(t, []string{"Birch Desk"}, b.wishes())
		b.signedIn("anna")
	})
	t.Run("the session comes with the account", func(t *testing.T) {
		b := open(t).visitor()
		b.post("/register", with(good, "password", "short")).is(http.StatusUnprocessableEntity)
		assert.False(t, b.hasSession())
		b.post("/register", good).leadsTo("/cart?done=welcome")
		assert.True(t, b.hasSession())
	})
	t.Run("the way never leads to another site", func(t *testing.T) {
		b := open(t).visitor()
		for i, next := range elsewhere[:4] {
			name := "anna" + string(rune('a'+i))
			b.post("/register", with(good, "next", next, "username", name, "email", name+"@mail.example")).leadsTo("/?done=welcome")
		}
	})
	const name = "Must be 3 to 32 letters, digits, dots, hyphens or underscores, with a letter or digit at each end."
	for about, c := range map[string]struct {
		field, typed string
		status       int
		says         string
	}{
		"no name":              {"username", "", 422, name},
		"script for a name":    {"username", "<script>alert(1)</script>", 422, name},
		"a name that is taken": {"username", "BERT", 409, "Is already taken; please choose another."},
		"no address":           {"email", "", 422, "Must be given."},
		"what is no address":   {"email", `"><script>`, 422, "Must be an e-mail address."},
		"an address with one":  {"email", "bert@MAIL.example", 409, "Already has an account; sign in instead."},
		"no password":          {"password", "", 422, "Must have 8 characters or more."},
		"a short password":     {"password", "1234567", 422, "Must have 8 characters or more."},
		"a very long password": {"password", strings.Repeat("p", 257), 422, "Must have at most 256 bytes."},
	} {
		t.Run(about, func(t *testing.T) {
			s := open(t)
			s.AddAccount("bert", domain.Customer)
			b := s.visitor()
			form := with(good, c.field, c.typed)
			a := b.post("/register", form).is(c.status)
			assert.Equal(t, map[string]string{c.field: c.says}, a.mistakes())
			shown := a.form("/register")
			for _, field := range []string{"username", "email", "next"} {
				assert.Equal(t, form.Get(field), shown.Get(field))
			}
			assert.Empty(t, shown.Get("password"))
			assert.NotContains(t, a.body, password)
			assert.False(t, b.hasSession())
		})
	}
	t.Run("all at once", func(t *testing.T) {
		b := open(t).visitor()
		assert.Len(t, b.post("/register", url.Values{}).is(http.StatusUnprocessableEntity).mistakes(), 3)
	})
	t.Run("a password of any words", func(t *testing.T) {
		b := open(t).visitor()
		b.post("/register", with(good, "password", "пароль <b>&amp;")).leadsTo("/cart?done=welcome")
		b.post("/logout", nil).leadsTo("/?done=signed-out")
		b.post("/login", with(good, "password", "пароль <b>&amp;")).leadsTo("/cart?done=welcome")
	})
}

func TestSignOut(t *testing.T) {
	s := open(t)
	s.AddAccount("anna", domain.Customer)
	b := s.signedIn("anna")
	b.add(lamp, 1)
	was := b.session()
	a := b.post("/logout", filled(b.get("/").forms("/logout")[0]))
	a.leadsTo("/?done=signed-out")
	assert.False(t, b.hasSession())
	assert.Equal(t, "You are signed out.", b.get("/?done=signed-out").of("data-notice"))
	assert.Empty(t, b.cart())

	thief := s.visitor()
	at, err := url.Parse(home)
	require.NoError(t, err)
	thief.client.Jar.SetCookies(at, []*http.Cookie{{Name: "session", Value: was}})
	assert.Empty(t, thief.cart(), "the old session is of no use")
	s.visitor().post("/logout", nil).leadsTo("/?done=signed-out")
	assert.Equal(t, []string{"1 Oak Desk Lamp"}, s.signedIn("anna").cart())
}

func TestNotices_AreOurWords(t *testing.T) {
	b := open(t).visitor()
	assert.Equal(t, "Saved.", b.get("/?done=saved").of("data-notice"))
	assert.Empty(t, b.get("/?done=You+have+won").all("data-notice"))
}

func TestAccount(t *testing.T) {
	s := open(t)
	s.AddAccount("anna", domain.Customer)
	here, there := s.signedIn("anna"), s.signedIn("anna")
	t.Run("a guest signs in first", func(*testing.T) {
		for _, path := range []string{"/account/password", "/account/sessions"} {
			s.visitor().post(path, url.Values{"current": {password}, "new": {"battery staple"}}).leadsTo("/login?next=%2Faccount")
		}
		s.visitor().ask("/account").leadsTo("/login?next=%2Faccount")
	})
	t.Run("what is wrong with a password stands beside it", func(t *testing.T) {
		a := here.post("/account/password", url.Values{"current": {"wrong"}, "new": {"battery staple"}}).is(http.StatusUnauthorized)
		assert.Contains(t, a.text(), "Is not your password")
		assert.NotContains(t, a.body, "battery staple")
		a = here.post("/account/password", url.Values{"current": {password}, "new": {"short"}}).is(http.StatusUnprocessableEntity)
		assert.Contains(t, a.text(), "Must have 8 characters or more")
		there.get("/account")
	})
	t.Run("each device is listed, and can be signed out", func(t *testing.T) {
		a := here.get("/account")
		assert.Equal(t, 2, strings.Count(a.body, "data-session="))
		assert.Equal(t, 1, strings.Count(a.text(), "This device"))
		assert.Contains(t, a.text(), "from 192.0.2.7")
		here.post("/account/sessions", url.Values{"session": {"others"}}).leadsTo("/account?done=ended")
		there.ask("/account").leadsTo("/login?next=%2Faccount")
		assert.Equal(t, 1, strings.Count(here.get("/account").body, "data-session="))
		here.post("/account/sessions", url.Values{"session": {"x"}}).is(http.StatusNotFound)
	})
	t.Run("a changed password signs every other device out", func(*testing.T) {
		there := s.signedIn("anna")
		here.post("/account/password", url.Values{"current": {password}, "new": {"battery staple"}}).leadsTo("/account?done=password-changed")
		there.ask("/account").leadsTo("/login?next=%2Faccount")
		here.get("/account")
		s.visitor().post("/login", url.Values{"username": {"anna"}, "password": {"battery staple"}}).leadsTo("/?done=welcome")
	})
	t.Run("one's own device is signed out as by the menu", func(*testing.T) {
		here.post("/account/sessions", url.Values{"session": {"others"}}).leadsTo("/account?done=ended")
		form := here.get("/account").form("/account/sessions")
		here.post("/account/sessions", form).leadsTo("/?done=signed-out")
		here.ask("/account").leadsTo("/login?next=%2Faccount")
	})
}
