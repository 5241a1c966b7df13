package domain

import (
	"slices"
	"time"
)

// MaxWishlistItems bounds a wishlist.
const MaxWishlistItems = 200

// WishlistItemID names an entry of a wishlist.
type WishlistItemID string

// Wishlist is what a shopper may want one day, the newest wish last.
type Wishlist struct {
	Items []WishlistItem
	// Keys are those of the last changes, so that one that is sent again is not made again.
	Keys []string
}

// WishlistItem is one product on a wishlist.
type WishlistItem struct {
	ID      WishlistItemID
	Product ProductID
	AddedAt time.Time
}

// Clone is a copy that shares nothing with w.
func (w Wishlist) Clone() Wishlist {
	w.Items = slices.Clone(w.Items)
	w.Keys = slices.Clone(w.Keys)
	return w
}

// Changed reports whether a change with the key was made before. "" never was.
func (w Wishlist) Changed(key IdempotencyKey) bool {
	return key != "" && slices.Contains(w.Keys, string(key))
}

// Once makes change, unless a change with the same key was made before.
// A change that fails is not remembered.
func (w *Wishlist) Once(key IdempotencyKey, change func(*Wishlist) error) error {
	if w.Changed(key) {
		return nil
	}
	if err := change(w); err != nil {
		return err
	}
	if key != "" {
		w.Keys = usedKeys(w.Keys, string(key))
	}
	return nil
}

// Has reports whether the product is on the list.
func (w Wishlist) Has(p ProductID) bool {
	return slices.ContainsFunc(w.Items, func(wish WishlistItem) bool { return wish.Product == p })
}

// Add puts a wish on the list; a product that is there already stays as it is.
func (w *Wishlist) Add(wish WishlistItem) error {
	if w.Has(wish.Product) {
		return nil
	}
	if len(w.Items) >= MaxWishlistItems {
		return ErrConflict.Errorf(CodeWishlistFull, "a wishlist holds at most %d products", MaxWishlistItems)
	}
	w.Items = append(w.Items, wish)
	return nil
}

// Remove takes the wish named id off the list.
func (w *Wishlist) Remove(id WishlistItemID) error {
	i := slices.IndexFunc(w.Items, func(wish WishlistItem) bool { return wish.ID == id })
	if i < 0 {
		return ErrNotFound.Errorf(CodeNotFound, "that is no longer on the wishlist")
	}
	w.Items = slices.Delete(w.Items, i, i+1)
	return nil
}

// Merge adds the wishes of other, as far as there is room, and its keys.
func (w *Wishlist) Merge(other Wishlist) {
	for _, wish := range other.Items {
		if len(w.Items) < MaxWishlistItems && !w.Has(wish.Product) {
			w.Items = append(w.Items, wish)
		}
	}
	w.Keys = usedKeys(w.Keys, other.Keys...)
}
