package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

// processors are those of the servers here, whatever the machine has.
const processors = 2

func TestShedder_Line(t *testing.T) {
	s := newShedder(processors)
	for path, want := range map[string]*line{
		"/": s.browsing, "/products": s.browsing, "/api/products/x": s.browsing, "/media/p/x.png": s.browsing, "/cartoon": s.browsing,
		"/cart": s.buying, "/api/cart/add": s.buying, "/checkout": s.paying, "/api/checkout/process": s.paying, "/api/checkout/orders": s.buying, "/orders/E-1": s.buying, "/admin": s.buying,
		"/login": s.signing, "/auth/register": s.signing,
		"/health": nil, "/ready": nil, "/assets/app.css": nil, "/favicon.ico": nil, "/media/lamp.svg": nil, "/logo/x": nil, "/ws/chat": nil,
	} {
		assert.Same(t, want, s.lineOf(path), path)
	}
}

func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(2, 3, time.Second)
		require.NoError(t, l.enter(t.Context()))
		require.NoError(t, l.enter(t.Context()))
		refused := make(chan error, 3)
		for range 3 {
			go func() { refused <- l.enter(t.Context()) }()
		}
		synctest.Wait()
		begun := time.Now()
		assert.Equal(t, domain.CodeBusy, domain.CodeOf(l.enter(t.Context())), "the line is full")
		assert.Zero(t, time.Since(begun), "which is told at once")

		l.leave(0)
		require.NoError(t, <-refused, "who leaves lets the next one in")
		for range 2 {
			assert.Equal(t, domain.CodeBusy, domain.CodeOf(<-refused))
		}
		assert.Equal(t, lineTime, time.Since(begun), "nobody waits longer")
		l.leave(0)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, l.enter(t.Context()), "who gave up holds nothing")
		assert.Error(t, l.enter(gone))
		l.leave(0)
		l.leave(0)
		assert.True(t, l.slots.TryAcquire(2))
	})
}

func TestShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		handler := newShedder(processors).before(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/products" {
				<-hold
			}
		}))
		ask := func(path string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			return w
		}
		var crowd sync.WaitGroup
		for range 5000 {
			crowd.Go(func() { ask("/products") })
		}
		synctest.Wait()
		for path, kind := range map[string]string{"/": "text/html; charset=utf-8", "/api/products/": "application/problem+json"} {
			refused := ask(path)
			assert.Equal(t, http.StatusServiceUnavailable, refused.Code, path)
			assert.NotEmpty(t, refused.Header().Get("Retry-After"), path)
			assert.Equal(t, kind, refused.Header().Get("Content-Type"), path)
		}
		for _, path := range []string{"/cart", "/api/checkout/process", "/health", "/assets/app.css", "/login"} {
			assert.Equal(t, http.StatusOK, ask(path).Code, "%s is not kept out by those who browse", path)
		}
		close(hold)
		crowd.Wait()
		assert.Equal(t, http.StatusOK, ask("/").Code)
	})
}

// TestShed_WhoPays has more wait for the payment gateway than a server has at work.
func TestShed_WhoPays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		handler := newShedder(processors).before(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				<-hang
			}
		}))
		ask := func(method, path string) int {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
			return w.Code
		}
		var crowd sync.WaitGroup
		for range 500 {
			crowd.Go(func() { ask(http.MethodPost, "/checkout") })
			crowd.Go(func() { ask(http.MethodPost, "/api/checkout/process") })
		}
		synctest.Wait()
		begun := time.Now()
		for _, path := range []string{"/", "/cart", "/api/cart", "/orders", "/api/checkout/orders", "/admin/orders", "/login"} {
			assert.Equal(t, http.StatusOK, ask(http.MethodGet, path), "%s is not kept out by those who pay", path)
		}
		assert.Zero(t, time.Since(begun))
		close(hang)
		crowd.Wait()
	})
}

