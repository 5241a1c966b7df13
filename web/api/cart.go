package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
)

func (a *API) cart(w http.ResponseWriter, r *http.Request) error {
	who, err := a.cookies.Visitor(r)
	if err != nil {
		return err
	}
	if !who.Known() {
		return answerCart(w, usecase.PricedCart{Totals: a.shop.Pricing.Totals(a.shop.Pricing.Sum(0))})
	}
	priced, err := a.shop.Cart.Priced(r.Context(), who.Session.Owner())
	if err != nil {
		return err
	}
	return answerCart(w, priced)
}

func (a *API) addToCart(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		ProductID string `json:"product_id"`
		Quantity  int    `json:"quantity"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	return a.changeCart(w, r, func(owner domain.OwnerID, key domain.IdempotencyKey) (domain.Cart, error) {
		return a.shop.Cart.Add(r.Context(), owner, domain.ProductID(in.ProductID), in.Quantity, key)
	})
}

func (a *API) setQuantity(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Quantity int `json:"quantity"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	return a.changeCart(w, r, func(owner domain.OwnerID, key domain.IdempotencyKey) (domain.Cart, error) {
		return a.shop.Cart.SetQuantity(r.Context(), owner, domain.LineID(mux.Vars(r)["id"]), in.Quantity, key)
	})
}

func (a *API) removeFromCart(w http.ResponseWriter, r *http.Request) error {
	return a.changeCart(w, r, func(owner domain.OwnerID, key domain.IdempotencyKey) (domain.Cart, error) {
		return a.shop.Cart.Remove(r.Context(), owner, domain.LineID(mux.Vars(r)["id"]), key)
	})
}

// changeCart makes a change to the visitor's cart and answers with what it is then.
func (a *API) changeCart(w http.ResponseWriter, r *http.Request, change func(domain.OwnerID, domain.IdempotencyKey) (domain.Cart, error)) error {
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	pass, err := a.cookies.Begin(r, key)
	if err != nil {
		return err
	}
	cart, err := change(pass.Session.Owner(), key)
	if err != nil {
		return err
	}
	priced, err := a.shop.Cart.Price(r.Context(), cart)
	if err != nil {
		return err
	}
	if err := a.cookies.Keep(w, r, pass); err != nil {
		return err
	}
	return answerCart(w, priced)
}
