package usecase

import (
	"context"
	"errors"

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
	Pricing   domain.Pricing
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

// Add puts a product on the wishlist; again, nothing changes. A key that was used
// before changes nothing either.
func (w *Wishlist) Add(ctx context.Context, owner domain.OwnerID, product domain.ProductID, key domain.IdempotencyKey) ([]WishlistEntry, error) {
	p, err := productByRef(ctx, w.deps.Products, string(product))
	if err != nil {
		return w.repeated(ctx, owner, key, err)
	}
	wish := domain.WishlistItem{ID: domain.WishlistItemID(w.deps.NewID()), Product: p.ID, AddedAt: w.deps.Clock()}
	return w.update(ctx, owner, key, func(l *domain.Wishlist) error { return l.Add(wish) })
}

// Remove takes a wish off the list. A key that was used before changes nothing.
func (w *Wishlist) Remove(ctx context.Context, owner domain.OwnerID, wish domain.WishlistItemID, key domain.IdempotencyKey) ([]WishlistEntry, error) {
	return w.update(ctx, owner, key, func(l *domain.Wishlist) error { return l.Remove(wish) })
}

func (w *Wishlist) update(ctx context.Context, owner domain.OwnerID, key domain.IdempotencyKey, change func(*domain.Wishlist) error) ([]WishlistEntry, error) {
	list, err := w.deps.Wishlists.UpdateWishlist(ctx, owner, func(l *domain.Wishlist) error { return l.Once(key, change) })
	if err != nil {
		return nil, err
	}
	return w.items(ctx, list)
}

// repeated returns the owner's wishlist if the key has changed it before, else err,
// which keeps the change from being made now.
func (w *Wishlist) repeated(ctx context.Context, owner domain.OwnerID, key domain.IdempotencyKey, err error) ([]WishlistEntry, error) {
	if key == "" || !errors.Is(err, domain.ErrNotFound) {
		return nil, err
	}
	list, readErr := w.deps.Wishlists.Wishlist(ctx, owner)
	if readErr != nil {
		return nil, readErr
	}
	if !list.Changed(key) {
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
			p.Price = w.deps.Pricing.Sum(0)
		}
		items[len(items)-1-i] = WishlistEntry{wish, p}
	}
	return items, nil
}
