package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"eshop/domain"
	"eshop/web/page"
)

const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>`

// sayAll makes the shop one whose owner has said all that can be said.
func sayAll(p *parts) {
	p.Info.Name, p.Info.Tagline, p.Info.About = "Kettle & Co", "Tea for the long evening", "Kettles from a workshop by the river."
	p.Info.Address, p.Info.Hours = "7 Mill Lane, Bath", "Tuesdays, 10:00 to 12:00"
	p.Info.TaxNote, p.Info.DeliveryTime, p.Info.PromiseFreeDelivery = "Prices include VAT.", "2 to 4 working days", true
	p.Info.Terms, p.Info.Privacy = "# Buying\nYou buy.\n\n- first\n- second", "We keep <b>little</b>.\n\nAnd not for long."
	p.Info.Returns, p.Info.Imprint = "Within a year.", "Kettle & Co\n7 Mill Lane"
	p.Info.Logo = page.Logo{MediaType: "image/svg+xml", Content: []byte(logo)}
}

// publicPages are those that everybody sees.
var publicPages = []string{"/", "/products", "/products/" + lamp.Slug, "/cart", "/checkout", "/login", "/register", "/contact", "/chat", "/products/none"}

// named returns a func that reports whether an element is of the kind.
func named(kind string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == kind }
}

func TestShopInfo(t *testing.T) {
	t.Run("a shop whose owner has said nothing says nothing of its own", func(t *testing.T) {
		b := open(t, func(p *parts) { p.Info = page.ShopInfo{ServerName: "shop-1"} }).visitor()
		b.add(lamp, 3)
		for _, path := range publicPages {
			said := strings.ToLower(textOf(b.ask(path).doc))
			for _, ours := range []string{"eshop", "free delivery", "delivery is free", "days", "monday", "555", "@eshop", "good things", "real people", "prices include", "in person"} {
				assert.NotContains(t, said, ours, path)
			}
			assert.Contains(t, said, "shop", path)
		}
		assert.NotContains(t, b.get("/").body, "hero.")
		for _, path := range []string{"/terms", "/privacy", "/returns", "/imprint", "/logo/0123456789abcdef"} {
			b.ask(path).is(http.StatusNotFound)
			assert.NotContains(t, b.get("/").body, `href="`+path+`"`)
		}
		assert.Empty(t, b.get("/").all("data-address"))
	})
	t.Run("what the owner has said stands where it matters", func(t *testing.T) {
		b := open(t, sayAll).visitor()
		b.add(lamp, 1)
		for _, path := range publicPages {
			a := b.ask(path)
			said := textOf(a.doc)
			assert.NotContains(t, strings.ToLower(said), "eshop", path)
			assert.Contains(t, textOf(first(a.doc, named("title"))), " · Kettle & Co", path)
			assert.Equal(t, "7 Mill Lane, Bath", a.of("data-address"), path)
			for _, own := range []string{"/terms", "/privacy", "/returns", "/imprint"} {
				assert.Contains(t, a.body, `href="`+own+`"`, path)
			}
		}
		home := b.get("/")
		assert.Equal(t, "Tea for the long evening", textOf(first(home.doc, named("h1"))))
		for _, says := range []string{"workshop by the river", "Free delivery from $50.00", "Delivery takes 2 to 4 working days", "Tuesdays"} {
			assert.Contains(t, home.text(), says)
		}
		product := b.get("/products/" + lamp.Slug).text()
		assert.Contains(t, product, "Free delivery from $50.00")
		assert.Contains(t, product, "Delivery takes 2 to 4 working days")
		assert.Contains(t, b.get("/products/"+desk.Slug).text(), "Free delivery Delivery takes")
		for _, path := range []string{"/products/" + lamp.Slug, "/cart", "/checkout"} {
			assert.Equal(t, "Prices include VAT.", b.get(path).of("data-tax-note"), path)
		}
		assert.Contains(t, b.get("/checkout").text(), "Before you pay, you can read: Terms and conditions")
	})
	t.Run("the owner's texts are shown as what they are", func(t *testing.T) {
		b := open(t, sayAll).visitor()
		terms := b.get("/terms")
		assert.Equal(t, "Terms and conditions", textOf(first(terms.doc, named("h1"))))
		assert.Equal(t, "Buying", textOf(first(terms.doc, func(n *html.Node) bool { return n.Data == "h2" && n.Parent.Data == "article" })))
		assert.Contains(t, terms.text(), "You buy.")
		assert.Contains(t, terms.body, "<li>first</li>")
		assert.Contains(t, b.get("/privacy").text(), "We keep <b>little</b>.", "no part of it is HTML")
	})
	t.Run("no shopper is called what the shop is called", func(t *testing.T) {
		b := open(t, sayAll).visitor()
		form := with(b.get("/register").form("/register"), "username", "kettle-co", "email", "a@mail.example", "password", "four quiet words here")
		assert.Contains(t, b.post("/register", form).is(http.StatusUnprocessableEntity).mistakes()["username"], "kept for the shop")
	})
	t.Run("the logo is before the name and may be kept for as long as it is the same", func(t *testing.T) {
		b := open(t, sayAll).visitor()
		home := b.get("/")
		src := attr(first(home.doc, func(n *html.Node) bool { return n.Data == "img" && strings.HasPrefix(attr(n, "src"), "/logo/") }), "src")
		require.NotEmpty(t, src)
		a := b.ask(src)
		assert.Equal(t, http.StatusOK, a.status)
		assert.Equal(t, logo, a.body)
		assert.Equal(t, "image/svg+xml", a.header.Get("Content-Type"))
		assert.Contains(t, a.header.Get("Cache-Control"), "immutable")
		other := b.ask("/logo/0123456789abcdef")
		assert.Equal(t, logo, other.body, "a server that has another shows that")
		assert.Equal(t, "no-store", other.header.Get("Cache-Control"))
	})
}

func TestPricing(t *testing.T) {
	francs := func(p *parts) {
		p.Pricing = domain.Pricing{Currency: "CHF", Delivery: 7_00, FreeFrom: 100_00}
		p.Info.PromiseFreeDelivery = true
	}
	s := open(t, francs)
	for _, p := range []domain.Product{lamp, cup} {
		p.Price.Currency = "CHF"
		require.NoError(t, s.Store.PutProducts(t.Context(), []domain.Product{p}))
	}
	for _, p := range []domain.Product{desk, rug} {
		require.NoError(t, s.Store.RemoveProduct(t.Context(), p.ID))
	}
	t.Run("a shop sells in its own currency, with its own cost of delivery", func(t *testing.T) {
		b := s.visitor()
		b.add(lamp, 1)
		assert.Contains(t, b.get("/").text(), "Free delivery from CHF 100.00")
		for _, path := range []string{"/", "/products", "/products/" + lamp.Slug, "/cart", "/checkout"} {
			said := textOf(b.get(path).doc)
			assert.Contains(t, said, "CHF 12.34", path)
			assert.NotContains(t, said, "$", path)
		}
		assert.Equal(t, "CHF 19.34", b.get("/cart").of("data-total"))
		b.buy()
		assert.Equal(t, domain.Money{Amount: 19_34, Currency: "CHF"}, s.Orders()[0].Total)
	})
	t.Run("staff set prices in it", func(t *testing.T) {
		b := s.staff()
		assert.Contains(t, b.get("/admin/products/new").text(), "Price in CHF")
		b.post("/admin/products/p-lamp", url.Values{"price": {"CHF 13.50"}}).leadsTo("/admin/products?done=saved")
		assert.Equal(t, domain.Money{Amount: 13_50, Currency: "CHF"}, s.Product(lamp.ID).Price)
	})
	t.Run("delivery may cost nothing, or always something", func(t *testing.T) {
		for want, pricing := range map[string]domain.Pricing{
			"$12.34": {Currency: domain.USD, Delivery: 0, FreeFrom: domain.NeverFree}, "$17.33": {Currency: domain.USD, Delivery: 499, FreeFrom: domain.NeverFree},
		} {
			b := open(t, func(p *parts) { p.Pricing = pricing }).visitor()
			b.add(lamp, 1)
			assert.Equal(t, want, b.get("/cart").of("data-total"))
			assert.Equal(t, want, b.get("/checkout").of("data-total"))
		}
	})
}

func TestPages_NameTheirServerOnALineOfItsOwn(t *testing.T) {
	b := open(t, func(p *parts) { p.Info.ServerName = "Server-1" }).visitor()
	b.add(lamp, 1)
	for _, path := range publicPages {
		var lines []string
		for line := range strings.Lines(b.ask(path).body) {
			if strings.Contains(line, "Server") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		assert.Equal(t, []string{"<span>Served by Server-1</span>"}, lines, path)
	}
}
