package api_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/port"
	"eshop/usecase"
)

func TestRegister_MakesAnAccountAndSignsItIn(t *testing.T) {
	v := open(t).visitor()
	v.get("/auth/current-user").fails(http.StatusUnauthorized, "unauthenticated")

	made := v.post("/auth/register", registration("jane")).is(http.StatusCreated)
	id := made.at("user", "id").(string)
	jane := `{"user":{"id":"` + id + `","username":"jane","email":"jane@example.com","role":"customer"}}`
	assert.JSONEq(t, jane, made.Body)
	assert.Equal(t, "no-store", made.Header.Get("Cache-Control"))
	assert.JSONEq(t, jane, v.get("/auth/current-user").is(http.StatusOK).Body)

	cookie := sessionCookie(t, made)
	assert.True(t, cookie.HttpOnly)
	assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
	assert.False(t, cookie.Secure)
	assert.Equal(t, "/", cookie.Path)
}

func TestRegister_NamesAreTakenOnce(t *testing.T) {
	s := open(t)
	s.member("jane")
	for name, taken := range map[string]struct{ username, email, code string }{
		"a username":                 {"jane", "other@example.com", "username_taken"},
		"a username in another case": {"JANE", "other@example.com", "username_taken"},
		"a username with spaces":     {" jane ", "other@example.com", "username_taken"},
		"an address":                 {"other", "jane@example.com", "email_taken"},
		"an address in another case": {"other", "Jane@Example.com", "email_taken"},
	} {
		t.Run(name, func(t *testing.T) {
			v := s.visitor()
			refused := v.post("/auth/register", object{"username": taken.username, "email": taken.email, "password": "correct horse"}).
				fails(http.StatusConflict, taken.code)
			assert.Empty(t, refused.Header.Values("Set-Cookie"))
			v.get("/auth/current-user").fails(http.StatusUnauthorized, "unauthenticated")
		})
	}
}

func TestRegister_SaysWhatIsWrong(t *testing.T) {
	v := open(t).visitor()
	for name, bad := range map[string]struct {
		change object
		fields []string
	}{
		"a short name":         {object{"username": "ab"}, []string{"username"}},
		"a long name":          {object{"username": strings.Repeat("a", 33)}, []string{"username"}},
		"an odd name":          {object{"username": "jane smith"}, []string{"username"}},
		"a name like another":  {object{"username": "jаne"}, []string{"username"}}, // a Cyrillic а
		"an address as a name": {object{"username": "jane@example.com"}, []string{"username"}},
		"no address":           {object{"email": "jane"}, []string{"email"}},
		"a long address":       {object{"email": strings.Repeat("a", 250) + "@example.com"}, []string{"email"}},
		"a common password":    {object{"password": "Password123"}, []string{"password"}},
		"the name as password": {object{"password": "jane@example.com"}, []string{"password"}},
		"the shop's name":      {object{"username": "e-sh0p"}, []string{"username"}},
		"a name of staff":      {object{"username": "Administrator"}, []string{"username"}},
		"a short password":     {object{"password": "seven77"}, []string{"password"}},
		"a long password":      {object{"password": strings.Repeat("a", 257)}, []string{"password"}},
		"nothing filled in":    {object{"username": "", "email": "", "password": ""}, []string{"username", "email", "password"}},
		"a role":               {object{"role": "staff"}, []string{"role"}},
		"an id":                {object{"id": "id-1"}, []string{"id"}},
	} {
		t.Run(name, func(t *testing.T) {
			refused := v.post("/auth/register", with(registration("jane"), bad.change)).faults(bad.fields...)
			assert.Empty(t, refused.Header.Values("Set-Cookie"))
			assert.NotContains(t, refused.Body, "correct horse", "a password is not said back")
		})
	}
}

