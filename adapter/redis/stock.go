package redis

import (
	"context"
	"time"

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

func (s *Stock) ChangeStock(ctx context.Context, id domain.ProductID, delta int, reason domain.MovementReason, at time.Time) (int, error) {
	var stock int
	err := s.client.change(ctx, []string{products.key(string(id)), generations.key(lastGeneration)}, func() error {
		var err error
		stock, err = s.Stock.ChangeStock(ctx, id, delta, reason, at)
		return err
	})
	return stock, err
}
