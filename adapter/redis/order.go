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
		o.invalidate(order)
	}
	return order, placed, err
}

func (o *Orders) UpdateOrder(ctx context.Context, id domain.OrderID, change func(*domain.Order) error) (domain.Order, error) {
	var before domain.OrderStatus
	order, err := o.orders.UpdateOrder(ctx, id, func(order *domain.Order) error {
		before = order.Status
		return change(order)
	})
	if err == nil && order.Status.ReturnsStock() && !before.ReturnsStock() {
		o.invalidate(order)
	}
	return order, err
}

// invalidate deletes the cached products of an order.
func (o *Orders) invalidate(order domain.Order) {
	keys := make([]string, len(order.Lines))
	for i, line := range order.Lines {
		keys[i] = products.key(string(line.Product))
	}
	o.client.invalidate(keys)
}
