// Package browser clicks through the shop in headless Chromium, with scripts and
// without: what people see, at the widths and in the colours they see it in. It
// runs bin/eshop, so build that first; -short leaves the package out.
package browser

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"eshop/test/server"
)

const (
	startTime = 10 * time.Second
	tabTime   = 90 * time.Second
)

// openShop starts the shop with demo data and returns its address.
func openShop(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser is not for -short")
	}
	return server.Start(t, "SERVER_NAME=browser-test", "ESHOP_DEMO=true").URL
}

// openBrowser starts one Chromium for the tabs of a test.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	browser, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(browser), "Chromium does not start; apt-get install chromium")
	return browser
}

// tab is one shopper's window. It keeps what the browser complains about.
type tab struct {
	t    *testing.T
	ctx  context.Context
	shop string

	mu         sync.Mutex
	complaints []string
}

// look is how a tab shows pages.
type look struct {
	width  int64
	scheme string // light or dark
	script bool
}

func openTab(browser context.Context, t *testing.T, shop string, l look) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, tabTime)
	t.Cleanup(cancel)
	w := &tab{t: t, ctx: ctx, shop: shop}
	require.NoError(t, chromedp.Listen(ctx, w.listen))
	w.do(
		command(log.Enable, cdp.Empty{}), command(network.Enable, network.EnableParams{}),
		command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: l.width, Height: 900, DeviceScaleFactor: 1, Mobile: l.width < 600,
		}),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: l.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}}),
		command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !l.script}),
	)
	return w
}

// command is a step that sends one command of the protocol.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, c, params)
		return err
	})
}

// listen keeps errors of scripts, breaches of the content policy and requests that came to nothing.
func (w *tab) listen(event any) {
	complaint := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complaint = "script: " + e.ExceptionDetails.Text
	case *log.EventEntryAdded:
		// What came of requests is seen below, where an answer to a form may well refuse it.
		if e.Entry.Source != log.EntrySourceNetwork && e.Entry.Level == log.EntryLevelError || e.Entry.Source == log.EntrySourceSecurity {
			complaint = "log: " + e.Entry.Text + " " + e.Entry.URL
		}
	case *network.EventResponseReceived:
		refused := e.Response.Status >= http.StatusBadRequest && e.Type != network.ResourceTypeDocument
		if refused || e.Response.Status >= http.StatusInternalServerError {
			complaint = fmt.Sprintf("answer %d: %s", e.Response.Status, e.Response.URL)
		}
	}
	if complaint != "" {
		w.mu.Lock()
		w.complaints = append(w.complaints, complaint)
		w.mu.Unlock()
	}
}

func (w *tab) requireNoComplaints() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Empty(w.t, w.complaints)
}

func (w *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	if err := chromedp.Do(w.ctx, steps...); err != nil {
		w.shot("failed-" + strings.ReplaceAll(w.t.Name(), "/", "-"))
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("what was waited for did not come: %w", err)
		}
		require.NoError(w.t, err)
	}
}

func (w *tab) open(path string) {
	w.t.Helper()
	w.do(chromedp.Navigate(w.shop + path))
}

// ask evaluates an expression in the page.
func ask[T any](w *tab, expression string) T {
	w.t.Helper()
	value, err := chromedp.Run(w.ctx, chromedp.Evaluate[T](expression))
	require.NoError(w.t, err, expression)
	return value
}

// submit presses a button that leads to another page, and waits for that.
func (w *tab) submit(selector string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, startTime)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
	if err != nil {
		w.shot("failed-" + strings.ReplaceAll(w.t.Name(), "/", "-"))
		require.NoError(w.t, err, "after a click on %s", selector)
	}
}

func (w *tab) fill(values map[string]string) {
	w.t.Helper()
	for name, value := range values {
		w.do(chromedp.SetValue(chromedp.CSS(fmt.Sprintf(`main [name=%q]`, name)), value))
	}
}

// see waits until the page shows a text.
func (w *tab) see(selector, text string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		shown, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector)))
		return err == nil && strings.Contains(shown, text)
	}, startTime, 50*time.Millisecond, "%s does not show %q", selector, text)
}

// shot keeps a picture of the whole page for people to look at.
func (w *tab) shot(name string) {
	w.t.Helper()
	picture, err := chromedp.Run(w.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		w.t.Log("no picture was taken: ", err)
		return
	}
	require.NoError(w.t, os.MkdirAll("shots", 0o750))
	require.NoError(w.t, os.WriteFile(filepath.Join("shots", name+".png"), picture, 0o600))
}
