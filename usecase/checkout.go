package usecase

import (
	"context"
	"errors"
	"fmt"
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
	Limits    port.Limits
	Clock     Clock
	NewID     NewID
	SecretKey SecretKey
	Pricing   domain.Pricing
	Rates     Rates
}

// NewCheckout returns Checkout on deps.
func NewCheckout(deps CheckoutDeps) *Checkout { return &Checkout{deps} }

// The budgets of a checkout nest: what Buy does in turn adds up to buyTimeout, which is
// below nginx's patience for a checkout (6 s), so that Buy has the last word.
const (
	buyTimeout = 5 * time.Second
	// placeTimeout is for placing the order: who is told that the store is away is told within two seconds.
	placeTimeout = 1500 * time.Millisecond
	// keepTimeout and verdictTimeout are what asking for the charge leaves of buyTimeout: to
	// ask what became of a charge without an answer, and to keep what the gateway said.
	keepTimeout    = time.Second
	verdictTimeout = 500 * time.Millisecond
	// payTimeout is the least that is worth beginning to pay with.
	payTimeout = keepTimeout + verdictTimeout + time.Second
	// leaseFor outlasts the call that has the lease: Buy begins before its order's lease does.
	leaseFor = buyTimeout + time.Second
	// settleAfter leaves an order whose server died to a repeat, which knows the card.
	// Settling it would find that nothing was charged.
	settleAfter   = 2 * time.Second
	settleTimeout = 4 * time.Second
	firstPoll     = 20 * time.Millisecond
	longestPoll   = 500 * time.Millisecond
	settleAtMost  = 50 // orders in one pass
)

// Buy places the order of what is in the owner's cart and asks for its payment.
// placed is false when the key had placed the order before: a repeat waits for
// the first call to finish, and finishes its work when its server died. Without a
// key, the cart's version is the key.
//
// An order that comes back Pending is placed, and whether it is paid is not known yet:
// Settle finds out, and the same call again tells. Buy returns within buyTimeout.
//
// It fails with ErrConflict `total_changed` when the order would cost another sum than
// p expects, with ErrDeclined when the payment was refused, and with ErrUnavailable
// when the gateway could not take it: these leave the stock and the cart as they were,
// and the key free. It fails with ErrLimited when too many attempts of the owner, with the
// card or from the address were not paid; not for a key that has placed its order. The key of an order that came back Pending stays its own: when the
// payment turns out not to be made, a repeat fails with ErrDeclined.
func (c *Checkout) Buy(ctx context.Context, owner domain.OwnerID, key domain.IdempotencyKey, p domain.Purchase) (order domain.Order, placed bool, err error) {
	if err := p.Check(c.deps.Clock(), c.deps.Pricing.Currency); err != nil {
		return domain.Order{}, false, err
	}
	// A caller that goes away once the order is placed must not leave it half done.
	budget, cancel := context.WithTimeout(context.WithoutCancel(ctx), buyTimeout)
	defer cancel()
	order, placed, err = c.place(ctx, owner, key, p)
	if err != nil {
		return domain.Order{}, false, err
	}
	if placed {
		order, err = c.pay(budget, order, p)
	} else {
		order, err = c.join(budget, order, p)
	}
	return order, placed, err
}

// errCartMoved is why no order is placed under the version of a cart that is another by now.
var errCartMoved = errors.New("the cart has changed")

// place places the order, or returns the one that the key has placed.
func (c *Checkout) place(ctx context.Context, owner domain.OwnerID, key domain.IdempotencyKey, p domain.Purchase) (domain.Order, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, placeTimeout)
	defer cancel()
	if p.Guest != "" {
		// The key may have placed an order of the guest's.
		if err := c.deps.Orders.AdoptOrders(ctx, p.Guest, owner); err != nil {
			return domain.Order{}, false, err
		}
	}
	limited := c.limited(ctx, c.attemptOf(owner, p))
	draft := domain.Order{
		ID: domain.OrderID(c.deps.NewID()), Owner: owner, Email: p.Email, ShippingAddress: p.ShippingAddress,
		Payment: domain.Payment{Method: p.Method, Last4: p.Card.Last4()}, PlacedAt: c.deps.Clock(),
	}
	order, placed, err := domain.Order{}, false, errCartMoved
	for errors.Is(err, errCartMoved) {
		var placement port.Placement
		var version int64
		placement, version, err = c.placement(ctx, owner, key, p)
		if err != nil {
			return domain.Order{}, false, err
		}
		order, placed, err = c.deps.Orders.PlaceOrder(ctx, placement, func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
			// A repeat does not come here.
			if limited != nil {
				return domain.Order{}, limited
			}
			if key == "" && cart.Version != version {
				return domain.Order{}, errCartMoved
			}
			order, err := domain.NewOrder(draft, cart, products, c.deps.Pricing)
			if err != nil {
				return domain.Order{}, err
			}
			return order, p.CheckTotal(order.Total)
		})
	}
	if err == nil && !placed && p.CheckTotal(order.Total) != nil {
		err = domain.KeyReused()
	}
	if key == "" && domain.CodeOf(err) == domain.CodeIdempotencyKeyReused {
		err = domain.CartEmpty()
	}
	return order, placed, err
}

