package usecase

import (
	"context"

	"eshop/domain"
	"eshop/port"
)

// Wishlist keeps wishlists.
type Wishlist struct{ deps WishlistDeps }

// WishlistDeps is what Wishlist needs; every field must be set.
type WishlistDeps struct {
	Wishlists port.Wishlists
	Products  port.Products
	Clock     Clock
	NewID     NewID
}

// NewWishlist returns Wishlist on deps.
func NewWishlist(deps WishlistDeps) *Wishlist { return &Wishlist{deps} }

// WishlistEntry is an item of a wishlist with its product. A product that is no longer sold is a domain.DiscontinuedProduct.
type WishlistEntry struct {
	domain.WishlistItem
	Product domain.Product
}

// Items returns the owner's wishlist, the newest first.
func (w *Wishlist) Items(ctx context.Context, owner domain.OwnerID) ([]WishlistEntry, error) {
	list, err := w.deps.Wishlists.Wishlist(ctx, owner)
	if err != nil {
		return nil, err
	}
	return w.items(ctx, list)
}

// Add puts a product on the wishlist; again, nothing changes.
func (w *Wishlist) Add(ctx context.Context, owner domain.OwnerID, product domain.ProductID) ([]WishlistEntry, error) {
	p, err := productByRef(ctx, w.deps.Products, string(product))
	if err != nil {
		return nil, err
	}
	wish := domain.WishlistItem{ID: domain.WishlistItemID(w.deps.NewID()), Product: p.ID, AddedAt: w.deps.Clock()}
	list, err := w.deps.Wishlists.UpdateWishlist(ctx, owner, func(l *domain.Wishlist) error { return l.Add(wish) })
	if err != nil {
		return nil, err
	}
	return w.items(ctx, list)
}

// Remove takes a wish off the list.
func (w *Wishlist) Remove(ctx context.Context, owner domain.OwnerID, wish domain.WishlistItemID) ([]WishlistEntry, error) {
	list, err := w.deps.Wishlists.UpdateWishlist(ctx, owner, func(l *domain.Wishlist) error { return l.Remove(wish) })
	if err != nil {
		return nil, err
	}
	return w.items(ctx, list)
}

func (w *Wishlist) items(ctx context.Context, list domain.Wishlist) ([]WishlistEntry, error) {
	ids := make([]domain.ProductID, len(list.Items))
	for i, wish := range list.Items {
		ids[i] = wish.Product
	}
	products, err := productsByID(ctx, w.deps.Products, ids)
	if err != nil {
		return nil, err
	}
	items := make([]WishlistEntry, len(list.Items))
	for i, wish := range list.Items {
		p := products[wish.Product]
		if p.ID == "" {
			p = domain.DiscontinuedProduct(wish.Product)
		}
		items[len(items)-1-i] = WishlistEntry{wish, p}
	}
	return items, nil
}
