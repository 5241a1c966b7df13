package domain

import (
	"slices"
	"time"
)

// MaxWishes bounds a wishlist.
const MaxWishes = 200

// WishID names an entry of a wishlist.
type WishID string

// Wishlist is what a shopper may want one day, the newest wish last.
type Wishlist struct {
	Wishes []Wish
}

// Wish is one product on a wishlist.
type Wish struct {
	ID      WishID
	Product ProductID
	AddedAt time.Time
}

// Clone is a copy that shares nothing with w.
func (w Wishlist) Clone() Wishlist {
	w.Wishes = slices.Clone(w.Wishes)
	return w
}

// Has says whether the product is on the list.
func (w Wishlist) Has(p ProductID) bool {
	return slices.ContainsFunc(w.Wishes, func(wish Wish) bool { return wish.Product == p })
}

// Add puts a wish on the list; a product that is there already stays as it is.
func (w *Wishlist) Add(wish Wish) error {
	if w.Has(wish.Product) {
		return nil
	}
	if len(w.Wishes) >= MaxWishes {
		return ErrConflict.Errorf("wishlist_full", "a wishlist holds at most %d products", MaxWishes)
	}
	w.Wishes = append(w.Wishes, wish)
	return nil
}

// Remove takes the wish named id off the list.
func (w *Wishlist) Remove(id WishID) error {
	i := slices.IndexFunc(w.Wishes, func(wish Wish) bool { return wish.ID == id })
	if i < 0 {
		return ErrNotFound.Errorf("not_found", "that is no longer on the wishlist")
	}
	w.Wishes = slices.Delete(w.Wishes, i, i+1)
	return nil
}

// Merge adds the wishes of other, as far as there is room.
func (w *Wishlist) Merge(other Wishlist) {
	for _, wish := range other.Wishes {
		if len(w.Wishes) < MaxWishes && !w.Has(wish.Product) {
			w.Wishes = append(w.Wishes, wish)
		}
	}
}
