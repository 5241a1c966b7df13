package cluster

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/history"
)

// fate is what becomes of a request.
type fate string

const (
	fine     fate = "fine"
	lost     fate = "lost"                   // nothing is done, and 503 is said
	made     fate = "made, and called lost"  // it is done, and 503 is said
	onItsWay fate = "made later"             // 503 is said, and it is done when the next change is asked for
	cutShort fate = "made, and half said so" // it is done, and the connection ends in the middle of the answer
)

// frailShop has one cart, and makes each change once per key. What becomes of its
// next requests is for the test to say; that of all others is fine.
type frailShop struct {
	mu     sync.Mutex
	next   []fate
	held   map[string]int
	names  map[string]string // of the lines, by product
	keys   map[string]bool
	behind func() // on its way
	buy    http.HandlerFunc
}

func (s *frailShop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := fine
	if len(s.next) > 0 {
		what, s.next = s.next[0], s.next[1:]
	}
	status := http.StatusOK
	if r.Method != http.MethodGet {
		if s.behind != nil {
			s.behind()
			s.behind = nil
		}
		var in struct {
			ProductID string `json:"product_id"`
			Quantity  int    `json:"quantity"`
		}
		_ = json.NewDecoder(r.Body).Decode(&in) // removing has no body
		do := func() { status = s.change(r, in.ProductID, in.Quantity) }
		switch what {
		case onItsWay:
			s.behind = do
		case fine, made, cutShort:
			if r.URL.Path == "/api/checkout/process" && what == fine {
				s.buy(w, r)
				return
			}
			do()
		}
	}
	switch what {
	case lost, made, onItsWay:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("{}"))
		return
	case cutShort:
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"cart":`))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
	var items []map[string]any
	for product, n := range s.held {
		items = append(items, map[string]any{"id": s.names[product], "product": map[string]any{"id": product}, "quantity": n})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"cart": map[string]any{"items": items}})
}

// change makes a change of the cart and returns the status of its answer.
func (s *frailShop) change(r *http.Request, product string, n int) int {
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		if s.keys[key] {
			return http.StatusOK
		}
		defer func() { s.keys[key] = true }()
	}
	line := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch r.Method {
	case http.MethodPost:
		s.held[product] += n
		s.names[product] = "the line of " + product
		return http.StatusOK
	case http.MethodPut, http.MethodDelete:
		for product, name := range s.names {
			if name != line {
				continue
			}
			if s.held[product] = n; n == 0 {
				delete(s.held, product)
				delete(s.names, product)
			}
			return http.StatusOK
		}
	}
	return http.StatusNotFound
}

// frail is a shopper of a frail shop whose cart has two of a pot.
func frail(t *testing.T) (*shopper, *frailShop) {
	t.Helper()
	shop := &frailShop{held: map[string]int{"pot": 2}, names: map[string]string{"pot": "the line of pot"}, keys: map[string]bool{}}
	server := httptest.NewServer(shop)
	t.Cleanup(server.Close)
	s := &shopper{
		email: "sam@mail.example", bases: []string{server.URL}, pause: time.Millisecond, client: &http.Client{Transport: &http.Transport{}},
		chance: rand.New(rand.NewPCG(1, 1)), cart: map[string]int{"pot": 2}, lines: map[string]string{},
	}
	t.Cleanup(s.client.CloseIdleConnections)
	(&Shoppers{all: []*shopper{s}}).Begin(nil)
	s.readCart() // and keeps the connection
	require.Empty(t, s.grievances)
	return s, shop
}

// TestShopper_AChangeInDoubt holds the shoppers themselves to what the shop promises:
// a change whose answer failed may have been made or not, and one without a key that
// is sent again may be made twice.
func TestShopper_AChangeInDoubt(t *testing.T) {
	for name, change := range map[string]struct {
		make  func(s *shopper, key string)
		after map[string]int // what the cart then has
	}{
		"an add of what is there": {func(s *shopper, key string) {
			s.change(history.Add{Product: "pot", N: 1}, "POST", "/api/cart/add", map[string]any{"product_id": "pot", "quantity": 1}, key, s.with("pot", 3))
		}, map[string]int{"pot": 3}},
		"an add of what is not there": {func(s *shopper, key string) {
			s.change(history.Add{Product: "tea", N: 1}, "POST", "/api/cart/add", map[string]any{"product_id": "tea", "quantity": 1}, key, s.with("tea", 1))
		}, map[string]int{"pot": 2, "tea": 1}},
		"a quantity": {func(s *shopper, key string) {
			s.change(history.Put{Product: "pot", N: 5}, "PUT", "/api/cart/update/"+s.lines["pot"], map[string]any{"quantity": 5}, key, s.with("pot", 5))
		}, map[string]int{"pot": 5}},
		"a removal": {func(s *shopper, key string) {
			s.change(history.Put{Product: "pot"}, "DELETE", "/api/cart/remove/"+s.lines["pot"], nil, key, s.with("pot", 0))
		}, map[string]int{}},
	} {
		for _, key := range []string{"", "a-key"} {
			for _, first := range []fate{lost, made, onItsWay, cutShort} {
				t.Run(fmt.Sprintf("%s with the key %q is %s", name, key, first), func(t *testing.T) {
					for _, next := range [][]fate{nil, {lost}, {fine, lost}, {lost, fine, lost}} {
						s, shop := frail(t)
						shop.next = append([]fate{first}, next...)
						want := change.after
						if first == lost && key == "" {
							want = maps.Clone(shop.held)
						}
						change.make(s, key)
						s.readCart()
						assert.Empty(t, s.grievances, "then %v", next)
						assert.Empty(t, s.history.Check(time.Second), "then %v", next)
						assert.Equal(t, want, shop.held, "then %v", next)
						assert.Equal(t, want, s.cart, "then %v", next)
					}
				})
			}
		}
	}
}

// TestShopper_SoldOutAfterAFailedCheckout takes lines out by the names that they have
// now: an order that was cancelled has given them back under others.
func TestShopper_SoldOutAfterAFailedCheckout(t *testing.T) {
	s, shop := frail(t)
	shop.next = []fate{lost}
	shop.buy = func(w http.ResponseWriter, _ *http.Request) {
		shop.names["pot"] = "pot"
		w.WriteHeader(http.StatusConflict)
		_ = json.NewEncoder(w).Encode(map[string]any{"code": "out_of_stock", "lines": []any{map[string]any{"product_id": "pot"}}})
	}
	s.buy()
	assert.Empty(t, s.grievances)
	assert.Empty(t, s.history.Check(time.Second))
	assert.Empty(t, shop.held)
	assert.Empty(t, s.cart)
	assert.Empty(t, s.orders)
}
