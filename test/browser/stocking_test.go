package browser

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/server"
)

// aPhoto is a file with a picture of two colours.
func aPhoto(t *testing.T) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for y := range 480 {
		for x := range 640 {
			img.Set(x, y, color.RGBA{R: uint8(x / 3), G: uint8(y / 2), B: 90, A: 255})
		}
	}
	path := filepath.Join(t.TempDir(), "mug.jpg")
	file, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, jpeg.Encode(file, img, nil))
	require.NoError(t, file.Close())
	return path
}

// aFile is a file of size bytes.
func aFile(t *testing.T, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "large.jpg")
	require.NoError(t, os.WriteFile(path, make([]byte, size), 0o600))
	return path
}

// choose gives the form's picture.
func (w *tab) choose(path string) {
	w.t.Helper()
	w.do(chromedp.SetUploadFiles(chromedp.CSS("#field-picture"), []string{path}))
}

const brokenPictures = `[...document.querySelectorAll("main img")].filter(i => !i.complete || i.naturalWidth === 0).length`

func TestStaff_RunsTheShop(t *testing.T) {
	shop, browser := openShop(t), openBrowser(t)
	for _, l := range []look{{1280, "light", true}, {360, "dark", false}} {
		t.Run(fmt.Sprintf("script %v", l.script), func(t *testing.T) {
			name := fmt.Sprintf("Speckled Mug %v", l.script)
			w := openTab(browser, t, shop, l)
			picture := func(what string) { w.shot(fmt.Sprintf("product-%s-%d-%s", what, l.width, l.scheme)) }
			fits := func() {
				t.Helper()
				assert.LessOrEqual(t, ask[int64](w, `document.documentElement.scrollWidth`), l.width, "the page can be scrolled sideways")
			}
			signIn(w, "admin", "admin123")
			w.open("/admin/products")
			w.submit("main a[href='/admin/products/new']")
			picture("new")
			fits()
			w.fill(map[string]string{"name": name, "category": "Pottery", "kind": "Mugs", "price": "12.5", "stock": "seven", "description": "Holds tea.\n\nAnd coffee."})
			w.choose(aFile(t, 7<<20))
			if l.script {
				assert.Contains(t, ask[string](w, `document.querySelector("#field-picture").validationMessage`), "at most 900 kB")
			} else {
				w.submit(".product-form [type=submit]")
				w.see("#field-picture-error", "Must have at most")
				assert.Equal(t, name, ask[string](w, `document.querySelector("#field-name").value`), "nothing that was typed is lost")
			}
			w.choose(aPhoto(t))
			w.submit(".product-form [type=submit]")
			w.see("#field-stock-error", "whole number")
			picture("mistake")
			fits()
			w.fill(map[string]string{"stock": "7"})
			w.choose(aPhoto(t))
			w.submit(".product-form [type=submit]")
			w.see("[data-notice]", "Saved")
			fits()

			edit := ask[string](w, `location.pathname`)
			colleague := openTab(browser, t, shop, l)
			signIn(colleague, "admin", "admin123")
			colleague.open(edit)

			w.fill(map[string]string{"price": "14", "alt.0": "a mug with speckles"})
			w.submit(".product-form [type=submit]")
			w.see("[data-notice]", "Saved")
			w.do(chromedp.WaitVisible(chromedp.CSS(".product-image")))
			picture("edit")

			colleague.fill(map[string]string{"name": "Spotted Mug", "description": "For tea alone."})
			colleague.submit(".product-form [type=submit]")
			colleague.see("[role=alert]", "Somebody has changed this product")
			colleague.see("#field-name-hint", "You typed: Spotted Mug")
			colleague.shot(fmt.Sprintf("product-conflict-%d-%s", l.width, l.scheme))
			colleague.requireNoComplaints()

			shopper := openTab(browser, t, shop, l)
			shopper.open("/products?category=pottery")
			shopper.do(chromedp.WaitVisible(chromedp.CSS(".product-name a")))
			shopper.open(ask[string](w, `document.querySelector("main a[href^='/products/']").pathname`))
			shopper.see("main", "$14.00")
			require.Eventually(t, func() bool { return ask[int](shopper, brokenPictures) == 0 }, startTime, startTime/100)
			assert.Equal(t, "a mug with speckles", ask[string](shopper, `document.querySelector(".gallery img").alt`))
			shopper.shot(fmt.Sprintf("product-product-%d-%s", l.width, l.scheme))
			register(shopper, fmt.Sprintf("potter_%v", l.script))
			shopper.open("/products?category=pottery")
			shopper.submit(".product-name a")
			buyOne(shopper)

			w.do(chromedp.Click(chromedp.CSS("main details summary")))
			picture("remove")
			w.submit("form[action='" + edit + "/remove'] [type=submit]")
			w.see("[data-notice]", "Removed from the shop")
			shopper.open("/products?category=pottery")
			shopper.see("main", "No products match")
			w.requireNoComplaints()
			shopper.requireNoComplaints()
		})
	}
}

// buyOne puts the product of the page into the cart and buys it.
func buyOne(w *tab) {
	w.t.Helper()
	w.do(chromedp.Click(chromedp.CSS(".add-form [type=submit]")))
	w.see("[data-cart-count]", "1")
	w.open("/checkout")
	w.fill(address)
	w.fill(card)
	w.submit("form[action='/checkout'] [type=submit]")
	w.see("main", "Paid")
}

func TestEmptyShop_IsFitToBeSeen(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser is not for -short")
	}
	shop := server.Start(t, "SERVER_NAME=browser-test").URL
	browser := openBrowser(t)
	for _, l := range []look{{360, "light", true}, {1280, "dark", true}} {
		t.Run(fmt.Sprintf("%d %s", l.width, l.scheme), func(t *testing.T) {
			w := openTab(browser, t, shop, l)
			for name, path := range map[string]string{"home": "/", "products": "/products", "search": "/products?q=mug", "category": "/products?category=pottery"} {
				w.open(path)
				w.do(chromedp.WaitVisible(chromedp.CSS("[data-empty]")))
				w.shot(fmt.Sprintf("empty-%s-%d-%s", name, l.width, l.scheme))
				assert.LessOrEqual(t, ask[int64](w, `document.documentElement.scrollWidth`), l.width, path)
			}
			w.requireNoComplaints()
		})
	}
}
