package usecase

import (
	"context"

	"eshop/domain"
	"eshop/port"
)

// Wishing is keeping a wishlist.
type Wishing struct {
	wishlists port.Wishlists
	products  port.Products
	clock     Clock
	newID     NewID
}

// NewWishing keeps wishlists of products.
func NewWishing(wishlists port.Wishlists, products port.Products, clock Clock, newID NewID) *Wishing {
	return &Wishing{wishlists, products, clock, newID}
}

// WishItem is a wish with its product. A product that is no longer sold is a domain.GoneProduct.
type WishItem struct {
	domain.Wish
	Product domain.Product
}

// Wishlist returns the owner's wishes, the newest first.
func (w *Wishing) Wishlist(ctx context.Context, owner domain.OwnerID) ([]WishItem, error) {
	list, err := w.wishlists.Wishlist(ctx, owner)
	if err != nil {
		return nil, err
	}
	return w.items(ctx, list)
}

// Add puts a product on the wishlist; again, nothing changes.
func (w *Wishing) Add(ctx context.Context, owner domain.OwnerID, product domain.ProductID) ([]WishItem, error) {
	p, err := productByRef(ctx, w.products, string(product))
	if err != nil {
		return nil, err
	}
	wish := domain.Wish{ID: domain.WishID(w.newID()), Product: p.ID, AddedAt: w.clock()}
	list, err := w.wishlists.UpdateWishlist(ctx, owner, func(l *domain.Wishlist) error { return l.Add(wish) })
	if err != nil {
		return nil, err
	}
	return w.items(ctx, list)
}

// Remove takes a wish off the list.
func (w *Wishing) Remove(ctx context.Context, owner domain.OwnerID, wish domain.WishID) ([]WishItem, error) {
	list, err := w.wishlists.UpdateWishlist(ctx, owner, func(l *domain.Wishlist) error { return l.Remove(wish) })
	if err != nil {
		return nil, err
	}
	return w.items(ctx, list)
}

func (w *Wishing) items(ctx context.Context, list domain.Wishlist) ([]WishItem, error) {
	ids := make([]domain.ProductID, len(list.Wishes))
	for i, wish := range list.Wishes {
		ids[i] = wish.Product
	}
	products, err := productsByID(ctx, w.products, ids)
	if err != nil {
		return nil, err
	}
	items := make([]WishItem, len(list.Wishes))
	for i, wish := range list.Wishes {
		p := products[wish.Product]
		if p.ID == "" {
			p = domain.GoneProduct(wish.Product)
		}
		items[len(items)-1-i] = WishItem{wish, p}
	}
	return items, nil
}
