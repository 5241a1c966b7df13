// Package api is the shop as JSON, for scripts, other teams' clients and the
// pages' own scripts. What it promises is written in openapi.json beside this
// file, which it serves itself; its tests hold every answer against that document.
package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"eshop/usecase"
	"eshop/web/asset"
	"eshop/web/problem"
	"eshop/web/session"
)

// API answers clients that speak JSON.
type API struct {
	cookies *session.Cookies
	shop    *usecase.Shop
	assets  asset.Prefix
}

// New makes the JSON interface of a shop, whose page of documentation loads from assets.
func New(cookies *session.Cookies, shop *usecase.Shop, assets asset.Prefix) *API {
	return &API{cookies, shop, assets}
}

// Mount gives r every call. What can be read with GET answers HEAD too.
func (a *API) Mount(r *mux.Router) {
	for _, route := range []struct {
		method, path string
		answer       handler
	}{
		{"POST", "/auth/register", a.register},
		{"POST", "/auth/login", a.signIn},
		{"POST", "/auth/logout", a.visitor(a.signOut)},
		{"GET", "/auth/current-user", a.visitor(a.currentUser)},
		{"POST", "/auth/password", a.changePassword},
		{"GET", "/auth/sessions", a.visitor(a.sessions)},
		{"DELETE", "/auth/sessions", a.visitor(a.endOtherSessions)},
		{"DELETE", "/auth/sessions/{id}", a.visitor(a.endSession)},

		{"GET", "/api/products/", a.products},
		{"GET", "/api/products", a.products},
		{"GET", "/api/products/categories", a.categories},
		{"GET", "/api/products/{id}", a.product},

		{"GET", "/api/cart/", a.cart},
		{"GET", "/api/cart", a.cart},
		{"POST", "/api/cart/add", a.addToCart},
		{"PUT", "/api/cart/update/{id}", a.setQuantity},
		{"DELETE", "/api/cart/remove/{id}", a.removeFromCart},

		{"GET", "/api/wishlist/", a.wishlist},
		{"GET", "/api/wishlist", a.wishlist},
		{"POST", "/api/wishlist/add", a.addWish},
		{"DELETE", "/api/wishlist/remove/{id}", a.removeWish},

		{"POST", "/api/checkout/process", a.buy},
		{"GET", "/api/checkout/orders", a.visitor(a.orders)},
		{"GET", "/api/checkout/orders/{id}", a.visitor(a.order)},

		{"POST", "/api/contact", a.contact},

		{"GET", "/api/chat/messages", a.chat},
		{"POST", "/api/chat/messages", a.say},
		{"POST", "/api/chat/read", a.read},
		{"GET", "/api/support/conversations", a.conversations},
		{"GET", "/api/support/conversations/{id}", a.conversation},
		{"GET", "/api/support/conversations/{id}/messages", a.messages},
		{"POST", "/api/support/conversations/{id}/messages", a.answerShopper},
		{"POST", "/api/support/conversations/{id}/read", a.markRead},
		{"POST", "/api/support/conversations/{id}/take", a.move(usecase.TakeOver)},
		{"POST", "/api/support/conversations/{id}/hand-back", a.move(usecase.HandBack)},
		{"POST", "/api/support/conversations/{id}/close", a.move(usecase.CloseIt)},
		{"POST", "/api/support/conversations/{id}/reopen", a.move(usecase.Reopen)},

		{"GET", "/api/openapi.json", a.document},
		{"GET", "/api/docs", a.docs},
	} {
		methods := []string{route.method}
		if route.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		r.Methods(methods...).Path(route.path).Handler(handle(route.answer))
	}
}

// handler is a call that may fail; the failure becomes a problem document.
type handler func(w http.ResponseWriter, r *http.Request) error

// visitor passes who calls.
func (a *API) visitor(h func(http.ResponseWriter, *http.Request, usecase.Visitor) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := a.cookies.Visitor(r)
		if err != nil {
			return err
		}
		return h(w, r, who)
	}
}

func handle(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			problem.Write(w, r, err)
		}
	})
}
