package browser

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// box is where an element is on the screen: its middle.
type box struct{ X, Y float64 }

func (w *tab) middleOf(selector string) box {
	w.t.Helper()
	return ask[box](w, fmt.Sprintf(`(() => {
		const element = document.querySelector(%q)
		element.scrollIntoView({ block: "center", behavior: "instant" })
		const r = element.getBoundingClientRect()
		return { X: r.x + r.width / 2, Y: r.y + r.height / 2 }
	})()`, selector))
}

// distant is a shop whose answers take as long as Delay says.
type distant struct {
	URL   string
	Delay atomic.Int64
}

func openDistantShop(t *testing.T) *distant {
	t.Helper()
	shop, err := url.Parse(openShop(t))
	require.NoError(t, err)
	proxy, d := httputil.NewSingleHostReverseProxy(shop), new(distant)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // browsers leave requests
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Duration(d.Delay.Load()))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	d.URL = server.URL
	return d
}

const toCheckout = "button[name=then]"

// presses are the ways to press an element; held is how long a mouse button is held down.
func presses(held time.Duration) map[string]func(w *tab, selector string) {
	mouse := func(w *tab, kind input.DispatchMouseEventType, at box) {
		w.do(command(input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: at.X, Y: at.Y, Button: input.MouseButtonLeft, ClickCount: 1}))
	}
	return map[string]func(w *tab, selector string){
		"mouse": func(w *tab, selector string) {
			at := w.middleOf(selector)
			mouse(w, "mousePressed", at)
			time.Sleep(held) // as long as a finger is on the button
			mouse(w, "mouseReleased", at)
		},
		"touch": func(w *tab, selector string) {
			at := w.middleOf(selector)
			w.do(command(input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: "touchStart", TouchPoints: []*input.TouchPoint{{X: at.X, Y: at.Y}}}))
			w.do(command(input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: "touchEnd", TouchPoints: []*input.TouchPoint{}}))
		},
		"keyboard": func(w *tab, selector string) {
			key := func(name, text string, code int64) {
				for _, kind := range []input.DispatchKeyEventType{"keyDown", "keyUp"} {
					w.do(command(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: name, Code: name, Text: text, WindowsVirtualKeyCode: code}))
					text = ""
				}
			}
			for range 20 {
				key("Tab", "", 9)
				if ask[bool](w, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
					break
				}
			}
			key("Enter", "\r", 13)
		},
	}
}

// TestCart_WhatIsTypedIsBought types a quantity and goes on at once, without a pause.
func TestCart_WhatIsTypedIsBought(t *testing.T) {
	shop, browser := openDistantShop(t), openBrowser(t)
	for _, script := range []bool{true, false} {
		for name, press := range presses(100 * time.Millisecond) {
			for _, latency := range []time.Duration{0, 300 * time.Millisecond} {
				t.Run(fmt.Sprintf("%s, %s, scripts %t", name, latency, script), func(t *testing.T) {
					w := openTab(browser, t, shop.URL, look{360, "light", script})
					if name == "touch" {
						w.do(command(emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true}))
					}
					for n := range 2 {
						w.open("/products?in_stock=true&sort=price")
						w.submit(fmt.Sprintf(".shelf li:nth-child(%d) .product-name a", n+1))
						if script {
							w.do(chromedp.Click(chromedp.CSS(".add-form [type=submit]")))
						} else {
							w.submit(".add-form [type=submit]")
						}
						w.see("[data-cart-count]", fmt.Sprint(n+1))
					}
					for _, quantity := range []string{"4", "2"} {
						shop.Delay.Store(0)
						w.open("/cart")
						shop.Delay.Store(int64(latency))
						w.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#quantity-0").select()`))
						w.do(chromedp.SendKeys(chromedp.CSS("#quantity-0"), quantity))
						press(w, toCheckout)
						w.see("h1", "Checkout")
						shop.Delay.Store(0)
						w.open("/cart")
						assert.Equal(t, quantity, ask[string](w, `document.querySelector("#quantity-0").value`))
						assert.Equal(t, "1", ask[string](w, `document.querySelector("#quantity-1").value`))
					}
					w.requireNoComplaints()
				})
			}
		}
	}
}

