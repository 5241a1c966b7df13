package shop

import (
	"errors"
	"net/http"
	"net/url"

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
	return p.Write(w, r, func(form url.Values, by usecase.Visitor) (string, string, error) {
		key, err := ui.FormKey(r, form, "token")
		if err != nil {
			return "", "", err
		}
		_, err = p.Shop.Wishlist.Add(r.Context(), by.Session.Owner(), domain.ProductID(form.Get("product_id")), key)
		return ui.ReturnPath(form, "/wishlist"), "wished", err
	}, p.refuseChange(w, r))
}

// RemoveWish takes a product off the wishlist. A wish that is gone already is what was asked for.
func (p *Pages) RemoveWish(w http.ResponseWriter, r *http.Request) error {
	return p.Write(w, r, func(form url.Values, by usecase.Visitor) (string, string, error) {
		key, err := ui.FormKey(r, form, "token")
		if err != nil {
			return "", "", err
		}
		err = p.removeWish(r, by.Session.Owner(), domain.WishlistItemID(form.Get("wish")), key)
		return ui.ReturnPath(form, "/wishlist"), "unwished", err
	}, p.refuseChange(w, r))
}

func (p *Pages) removeWish(r *http.Request, owner domain.OwnerID, wish domain.WishlistItemID, key domain.IdempotencyKey) error {
	_, err := p.Shop.Wishlist.Remove(r.Context(), owner, wish, key)
	if errors.Is(err, domain.ErrNotFound) {
		return nil
	}
	return err
}

// MoveWish puts a wish in the cart and then takes it off the list. Sent twice, the
// second finds nothing to move.
func (p *Pages) MoveWish(w http.ResponseWriter, r *http.Request) error {
	return p.Write(w, r, func(form url.Values, by usecase.Visitor) (string, string, error) {
		key, err := ui.FormKey(r, form, "token")
		if err != nil {
			return "", "", err
		}
		owner, wish := by.Session.Owner(), domain.WishlistItemID(form.Get("wish"))
		product, err := p.wished(r, owner, wish)
		if err != nil || product == "" {
			return "/wishlist", "", err
		}
		if _, err := p.Shop.Cart.Add(r.Context(), owner, product, 1, key); err != nil {
			return "", "", err
		}
		return "/wishlist", "added", p.removeWish(r, owner, wish, key)
	}, p.refuseChange(w, r))
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

// refuseChange returns a func that shows the wishlist again with what is wrong, if the user can fix it.
func (p *Pages) refuseChange(w http.ResponseWriter, r *http.Request) func(url.Values, error) error {
	return func(_ url.Values, err error) error {
		prob, err := ui.UserError(err)
		if err != nil {
			return err
		}
		return p.showWishlist(w, r, ui.FoldFields(prob))
	}
}