func TestSignIn_ByNameOrAddress(t *testing.T) {
	s := open(t)
	jane := s.member("jane").get("/auth/current-user").is(http.StatusOK)
	for _, login := range []string{"jane", "JANE", " jane ", "jane@example.com", "Jane@Example.COM"} {
		t.Run(login, func(t *testing.T) {
			v := s.visitor()
			in := v.post("/auth/login", object{"username": login, "password": "correct horse"}).is(http.StatusOK)
			assert.JSONEq(t, jane.Body, in.Body)
			assert.True(t, sessionCookie(t, in).HttpOnly)
			assert.JSONEq(t, jane.Body, v.get("/auth/current-user").is(http.StatusOK).Body)
		})
	}
}

func TestSignIn_TheSameAnswerForAnUnknownName(t *testing.T) {
	s := open(t)
	s.member("jane")
	v := s.visitor()
	wrong := v.post("/auth/login", object{"username": "jane", "password": "battery staple"}).fails(http.StatusUnauthorized, "invalid_credentials")
	unknown := v.post("/auth/login", object{"username": "nobody", "password": "battery staple"}).fails(http.StatusUnauthorized, "invalid_credentials")
	assert.Equal(t, wrong.Body, unknown.Body)
	assert.Empty(t, v.cookie())
	wrong.Header.Del("X-Request-ID")
	unknown.Header.Del("X-Request-ID")
	assert.Equal(t, wrong.Header, unknown.Header)

	for name, credentials := range map[string]object{
		"no name":         {"username": "", "password": "correct horse"},
		"no password":     {"username": "jane", "password": ""},
		"a long password": {"username": "jane", "password": strings.Repeat("a", 257)},
		"a long name":     {"username": strings.Repeat("a", 257), "password": "correct horse"},
	} {
		t.Run(name, func(*testing.T) {
			v.post("/auth/login", credentials).fails(http.StatusUnprocessableEntity, "validation_failed")
		})
	}
}

func TestSignIn_TooManyWrongPasswordsMustWait(t *testing.T) {
	for name, login := range map[string]string{"of an account": "jane", "of nobody": "nobody"} {
		t.Run(name, func(t *testing.T) {
			s := open(t, quick)
			s.member("jane")
			for range 10 {
				s.visitor().post("/auth/login", object{"username": login, "password": "battery staple"}).
					fails(http.StatusUnauthorized, "invalid_credentials")
			}
			v := s.visitor()
			for _, password := range []string{"battery staple", "correct horse"} {
				late := v.post("/auth/login", object{"username": login, "password": password}).fails(http.StatusTooManyRequests, "rate_limited")
				seconds, err := strconv.Atoi(late.Header.Get("Retry-After"))
				require.NoError(t, err)
				assert.Equal(t, 30, seconds)
				assert.Empty(t, late.Header.Values("Set-Cookie"))
			}
			t.Run("which locks nobody else out", func(*testing.T) {
				s.visitor().post("/auth/register", registration("john")).is(http.StatusCreated)
				s.visitor().post("/auth/login", object{"username": "john", "password": "correct horse"}).is(http.StatusOK)
			})
			t.Run("as long as it was told", func(*testing.T) {
				s.Wait(30 * time.Second)
				v.post("/auth/login", object{"username": login, "password": "battery staple"}).fails(http.StatusUnauthorized, "invalid_credentials")
			})
		})
	}
}

func TestSignIn_TheRightPasswordForgetsTheWrongOnes(t *testing.T) {
	s := open(t, quick)
	s.member("jane")
	v := s.visitor()
	for range 2 {
		for range 9 {
			v.post("/auth/login", object{"username": "jane", "password": "battery staple"}).fails(http.StatusUnauthorized, "invalid_credentials")
		}
		v.post("/auth/login", object{"username": "jane", "password": "correct horse"}).is(http.StatusOK)
	}
}

func TestSignIn_TheRightPasswordIsNeverTooMuch(t *testing.T) {
	s := open(t, quick)
	s.member("jane")
	for range 300 {
		s.visitor().signIn("jane")
	}
}

