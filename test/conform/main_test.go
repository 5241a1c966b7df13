package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/test/shop"
)

func products() []domain.Product {
	var all []domain.Product
	for i, stock := range []int{500, 500, 2} {
		id := string(rune('a' + i))
		all = append(all, domain.Product{
			ID: domain.ProductID(id), Slug: "thing-" + id, Name: "Thing " + id, Category: domain.Category{Slug: "things", Name: "Things"},
			Subcategory: domain.Category{Slug: "small", Name: "Small"}, Price: domain.Dollars(10), Stock: stock, AddedAt: shop.Opened,
		})
	}
	return all
}

// serve opens a shop in memory behind a server, and what is around it.
func serve(t *testing.T, around func(http.Handler) http.Handler) *httptest.Server {
	t.Helper()
	s := shop.Open(t, products())
	s.AddAccount("sue", domain.Staff)
	handler := s.Handler
	if around != nil {
		handler = around(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func try(t *testing.T, of *trial) report {
	t.Helper()
	all, err := of.try(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	t.Logf("\n%s%d requests", all, of.requests.Load())
	return all
}

func TestTrial_AShopThatKeepsItsPromises(t *testing.T) {
	server := serve(t, nil)
	of := newTrial(server.URL, server.URL)
	of.staff, of.password = "sue", shop.Password
	for _, l := range try(t, of) {
		assert.Empty(t, l.says, l.promise)
		assert.Empty(t, l.why, l.promise)
	}
}

// TestTrial_AShopThatDoesNot breaks one promise at a time, which must be named.
func TestTrial_AShopThatDoesNot(t *testing.T) {
	change := func(do func(w http.ResponseWriter, r *http.Request, next http.Handler)) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { do(w, r, next) })
		}
	}
	for promise, around := range map[string]func(http.Handler) http.Handler{
		noFailure: change(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			got := httptest.NewRecorder()
			next.ServeHTTP(got, r)
			if got.Code == http.StatusUnsupportedMediaType {
				got.Code = http.StatusInternalServerError
			}
			pass(w, got, got.Body.String())
		}),
		"a change with a key is made once, however often and at however many servers it is sent": change(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasPrefix(r.URL.Path, "/api/cart") {
				r.Header.Del("Idempotency-Key")
			}
			next.ServeHTTP(w, r)
		}),
		"a purchase with a key is one order, which adds up, and empties the cart": change(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			got := httptest.NewRecorder()
			next.ServeHTTP(got, r)
			pass(w, got, strings.ReplaceAll(got.Body.String(), `"shipping":{"amount":`, `"shipping":{"amount":1`))
		}),
		asDocumented: change(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			got := httptest.NewRecorder()
			next.ServeHTTP(got, r)
			body := got.Body.String()
			if strings.HasPrefix(r.URL.Path, "/api/products") {
				body = strings.ReplaceAll(body, `"rating"`, `"rated"`)
			}
			pass(w, got, body)
		}),
		"who signed out is signed out, and a wrong password lets nobody in": change(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.URL.Path == "/auth/logout" {
				w.Header().Set("Set-Cookie", "session=; Max-Age=0; Path=/")
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
		}),
		badInput: change(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Header.Get("Content-Type") == "text/plain" {
				r.Header.Set("Content-Type", "application/json")
			}
			next.ServeHTTP(w, r)
		}),
	} {
		t.Run(promise, func(t *testing.T) {
			t.Parallel()
			server := serve(t, around)
			of := newTrial(server.URL)
			switch of.only = []string{promise}; promise {
			case noFailure:
				of.only = []string{badInput}
			case asDocumented:
				of.only = []string{promises[0].name}
			}
			var broken []string
			for _, l := range try(t, of) {
				if len(l.says) > 0 {
					broken = append(broken, l.promise)
				}
			}
			assert.Contains(t, broken, promise)
		})
	}
	t.Run("what one server acknowledged another shows", func(t *testing.T) {
		of := newTrial(serve(t, nil).URL, serve(t, nil).URL)
		of.only = []string{"what one server acknowledged another shows"}
		assert.True(t, try(t, of).broken(), "two shops are not one")
	})
}

func TestRun_ExitsAsItSays(t *testing.T) {
	for name, one := range map[string]struct {
		url  string
		code int
	}{
		"a shop that fails": {serve(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/api/openapi.json" {
					next.ServeHTTP(w, r)
					return
				}
				w.WriteHeader(http.StatusBadGateway)
			})
		}).URL, 1},
		"no shop": {"http://127.0.0.1:1", 2},
		"another server": {func() string {
			s := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(s.Close)
			return s.URL
		}(), 2},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, one.code, run(context.WithoutCancel(t.Context()), "", []string{one.url}))
		})
	}
}

// pass passes a recorded answer on with another body.
func pass(w http.ResponseWriter, got *httptest.ResponseRecorder, body string) {
	for name, values := range got.Header() {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(got.Code)
	_, _ = w.Write([]byte(body))
}