// TestShed_OneVisitor has one visitor ask for more than a server has at work, each waiting for what they asked for before.
func TestShed_OneVisitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		oneCart := make(chan struct{}, 1)
		handler := newShedder(processors).before(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				oneCart <- struct{}{}
				time.Sleep(5 * time.Millisecond)
				<-oneCart
			}
		}))
		ask := func(method, secret string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), method, "/api/cart/update/1", nil)
			if secret != "" {
				r.AddCookie(&http.Cookie{Name: "session", Value: secret})
			}
			handler.ServeHTTP(w, r)
			return w
		}
		var crowd sync.WaitGroup
		var mu sync.Mutex
		answers := map[int]int{}
		for range 1000 {
			crowd.Go(func() {
				w := ask(http.MethodPut, "a program's")
				mu.Lock()
				defer mu.Unlock()
				answers[w.Code]++
				if w.Code != http.StatusOK {
					assert.NotEmpty(t, w.Header().Get("Retry-After"))
				}
			})
		}
		synctest.Wait()
		for range 100 {
			begun := time.Now()
			assert.Equal(t, http.StatusOK, ask(http.MethodGet, "somebody else's").Code)
			assert.Equal(t, http.StatusOK, ask(http.MethodGet, "").Code, "who has no cookie yet")
			assert.Zero(t, time.Since(begun), "who waits for nobody is not kept waiting")
			time.Sleep(10 * time.Millisecond)
		}
		crowd.Wait()
		assert.Greater(t, answers[http.StatusOK], 300, "the program is served one after another")
		assert.Equal(t, 1000, answers[http.StatusOK]+answers[http.StatusTooManyRequests], "or told that it asks too often: %v", answers)
		assert.Equal(t, http.StatusOK, ask(http.MethodPut, "a program's").Code, "and has its turn again afterwards")
	})
}

// overload offers a server perSecond requests of browsers for the time, each of which keeps one of its slots for
// a while, and asks for a purchase beside it now and then. Like nginx it gives up after a second and asks once more.
func overload(t *testing.T, perSecond int, during, one time.Duration) (well, late, refused, bought int) {
	handler := newShedder(processors).before(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(one)
		if r.Context().Err() != nil {
			w.WriteHeader(http.StatusGatewayTimeout) // nobody waits for it
		}
	}))
	ask := func(path string) (status int, took time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun, w := time.Now(), httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
		if ctx.Err() != nil {
			return http.StatusGatewayTimeout, time.Since(begun)
		}
		return w.Code, time.Since(begun)
	}
	var (
		under sync.WaitGroup
		mu    sync.Mutex
	)
	for n := range int(during.Seconds() * float64(perSecond)) {
		under.Go(func() {
			status, took := ask("/products")
			if status == http.StatusGatewayTimeout {
				status, took = ask("/products")
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case status == http.StatusOK:
				well++
			case took > browsingPatience:
				late++
			default:
				refused++
			}
		})
		if n%perSecond == 0 {
			under.Go(func() {
				if status, _ := ask("/checkout"); status == http.StatusOK {
					mu.Lock()
					defer mu.Unlock()
					bought++
				}
			})
		}
		time.Sleep(time.Second / time.Duration(perSecond))
	}
	under.Wait()
	return well, late, refused, bought
}

func TestShed_ThreeTimesCapacity(t *testing.T) {
	for _, one := range []time.Duration{20 * time.Millisecond, 80 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			const seconds = 20
			capacity := int(newShedder(processors).browsing.atWork) * int(time.Second/one)
			well, late, refused, bought := overload(t, 3*capacity, seconds*time.Second, one)
			t.Logf("%d a second can be answered: of %d well %d (%.2f of the best), refused early %d, late %d",
				capacity, well+late+refused, well, float64(well)/float64(seconds*capacity), refused, late)
			assert.GreaterOrEqual(t, well, seconds*capacity*9/10)
			assert.Less(t, late, refused/5, "who is not served is told so early, once the line was full")
			assert.Equal(t, seconds, bought, "whoever buys waits behind nobody who browses")
		})
	}
}

func TestShed_AThousandAtOnce(t *testing.T) {
	for _, one := range []time.Duration{time.Millisecond, 20 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			handler := newShedder(processors).before(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(one) }))
			var crowd sync.WaitGroup
			for range 1000 {
				crowd.Go(func() {
					for range 20 {
						w := httptest.NewRecorder()
						handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
						assert.Equal(t, http.StatusOK, w.Code)
					}
				})
			}
			crowd.Wait()
		})
	}
}