func TestSignIn_RenewsTheSession(t *testing.T) {
	s := open(t)
	s.member("jane")
	for name, in := range map[string]func(*visitor) reply{
		"signing in":  func(v *visitor) reply { return v.signIn("jane") },
		"registering": func(v *visitor) reply { return v.post("/auth/register", registration("john")).is(http.StatusCreated) },
	} {
		t.Run(name, func(t *testing.T) {
			v := s.visitor()
			v.add(lamp, 1)
			before := v.cookie()
			assert.NotEqual(t, before, sessionCookie(t, in(v)).Value)

			planted := s.visitor()
			planted.keep(before)
			planted.get("/auth/current-user").fails(http.StatusUnauthorized, "unauthenticated")
			assert.JSONEq(t, emptyCart, planted.get("/api/cart/").is(http.StatusOK).Body)
		})
	}
}

func TestSignIn_OverTLSTheCookieIsSecure(t *testing.T) {
	s := open(t)
	for path, body := range map[string]string{
		"/auth/register":    `{"username":"jane","email":"jane@example.com","password":"correct horse"}`,
		"/api/cart/add":     `{"product_id":"p-lamp","quantity":1}`,
		"/api/wishlist/add": `{"product_id":"p-lamp"}`,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://shop.test"+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		answer, err := s.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.NotEmpty(t, answer.Cookies())
		for _, cookie := range answer.Cookies() {
			assert.True(t, cookie.Secure, path)
			assert.True(t, cookie.HttpOnly, path)
			assert.Regexp(t, "^__Host-(session|device)$", cookie.Name, path)
			assert.Equal(t, "/", cookie.Path)
			assert.Empty(t, cookie.Domain)
		}
	}
}

func TestSession_IsFoundAmongCookiesOfTheSameName(t *testing.T) {
	s := open(t)
	mine, theirs := s.member("jane").cookie(), s.member("john").cookie()
	for name, c := range map[string]struct{ scheme, cookies, user string }{
		"one":                                  {"http", "session=" + mine, "jane"},
		"behind another program's":             {"http", "session=eyJ1c2VyIjoxfQ; session=" + mine, "jane"},
		"before another program's":             {"http", "session=" + mine + "; session=eyJ1c2VyIjoxfQ", "jane"},
		"behind what is too long":              {"http", "session=" + strings.Repeat("x", 500) + "; session=" + mine, "jane"},
		"behind more than are looked at":       {"http", strings.Repeat("session=x; ", 10) + "session=" + mine, ""},
		"another program's alone":              {"http", "session=eyJ1c2VyIjoxfQ", ""},
		"of this host, without TLS":            {"http", "__Host-session=" + mine, ""},
		"from before there was TLS":            {"https", "session=" + mine, "jane"},
		"of this host":                         {"https", "__Host-session=" + mine, "jane"},
		"of this host, whatever others say":    {"https", "session=" + theirs + "; __Host-session=" + mine, "jane"},
		"of this host that ended, and another": {"https", "__Host-session=gone; session=" + mine, "jane"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.scheme+"://shop.test/auth/current-user", nil)
			require.NoError(t, err)
			r.Header.Set("Cookie", c.cookies)
			answer, err := s.RoundTrip(r)
			require.NoError(t, err)
			body, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			if c.user == "" {
				assert.Equal(t, http.StatusUnauthorized, answer.StatusCode)
				return
			}
			assert.Contains(t, string(body), `"username":"`+c.user+`"`)
		})
	}
	t.Run("signing out by TLS takes both away", func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://shop.test/auth/logout", nil)
		require.NoError(t, err)
		r.Header.Set("Cookie", "session="+mine)
		answer, err := s.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		var gone []string
		for _, cookie := range answer.Cookies() {
			assert.Negative(t, cookie.MaxAge)
			gone = append(gone, cookie.Name)
		}
		assert.ElementsMatch(t, []string{"session", "__Host-session"}, gone)
	})
}