// pay asks for the payment of a pending order that is leased to this call.
func (c *Checkout) pay(ctx context.Context, order domain.Order, p domain.Purchase) (domain.Order, error) {
	status, ok := c.charge(ctx, order, p.Card)
	if !ok {
		if !order.Payment.Awaited {
			// This one is placed: who is over the limit is told so at the next.
			_ = c.countUnpaid(ctx, pendingLimits, c.attemptOf(order.Owner, p))
		}
		return c.await(ctx, order)
	}
	var limited error
	if status == port.Refused {
		limited = c.countUnpaid(ctx, c.declinedLimits(), c.attemptOf(order.Owner, p))
	}
	settled, err := c.settle(ctx, order, status)
	switch {
	case errors.Is(err, domain.ErrUnavailable), errors.Is(err, domain.ErrLimited): // many want the order
		return c.await(ctx, order) // what the gateway said could not be kept: Settle asks again
	case err != nil:
		return domain.Order{}, err
	case settled.Status == domain.Cancelled && errors.Is(limited, domain.ErrLimited):
		return domain.Order{}, limited // one of many at once does not learn what the gateway said
	case settled.Status == domain.Cancelled:
		return domain.Order{}, errUnpaid(status)
	}
	return settled, nil
}

// charge returns the final status of the order's charge. ok is false when the gateway does
// not say: the money may then have been taken or not.
func (c *Checkout) charge(ctx context.Context, order domain.Order, card domain.Card) (status port.ChargeStatus, ok bool) {
	asking, cancel := leaving(ctx, keepTimeout+verdictTimeout)
	defer cancel()
	status, err := c.deps.Payments.Charge(asking, order.ID, order.Total, card)
	if err != nil {
		asking, cancel = leaving(ctx, keepTimeout)
		defer cancel()
		status, err = c.deps.Payments.SettleOrVoid(asking, order.ID)
	}
	return status, err == nil
}

// leaving returns ctx with a deadline that leaves reserve of ctx's own.
func leaving(ctx context.Context, reserve time.Duration) (context.Context, context.CancelFunc) {
	deadline, _ := ctx.Deadline()
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}

// await notes that the shopper is told that the order is pending, so that its key stays
// its own. When that cannot be kept, the key is free should the order not be paid. An order
// that somebody else has settled meanwhile is returned as it is then.
func (c *Checkout) await(ctx context.Context, order domain.Order) (domain.Order, error) {
	noted, _, err := c.deps.Orders.TransitionOrder(ctx, order.ID, func(o *domain.Order) (domain.Effects, error) {
		if o.Status == domain.Pending {
			o.Payment.Awaited = true
		}
		return domain.Effects{}, nil
	})
	switch {
	case err != nil:
		return order, nil //nolint:nilerr // it is placed, and Settle finds out
	case noted.Status == domain.Cancelled:
		return domain.Order{}, c.whyUnpaid(ctx, noted)
	}
	return noted, nil
}

// settle moves the order on by the status of its charge, and wakes the calls that wait for it.
func (c *Checkout) settle(ctx context.Context, order domain.Order, status port.ChargeStatus) (domain.Order, error) {
	return settleOrder(ctx, c.deps.Orders, c.deps.Events, order.ID, settlement(status, c.deps.Clock(), ""))
}

type transition = func(*domain.Order) (domain.Effects, error)

// settlement moves a pending order on by the status of its charge, which somebody may have asked for.
func settlement(status port.ChargeStatus, at time.Time, by string) transition {
	next := domain.Cancelled
	if status == port.Charged {
		next = domain.Paid
	}
	return func(o *domain.Order) (domain.Effects, error) {
		if o.Status != domain.Pending {
			return domain.Effects{}, nil
		}
		return o.MoveOnce(domain.StatusChange{Status: next, At: at, By: by})
	}
}

// settleOrder makes the settlement of an order, and wakes the calls that wait for it.
func settleOrder(ctx context.Context, orders port.Orders, events port.Events, id domain.OrderID, settle transition) (domain.Order, error) {
	order, _, err := orders.TransitionOrder(ctx, id, settle)
	if err != nil {
		return domain.Order{}, err
	}
	// An event that is lost only delays: a call that waits polls as well.
	_ = events.Publish(ctx, domain.Event{Topic: domain.OrderChanged, Key: string(id)})
	return order, nil
}

