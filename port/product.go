package port

import (
	"context"
	"time"

	"eshop/domain"
)

// Products keeps the catalog and its stock. What one server changed is seen there
// from then on, and on others when they hear of it, as with Sessions; what orders did
// to the figures of a list, some seconds later. While the store is away, what was
// read before may go on being shown.
type Products interface {
	// Product returns the product whose id, or else whose slug, is ref; ErrNotFound when there is none.
	Product(ctx context.Context, ref string) (domain.Product, error)

	// Products returns those of the products named that there are, in no order.
	Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error)

	// Search returns a page of what q finds. q has been checked. A page past the
	// end is empty and has the right total. Of a text that tens of thousands of
	// products match, Total and the facets may be estimates, the products not.
	Search(ctx context.Context, q domain.Query) (domain.Found, error)

	// Suggest returns at most limit suggestions for a text that is still being
	// typed, categories before products, the most sold first. It finds what
	// Search finds.
	Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error)

	// Categories returns the categories that have products, by name.
	Categories(ctx context.Context) ([]domain.CategoryCount, error)

	// ChangedProducts lists at most limit products that changed after the cursor, and
	// returns the cursor behind them: it is how a catalog elsewhere follows this store.
	// Every product that was put, updated or removed, or whose stock or number sold
	// changed, is listed as it is now, at least once; one that was removed is its
	// domain.DiscontinuedProduct (a tombstone). A product that changes again moves to
	// the end. Who goes on from each cursor misses no change, on any server, however
	// long a transaction took that made one. A page may be shorter than limit; an empty
	// one means that nothing has changed since. A follower that starts again at ""
	// gets every product there is, and was. ErrInvalid when the store never gave the
	// cursor. After a restore from a backup every follower starts again.
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

	// RemoveProduct takes the product out of the catalog. Orders, carts and
	// wishlists keep their lines, its movements stay. ErrNotFound when it is not there.
	RemoveProduct(ctx context.Context, id domain.ProductID) error

	// ChangeStock adds delta to the product's stock and keeps a movement, and
	// returns the new stock. ErrConflict `stock_bounds` when the stock would leave
	// 0 to domain.MaxStock; ErrNotFound when the product is not there.
	ChangeStock(ctx context.Context, id domain.ProductID, delta int, reason domain.MovementReason, at time.Time) (int, error)

	// Movements returns every change of the product's stock, oldest first. They
	// add up to its stock at all times.
	Movements(ctx context.Context, id domain.ProductID) ([]domain.StockMovement, error)
}
