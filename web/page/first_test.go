package page_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// firstWrite is a form that a browser without a cookie sends.
type firstWrite struct {
	path  string
	form  url.Values
	agent string
}

// send sends it without a cookie and returns the cookie that comes back.
func (s *shop) sendFirst(w firstWrite) string {
	r := httptest.NewRequest(http.MethodPost, home+w.path, strings.NewReader(w.form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", w.agent)
	recorder := httptest.NewRecorder()
	s.Handler.ServeHTTP(recorder, r)
	cookies := recorder.Result().Cookies()
	if len(cookies) == 0 {
		return ""
	}
	return cookies[0].Value
}

// holding is a visitor who has the cookie.
func (s *shop) holding(cookie string) *browser {
	s.t.Helper()
	b := s.visitor()
	at, err := url.Parse(home)
	require.NoError(s.t, err)
	b.client.Jar.SetCookies(at, []*http.Cookie{{Name: "session", Value: cookie, Path: "/"}})
	return b
}

func TestFirstWrites(t *testing.T) {
	add := func(a answer, id string) firstWrite {
		return firstWrite{"/cart/add", a.form("/cart/add", "product_id", id), "a browser"}
	}
	t.Run("two forms of a page that are sent at once are one visitor's", func(t *testing.T) {
		for range 10 {
			s := open(t)
			page := s.visitor().get("/products")
			writes := []firstWrite{
				add(page, "p-lamp"), add(page, "p-cup"), add(page, "p-desk"), add(page, "p-lamp"),
				{"/wishlist/add", page.form("/wishlist/add", "product_id", "p-rug"), "a browser"},
			}
			cookies := make([]string, len(writes))
			var all sync.WaitGroup
			for i, w := range writes {
				all.Go(func() { cookies[i] = s.sendFirst(w) })
			}
			all.Wait()
			require.NotEmpty(t, cookies[0])
			assert.Len(t, slices.Compact(cookies), 1)
			b := s.holding(cookies[0])
			assert.ElementsMatch(t, []string{"1 Oak Desk Lamp", "1 Blue Cup", "1 Birch Desk"}, b.cart(), "the same form again is a repeat")
			assert.Equal(t, []string{"Wool Rug"}, b.wishes())
		}
	})
	t.Run("a message of the chat at once with the cart", func(t *testing.T) {
		s := open(t)
		chat := s.visitor().get("/chat")
		said := s.sendFirst(firstWrite{"/chat", with(chat.form("/chat"), "body", "Hello?"), "a browser"})
		page := regexp.MustCompile(`-[A-Z2-7]+$`).ReplaceAllString(chat.form("/chat").Get("client_id"), "-"+strings.Repeat("A", 26))
		added := s.sendFirst(firstWrite{"/cart/add", url.Values{"product_id": {"p-lamp"}, "token": {page}}, "a browser"})
		assert.Equal(t, said, added)
		assert.Len(t, s.holding(said).get("/chat").said(), 1)
	})
	t.Run("a call whose key is the token of a form goes with the page's forms", func(t *testing.T) {
		s := open(t)
		page := s.visitor().get("/products")
		r := httptest.NewRequest(http.MethodPost, home+"/api/cart/add", strings.NewReader(`{"product_id":"p-cup","quantity":2}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("User-Agent", "a browser")
		r.Header.Set("Idempotency-Key", add(page, "p-cup").form.Get("token"))
		recorder := httptest.NewRecorder()
		s.Handler.ServeHTTP(recorder, r)
		cookies := recorder.Result().Cookies()
		require.Len(t, cookies, 1)
		assert.Equal(t, cookies[0].Value, s.sendFirst(add(page, "p-lamp")))
		assert.Equal(t, []string{"2 Blue Cup", "1 Oak Desk Lamp"}, s.holding(cookies[0].Value).cart())
	})
	t.Run("another page, another browser and another network are other visitors", func(t *testing.T) {
		s := open(t)
		page := s.visitor().get("/products")
		first := add(page, "p-lamp")
		other := first
		other.agent = "another browser"
		cookies := []string{s.sendFirst(first), s.sendFirst(other), s.sendFirst(add(s.visitor().get("/products"), "p-lamp"))}
		slices.Sort(cookies)
		assert.Len(t, slices.Compact(cookies), 3)
	})
	t.Run("a page is a visitor's no longer than the first writes take", func(t *testing.T) {
		s := open(t)
		page := s.visitor().get("/products")
		cookie := s.sendFirst(add(page, "p-lamp"))
		s.Wait(30 * time.Second)
		assert.Equal(t, cookie, s.sendFirst(add(page, "p-cup")))
		s.Wait(2 * time.Minute)
		later := s.sendFirst(add(page, "p-desk"))
		assert.NotEqual(t, cookie, later)
		assert.Equal(t, []string{"1 Birch Desk"}, s.holding(later).cart())
	})
	t.Run("an answer that is lost is found again by the same form", func(t *testing.T) {
		s := open(t)
		form := add(s.visitor().get("/products"), "p-lamp")
		s.sendFirst(form)
		assert.Equal(t, []string{"1 Oak Desk Lamp"}, s.holding(s.sendFirst(form)).cart())
	})
	t.Run("a key that names no page, or an old one, names nobody", func(t *testing.T) {
		s := open(t)
		name := strings.Repeat("A", 26)
		for _, token := range []string{"", "k", "p-" + name + "-" + name, "p1-" + name + "-" + name, "pzzzzzzzz-" + name + "-" + name, "p" + strings.Repeat("z", 60)} {
			form := firstWrite{"/cart/add", url.Values{"product_id": {"p-lamp"}, "token": {token}}, "a browser"}
			assert.NotEqual(t, s.sendFirst(form), s.sendFirst(form), token)
		}
	})
	t.Run("what fails makes nobody", func(t *testing.T) {
		s := open(t)
		form := add(s.visitor().get("/products"), "p-lamp")
		form.form.Set("quantity", "99")
		assert.Empty(t, s.sendFirst(form))
		form.form.Set("quantity", "1")
		assert.NotEmpty(t, s.sendFirst(form))
	})
}
