package usecase

import (
	"context"
	"fmt"

	"eshop/domain"
)

// ChangeStock counts delta in, or out when below zero, and returns the new stock. A
// key that the same person used before changes nothing more.
func (s *Inventory) ChangeStock(ctx context.Context, by domain.User, id domain.ProductID, delta int, key domain.IdempotencyKey) (int, error) {
	if err := staffOnly(by); err != nil {
		return 0, err
	}
	if delta == 0 || delta > domain.MaxStock || delta < -domain.MaxStock {
		return 0, domain.InvalidFields(map[string]string{"delta": fmt.Sprintf("must be from -%d to %d and not 0", domain.MaxStock, domain.MaxStock)})
	}
	p, err := productByRef(ctx, s.deps.Products, string(id))
	if err != nil {
		return 0, err
	}
	reason := domain.StockReceived
	if delta < 0 {
		reason = domain.StockCorrected
	}
	stock, err := s.deps.Stock.ChangeStock(ctx, domain.StockMovement{
		Product: p.ID, Delta: delta, Reason: reason, At: s.deps.Clock(), By: by.Username,
	}, ownKey(by, key))
	if err != nil {
		return 0, err
	}
	s.publish(ctx, p.ID)
	s.deps.Note(ctx, Act{What: ActStockChanged, By: by, On: string(p.ID), How: fmt.Sprintf("%+d", delta)})
	return stock, nil
}

// mostMovements bounds what is told of a product's stock: of what sells well there are thousands.
const mostMovements = 20

// Movements returns how a product's stock changed last, the newest first.
func (s *Inventory) Movements(ctx context.Context, by domain.User, id domain.ProductID) ([]domain.StockMovement, error) {
	if err := staffOnly(by); err != nil {
		return nil, err
	}
	return s.deps.Stock.LastMovements(ctx, id, mostMovements)
}
