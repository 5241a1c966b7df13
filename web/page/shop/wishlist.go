package shop

import (
	"errors"
	"net/http"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/page/ui"
	"eshop/web/problem"
)

// Wishlist shows what the visitor saved for later.
func (p *Pages) Wishlist(w http.ResponseWriter, r *http.Request) error {
	return p.showWishlist(w, r, problem.Problem{})
}

func (p *Pages) showWishlist(w http.ResponseWriter, r *http.Request, prob problem.Problem) error {
	v, err := p.View(r)
	if err != nil {
		return err
	}
	v.Path = "/wishlist"
	var items []usecase.WishlistEntry
	if v.Visitor.Known() {
		if items, err = p.Shop.Wishlist.Items(r.Context(), v.Visitor.Session.Owner()); err != nil {
			return err
		}
	}
	return ui.RenderForm(w, r, prob, wishlistPage(v, items, prob))
}

// AddWish saves a product for later.
func (p *Pages) AddWish(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	pass, err := p.Cookies.Begin(r)
	if err != nil {
		return err
	}
	if _, err := p.Shop.Wishlist.Add(r.Context(), pass.Session.Owner(), domain.ProductID(f.Get("product_id"))); err != nil {
		return p.refuseChange(w, r, err)
	}
	if err := p.Cookies.Keep(w, r, pass); err != nil {
		return err
	}
	return ui.RedirectWithNotice(w, r, ui.ReturnPath(f, "/wishlist"), "wished")
}

// RemoveWish takes a product off the wishlist.
func (p *Pages) RemoveWish(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	pass, err := p.Cookies.Begin(r)
	if err != nil {
		return err
	}
	// A wish that is gone already is what was asked for.
	_, err = p.Shop.Wishlist.Remove(r.Context(), pass.Session.Owner(), domain.WishlistItemID(f.Get("wish")))
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return p.refuseChange(w, r, err)
	}
	return ui.RedirectWithNotice(w, r, ui.ReturnPath(f, "/wishlist"), "unwished")
}

// MoveWish puts a wish in the cart and then takes it off the list. Sent twice, the
// second finds nothing to move.
func (p *Pages) MoveWish(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	pass, err := p.Cookies.Begin(r)
	if err != nil {
		return err
	}
	key, err := ui.FormKey(f, "token")
	if err != nil {
		return err
	}
	owner, wish := pass.Session.Owner(), domain.WishlistItemID(f.Get("wish"))
	product, err := p.wished(r, owner, wish)
	if err != nil {
		return err
	}
	if product == "" {
		return ui.RedirectWithNotice(w, r, "/wishlist", "")
	}
	if _, err := p.Shop.Cart.Add(r.Context(), owner, product, 1, key); err != nil {
		return p.refuseChange(w, r, err)
	}
	if _, err := p.Shop.Wishlist.Remove(r.Context(), owner, wish); err != nil && !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	return ui.RedirectWithNotice(w, r, "/wishlist", "added")
}

// wished is the product of a wish; "" when there is no such wish.
func (p *Pages) wished(r *http.Request, owner domain.OwnerID, wish domain.WishlistItemID) (domain.ProductID, error) {
	items, err := p.Shop.Wishlist.Items(r.Context(), owner)
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

// refuseChange shows the wishlist again with what is wrong, if the user can fix it.
func (p *Pages) refuseChange(w http.ResponseWriter, r *http.Request, err error) error {
	prob, err := ui.UserError(err)
	if err != nil {
		return err
	}
	return p.showWishlist(w, r, ui.FoldFields(prob))
}
