package port

import (
	"context"
	"time"

	"eshop/domain"
)

// Stock counts the products that can be sold. Orders take from it and return to it
// in transactions of their own. Who changed it sees it in Products as after any change.
type Stock interface {
	// ChangeStock adds delta to the product's stock and keeps a movement, and
	// returns the new stock. ErrConflict `stock_bounds` when the stock would leave
	// 0 to domain.MaxStock; ErrNotFound when the product is not there.
	ChangeStock(ctx context.Context, id domain.ProductID, delta int, reason domain.MovementReason, at time.Time) (int, error)

	// Movements returns every change of the product's stock, oldest first. They
	// add up to its stock at all times.
	Movements(ctx context.Context, id domain.ProductID) ([]domain.StockMovement, error)
}