// TestCart_ALinkWaitsForWhatIsTyped leaves the cart by a link at once.
func TestCart_ALinkWaitsForWhatIsTyped(t *testing.T) {
	shop, browser := openDistantShop(t), openBrowser(t)
	for name, press := range presses(30 * time.Millisecond) {
		if name == "keyboard" {
			continue // a link of the header is far away
		}
		for _, latency := range []time.Duration{0, 300 * time.Millisecond} {
			t.Run(fmt.Sprint(name, " ", latency), func(t *testing.T) {
				w := openTab(browser, t, shop.URL, look{360, "light", true})
				w.open("/products?in_stock=true&sort=price")
				w.submit(".product-name a")
				w.do(chromedp.Click(chromedp.CSS(".add-form [type=submit]")))
				w.see("[data-cart-count]", "1")
				w.open("/cart")
				before := ask[string](w, `document.querySelector("[data-total]").dataset.total`)
				shop.Delay.Store(int64(latency))
				w.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#quantity-0").select()`))
				w.do(chromedp.SendKeys(chromedp.CSS("#quantity-0"), "3"))
				press(w, `main a[href="/products"]`)
				w.see("h1", "All products")
				shop.Delay.Store(0)
				w.open("/cart")
				assert.Equal(t, "3", ask[string](w, `document.querySelector("#quantity-0").value`))
				assert.NotEqual(t, before, ask[string](w, `document.querySelector("[data-total]").dataset.total`))
				w.requireNoComplaints()
			})
		}
	}
}

// TestFirstClicks adds two products at once, before the browser has a session.
func TestFirstClicks(t *testing.T) {
	shop, browser := openDistantShop(t), openBrowser(t)
	w := openTab(browser, t, shop.URL, look{1280, "light", true})
	w.open("/products?in_stock=true")
	shop.Delay.Store(int64(300 * time.Millisecond))
	w.do(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("[data-add]")].slice(0, 3).forEach((form) => form.requestSubmit())`))
	w.see("[data-cart-count]", "3")
	shop.Delay.Store(0)
	w.open("/cart")
	assert.Equal(t, int64(3), ask[int64](w, `document.querySelectorAll("[data-line]").length`))
	w.requireNoComplaints()
}

// TestPrices_StayWhole looks for a price that is written over two lines.
func TestPrices_StayWhole(t *testing.T) {
	shop, browser := openShop(t), openBrowser(t)
	for _, width := range []int64{320, 360, 460, 575, 768, 1280} {
		w := openTab(browser, t, shop, look{width, "light", true})
		w.open("/products?in_stock=true&sort=-price")
		w.submit(".product-name a")
		w.do(chromedp.Click(chromedp.CSS(".add-form [type=submit]")))
		w.see("[data-cart-count]", "1")
		w.open("/cart")
		broken := ask[[]string](w, `(() => {
			const broken = []
			const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT)
			for (let node = walker.nextNode(); node; node = walker.nextNode()) {
				for (const match of node.data.matchAll(/\$[\d,]+\.\d\d/g)) {
					const range = document.createRange()
					range.setStart(node, match.index)
					range.setEnd(node, match.index + match[0].length)
					const lines = new Set([...range.getClientRects()].filter((r) => r.width > 0).map((r) => Math.round(r.top)))
					if (lines.size > 1) broken.push(match[0])
				}
			}
			return broken
		})()`)
		assert.Empty(t, broken, "at %d", width)
		assert.LessOrEqual(t, ask[int64](w, `document.documentElement.scrollWidth`), width)
		w.shot(fmt.Sprintf("cart-%d", width))
	}
}

// TestHeader_HasNamesOnPhones asks the browser how what has no text to see is called.
func TestHeader_HasNamesOnPhones(t *testing.T) {
	shop, browser := openShop(t), openBrowser(t)
	for _, width := range []int64{360, 1280} {
		w := openTab(browser, t, shop, look{width, "light", true})
		w.open("/")
		named := func(selector, name string) {
			t.Helper()
			assert.Equal(t, name, w.nameOf(selector), "%s at %d", selector, width)
		}
		named(`a[href^="/login"]`, "Sign in")
		named(`a[href="/cart"]`, "Cart: 0 items")
		named(".chat-bubble", "Chat with the shop")
		signIn(w, "john_doe", "password123")
		named("[data-menu] summary", "john_doe")
	}
}

// nameOf is the text that assistive technology reads: what is not hidden by display or visibility.
func (w *tab) nameOf(selector string) string {
	w.t.Helper()
	return strings.Join(strings.Fields(ask[string](w, fmt.Sprintf(`(() => {
		const name = (node) => {
			if (node.nodeType === Node.TEXT_NODE) return node.data
			if (node.nodeType !== Node.ELEMENT_NODE || node.getAttribute("aria-hidden") === "true") return ""
			const style = getComputedStyle(node)
			if (style.display === "none" || style.visibility === "hidden") return ""
			return " " + [...node.childNodes].map(name).join("") + " "
		}
		return name(document.querySelector(%q))
	})()`, selector))), " ")
}
