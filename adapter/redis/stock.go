package redis

import (
	"context"

	"eshop/domain"
	"eshop/port"
)

// Stock invalidates the cached products whose stock changes. The stock itself is not cached.
type Stock struct {
	port.Stock
	client *Client
}

// NewStock returns Stock that is kept by durable.
func NewStock(client *Client, durable port.Stock) *Stock { return &Stock{durable, client} }

func (s *Stock) ChangeStock(ctx context.Context, change domain.StockMovement, key domain.IdempotencyKey) (int, error) {
	var stock int
	err := s.client.change(ctx, []string{products.key(string(change.Product)), generations.key(lastGeneration)}, func() error {
		var err error
		stock, err = s.Stock.ChangeStock(ctx, change, key)
		return err
	})
	return stock, err
}
