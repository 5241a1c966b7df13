package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
)

func (a *API) wishlist(w http.ResponseWriter, r *http.Request) error {
	who, err := a.cookies.Visitor(r)
	if err != nil {
		return err
	}
	if !who.Known() {
		return answerWishes(w, nil)
	}
	wishes, err := a.shop.Wishlist.Items(r.Context(), who.Session.Owner())
	if err != nil {
		return err
	}
	return answerWishes(w, wishes)
}

func (a *API) addWish(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		ProductID string `json:"product_id"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	return a.changeWishes(w, r, func(owner domain.OwnerID, key domain.IdempotencyKey) ([]usecase.WishlistEntry, error) {
		return a.shop.Wishlist.Add(r.Context(), owner, domain.ProductID(in.ProductID), key)
	})
}

func (a *API) removeWish(w http.ResponseWriter, r *http.Request) error {
	return a.changeWishes(w, r, func(owner domain.OwnerID, key domain.IdempotencyKey) ([]usecase.WishlistEntry, error) {
		return a.shop.Wishlist.Remove(r.Context(), owner, domain.WishlistItemID(mux.Vars(r)["id"]), key)
	})
}

// changeWishes makes a change to the visitor's wishlist and answers with what it is then.
func (a *API) changeWishes(w http.ResponseWriter, r *http.Request, change func(domain.OwnerID, domain.IdempotencyKey) ([]usecase.WishlistEntry, error)) error {
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	pass, err := a.cookies.Begin(r, key)
	if err != nil {
		return err
	}
	wishes, err := change(pass.Session.Owner(), key)
	if err != nil {
		return err
	}
	if err := a.cookies.Keep(w, r, pass); err != nil {
		return err
	}
	return answerWishes(w, wishes)
}