func TestSignIn_MergesWhatTheGuestHad(t *testing.T) {
	s := open(t)
	home := s.member("jane")
	home.add(lamp, 2)
	home.wish(lamp)

	away := s.visitor()
	away.add(lamp, 3)
	away.add(desk, 1)
	away.wish(lamp)
	away.wish(rug)
	away.signIn("jane")

	for name, v := range map[string]*visitor{"where it was merged": away, "where she is signed in too": home} {
		t.Run(name, func(t *testing.T) {
			cart := v.get("/api/cart/").is(http.StatusOK)
			assert.EqualValues(t, 6, cart.at("cart", "item_count"))
			assert.EqualValues(t, 5*1999+25900, cart.at("cart", "subtotal", "amount"))
			assert.Len(t, cart.at("cart", "items"), 2)
			assert.Len(t, v.get("/api/wishlist/").is(http.StatusOK).at("items"), 2)
		})
	}
	t.Run("once", func(t *testing.T) {
		away.signIn("jane")
		assert.EqualValues(t, 6, away.get("/api/cart/").at("cart", "item_count"))
	})
	t.Run("and not into the next account", func(t *testing.T) {
		away.post("/auth/register", registration("john")).is(http.StatusCreated)
		assert.JSONEq(t, emptyCart, away.get("/api/cart/").is(http.StatusOK).Body)
		assert.JSONEq(t, `{"items":[]}`, away.get("/api/wishlist/").is(http.StatusOK).Body)
		assert.EqualValues(t, 6, home.get("/api/cart/").at("cart", "item_count"))
	})
}

func TestSignIn_AGuestsOrdersComeAlong(t *testing.T) {
	s := open(t)
	s.member("jane")
	v := s.visitor()
	v.add(lamp, 2)
	order := v.buy(goodCard, "").is(http.StatusCreated).at("order")
	path := "/api/checkout/orders/" + order.(object)["id"].(string)
	v.signIn("jane")
	assert.Equal(t, list{order}, v.get("/api/checkout/orders").is(http.StatusOK).at("orders"))
	assert.Equal(t, order, v.get(path).is(http.StatusOK).at("order"))
	s.visitor().get(path).fails(http.StatusNotFound, "not_found")
}

func TestSignOut(t *testing.T) {
	s := open(t)
	t.Run("ends the session", func(t *testing.T) {
		v := s.member("jane")
		v.add(lamp, 1)
		secret := v.cookie()
		out := v.send(http.MethodPost, "/auth/logout", nil).is(http.StatusNoContent)
		assert.Empty(t, out.Body)
		assert.Equal(t, "no-store", out.Header.Get("Cache-Control"))
		cookie := sessionCookie(t, out)
		assert.Negative(t, cookie.MaxAge)
		assert.True(t, cookie.HttpOnly)
		assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
		assert.Empty(t, v.cookie())
		v.get("/auth/current-user").fails(http.StatusUnauthorized, "unauthenticated")
		v.get("/api/checkout/orders").fails(http.StatusUnauthorized, "unauthenticated")

		v.keep(secret)
		v.get("/auth/current-user").fails(http.StatusUnauthorized, "unauthenticated")
		assert.JSONEq(t, emptyCart, v.get("/api/cart/").Body)

		v.signIn("jane")
		assert.EqualValues(t, 1, v.get("/api/cart/").at("cart", "item_count"), "the account keeps its cart")
	})
	t.Run("nobody may sign out", func(*testing.T) {
		v := s.visitor()
		v.send(http.MethodPost, "/auth/logout", nil).is(http.StatusNoContent)
		v.keep("invented")
		v.send(http.MethodPost, "/auth/logout", nil).is(http.StatusNoContent)
	})
	t.Run("ends one session of several", func(*testing.T) {
		here, there := s.member("john"), s.visitor()
		there.signIn("john")
		here.send(http.MethodPost, "/auth/logout", nil).is(http.StatusNoContent)
		there.get("/auth/current-user").is(http.StatusOK)
	})
}

func TestRegister_SixtyAtOnceFromOneAddress(t *testing.T) {
	s := open(t, quick)
	for _, a := range atOnce(60, func(i int) reply { return s.visitor().post("/auth/register", registration("jane"+strconv.Itoa(i))) }) {
		a.is(http.StatusCreated)
	}
	late := s.visitor().post("/auth/register", registration("late")).fails(http.StatusTooManyRequests, "rate_limited")
	assert.Equal(t, "10", late.Header.Get("Retry-After"))
	s.Wait(10 * time.Second)
	s.member("late")
}

