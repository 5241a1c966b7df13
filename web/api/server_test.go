package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// ask sends a request to the whole server, pages and all.
func (s *shop) ask(method, path string) *httptest.ResponseRecorder {
	s.t.Helper()
	recorder := httptest.NewRecorder()
	s.Handler.ServeHTTP(recorder, httptest.NewRequestWithContext(s.t.Context(), method, path, nil))
	return recorder
}

func TestServer_SaysWhichMethodsAnAddressAnswers(t *testing.T) {
	s := open(t, quick)
	for path, want := range map[string][]string{
		"/":                      {"GET", "HEAD"},
		"/products":              {"GET", "HEAD"},
		"/products/birch":        {"GET", "HEAD"},
		"/search/suggest":        {"GET", "HEAD"},
		"/cart":                  {"GET", "HEAD"},
		"/cart/add":              {"POST"},
		"/wishlist/move":         {"POST"},
		"/checkout":              {"GET", "HEAD", "POST"},
		"/orders":                {"GET", "HEAD"},
		"/orders/E-1":            {"GET", "HEAD"},
		"/login":                 {"GET", "HEAD", "POST"},
		"/logout":                {"POST"},
		"/contact":               {"GET", "HEAD", "POST"},
		"/admin":                 {"GET", "HEAD"},
		"/admin/orders/E-1":      {"GET", "HEAD", "POST"},
		"/admin/products/p":      {"GET", "HEAD", "POST"},
		"/admin/products/new":    {"GET", "HEAD", "POST"},
		"/admin/products/p/edit": {"POST"},
		"/health":                {"GET", "HEAD"},
		"/ready":                 {"GET", "HEAD"},
		"/favicon.ico":           {"GET", "HEAD"},
		"/assets/app.js":         {"GET", "HEAD"},
		"/media/a.svg":           {"GET", "HEAD"},
		"/media/p/a.png":         {"GET", "HEAD"},
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CART"} {
			got := s.ask(method, path)
			if strings.Contains(strings.Join(want, " ")+" ", method+" ") {
				assert.NotEqual(t, http.StatusMethodNotAllowed, got.Code, "%s %s", method, path)
				continue
			}
			assert.Equal(t, http.StatusMethodNotAllowed, got.Code, "%s %s", method, path)
			assert.Equal(t, strings.Join(want, ", "), got.Header().Get("Allow"), "%s %s", method, path)
			assert.Equal(t, "shop-1", got.Header().Get("X-Served-By"), "%s %s", method, path)
		}
	}
	for _, path := range []string{"/api/cart/remove/", "/api/cart/remove/%2Fx", "/api/cart/remove//x", "/api/products/..%2F", "/api//cart/", "/api/./cart/", "//api/cart/"} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			got := s.ask(method, path)
			assert.Equal(t, http.StatusNotFound, got.Code, "%s %s", method, path)
			assert.Empty(t, got.Header().Get("Location"), "%s %s", method, path)
		}
	}
	for _, path := range []string{"/nothing", "/cart/", "/products/a/b", "/assets", "/admin/nothing"} {
		assert.Equal(t, http.StatusNotFound, s.ask(http.MethodPost, path).Code, path)
	}
}
