package usecase

import (
	"context"

	"eshop/domain"
	"eshop/port"
)

// Fulfillment ships and refunds orders, for staff.
type Fulfillment struct {
	orders   port.Orders
	payments port.Payments
	events   port.Events
	clock    Clock
}

// NewFulfillment returns a Fulfillment of the orders in orders, which payments refunds.
func NewFulfillment(orders port.Orders, payments port.Payments, events port.Events, clock Clock) *Fulfillment {
	return &Fulfillment{orders, payments, events, clock}
}

// Orders returns a page of everybody's orders, the newest first, and how many there are. "" is every status.
func (f *Fulfillment) Orders(ctx context.Context, by domain.User, status domain.OrderStatus, page domain.Page) ([]domain.Order, int, error) {
	if err := staffOnly(by); err != nil {
		return nil, 0, err
	}
	return f.orders.Orders(ctx, port.OrderFilter{Status: status}, page)
}

// Order returns anybody's order by its number.
func (f *Fulfillment) Order(ctx context.Context, by domain.User, number domain.OrderNumber) (domain.Order, error) {
	if err := staffOnly(by); err != nil {
		return domain.Order{}, err
	}
	if !number.Valid() {
		return domain.Order{}, domain.NotFound("order")
	}
	return f.orders.OrderByNumber(ctx, number)
}

// Move gives an order its next status: shipped, delivered or refunded, which gives
// the money back first. Paid and cancelled are left to Checkout, which knows the
// payment. Moving an order to the status that it has changes nothing.
func (f *Fulfillment) Move(ctx context.Context, by domain.User, number domain.OrderNumber, next domain.OrderStatus) (domain.Order, error) {
	order, err := f.Order(ctx, by, number)
	if err != nil {
		return domain.Order{}, err
	}
	if order.Status == next {
		return order, nil
	}
	if next != domain.Shipped && next != domain.Delivered && next != domain.Refunded {
		return domain.Order{}, domain.InvalidFields(map[string]string{"status": "must be shipped, delivered or refunded"})
	}
	trial := order.Clone()
	if _, err := trial.MoveTo(next, f.clock()); err != nil {
		return domain.Order{}, err
	}
	if next == domain.Refunded {
		if err := f.payments.Refund(ctx, order.ID); err != nil {
			return domain.Order{}, err
		}
	}
	order, _, err = f.orders.TransitionOrder(ctx, order.ID, func(o *domain.Order) (domain.Effects, error) {
		if o.Status == next {
			return domain.Effects{}, nil
		}
		return o.MoveTo(next, f.clock())
	})
	if err != nil {
		return domain.Order{}, err
	}
	_ = f.events.Publish(ctx, domain.Event{Topic: domain.OrderChanged, Key: string(order.ID)})
	return order, nil
}
