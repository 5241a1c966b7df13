package browser

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var address = map[string]string{
	"shipping_address.name": "Ada Lovelace", "shipping_address.line1": "12 St James's Square", "shipping_address.postal_code": "10115",
	"shipping_address.city": "Berlin", "shipping_address.country": "DE",
}

var card = map[string]string{"payment.card_number": "4242 4242 4242 4242", "payment.expiry": "12/39", "payment.cvc": "123"}

func TestShopper_BuysWithScripts(t *testing.T) {
	shop := openShop(t)
	w := openTab(openBrowser(t), t, shop, look{1280, "light", true})

	w.open("/")
	w.do(chromedp.SendKeys(chromedp.CSS("#search"), "headph"), chromedp.WaitVisible(chromedp.CSS(".suggestion")))
	w.shot("script-suggestions")
	w.submitBy(chromedp.SendKeys(chromedp.CSS("#search"), kb.Enter))
	w.see("main", "headph")
	w.submit(".product-name a")

	w.see("[data-cart-count]", "0")
	w.do(chromedp.Click(chromedp.CSS(".add-form [type=submit]")))
	w.see("[data-cart-count]", "1")
	w.see("[data-toasts]", "Added")
	w.shot("script-added")

	w.open("/cart")
	w.do(chromedp.SetValue(chromedp.CSS("#quantity-0"), ""))
	w.do(chromedp.SendKeys(chromedp.CSS("#quantity-0"), "2"+kb.Tab))
	w.see("[data-cart-count]", "2")

	register(w, "ada_with_script")
	w.see("[data-cart-count]", "2")
	w.open("/checkout")
	w.fill(address)
	w.fill(card)
	w.fill(map[string]string{"payment.card_number": "4000 0000 0000 0002"})
	w.submit("form[action='/checkout'] [type=submit]")
	w.see("main", "declined")
	assert.Equal(t, "Ada Lovelace", ask[string](w, `document.querySelector("[name='shipping_address.name']").value`), "nothing that was typed is lost")
	w.fill(card)
	w.submit("form[action='/checkout'] [type=submit]")
	w.see("main", "Paid")
	w.shot("script-order")
	w.open("/orders")
	w.see("main", "Paid")
	w.see("[data-cart-count]", "0")
	w.requireNoComplaints()
}

func TestShopper_BuysWithoutScripts(t *testing.T) {
	shop := openShop(t)
	w := openTab(openBrowser(t), t, shop, look{360, "light", false})

	w.open("/")
	w.do(chromedp.SetValue(chromedp.CSS("#search"), "headphones"))
	w.submit(".search-button")
	w.submit(".product-name a")
	w.submit(".add-form [type=submit]")
	w.see("[data-cart-count]", "1")

	w.open("/cart")
	w.do(chromedp.SetValue(chromedp.CSS("#quantity-0"), "2"))
	w.submit("form[action='/cart/update'] [type=submit]")
	w.see("[data-cart-count]", "2")

	register(w, "ada_without_script")
	w.see("[data-cart-count]", "2")
	w.open("/checkout")
	w.fill(address)
	w.fill(card)
	w.fill(map[string]string{"payment.cvc": "1"})
	// What the browser itself would hold back reaches the server of who has an old one.
	w.do(chromedp.SetAttributeValue(chromedp.CSS("form[action='/checkout']"), "novalidate", ""))
	w.submit("form[action='/checkout'] [type=submit]")
	w.see("main", "3 or 4 digits")
	w.shot("no-script-mistake")
	w.fill(card)
	w.submit("form[action='/checkout'] [type=submit]")
	w.see("main", "Paid")
	w.open("/orders")
	w.see("main", "Paid")
	w.requireNoComplaints()
}

// register makes an account for the tab's shopper.
func register(w *tab, name string) {
	w.t.Helper()
	w.open("/register")
	w.fill(map[string]string{"username": name, "email": name + "@example.com", "password": "a long password"})
	w.submit("form[action='/register'] [type=submit]")
}

// signIn signs the tab's visitor in to a demo account.
func signIn(w *tab, name, password string) {
	w.t.Helper()
	w.open("/login")
	w.fill(map[string]string{"username": name, "password": password})
	w.submit("form[action='/login'] [type=submit]")
}

func TestPages_FitEveryWidthInBothColours(t *testing.T) {
	shop, browser := openShop(t), openBrowser(t)
	for _, width := range []int64{360, 768, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%d %s", width, scheme), func(t *testing.T) {
				w := openTab(browser, t, shop, look{width, scheme, true})
				look := func(path string) {
					w.open(path)
					name := strings.Trim(strings.NewReplacer("/", "-", "?", "-", "=", "-", "&", "-").Replace(path), "-")
					w.shot(fmt.Sprintf("page-%s-%d-%s", name, width, scheme))
					wide := ask[int64](w, `document.documentElement.scrollWidth`)
					assert.LessOrEqual(t, wide, width, "%s can be scrolled sideways", path)
					if path != "/api/docs" { // Swagger UI paints itself
						assert.Equal(t, scheme == "dark", ask[bool](w, darkBackground), "%s is not %s", path, scheme)
					}
				}
				for _, path := range []string{
					"/", "/products", "/products?q=lamp&in_stock=true&sort=price", "/products?q=xyzzyx", "/cart", "/wishlist",
					"/checkout", "/login", "/register", "/contact", "/nowhere", "/api/docs",
				} {
					look(path)
				}
				w.open("/products?in_stock=true")
				assert.Equal(t, width >= 992, ask[bool](w, `getComputedStyle(document.querySelector(".filters-button")).display === "none"`), "wide pages show the filters beside the products")
				w.submit(".product-name a")
				w.shot(fmt.Sprintf("page-product-%d-%s", width, scheme))
				w.do(chromedp.Click(chromedp.CSS(".add-form [type=submit]")))
				w.see("[data-cart-count]", "1")
				// Not by a click: on a narrow screen the news of the cart lies over the button for a while.
				w.do(chromedp.Evaluate[chromedp.Void](`document.querySelector(".product-about [data-wish-form]").requestSubmit()`))
				w.see("[data-toasts]", "Saved")

				signIn(w, "john_doe", "password123")
				for _, path := range []string{"/cart", "/wishlist", "/checkout", "/orders"} {
					look(path)
				}
				w.submit("main a[href^='/orders/']")
				w.shot(fmt.Sprintf("page-order-%d-%s", width, scheme))

				w.do(chromedp.Click(chromedp.CSS("[data-menu] summary")))
				w.submit("form[action='/logout'] [type=submit]")
				signIn(w, "admin", "admin123")
				for _, path := range []string{"/admin", "/admin/orders", "/admin/products", "/admin/products/new"} {
					look(path)
				}
				w.requireNoComplaints()
			})
		}
	}
}

// darkBackground reports whether what is behind the page's text is nearer to black than to white.
const darkBackground = `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) < 384`

// submitBy does what leads to another page, and waits for that.
func (w *tab) submitBy(step chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, startTime)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, step)
	require.NoError(w.t, err)
	require.Eventually(w.t, func() bool {
		state, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`document.readyState`))
		return err == nil && state == "complete"
	}, startTime, 20*time.Millisecond)
}
