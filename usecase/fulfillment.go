package usecase

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	Note     NoteAct
	Clock    Clock
}

// NewFulfillment returns Fulfillment on deps.
func NewFulfillment(deps FulfillmentDeps) *Fulfillment { return &Fulfillment{deps} }

// Orders returns a page of everybody's orders, the newest first, and how many there are. "" is
// every status but Cancelled: attempts that were not paid are listed apart.
func (f *Fulfillment) Orders(ctx context.Context, by domain.User, status domain.OrderStatus, page domain.Page) ([]domain.Order, int, error) {
	if err := staffOnly(by); err != nil {
		return nil, 0, err
	}
	return f.deps.Orders.Orders(ctx, port.OrderFilter{Status: status}, page)
}

// Order returns anybody's order by its number, for which the id stands while it has none.
func (f *Fulfillment) Order(ctx context.Context, by domain.User, number domain.OrderNumber) (domain.Order, error) {
	if err := staffOnly(by); err != nil {
		return domain.Order{}, err
	}
	return orderByNumber(ctx, f.deps.Orders, number)
}

const (
	// refundInCall is how long a call waits for a refund: shorter than nginx waits for it.
	refundInCall = 2 * time.Second
	// refundInPass is how long a pass waits for one.
	refundInPass = 4 * time.Second
	// refundLease is longer than a server needs to ask for a refund and keep the answer.
	refundLease   = refundInPass + 2*time.Second
	refundsAtMost = 50 // orders in one pass
)

// Move gives an order its next status: shipped, delivered or refunded. Paid and
// cancelled are left to Checkout, which knows the payment. The same call again, by its
// key, changes nothing, and neither does giving an order the status that it has.
//
// A refund is kept as Refunding before the money moves: from then on nobody ships the
// order. An order that comes back Refunding is refunded by FinishRefunds. ErrConflict
// `not_charged` when the gateway has nothing to give back: the order is then as before.
func (f *Fulfillment) Move(ctx context.Context, by domain.User, number domain.OrderNumber, next domain.OrderStatus, key domain.IdempotencyKey) (domain.Order, error) {
	order, err := f.Order(ctx, by, number)
	if err != nil {
		return domain.Order{}, err
	}
	if order.Status == next {
		return order, nil
	}
	kept := next
	switch next {
	case domain.Shipped, domain.Delivered:
	case domain.Refunded:
		kept = domain.Refunding
	default:
		return domain.Order{}, domain.InvalidFields(map[string]string{"status": "must be shipped, delivered or refunded"})
	}
	order, err = f.transition(ctx, order.ID, func(o *domain.Order) (domain.Effects, error) {
		if o.Status == next {
			return domain.Effects{}, nil
		}
		return o.MoveOnce(domain.StatusChange{Status: kept, At: f.deps.Clock(), Key: ownKey(by, key), By: by.Username})
	})
	if err != nil {
		return domain.Order{}, err
	}
	if next == domain.Refunded && order.Status != domain.Refunding {
		return refundOf(order) // this is a repeat
	}
	f.deps.Note(ctx, Act{What: ActOrderMoved + ActKind(next), By: by, On: string(order.Number)})
	if order.Status != domain.Refunding {
		return order, nil
	}
	// A caller that goes away now leaves the rest to FinishRefunds.
	leased, err := f.deps.Orders.LeaseOrder(ctx, port.Lease{Order: order.ID, Status: domain.Refunding, For: refundLease})
	if errors.Is(err, domain.ErrNotFound) { // another server is at it, or has done it
		if order, err = f.deps.Orders.Order(ctx, order.ID); err != nil {
			return domain.Order{}, err
		}
		return refundOf(order)
	}
	if err != nil {
		return order, nil //nolint:nilerr // it is kept that the money is to go back, and FinishRefunds goes on
	}
	refunded, err := f.refund(ctx, leased, refundInCall)
	if domain.CodeOf(err) == domain.CodeNotCharged {
		return domain.Order{}, err
	}
	if err != nil {
		return order, nil //nolint:nilerr // as above
	}
	return refunded, nil
}

