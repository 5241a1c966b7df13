// Package prometheus counts what happens at the ports, for operators. It answers
// no port by itself: it stands in front of an answer and passes everything on.
package prometheus

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"eshop/domain"
	"eshop/port"
)

// counted lets Orders pass on what it does not count; its name leaves that of the method Orders free.
type counted = port.Orders

// Orders counts what becomes of orders.
type Orders struct {
	counted
	placed  prometheus.Counter
	refused *prometheus.CounterVec
	moved   *prometheus.CounterVec
}

// CountOrders counts what becomes of the orders that are kept in orders.
func CountOrders(orders port.Orders, registry prometheus.Registerer) *Orders {
	o := &Orders{
		counted: orders,
		placed:  prometheus.NewCounter(prometheus.CounterOpts{Name: "eshop_orders_placed_total", Help: "Orders placed; a repeat is not one."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "eshop_orders_refused_total", Help: "Orders that were not placed, by the code of the reason."}, []string{"code"}),
		moved:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "eshop_orders_moved_total", Help: "Orders that came into a status after they were placed."}, []string{"status"}),
	}
	registry.MustRegister(o.placed, o.refused, o.moved)
	return o
}

// PlaceOrder counts what was placed and what was refused.
func (o *Orders) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	order, placed, err := o.counted.PlaceOrder(ctx, p, build)
	switch {
	case err != nil:
		o.refused.WithLabelValues(string(domain.CodeOf(err))).Inc()
	case placed:
		o.placed.Inc()
	}
	return order, placed, err
}

// UpdateOrder counts the statuses that orders come into.
func (o *Orders) UpdateOrder(ctx context.Context, id domain.OrderID, change func(*domain.Order) error) (domain.Order, error) {
	var before domain.OrderStatus
	order, err := o.counted.UpdateOrder(ctx, id, func(order *domain.Order) error {
		before = order.Status
		return change(order)
	})
	if err == nil && order.Status != before {
		o.moved.WithLabelValues(string(order.Status)).Inc()
	}
	return order, err
}
