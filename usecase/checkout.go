package usecase

import (
	"context"
	"errors"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Checkout buys what is in the cart, and shows shoppers their orders.
type Checkout struct{ deps CheckoutDeps }

// CheckoutDeps is what Checkout needs; every field must be set.
type CheckoutDeps struct {
	Carts     port.Carts
	Orders    port.Orders
	Payments  port.Payments
	Events    port.Events
	Clock     Clock
	NewID     NewID
	SecretKey SecretKey
}

// NewCheckout returns Checkout on deps.
func NewCheckout(deps CheckoutDeps) *Checkout { return &Checkout{deps} }

const (
	chargeTimeout = 4 * time.Second
	// leaseFor is longer than a server needs to ask for a payment and keep the answer.
	leaseFor   = chargeTimeout + 2*time.Second
	waitForKey = leaseFor + chargeTimeout
	// settleAfter leaves an order whose server died to a repeat that waits for it,
	// which knows the card. Settling it would find that nothing was charged.
	settleAfter  = 2 * time.Second
	firstPoll    = 20 * time.Millisecond
	longestPoll  = 500 * time.Millisecond
	settleAtMost = 50 // orders in one pass
)

// Buy places the order of what is in the owner's cart and asks for its payment.
// placed is false when the key had placed the order before: a repeat waits for
// the first call to finish, and finishes its work when its server died. Without a
// key, the cart's version is the key.
//
// It fails with ErrConflict `total_changed` when the order would cost another sum than
// p expects, with ErrDeclined when the payment was refused, and with ErrUnavailable
// when the gateway could not take it: both leave the stock and the cart as they were,
// and the key free. An order that comes back Pending is placed, and whether it is
// paid is not known yet: Settle finds out.
func (c *Checkout) Buy(ctx context.Context, owner domain.OwnerID, key domain.IdempotencyKey, p domain.Purchase) (order domain.Order, placed bool, err error) {
	now := c.deps.Clock()
	if err := p.Check(now); err != nil {
		return domain.Order{}, false, err
	}
	placement, err := c.placement(ctx, owner, key, p)
	if err != nil {
		return domain.Order{}, false, err
	}
	draft := domain.Order{
		ID: domain.OrderID(c.deps.NewID()), Owner: owner, Email: p.Email, ShippingAddress: p.ShippingAddress,
		Payment: domain.Payment{Method: p.Method, Last4: p.Card.Last4()}, PlacedAt: now,
	}
	order, placed, err = c.deps.Orders.PlaceOrder(ctx, placement, func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
		order, err := domain.NewOrder(draft, cart, products)
		if err != nil {
			return domain.Order{}, err
		}
		return order, p.CheckTotal(order.Total)
	})
	if err == nil && !placed && p.CheckTotal(order.Total) != nil {
		err = domain.KeyReused()
	}
	if err != nil {
		if key == "" && domain.CodeOf(err) == domain.CodeIdempotencyKeyReused {
			err = domain.CartEmpty()
		}
		return domain.Order{}, false, err
	}
	// A caller that goes away now must not leave the order half done.
	ctx = context.WithoutCancel(ctx)
	if placed {
		order, err = c.pay(ctx, order, p.Card)
		return order, placed, err
	}
	order, err = c.join(ctx, order, p.Card)
	return order, placed, err
}

// pay asks for the payment of a pending order that is leased to this call.
func (c *Checkout) pay(ctx context.Context, order domain.Order, card domain.Card) (domain.Order, error) {
	asking, cancel := context.WithTimeout(ctx, chargeTimeout)
	defer cancel()
	status, err := c.deps.Payments.Charge(asking, order.ID, order.Total, card)
	if err != nil {
		// The money may have been taken or not. While the gateway does not say, the order stays pending.
		if status, err = c.deps.Payments.SettleOrVoid(asking, order.ID); err != nil {
			return order, nil
		}
	}
	order, err = c.settle(ctx, order, status)
	switch {
	case err != nil:
		return domain.Order{}, err
	case order.Status != domain.Cancelled:
		return order, nil
	}
	return domain.Order{}, errUnpaid(status)
}

// settle moves the order on by the status of its charge, and wakes the calls that wait for it.
func (c *Checkout) settle(ctx context.Context, order domain.Order, status port.ChargeStatus) (domain.Order, error) {
	next := domain.Cancelled
	if status == port.Charged {
		next = domain.Paid
	}
	order, _, err := c.deps.Orders.TransitionOrder(ctx, order.ID, func(o *domain.Order) (domain.Effects, error) {
		if o.Status != domain.Pending {
			return domain.Effects{}, nil
		}
		return o.MoveTo(next, c.deps.Clock())
	})
	if err != nil {
		return domain.Order{}, err
	}
	// An event that is lost only delays: a call that waits polls as well.
	_ = c.deps.Events.Publish(ctx, domain.Event{Topic: domain.OrderChanged, Key: string(order.ID)})
	return order, nil
}

