package browser

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// said is what a tab's conversation says, a message a line.
const said = `[...document.querySelectorAll('[data-talk-messages] .message-body')].map((b) => b.textContent).join('|')`

// write types into the chat as people do, and sends with the Enter key.
func (w *tab) write(text string) {
	w.t.Helper()
	w.do(chromedp.SendKeys(chromedp.CSS("#talk-body"), text+kb.Enter))
	assert.Equal(w.t, `""`, ask[string](w, `JSON.stringify(document.querySelector("#talk-body").value)`), "the field is ready for the next")
}

func TestChat_ShopperAndStaffTalk(t *testing.T) {
	shop := openShop(t)
	browser := openBrowser(t)
	desk := openTab(browser, t, shop, look{1280, "light", true})
	signIn(desk, "admin", "admin123")
	desk.open("/admin/chat")

	way := openWay(t, shop)
	w := openTab(browser, t, way.url, look{1280, "light", true})
	w.open("/products")
	assert.Empty(t, ask[string](w, `document.cookie`))
	w.do(chromedp.Click(chromedp.CSS("[data-bubble]")), chromedp.WaitVisible(chromedp.CSS("#chat-panel #talk-body")))
	w.write("Does the kettle pour? https://shop.example/kettle")
	w.until(`document.querySelector('[data-talk-messages] [data-mark]')?.textContent === 'Sent'`)
	w.see("[data-talk-who]", "We are online")
	w.window("chat-panel")

	desk.until(`document.querySelectorAll('[data-desk-list] li').length > 0`)
	desk.see("[data-desk-list]", "1 new")
	desk.submit("[data-desk-list] a")
	desk.see("[data-talk-messages]", "Does the kettle pour?")
	w.until(`document.querySelector('[data-talk-messages] [data-mark]')?.textContent === 'Read'`)
	desk.do(chromedp.SendKeys(chromedp.CSS("#talk-body"), "It"))
	w.until(`!document.querySelector('[data-talk-typing]').hidden`)
	desk.write(" does. <b>Promise.</b>")
	w.see("[data-talk-messages]", "It does. <b>Promise.</b>")
	w.see("[data-talk-who]", "Customer service is helping you")
	desk.until(`document.querySelector('.message.is-mine [data-mark]')?.textContent === 'Read'`)
	desk.see(".desk-beside", "Hand back")
	desk.do(chromedp.Click(chromedp.CSS(".talk-canned summary")), chromedp.Click(chromedp.CSS("[data-canned]")))
	assert.Equal(t, "Hello! How can I help you?", ask[string](desk, `document.querySelector('#talk-body').value`), "a ready answer can be changed before it is sent")
	desk.window("desk-canned")

	t.Run("on the next page the panel is still there, and the talk goes on", func(*testing.T) {
		w.open("/cart")
		w.do(chromedp.WaitVisible(chromedp.CSS("#chat-panel #talk-body")))
		w.write("And the cup?")
		w.until(said + ` === 'Does the kettle pour? https://shop.example/kettle|It does. <b>Promise.</b>|And the cup?'`)
		desk.see("[data-talk-messages]", "And the cup?")
	})
	t.Run("by keyboard it closes, and the bubble counts", func(*testing.T) {
		w.do(chromedp.SendKeys(chromedp.CSS("#talk-body"), kb.Escape))
		w.until(`document.activeElement.matches('[data-bubble]') && document.querySelector('#chat-panel').hidden`)
		ask[string](desk, `document.querySelector("#talk-body").value = ""`)
		desk.write("Cups, too.")
		w.until(`document.querySelector('[data-bubble-count]').textContent === '1'`)
		w.do(chromedp.SendKeys(chromedp.CSS("[data-bubble]"), " "))
		w.see("[data-talk-messages]", "Cups, too.")
		w.until(`document.querySelector('[data-bubble-count]').textContent === '0'`)
	})
	t.Run("what is typed while offline is sent once, later", func(t *testing.T) {
		way.cut(true)
		w.see("[data-talk-line]", "The connection is lost")
		w.write("Are you there?")
		w.write("Hello?")
		w.until(`document.querySelectorAll('.is-unsent').length === 2`)
		w.window("chat-offline")
		desk.write("Still here.")
		way.cut(false)
		w.until(`document.querySelectorAll('.is-unsent').length === 0 && document.querySelector('[data-talk-line]').hidden`)
		w.see("[data-talk-messages]", "Still here.")
		desk.see("[data-talk-messages]", "Hello?")
		assert.Equal(t, ask[string](w, said), ask[string](desk, said), "both ends hold the same")
		assert.Equal(t, []string{"Are you there?", "Hello?"}, slices.DeleteFunc(strings.Split(ask[string](w, said), "|")[4:], func(b string) bool { return b == "Still here." }))
	})
	t.Run("closed and reopened", func(*testing.T) {
		desk.submit("form[action$='/close'] button")
		w.see("[data-talk-messages]", "The conversation was closed")
		w.write("One more thing.")
		desk.until(`document.querySelector('[data-talk-form]') !== null`)
		desk.see("[data-talk-messages]", "One more thing.")
	})
	desk.requireNoComplaints()
	w.forgetComplaints("ERR_CONNECTION_", "WebSocket connection to")
	w.requireNoComplaints()
}

