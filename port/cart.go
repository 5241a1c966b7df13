package port

import (
	"context"

	"eshop/domain"
)

// Carts keeps carts.
type Carts interface {
	// Cart returns the cart of owner, its lines in the order they were added; one
	// never kept is empty, not an error.
	Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error)

	// UpdateCart passes the cart to change, keeps the result and returns it.
	// Updates of one cart happen one after another, whichever server asks. When
	// change fails nothing is kept and its error comes back. change may run more
	// than once and must not call the store.
	UpdateCart(ctx context.Context, owner domain.OwnerID, change func(*domain.Cart) error) (domain.Cart, error)

	// MergeCart moves the lines of one cart into another by domain.Cart.Merge and
	// leaves the first empty. Merging again changes nothing.
	MergeCart(ctx context.Context, from, into domain.OwnerID) error
}