// refundOf is an order whose refund was asked for, or why it was not made.
func refundOf(o domain.Order) (domain.Order, error) {
	if o.Status != domain.Refunding && o.Status != domain.Refunded {
		return domain.Order{}, domain.ErrConflict.Errorf(domain.CodeNotCharged, "nothing was charged for that order")
	}
	return o, nil
}

// refund gives the money back of an order that is Refunding and leased to this call,
// and then makes it Refunded. The gateway gives it back once, however often it is asked.
func (f *Fulfillment) refund(ctx context.Context, order domain.Order, atMost time.Duration) (domain.Order, error) {
	asking, cancel := context.WithTimeout(ctx, atMost)
	err := f.deps.Payments.Refund(asking, order.ID)
	cancel()
	refused := domain.CodeOf(err) == domain.CodeNotCharged
	if err != nil && !refused {
		return domain.Order{}, err
	}
	order, keepErr := f.transition(ctx, order.ID, func(o *domain.Order) (domain.Effects, error) {
		switch {
		case o.Status != domain.Refunding:
			return domain.Effects{}, nil
		case refused:
			return domain.Effects{}, o.RefuseRefund(f.deps.Clock())
		}
		return o.MoveTo(domain.Refunded, f.deps.Clock())
	})
	if keepErr != nil {
		return domain.Order{}, keepErr
	}
	return order, err
}

// FinishRefunds refunds orders that are Refunding and leased to nobody, and returns how
// many it refunded. Any server may run it at any time. One that cannot be refunded now
// keeps no other waiting; it is tried again when its lease has ended.
func (f *Fulfillment) FinishRefunds(ctx context.Context) (int, error) {
	refunded := 0
	var failed error
	for range refundsAtMost {
		order, err := f.deps.Orders.LeaseOrder(ctx, port.Lease{Status: domain.Refunding, For: refundLease})
		if errors.Is(err, domain.ErrNotFound) {
			break
		}
		if err != nil {
			return refunded, errors.Join(failed, err)
		}
		if _, err := f.refund(ctx, order, refundInPass); err != nil {
			failed = errors.Join(failed, fmt.Errorf("refund of order %s: %w", order.ID, err))
			continue
		}
		refunded++
	}
	return refunded, failed
}

// transition makes change and wakes those who wait for the order.
func (f *Fulfillment) transition(ctx context.Context, id domain.OrderID, change func(*domain.Order) (domain.Effects, error)) (domain.Order, error) {
	order, _, err := f.deps.Orders.TransitionOrder(ctx, id, change)
	if err != nil {
		return domain.Order{}, err
	}
	// An event that is lost only delays.
	_ = f.deps.Events.Publish(ctx, domain.Event{Topic: domain.OrderChanged, Key: string(order.ID)})
	return order, nil
}

// askTimeout is below the balancer's patience for what staff do, which is 3 s.
const askTimeout = 2 * time.Second

// Settle asks the payment gateway what became of a pending order's charge, as Checkout does
// by itself again and again, and moves the order on: what was not charged is cancelled, and
// its stock is free. An order that is not pending stays as it is. It fails with ErrConflict
// while somebody else asks, and with what the gateway fails with.
func (f *Fulfillment) Settle(ctx context.Context, by domain.User, number domain.OrderNumber) (domain.Order, error) {
	order, err := f.Order(ctx, by, number)
	if err != nil || order.Status != domain.Pending {
		return order, err
	}
	// Asking voids a charge that is still to be made, which must not be under way.
	_, err = f.deps.Orders.LeaseOrder(ctx, port.Lease{Order: order.ID, For: leaseFor})
	if errors.Is(err, domain.ErrNotFound) {
		return domain.Order{}, domain.ErrConflict.Errorf(domain.CodeOrderState, "the payment service is being asked about this order right now; try again in some seconds")
	}
	if err != nil {
		return domain.Order{}, err
	}
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	status, err := f.deps.Payments.SettleOrVoid(asking, order.ID)
	if err != nil {
		return domain.Order{}, err
	}
	settled, err := settleOrder(ctx, f.deps.Orders, f.deps.Events, order.ID, settlement(status, f.deps.Clock(), by.Username))
	if err != nil {
		return domain.Order{}, err
	}
	f.deps.Note(ctx, Act{What: ActOrderMoved + ActKind(settled.Status), By: by, On: string(order.ID)})
	return settled, nil
}
