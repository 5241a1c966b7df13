package usecase

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Checkout is buying what is in the cart, and following what was bought.
type Checkout struct {
	carts     port.Carts
	orders    port.Orders
	payments  port.Payments
	events    port.Events
	clock     Clock
	newID     NewID
	secretKey SecretKey
}

// SecretKey keys the fingerprints of purchases, which stand for card numbers too:
// all servers of a shop have the same, and nobody else has it.
type SecretKey []byte

// NewCheckout buys carts by orders, paid by payments.
func NewCheckout(carts port.Carts, orders port.Orders, payments port.Payments, events port.Events,
	clock Clock, newID NewID, secretKey SecretKey) *Checkout {
	return &Checkout{carts, orders, payments, events, clock, newID, secretKey}
}

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
// placed is false when the key had placed the order before; a repeat waits for
// the first call to finish, and finishes its work when it died. Without a key,
// the cart's version is the key.
//
// ErrDeclined when the payment was refused, and ErrUnavailable when the gateway
// could not take it: both leave no order, the stock and the cart as they were,
// and the key free. An order that comes back Pending is placed, and its payment not known
// yet: Settle finds out.
func (c *Checkout) Buy(ctx context.Context, owner domain.OwnerID, key domain.IdempotencyKey, p domain.Purchase) (order domain.Order, placed bool, err error) {
	now := c.clock()
	if err := p.Check(now); err != nil {
		return domain.Order{}, false, err
	}
	name := "key:" + string(key)
	if key == "" {
		cart, err := c.carts.Cart(ctx, owner)
		if err != nil {
			return domain.Order{}, false, err
		}
		name = fmt.Sprintf("cart:%d", cart.Version)
	}
	fingerprint, err := c.fingerprint(p)
	if err != nil {
		return domain.Order{}, false, err
	}
	draft := domain.Order{
		ID: domain.OrderID(c.newID()), Owner: owner, Email: p.Email, ShippingAddress: p.ShippingAddress,
		Payment: domain.Payment{Method: p.Method, Last4: p.Card.Last4()}, PlacedAt: now,
	}
	order, placed, err = c.orders.PlaceOrder(ctx, port.Placement{Owner: owner, Key: name, Fingerprint: fingerprint, Lease: leaseFor},
		func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
			return domain.NewOrder(draft, cart, products)
		})
	if err != nil {
		if key == "" && domain.CodeOf(err) == domain.CodeIdempotencyKeyReused {
			err = domain.CartEmpty()
		}
		return domain.Order{}, false, err
	}
	// Who goes away now must not leave the order half done.
	ctx = context.WithoutCancel(ctx)
	if placed {
		order, err = c.pay(ctx, order, p.Card)
		return order, placed, err
	}
	order, err = c.join(ctx, order, p.Card)
	return order, placed, err
}

// pay asks for the payment of a pending order that this call has claimed.
func (c *Checkout) pay(ctx context.Context, order domain.Order, card domain.Card) (domain.Order, error) {
	asking, cancel := context.WithTimeout(ctx, chargeTimeout)
	defer cancel()
	status, err := c.payments.Charge(asking, order.ID, order.Total, card)
	if err != nil {
		// The money may be taken or not. While the gateway does not say, the order stays pending.
		if status, err = c.payments.SettleOrVoid(asking, order.ID); err != nil {
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

// settle writes a status down.
func (c *Checkout) settle(ctx context.Context, order domain.Order, status port.ChargeStatus) (domain.Order, error) {
	next := domain.Cancelled
	if status == port.Charged {
		next = domain.Paid
	}
	order, _, err := c.orders.TransitionOrder(ctx, order.ID, func(o *domain.Order) (domain.Effects, error) {
		if o.Status != domain.Pending {
			return domain.Effects{}, nil
		}
		return o.MoveTo(next, c.clock())
	})
	if err != nil {
		return domain.Order{}, err
	}
	// News that is lost only delays: who waits looks again.
	_ = c.events.Publish(ctx, domain.Event{Topic: domain.OrderChanged, Key: string(order.ID)})
	return order, nil
}

// join waits until the call that placed the order has settled it (single flight). When that
// call's lease ends first, its server is taken for dead, and join goes on in its
// place: a charge that is asked for again is made once.
func (c *Checkout) join(ctx context.Context, order domain.Order, card domain.Card) (domain.Order, error) {
	ctx, cancel := context.WithTimeout(ctx, waitForKey)
	defer cancel()
	events, err := c.events.Subscribe(ctx, domain.OrderChanged)
	if err != nil {
		events = nil
	}
	for poll := firstPoll; ; poll = min(2*poll, longestPoll) {
		fresh, err := c.orders.Order(ctx, order.ID)
		if err != nil {
			return domain.Order{}, err
		}
		switch {
		case fresh.Status == domain.Cancelled:
			status, err := c.payments.SettleOrVoid(ctx, order.ID)
			if err != nil {
				return domain.Order{}, err
			}
			return domain.Order{}, errUnpaid(status)
		case fresh.Status != domain.Pending:
			return fresh, nil
		case !c.clock().Before(fresh.LeasedUntil): // seems to have ended: the store knows
			leased, err := c.orders.LeaseOrder(ctx, port.Lease{Order: order.ID, For: leaseFor})
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
		order, err := c.orders.LeaseOrder(ctx, port.Lease{EndedFor: settleAfter, For: leaseFor})
		if errors.Is(err, domain.ErrNotFound) {
			break
		}
		if err != nil {
			return settled, err
		}
		asking, cancel := context.WithTimeout(ctx, chargeTimeout)
		status, err := c.payments.SettleOrVoid(asking, order.ID)
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
	return c.orders.Orders(ctx, port.OrderFilter{Owner: owner}, page)
}

// Order returns the owner's order by its id; ErrNotFound when there is none, or it is somebody else's.
func (c *Checkout) Order(ctx context.Context, owner domain.OwnerID, id domain.OrderID) (domain.Order, error) {
	if !id.Valid() {
		return domain.Order{}, domain.NotFound("order")
	}
	order, err := c.orders.Order(ctx, id)
	return ownedBy(owner, order, err)
}

// OrderByNumber is Order by the number.
func (c *Checkout) OrderByNumber(ctx context.Context, owner domain.OwnerID, number domain.OrderNumber) (domain.Order, error) {
	if !number.Valid() {
		return domain.Order{}, domain.NotFound("order")
	}
	order, err := c.orders.OrderByNumber(ctx, number)
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

// errUnpaid is why an order was cancelled, by the status on its charge.
func errUnpaid(status port.ChargeStatus) error {
	if status == port.NotCharged {
		unavailable := domain.ErrUnavailable.Errorf(domain.CodePaymentUnavailable, "the payment could not be made just now, and nothing was charged; try again")
		unavailable.RetryAfter = 5 * time.Second
		return unavailable
	}
	return domain.ErrDeclined.Errorf(domain.CodePaymentDeclined, "the payment was declined, and nothing was charged")
}

// fingerprint stands for all of a purchase. It is keyed, so that who reads the
// store cannot find the card's number by trying.
func (c *Checkout) fingerprint(p domain.Purchase) (string, error) {
	// Not the Card itself: it does not print its number.
	whole, err := json.Marshal([]any{p.Email, p.ShippingAddress, p.Method, p.Card.Number, p.Card.Expiry, p.Card.CVC})
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, c.secretKey)
	mac.Write(whole)
	return hex.EncodeToString(mac.Sum(nil)), nil
}
