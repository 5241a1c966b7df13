package usecase

import (
	"context"

	"eshop/domain"
	"eshop/port"
)

// Wishing is keeping a wishlist.
type Wishlist struct {
	wishlists port.Wishlists
	products  port.Products
	clock     Clock
	newID     NewID
}

// NewWishing keeps wishlists of products.
func NewWishlist(wishlists port.Wishlists, products port.Products, clock Clock, newID NewID) *Wishlist {
	return &Wishlist{wishlists, products, clock, newID}
}

// WishItem is a wish with its product. A product that is no longer sold is a domain.GoneProduct.
type WishlistEntry struct {
	domain.WishlistItem
	Product domain.Product
}

// Wishlist returns the owner's wishes, the newest first.
func (w *Wishlist) Items(ctx context.Context, owner domain.OwnerID) ([]WishlistEntry, error) {
	list, err := w.wishlists.Wishlist(ctx, owner)
	if err != nil {
		return nil, err
	}
	return w.items(ctx, list)
}

// Add puts a product on the wishlist; again, nothing changes.
func (w *Wishlist) Add(ctx context.Context, owner domain.OwnerID, product domain.ProductID) ([]WishlistEntry, error) {
	p, err := productByRef(ctx, w.products, string(product))
	if err != nil {
		return nil, err
	}
	wish := domain.WishlistItem{ID: domain.WishlistItemID(w.newID()), Product: p.ID, AddedAt: w.clock()}
	list, err := w.wishlists.UpdateWishlist(ctx, owner, func(l *domain.Wishlist) error { return l.Add(wish) })
	if err != nil {
		return nil, err
	}
	return w.items(ctx, list)
}

// Remove takes a wish off the list.
func (w *Wishlist) Remove(ctx context.Context, owner domain.OwnerID, wish domain.WishlistItemID) ([]WishlistEntry, error) {
	list, err := w.wishlists.UpdateWishlist(ctx, owner, func(l *domain.Wishlist) error { return l.Remove(wish) })
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
	products, err := productsByID(ctx, w.products, ids)
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