// join waits until the call that placed the order has settled it (single flight).
// When that call's lease ends first, its server is taken for dead, and join goes on
// in its place: a charge that is asked for again is made once.
func (c *Checkout) join(ctx context.Context, order domain.Order, card domain.Card) (domain.Order, error) {
	ctx, cancel := context.WithTimeout(ctx, waitForKey)
	defer cancel()
	events, err := c.deps.Events.Subscribe(ctx, domain.OrderChanged)
	if err != nil {
		events = nil
	}
	for poll := firstPoll; ; poll = min(2*poll, longestPoll) {
		fresh, err := c.deps.Orders.Order(ctx, order.ID)
		if err != nil {
			return domain.Order{}, err
		}
		switch {
		case fresh.Status == domain.Cancelled:
			status, err := c.deps.Payments.SettleOrVoid(ctx, order.ID)
			if err != nil {
				return domain.Order{}, err
			}
			return domain.Order{}, errUnpaid(status)
		case fresh.Status != domain.Pending:
			return fresh, nil
		case !c.deps.Clock().Before(fresh.LeasedUntil): // by this server's clock; the store's decides
			leased, err := c.deps.Orders.LeaseOrder(ctx, port.Lease{Order: order.ID, For: leaseFor})
			if err == nil {
				return c.pay(context.WithoutCancel(ctx), leased, card)
			}
			if !errors.Is(err, domain.ErrNotFound) {
				return domain.Order{}, err
			}
		}
		select {
		case <-ctx.Done():
			return fresh, nil
		case <-events:
		case <-time.After(poll):
		}
	}
}

// Settle finds out what became of pending orders whose lease has ended, and returns
// how many it settled. Any server may run it at any time. Each order is leased when
// it is its turn, so that a slow gateway does not use up the leases of the others.
func (c *Checkout) Settle(ctx context.Context) (int, error) {
	settled := 0
	for range settleAtMost {
		order, err := c.deps.Orders.LeaseOrder(ctx, port.Lease{EndedFor: settleAfter, For: leaseFor})
		if errors.Is(err, domain.ErrNotFound) {
			break
		}
		if err != nil {
			return settled, err
		}
		asking, cancel := context.WithTimeout(ctx, chargeTimeout)
		status, err := c.deps.Payments.SettleOrVoid(asking, order.ID)
		cancel()
		if err != nil {
			continue
		}
		if _, err := c.settle(ctx, order, status); err != nil {
			return settled, err
		}
		settled++
	}
	return settled, nil
}

// Orders returns a page of the owner's orders, the newest first, and how many there are.
func (c *Checkout) Orders(ctx context.Context, owner domain.OwnerID, page domain.Page) ([]domain.Order, int, error) {
	return c.deps.Orders.Orders(ctx, port.OrderFilter{Owner: owner}, page)
}

// Order returns the owner's order by its id; ErrNotFound when there is none, or it is somebody else's.
func (c *Checkout) Order(ctx context.Context, owner domain.OwnerID, id domain.OrderID) (domain.Order, error) {
	if !id.Valid() {
		return domain.Order{}, domain.NotFound("order")
	}
	order, err := c.deps.Orders.Order(ctx, id)
	return ownedBy(owner, order, err)
}

// OrderByNumber returns the owner's order by its number, as Order does.
func (c *Checkout) OrderByNumber(ctx context.Context, owner domain.OwnerID, number domain.OrderNumber) (domain.Order, error) {
	if !number.Valid() {
		return domain.Order{}, domain.NotFound("order")
	}
	order, err := c.deps.Orders.OrderByNumber(ctx, number)
	return ownedBy(owner, order, err)
}

func ownedBy(owner domain.OwnerID, order domain.Order, err error) (domain.Order, error) {
	if err != nil {
		return domain.Order{}, err
	}
	if owner == "" || order.Owner != owner {
		return domain.Order{}, domain.NotFound("order")
	}
	return order, nil
}

// errUnpaid returns why an order was cancelled, by the status of its charge.
func errUnpaid(status port.ChargeStatus) error {
	if status == port.NotCharged {
		unavailable := domain.ErrUnavailable.Errorf(domain.CodePaymentUnavailable, "the payment could not be made just now, and nothing was charged; try again")
		unavailable.RetryAfter = 5 * time.Second
		return unavailable
	}
	return domain.ErrDeclined.Errorf(domain.CodePaymentDeclined, "the payment was declined, and nothing was charged")
}
