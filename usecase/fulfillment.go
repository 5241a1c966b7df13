package usecase

import (
	"context"

	"eshop/domain"
	"eshop/port"
)

// Fulfillment ships and refunds orders, for staff.
type Fulfillment struct{ deps FulfillmentDeps }

// FulfillmentDeps is what Fulfillment needs; every field must be set.
type FulfillmentDeps struct {
	Orders   port.Orders
	Payments port.Payments
	Events   port.Events
	Clock    Clock
}

// NewFulfillment returns Fulfillment on deps.
func NewFulfillment(deps FulfillmentDeps) *Fulfillment { return &Fulfillment{deps} }

// Orders returns a page of everybody's orders, the newest first, and how many there are. "" is every status.
func (f *Fulfillment) Orders(ctx context.Context, by domain.User, status domain.OrderStatus, page domain.Page) ([]domain.Order, int, error) {
	if err := staffOnly(by); err != nil {
		return nil, 0, err
	}
	return f.deps.Orders.Orders(ctx, port.OrderFilter{Status: status}, page)
}

// Order returns anybody's order by its number.
func (f *Fulfillment) Order(ctx context.Context, by domain.User, number domain.OrderNumber) (domain.Order, error) {
	if err := staffOnly(by); err != nil {
		return domain.Order{}, err
	}
	if !number.Valid() {
		return domain.Order{}, domain.NotFound("order")
	}
	return f.deps.Orders.OrderByNumber(ctx, number)
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
	if _, err := trial.MoveTo(next, f.deps.Clock()); err != nil {
		return domain.Order{}, err
	}
	if next == domain.Refunded {
		if err := f.deps.Payments.Refund(ctx, order.ID); err != nil {
			return domain.Order{}, err
		}
	}
	order, _, err = f.deps.Orders.TransitionOrder(ctx, order.ID, func(o *domain.Order) (domain.Effects, error) {
		if o.Status == next {
			return domain.Effects{}, nil
		}
		return o.MoveTo(next, f.deps.Clock())
	})
	if err != nil {
		return domain.Order{}, err
	}
	_ = f.deps.Events.Publish(ctx, domain.Event{Topic: domain.OrderChanged, Key: string(order.ID)})
	return order, nil
}
