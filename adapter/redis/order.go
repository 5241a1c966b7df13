package redis

import (
	"context"

	"eshop/domain"
	"eshop/port"
)

// Orders invalidates the cached products whose stock orders take and return. The orders
// themselves are not cached.
type Orders struct {
	orders
	client *Client
}

// orders embeds port.Orders under a name that its method Orders leaves free.
type orders = port.Orders

var _ port.Orders = (*Orders)(nil)

// NewOrders returns Orders that are kept by durable.
func NewOrders(client *Client, durable port.Orders) *Orders { return &Orders{durable, client} }

func (o *Orders) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	order, placed, err := o.orders.PlaceOrder(ctx, p, build)
	if err == nil && placed {
		o.invalidate(ctx, order.Lines)
	}
	return order, placed, err
}

func (o *Orders) TransitionOrder(ctx context.Context, id domain.OrderID,
	change func(*domain.Order) (domain.Effects, error)) (domain.Order, domain.Effects, error) {
	order, effects, err := o.orders.TransitionOrder(ctx, id, change)
	if err == nil && len(effects.ReturnStock) > 0 {
		o.invalidate(ctx, effects.ReturnStock)
	}
	return order, effects, err
}

// invalidate deletes the cached products of lines.
func (o *Orders) invalidate(ctx context.Context, lines []domain.OrderLine) {
	keys := make([]string, len(lines))
	for i, line := range lines {
		keys[i] = products.key(string(line.Product))
	}
	o.client.invalidate(ctx, keys)
}
