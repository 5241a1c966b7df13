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

func TestShedder_Line(t *testing.T) {
	s := newShedder()
	for path, want := range map[string]*line{
		"/": s.browsing, "/products": s.browsing, "/api/products/x": s.browsing, "/media/p/x.png": s.browsing, "/cartoon": s.browsing,
		"/cart": s.buying, "/api/cart/add": s.buying, "/checkout": s.buying, "/api/checkout/process": s.buying, "/orders/E-1": s.buying, "/admin": s.buying,
		"/login": s.signing, "/auth/register": s.signing,
		"/health": nil, "/ready": nil, "/assets/app.css": nil, "/favicon.ico": nil, "/media/lamp.svg": nil, "/ws/chat": nil,
	} {
		assert.Same(t, want, s.lineOf(path), path)
	}
}

func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(2, 3)
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

		l.leave()
		require.NoError(t, <-refused, "who leaves lets the next one in")
		for range 2 {
			assert.Equal(t, domain.CodeBusy, domain.CodeOf(<-refused))
		}
		assert.Equal(t, lineTime, time.Since(begun), "nobody waits longer")
		l.leave()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, l.enter(t.Context()), "who gave up holds nothing")
		assert.Error(t, l.enter(gone))
		l.leave()
		l.leave()
		assert.True(t, l.slots.TryAcquire(2))
	})
}

func TestShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		handler := shed(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
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
