package port

import (
	"context"

	"eshop/domain"
)

// Stock counts the products that can be sold. Orders take from it and return to it
// in transactions of their own. Who changed it sees it in Products as after any change.
type Stock interface {
	// ChangeStock adds change.Delta to the product's stock and keeps change as its
	// movement, and returns the stock that there is then. ErrConflict `stock_bounds`
	// when the stock would leave 0 to domain.MaxStock; ErrNotFound when the product is
	// not there.
	//
	// The key is kept with the movement: of any number of calls with one key, on any
	// servers, one changes the stock, and the others return the stock that there is.
	// A key that changed another product's stock, or by another delta, is ErrConflict
	// `idempotency_key_reused`. A call that fails keeps no key, and "" is no key.
	ChangeStock(ctx context.Context, change domain.StockMovement, key domain.IdempotencyKey) (int, error)

	// Movements returns every change of the product's stock, oldest first. They
	// add up to its stock at all times.
	Movements(ctx context.Context, id domain.ProductID) ([]domain.StockMovement, error)

	// LastMovements returns the newest limit of them at most, the newest first.
	LastMovements(ctx context.Context, id domain.ProductID, limit int) ([]domain.StockMovement, error)
}
