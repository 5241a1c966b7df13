//go:build !race

package budget

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/cmd/eshop/demo"
	testshop "eshop/test/shop"
)

// slack is what a figure may differ by from run to run: maps grow, and ids have different lengths.
const slack = 1.05

// ask is a request that each run makes anew.
type ask struct {
	method, path, body string
}

func (a ask) request(cookie string) *http.Request {
	r := httptest.NewRequest(a.method, "http://shop.test"+a.path, strings.NewReader(a.body))
	r.RemoteAddr = "192.0.2.7:1234"
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return r
}

// TestBudgets asks a shop with the demo's products, in memory: what a store takes is not counted in it. A figure that
// has become better should be written here.
func TestBudgets(t *testing.T) {
	store := memory.NewStore()
	shop := testshop.Open(t, nil, func(p *testshop.Parts) {
		p.Stores = testshop.PartsOf(store).Stores
	})
	filler := demo.Loader{Products: store, Carts: store, Users: store, Orders: store, Passwords: testshop.Passwords{}}
	require.NoError(t, filler.Load(t.Context()))
	serve := func(a ask, cookie string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		shop.Handler.ServeHTTP(w, a.request(cookie))
		return w
	}
	const product = "belvue-boreal-travel-camera"
	add := ask{"POST", "/api/cart/add", `{"product_id":"cameras-00003","quantity":1}`}
	first := serve(add, "")
	require.Equal(t, http.StatusOK, first.Code, first.Body)
	cookie, _, _ := strings.Cut(first.Header().Get("Set-Cookie"), ";")
	require.NotEmpty(t, cookie)

	get := func(path string) []ask { return []ask{{"GET", path, ""}} }
	for _, one := range []struct {
		name        string
		asks        []ask // one after another
		cookie      string
		allocations float64 // of all, with those of the test's own recorder
		packed      int     // bytes of the last answer by gzip
	}{
		{"home", get("/"), "", 1614, 4534},
		{"listing", get("/products"), "", 2711, 6109},
		{"search", get("/products?q=camera"), "", 2405, 5399},
		{"product", get("/products/" + product), "", 1150, 3618},
		{"product, with a cart", get("/products/" + product), cookie, 1203, 3621},
		{"cart", get("/cart"), cookie, 381, 2305},
		{"JSON listing", get("/api/products/"), "", 188, 4767},
		{"JSON product", get("/api/products/" + product), "", 108, 423},
		{"add to cart", []ask{add}, cookie, 184, 484},
		{"add to cart and order", []ask{add, {"POST", "/api/checkout/process", purchase}}, cookie, 668, 414},
	} {
		t.Run(one.name, func(t *testing.T) {
			var last *httptest.ResponseRecorder
			run := func() {
				for _, a := range one.asks {
					last = serve(a, one.cookie)
				}
			}
			run()
			require.Less(t, last.Code, 300, last.Body)
			assert.Equal(t, strconv.Itoa(last.Body.Len()), last.Header().Get("Content-Length"), "an answer's end is told with its head")
			packed := pack(t, last.Body)
			allocations := testing.AllocsPerRun(20, run)
			require.Less(t, last.Code, 300, last.Body)
			t.Logf("%.0f allocations, %d bytes packed", allocations, packed)
			assert.LessOrEqual(t, allocations, one.allocations*slack)
			assert.LessOrEqual(t, float64(packed), float64(one.packed)*slack)
		})
	}
}

// purchase is what a guest sends to check out.
const purchase = `{"email": "guest@example.com",
	"shipping_address": {"name": "Jane Smith", "line1": "1 Harbour Street", "line2": "", "city": "Portland",
		"region": "OR", "postal_code": "97201", "country": "US", "phone": "+1 503 555 0100"},
	"payment": {"method": "demo_card", "card_number": "4242424242424242", "expiry": "12/30", "cvc": "123"}}`

func pack(t *testing.T, body io.Reader) int {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := io.Copy(w, body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return packed.Len()
}
