package redis

import (
	"context"

	"eshop/domain"
	"eshop/port"
)

// Orders tells the catalog's cache of the stock that orders take and return. The
// orders themselves are the durable ones.
type Orders struct {
	orders
	client *Client
}

// orders has no name in common with its methods.
type orders = port.Orders

var _ port.Orders = (*Orders)(nil)

// NewOrders has durable keep the orders.
func NewOrders(client *Client, durable port.Orders) *Orders { return &Orders{durable, client} }

func (o *Orders) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	order, placed, err := o.orders.PlaceOrder(ctx, p, build)
	if err == nil && placed {
		o.forget(order)
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
		o.forget(order)
	}
	return order, err
}

// forget has the products of an order read anew.
func (o *Orders) forget(order domain.Order) {
	keys := make([]string, len(order.Lines))
	for i, line := range order.Lines {
		keys[i] = products.key(string(line.Product))
	}
	o.client.forget(keys)
}
