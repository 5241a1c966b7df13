package page

import (
	"errors"
	"net/http"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/problem"
)

func (p *Pages) mountWishlist(r *mux.Router) {
	r.Methods("GET", "HEAD").Path("/wishlist").Handler(p.handle(p.wishlist))
	r.Methods("POST").Path("/wishlist/add").Handler(p.handle(p.addWish))
	r.Methods("POST").Path("/wishlist/remove").Handler(p.handle(p.removeWish))
	r.Methods("POST").Path("/wishlist/move").Handler(p.handle(p.moveWish))
}

func (p *Pages) wishlist(w http.ResponseWriter, r *http.Request) error {
	return p.showWishlist(w, r, problem.Problem{})
}

func (p *Pages) showWishlist(w http.ResponseWriter, r *http.Request, what problem.Problem) error {
	v, err := p.view(r)
	if err != nil {
		return err
	}
	v.Path = "/wishlist"
	var items []usecase.WishlistEntry
	if v.Visitor.Known() {
		if items, err = p.shop.Wishlist.Items(r.Context(), v.Visitor.Session.Owner()); err != nil {
			return err
		}
	}
	return again(w, r, what, wishlistPage(v, items, what))
}

func (p *Pages) addWish(w http.ResponseWriter, r *http.Request) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	pass, err := p.cookies.Begin(r)
	if err != nil {
		return err
	}
	if _, err := p.shop.Wishlist.Add(r.Context(), pass.Session.Owner(), domain.ProductID(f.Get("product_id"))); err != nil {
		return p.wishMistake(w, r, err)
	}
	if err := p.cookies.Keep(w, r, pass); err != nil {
		return err
	}
	return back(w, r, from(f, "/wishlist"), "wished")
}

func (p *Pages) removeWish(w http.ResponseWriter, r *http.Request) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	pass, err := p.cookies.Begin(r)
	if err != nil {
		return err
	}
	// A wish that is gone already is what was asked for.
	_, err = p.shop.Wishlist.Remove(r.Context(), pass.Session.Owner(), domain.WishlistItemID(f.Get("wish")))
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return p.wishMistake(w, r, err)
	}
	return back(w, r, from(f, "/wishlist"), "unwished")
}

// moveWish puts a wish in the cart and then takes it off the list. Sent twice, the
// second finds nothing to move.
func (p *Pages) moveWish(w http.ResponseWriter, r *http.Request) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	pass, err := p.cookies.Begin(r)
	if err != nil {
		return err
	}
	key, err := formKey(f, "token")
	if err != nil {
		return err
	}
	owner, wish := pass.Session.Owner(), domain.WishlistItemID(f.Get("wish"))
	product, err := p.wished(r, owner, wish)
	if err != nil {
		return err
	}
	if product == "" {
		return back(w, r, "/wishlist", "")
	}
	if _, err := p.shop.Cart.Add(r.Context(), owner, product, 1, key); err != nil {
		return p.wishMistake(w, r, err)
	}
	if _, err := p.shop.Wishlist.Remove(r.Context(), owner, wish); err != nil && !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	return back(w, r, "/wishlist", "added")
}

// wished is the product of a wish; "" when there is no such wish.
func (p *Pages) wished(r *http.Request, owner domain.OwnerID, wish domain.WishlistItemID) (domain.ProductID, error) {
	items, err := p.shop.Wishlist.Items(r.Context(), owner)
	if err != nil {
		return "", err
	}
	for _, item := range items {
		if item.ID == wish {
			return item.WishlistItem.Product, nil
		}
	}
	return "", nil
}

func (p *Pages) wishMistake(w http.ResponseWriter, r *http.Request, err error) error {
	what, err := mistake(err)
	if err != nil {
		return err
	}
	return p.showWishlist(w, r, unmarked(what))
}