func TestRegister_OneNameAtOnceIsOneAccount(t *testing.T) {
	s := open(t, quick) // or those who wait for a processor are told that the shop is busy
	created := 0
	for _, a := range atOnce(8, func(int) reply { return s.visitor().post("/auth/register", registration("jane")) }) {
		if a.Status == http.StatusCreated {
			created++
			continue
		}
		a.fails(http.StatusConflict, "username_taken")
	}
	assert.Equal(t, 1, created)
}

// signIn signs a member in, as registration made them.
func (v *visitor) signIn(name string) reply {
	v.t.Helper()
	return v.post("/auth/login", object{"username": name, "password": "correct horse"}).is(http.StatusOK)
}

// keep makes value the visitor's cookie.
func (v *visitor) keep(value string) {
	v.client.Jar.SetCookies(shopURL, []*http.Cookie{{Name: "session", Value: value, Path: "/"}})
}

func TestSignIn_TakesAPasswordInWhicheverFormAKeyboardSendsIt(t *testing.T) {
	s := open(t)
	for name, c := range map[string]struct{ registered, typed string }{
		"jane": {"\u00e9t\u00e9 \u00e0 Zo\u00eb", "e\u0301te\u0301 a\u0300 Zoe\u0308"},
		"john": {"e\u0301te\u0301 a\u0300 Zoe\u0308", "\u00e9t\u00e9 \u00e0 Zo\u00eb"},
	} {
		account := registration(name)
		account["password"] = c.registered
		s.visitor().post("/auth/register", account).is(http.StatusCreated)
		s.visitor().post("/auth/login", object{"username": name, "password": c.typed}).is(http.StatusOK)
		s.visitor().post("/auth/login", object{"username": name, "password": "ete a Zoe"}).fails(http.StatusUnauthorized, "invalid_credentials")
	}
}

func TestSession_EndsWhenTheShopSaysSo(t *testing.T) {
	s := open(t, func(p *parts) { p.SessionIdle = 24 * time.Hour })
	jane, guest := s.member("jane"), s.visitor()
	guest.add(lamp, 1)
	s.Wait(23 * time.Hour)
	jane.get("/auth/current-user").is(http.StatusOK)
	assert.NotEqual(t, emptyCart, guest.get("/api/cart/").is(http.StatusOK).Body)
	s.Wait(23 * time.Hour)
	jane.get("/auth/current-user").is(http.StatusOK)
	assert.NotEqual(t, emptyCart, guest.get("/api/cart/").is(http.StatusOK).Body, "what is in use lives on")
	s.Wait(25 * time.Hour)
	jane.get("/auth/current-user").fails(http.StatusUnauthorized, "unauthenticated")
	assert.JSONEq(t, emptyCart, guest.get("/api/cart/").is(http.StatusOK).Body)
}

func TestRates_AreTheShopsOwn(t *testing.T) {
	s := open(t, func(p *parts) {
		p.Rates = usecase.DefaultRates()
		p.Rates.Contact, p.Rates.SignIn = port.Limit{Burst: 1, Every: time.Hour}, port.Limit{Burst: 2, Every: time.Hour}
	})
	s.member("jane")
	v := s.visitor()
	for n := range 3 {
		answer := v.post("/auth/login", object{"username": "jane", "password": "wrong"})
		if n < 2 {
			answer.fails(http.StatusUnauthorized, "invalid_credentials")
			continue
		}
		answer.fails(http.StatusTooManyRequests, "rate_limited")
	}
	for n, status := range []int{http.StatusCreated, http.StatusTooManyRequests} {
		v.post("/api/contact", object{"name": "Jane", "email": "jane@example.com", "subject": "One", "message": fmt.Sprint("Hello ", n)}).is(status)
	}
}