// join waits until the call that placed the order has settled it (single flight), and
// returns it as it is when ctx leaves no more time. When that call's lease ends first,
// by the store's clock, its server is taken for dead, and join goes on in its place: a
// charge that is asked for again is made once.
func (c *Checkout) join(ctx context.Context, order domain.Order, p domain.Purchase) (domain.Order, error) {
	waiting, cancel := leaving(ctx, keepTimeout)
	defer cancel()
	mayPay, cancel := leaving(ctx, payTimeout)
	defer cancel()
	events, err := c.deps.Events.Subscribe(waiting, domain.OrderChanged)
	if err != nil {
		events = nil
	}
	for poll := firstPoll; ; poll = min(2*poll, longestPoll) {
		switch {
		case order.Status == domain.Cancelled:
			return domain.Order{}, c.whyUnpaid(ctx, order)
		case order.Status != domain.Pending:
			return order, nil
		case mayPay.Err() == nil:
			leased, err := c.deps.Orders.LeaseOrder(ctx, port.Lease{Order: order.ID, For: leaseFor})
			if err == nil {
				return c.pay(ctx, leased, p)
			}
			if !errors.Is(err, domain.ErrNotFound) {
				return domain.Order{}, err
			}
		}
		if !untilChanged(waiting, order.ID, events, poll) {
			return c.await(ctx, order)
		}
		if order, err = c.deps.Orders.Order(ctx, order.ID); err != nil {
			return domain.Order{}, err
		}
	}
}

// untilChanged waits for an event that may be of the order, at most as long as poll. It reports whether ctx goes on.
func untilChanged(ctx context.Context, order domain.OrderID, events <-chan domain.Event, poll time.Duration) bool {
	next := time.After(poll)
	for ctx.Err() == nil { // of two that are ready, select takes any
		select {
		case <-ctx.Done():
		case <-next:
			return true
		case e, ok := <-events:
			switch {
			case !ok:
				events = nil
			case e.Key == string(order), e.Key == "":
				return true
			}
		}
	}
	return false
}

// whyUnpaid returns why a cancelled order was not paid.
func (c *Checkout) whyUnpaid(ctx context.Context, order domain.Order) error {
	if order.Payment.Awaited {
		return errUnpaid(port.Refused)
	}
	status, err := c.deps.Payments.SettleOrVoid(ctx, order.ID)
	if err != nil {
		return err
	}
	return errUnpaid(status)
}

// Settle finds out what became of pending orders whose lease has ended, and returns
// how many it settled. Any server may run it at any time. Each order is leased when
// it is its turn, so that a slow gateway does not use up the leases of the others. One
// that the gateway says nothing of, or that cannot be kept, holds up no other; what the
// store failed with comes back beside the count.
func (c *Checkout) Settle(ctx context.Context) (int, error) {
	settled := 0
	var failed []error
	for range settleAtMost {
		order, err := c.deps.Orders.LeaseOrder(ctx, port.Lease{EndedFor: settleAfter, For: leaseFor})
		if errors.Is(err, domain.ErrNotFound) {
			break
		}
		if err != nil {
			failed = append(failed, err)
			break
		}
		asking, cancel := context.WithTimeout(ctx, settleTimeout)
		status, err := c.deps.Payments.SettleOrVoid(asking, order.ID)
		cancel()
		if err != nil {
			continue
		}
		if _, err := c.settle(ctx, order, status); err != nil {
			failed = append(failed, fmt.Errorf("order %s: %w", order.ID, err))
			continue
		}
		settled++
	}
	return settled, errors.Join(failed...)
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

// OrderByNumber returns the owner's order by its number, as Order does. The id stands for
// the number of an order that has none yet.
func (c *Checkout) OrderByNumber(ctx context.Context, owner domain.OwnerID, number domain.OrderNumber) (domain.Order, error) {
	order, err := orderByNumber(ctx, c.deps.Orders, number)
	return ownedBy(owner, order, err)
}

// orderByNumber returns the order by its number or, since it has none before it is paid, by its id.
func orderByNumber(ctx context.Context, orders port.Orders, number domain.OrderNumber) (domain.Order, error) {
	if !number.Valid() {
		return domain.Order{}, domain.NotFound("order")
	}
	order, err := orders.OrderByNumber(ctx, number)
	if errors.Is(err, domain.ErrNotFound) {
		return orders.Order(ctx, domain.OrderID(number))
	}
	return order, err
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