func TestChat_PagesFit(t *testing.T) {
	shop := openShop(t)
	browser := openBrowser(t)
	for _, width := range []int64{360, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			w := openTab(browser, t, shop, look{width, scheme, true})
			w.open("/chat")
			w.write("Does the kettle pour? It is a long question, and it goes on for more than one line. https://shop.example/" + "kettle-with-a-very-long-name-that-has-no-space-in-it-at-all")
			w.until(`document.querySelector('[data-talk-messages] [data-mark]')?.textContent === 'Sent'`)
			w.fits("chat-page", width, scheme)
			w.open("/")
			w.do(chromedp.Click(chromedp.CSS("[data-bubble]")), chromedp.WaitVisible(chromedp.CSS("#chat-panel #talk-body")))
			w.fits("chat-open-panel", width, scheme)
			signIn(w, "admin", "admin123")
			w.open("/admin/chat")
			w.until(`document.querySelectorAll('[data-desk-list] li').length > 0`)
			w.fits("desk-list", width, scheme)
			w.submit("[data-desk-list] a")
			w.fits("desk-talk", width, scheme)
			w.requireNoComplaints()
		}
	}
}

// until waits until an expression is true in the page, whatever page that is by then.
func (w *tab) until(expression string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		is, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool](`Boolean(`+expression+`)`))
		return err == nil && is
	}, startTime, 50*time.Millisecond, expression)
}

// fits holds that the page is not wider than the window, and keeps a picture of what the window shows.
func (w *tab) fits(name string, width int64, scheme string) {
	w.t.Helper()
	w.window(fmt.Sprintf("%s-%d-%s", name, width, scheme))
	assert.LessOrEqual(w.t, ask[int64](w, `document.documentElement.scrollWidth`), width, "%s can be scrolled sideways", name)
}

// window keeps a picture of what the window shows.
func (w *tab) window(name string) {
	w.t.Helper()
	picture, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
	require.NoError(w.t, err)
	require.NoError(w.t, os.MkdirAll("shots", 0o750))
	require.NoError(w.t, os.WriteFile(filepath.Join("shots", name+".png"), picture, 0o600))
}

// forgetComplaints drops what a browser says of a network that was cut on purpose.
func (w *tab) forgetComplaints(about ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.complaints = slices.DeleteFunc(w.complaints, func(c string) bool {
		return slices.ContainsFunc(about, func(word string) bool { return strings.Contains(c, word) })
	})
}

// way is the network between a browser and the shop, which can be cut.
type way struct {
	url string

	mu    sync.Mutex
	isCut bool
	open  map[net.Conn]bool
}

func openWay(t *testing.T, shop string) *way {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &way{url: fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port), open: map[net.Conn]bool{}}
	var going sync.WaitGroup
	going.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			going.Go(func() { w.carry(conn, strings.TrimPrefix(shop, "http://")) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		w.cut(true)
		going.Wait()
	})
	return w
}

func (w *way) carry(from net.Conn, address string) {
	to, err := net.Dial("tcp", address)
	if err != nil {
		_ = from.Close()
		return
	}
	both := []net.Conn{from, to}
	w.mu.Lock()
	for _, c := range both {
		w.open[c] = true
		if w.isCut {
			_ = c.Close()
		}
	}
	w.mu.Unlock()
	var going sync.WaitGroup
	for i := range both {
		going.Go(func() {
			_, _ = io.Copy(both[i], both[1-i])
			_ = both[i].Close()
		})
	}
	going.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range both {
		delete(w.open, c)
	}
}

// cut ends what is open and lets nothing through, until it is undone.
func (w *way) cut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = cut
	for c := range w.open {
		if cut {
			_ = c.Close()
		}
	}
}
