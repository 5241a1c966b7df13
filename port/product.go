package port

import (
	"context"

	"eshop/domain"
)

// Products keeps the products that the shop sells. What one server changed is seen there
// from then on, and on others when they hear of it, as with Sessions. While the
// store is away, what was read before may go on being shown.
type Products interface {
	// Product returns the product whose id, or else whose slug, is ref; ErrNotFound when there is none.
	Product(ctx context.Context, ref string) (domain.Product, error)

	// Products returns those of the products named that there are, in no order.
	Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error)

	// ChangedProducts returns at most limit products that changed after the cursor,
	// and the cursor behind them. It is how a catalog elsewhere follows this store:
	// every product that was put, updated or removed, or whose stock or number sold
	// changed, comes at least once, as it is now. A removed one comes as its
	// domain.DiscontinuedProduct (a tombstone).
	//
	// Who goes on from each cursor misses nothing, on any server, however late a
	// change is committed: all that was changed by calls that have returned comes
	// before the first empty page. A page may be shorter than limit. From "" come
	// all products that there are or were, so a follower may start again at any
	// time, and must when the store was restored from a backup. ErrInvalid when the
	// store has not given the cursor.
	ChangedProducts(ctx context.Context, after domain.Cursor, limit int) (changed []domain.Product, next domain.Cursor, err error)

	// PutProducts adds the products, or changes those that are there by id. The
	// stock and the number sold of one that is there stay as they are; those of a
	// new one are taken, the stock with a movement as received at its AddedAt. ErrConflict
	// `slug_taken` when another product has the slug: then none is kept.
	PutProducts(ctx context.Context, products []domain.Product) error

	// UpdateProduct passes the product to change, keeps the result and returns it.
	// The id, the stock and the number sold stay as they are. Updates of one product
	// happen one after another, whichever server asks, and each is passed what the one
	// before kept. When change fails nothing is kept and its error comes back. change
	// may run more than once and must not call the store. ErrNotFound when the product
	// is not there; ErrConflict `slug_taken` as with PutProducts.
	UpdateProduct(ctx context.Context, id domain.ProductID, change func(*domain.Product) error) (domain.Product, error)

	// RemoveProduct takes the product out of the shop. Orders, carts and
	// wishlists keep their lines, its movements stay. ErrNotFound when it is not there.
	RemoveProduct(ctx context.Context, id domain.ProductID) error
}
