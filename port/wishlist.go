package port

import (
	"context"

	"eshop/domain"
)

// Wishlists keeps wishlists, with the promises of Carts.
type Wishlists interface {
	// Wishlist returns the wishlist of owner, the newest item last; one never kept is empty.
	Wishlist(ctx context.Context, owner domain.OwnerID) (domain.Wishlist, error)

	// UpdateWishlist passes the wishlist to change, keeps the result and returns
	// it. Updates of one wishlist happen one after another. When change fails
	// nothing is kept and its error comes back. change may run more than once.
	UpdateWishlist(ctx context.Context, owner domain.OwnerID, change func(*domain.Wishlist) error) (domain.Wishlist, error)

	// MergeWishlist moves the items of one list into another by
	// domain.Wishlist.Merge and leaves the first empty. Merging again changes nothing.
	MergeWishlist(ctx context.Context, from, into domain.OwnerID) error
}
