package page_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"eshop/domain"
	"eshop/web/problem"
)

// browser is one visitor: it keeps cookies, and does not follow redirects by itself.
type browser struct {
	*shop
	client      *http.Client
	balancerKey string // what a balancer in front of the shop adds to each request

	behindBalancer bool // the requests come by one
}

func (s *shop) visitor() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	return &browser{shop: s, client: &http.Client{Transport: s, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// signedIn is a visitor who signed in to the account called name.
func (s *shop) signedIn(name string) *browser {
	s.t.Helper()
	b := s.visitor()
	b.post("/login", url.Values{"username": {name}, "password": {password}}).leadsTo("/?done=welcome")
	return b
}

// hasSession reports whether the visitor was given a session's cookie.
func (b *browser) hasSession() bool { return b.session() != "" }

func (b *browser) session() string {
	at, err := url.Parse(home)
	require.NoError(b.t, err)
	for _, cookie := range b.client.Jar.Cookies(at) {
		if cookie.Name == "session" {
			return cookie.Value
		}
	}
	return ""
}

func (b *browser) do(method, path, kind string, body io.Reader) answer {
	b.t.Helper()
	ctx := context.Background()
	if b.behindBalancer {
		ctx = problem.BehindBalancer(ctx, http.StatusBadGateway)
	}
	r, err := http.NewRequestWithContext(ctx, method, home+path, body)
	require.NoError(b.t, err)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if b.balancerKey != "" {
		r.Header.Set("Idempotency-Key", b.balancerKey)
	}
	response, err := b.client.Do(r)
	require.NoError(b.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	a := answer{t: b.t, status: response.StatusCode, header: response.Header, location: response.Header.Get("Location"), body: string(text)}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && a.status != http.StatusSeeOther {
		a.doc, err = html.Parse(strings.NewReader(a.body))
		require.NoError(b.t, err)
		checkPage(b.t, method+" "+path, a)
	}
	if a.status >= 400 {
		assert.Empty(b.t, response.Cookies(), "%s %s: what fails leaves nothing", method, path)
	}
	return a
}

// get asks for a page; it must be there.
func (b *browser) get(path string) answer {
	b.t.Helper()
	a := b.do(http.MethodGet, path, "", nil)
	require.Equal(b.t, http.StatusOK, a.status, "GET %s", path)
	assert.Empty(b.t, a.header["Set-Cookie"], "looking around makes no session")
	return a
}

// ask asks for a page, whatever the answer.
func (b *browser) ask(path string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, "", nil)
}

func (b *browser) post(path string, form url.Values) answer {
	b.t.Helper()
	return b.do(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// atOnce sends a form n times at once and counts where the answers lead.
func (b *browser) atOnce(n int, path string, form url.Values) map[string]int {
	b.t.Helper()
	answers := make(chan string, n)
	for range n {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, home+path, strings.NewReader(form.Encode()))
		require.NoError(b.t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: "session", Value: b.session()})
		go func() {
			recorder := httptest.NewRecorder()
			b.Handler.ServeHTTP(recorder, r)
			answers <- recorder.Header().Get("Location")
		}()
	}
	led := map[string]int{}
	for range n {
		led[<-answers]++
	}
	return led
}

// add puts n of a product in the cart from its page.
func (b *browser) add(p domain.Product, n int) {
	b.t.Helper()
	form := b.get("/products/"+p.Slug).form("/cart/add", "product_id", string(p.ID))
	form.Set("quantity", fmt.Sprint(n))
	b.post("/cart/add", form).leadsTo("/cart?done=added")
}

// cart is what the cart's page says is in the cart: "2 Oak Desk Lamp".
func (b *browser) cart() []string {
	b.t.Helper()
	lines := []string{}
	for _, line := range b.get("/cart").all("data-line") {
		name := textOf(first(line, func(n *html.Node) bool { return n.Data == "h2" }))
		number := "gone:"
		if input := first(line, func(n *html.Node) bool { return attr(n, "name") == "quantity" }); input != nil {
			number = attr(input, "value")
		}
		lines = append(lines, number+" "+name)
	}
	return lines
}

// wishes is what the wishlist's page says is on it.
func (b *browser) wishes() []string {
	b.t.Helper()
	names := []string{}
	for _, card := range b.get("/wishlist").all("data-wish") {
		names = append(names, textOf(first(card, func(n *html.Node) bool { return n.Data == "h2" })))
	}
	return names
}

// with is form with the names and values given in place of its own.
func with(form url.Values, pairs ...string) url.Values {
	changed := url.Values{}
	for name, values := range form {
		changed[name] = append([]string{}, values...)
	}
	for i := 0; i < len(pairs); i += 2 {
		changed.Set(pairs[i], pairs[i+1])
	}
	return changed
}
