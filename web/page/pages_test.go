package page_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/net/html"

	"eshop/domain"
	"eshop/port"
)

// Every page that any test gets is held to checkPage; this one gets all there are.
func TestPages(t *testing.T) {
	s := open(t)
	b := s.staff()
	b.add(lamp, 1)
	order := b.buy()
	b.add(lamp, 2)
	b.add(cup, 1)
	b.wish(string(rug.ID))
	b.wish(string(desk.ID))
	b.post("/contact", letter(url.Values{})).leadsTo("/contact?done=sent")
	conversation := b.write("Hello?")
	all := []string{
		"/", "/products", "/products?q=desk", "/products?category=lighting&sort=price&in_stock=true", "/products?q=nothing+at+all",
		"/products?page=7", "/products/" + lamp.Slug, "/products/" + rug.Slug, "/cart", "/wishlist", "/checkout", "/account", "/orders", order, order + "?placed",
		"/search/suggest?q=la", "/contact", "/chat", "/chat?panel", "/chat?before=1", "/admin/chat", "/admin/chat?state=closed", "/admin/chat/" + conversation, "/admin", "/admin/orders", "/admin" + order, "/admin/products", "/admin/products/new", "/admin/products/p-lamp", "/admin/products/p-cup", "/admin/messages",
	}
	for _, path := range all {
		b.get(path)
		head := b.do(http.MethodHead, path, "", nil)
		assert.Equal(t, http.StatusOK, head.status, "HEAD %s", path)
	}
	for _, path := range []string{"/", "/products", "/products/" + cup.Slug, "/cart", "/wishlist", "/login", "/register", "/contact", "/chat", "/chat?panel"} {
		s.visitor().get(path)
	}
	for _, path := range []string{"/products/none", "/orders/none", "/admin/orders/none", "/admin/products/none", "/admin/chat/none"} {
		b.ask(path).is(http.StatusNotFound)
	}
}

func TestPages_WhatIsTypedStaysText(t *testing.T) {
	b := open(t).visitor()
	const evil = `"><script>alert(1)</script>`
	for _, path := range []string{"/products?q=", "/products?category=", "/products?sort=", "/products?page=", "/products?min_price=", "/search/suggest?q=", "/cart?done=", "/login?next=/"} {
		a := b.ask(path + url.QueryEscape(evil))
		assert.NotContains(t, a.body, "<script>alert", path)
	}
	assert.Equal(t, evil, b.ask("/products?q="+url.QueryEscape(evil)).form("/products", "q", evil).Get("q"))
}

// largeCatalog finds far more products than there are.
type largeCatalog struct{ port.Catalog }

func (c largeCatalog) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	found, err := c.Catalog.Search(ctx, q)
	found.Total += 10 * domain.MaxDepth
	return found, err
}

func TestProducts_LeadNoDeeperThanAPageIsShown(t *testing.T) {
	s := open(t, func(p *parts) { p.Catalog = largeCatalog{p.Catalog} })
	s.AddAccount("sue", domain.Staff)
	b := s.signedIn("sue")
	for _, path := range []string{"/products?sort=name", "/admin/products?q="} {
		links := slices.DeleteFunc(b.get(path).all("href"), func(link *html.Node) bool { return !strings.Contains(attr(link, "href"), "page=") })
		assert.Len(t, links, 3, "the second page, the last and the next")
		for _, link := range links {
			b.get(attr(link, "href"))
		}
	}
	refused := s.visitor().ask("/products?page=418").is(http.StatusUnprocessableEntity)
	assert.Contains(t, refused.text(), "choose a category or a price")
}

func TestForms_BodiesThatAreNone(t *testing.T) {
	const urlencoded = "application/x-www-form-urlencoded"
	for _, path := range []string{
		"/cart/add", "/cart/update", "/cart/remove", "/wishlist/add", "/wishlist/remove", "/wishlist/move",
		"/checkout", "/login", "/register", "/account/name", "/account/password", "/account/sessions", "/contact", "/chat", "/admin/chat/none", "/admin/orders/1", "/admin/products/p-lamp", "/admin/products/new", "/admin/products/p-lamp/edit",
	} {
		t.Run(path, func(t *testing.T) {
			s := open(t)
			b := s.staff()
			b.add(cup, 1)
			send := func(kind, body string) answer {
				return b.do(http.MethodPost, path, kind, strings.NewReader(body))
			}
			a := send(urlencoded, "product_id=p-lamp&message="+strings.Repeat("x", 2<<20)).is(http.StatusRequestEntityTooLarge)
			assert.Contains(t, a.text(), "larger than 1 MiB")
			send(urlencoded, "product_id=%zz").is(http.StatusBadRequest)
			send(urlencoded, "product_id=p-lamp;quantity=1").is(http.StatusBadRequest)
			send(urlencoded, "product_id=p-lamp&quantity=%00&name=a").is(http.StatusUnprocessableEntity)
			send(urlencoded, "product_id=p-lamp&name=%ff").is(http.StatusUnprocessableEntity)
			send(urlencoded, "product_id=p-lamp&%ff%00=%00").is(http.StatusBadRequest)
			for _, a := range []answer{send("application/json", `{"product_id":"p-lamp"}`), send("", "product_id=p-lamp"), send(urlencoded, "")} {
				if path == "/wishlist/remove" || path == "/wishlist/move" {
					assert.Equal(t, http.StatusSeeOther, a.status, "what is not there is gone already")
					continue
				}
				assert.True(t, a.status >= 400 && a.status < 500, a.status)
			}
			assert.Equal(t, []string{"1 Blue Cup"}, b.cart())
			assert.Empty(t, b.wishes())
			assert.Empty(t, s.Orders())
			assert.Empty(t, s.messages())
			assert.Equal(t, lamp.Stock, s.Product(lamp.ID).Stock)
			assert.Equal(t, lamp.Price, s.Product(lamp.ID).Price)
		})
	}
}

// ailing is a store of carts that fails with err.
type ailing struct {
	port.Carts
	err error
}

func (a ailing) Cart(context.Context, domain.OwnerID) (domain.Cart, error) {
	return domain.Cart{}, a.err
}

func (a ailing) UpdateCart(context.Context, domain.OwnerID, func(*domain.Cart) error) (domain.Cart, error) {
	return domain.Cart{}, a.err
}

func TestPages_WhenTheStoreFails(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		others int // of pages that show no more of the cart than how many things are in it
	}{
		"for a while":      {domain.ErrUnavailable.Errorf(domain.CodeUnavailable, "the shop's memory is away just now"), http.StatusServiceUnavailable, http.StatusOK},
		"by a fault":       {errors.New("secret of the house"), http.StatusInternalServerError, http.StatusOK},
		"by a fault, deep": {errors.Join(errors.New("secret of the house"), errors.New("and more")), http.StatusInternalServerError, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, func(p *parts) { p.Carts = ailing{p.Carts, c.err} })
			s.AddAccount("anna", domain.Staff)
			guest := s.visitor()
			guest.post("/cart/add", url.Values{"product_id": {"p-lamp"}}).is(c.status)
			assert.False(t, guest.hasSession())
			guest.get("/cart")

			b := s.signedIn("anna")
			for _, path := range []string{"/cart", "/checkout"} {
				assert.NotContains(t, b.ask(path).is(c.status).body, "secret of the house")
			}
			for _, path := range []string{"/", "/products", "/orders", "/wishlist", "/admin", "/contact"} {
				assert.NotContains(t, b.ask(path).is(c.others).body, "secret of the house")
			}
			for _, path := range []string{"/cart/add", "/cart/update", "/cart/remove", "/checkout"} {
				form := purchase(url.Values{"product_id": {"p-lamp"}, "quantity": {"1"}, "line": {"id-1"}, "total": {"1733"}})
				a := b.post(path, form).is(c.status)
				assert.NotContains(t, a.body, "secret of the house")
				assert.NotContains(t, a.body, goodCard)
			}
			assert.Empty(t, s.Orders())
		})
	}
}
