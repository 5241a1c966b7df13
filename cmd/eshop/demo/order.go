package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"eshop/domain"
	"eshop/port"
)

// order is an order that was placed at some time in the past.
type order struct {
	by     account
	placed time.Time
	states []domain.OrderStatus // those after Pending
	goods  []goods
}

// goods is so many of a product of the kind.
type goods struct {
	kind     string
	quantity int
}

var (
	paid      = []domain.OrderStatus{domain.Paid}
	shipped   = []domain.OrderStatus{domain.Paid, domain.Shipped}
	delivered = []domain.OrderStatus{domain.Paid, domain.Shipped, domain.Delivered}
	returned  = []domain.OrderStatus{domain.Paid, domain.Shipped, domain.Delivered, domain.Refunding, domain.Refunded}
)

// orders are the past orders, the oldest first. Their place is their id.
var orders = []order{
	{john, day(2025, time.March, 14), delivered, []goods{{"headphones", 1}, {"coffee-cups", 4}}},
	{jane, day(2025, time.December, 1), delivered, []goods{{"teapots", 1}, {"candles", 6}, {"scarves", 1}}},
	{jane, day(2026, time.April, 11), delivered, []goods{{"cameras", 1}}},
	{john, day(2026, time.May, 2), returned, []goods{{"running-shoes", 1}}},
	{john, day(2026, time.October, 19), shipped, []goods{{"backpacks", 1}, {"socks", 3}, {"t-shirts", 2}}},
	{jane, day(2026, time.October, 28), shipped, []goods{{"house-plants", 2}, {"vases", 1}}},
	{john, day(2026, time.October, 30), paid, []goods{{"keyboards", 1}}},
}

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 10, 24, 0, 0, time.UTC)
}

// neverSettled is a lease that outlives the demo.
const neverSettled = 100 * 365 * 24 * time.Hour

// after is how long after it was placed an order comes into a state.
var after = map[domain.OrderStatus]time.Duration{
	domain.Paid: time.Minute, domain.Shipped: 26 * time.Hour, domain.Delivered: 75 * time.Hour, domain.Refunding: 239 * time.Hour, domain.Refunded: 240 * time.Hour,
}

// loadOrders places the orders that are not there yet. Products and accounts must be.
func (l *Loader) loadOrders(ctx context.Context) error {
	for i, o := range orders {
		if err := l.addOrder(ctx, orderID(i), o); err != nil {
			return fmt.Errorf("order %d: %w", i+1, err)
		}
	}
	return nil
}

func orderID(i int) domain.OrderID { return domain.OrderID(fmt.Sprintf("demo-%d", i+1)) }

// addOrder goes the way of a guest who signs in later, so that the account's own
// cart stays as it is. Whatever was done before is not done again.
func (l *Loader) addOrder(ctx context.Context, id domain.OrderID, o order) error {
	guest := domain.GuestOwner(string(id))
	_, err := l.Orders.Order(ctx, id)
	if errors.Is(err, domain.ErrNotFound) {
		err = l.place(ctx, id, guest, o)
	}
	if err != nil {
		return err
	}
	if _, _, err := l.Orders.TransitionOrder(ctx, id, o.proceed); err != nil {
		return err
	}
	return l.Orders.AdoptOrders(ctx, guest, o.by.ID.Owner())
}

func (l *Loader) place(ctx context.Context, id domain.OrderID, guest domain.OwnerID, o order) error {
	lines := o.lines()
	_, err := l.Carts.UpdateCart(ctx, guest, func(c *domain.Cart) error {
		c.Lines = lines
		return nil
	})
	if err != nil {
		return err
	}
	draft := domain.Order{
		ID: id, Owner: guest, Email: o.by.Email, ShippingAddress: o.by.address,
		Payment: domain.Payment{Method: domain.DemoCard, Last4: "4242"}, PlacedAt: o.placed,
	}
	// Of several servers at once, the key lets one place it. The gateway knows nothing of it.
	_, _, err = l.Orders.PlaceOrder(ctx, port.Placement{Owner: guest, Key: "demo", Fingerprint: "demo", Lease: neverSettled},
		func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
			return domain.NewOrder(draft, cart, products, l.pricing())
		})
	return err
}

// proceed brings a pending order through its states, of which only the last
// gives anything back.
func (o order) proceed(placed *domain.Order) (domain.Effects, error) {
	effects := domain.Effects{TakeNumber: placed.Number == ""}
	if placed.Status != domain.Pending {
		return effects, nil
	}
	for _, next := range o.states {
		then, err := placed.MoveTo(next, o.placed.Add(after[next]))
		if err != nil {
			return domain.Effects{}, err
		}
		then.TakeNumber = effects.TakeNumber
		effects = then
	}
	return effects, nil
}

// lines are the goods as lines of a cart.
func (o order) lines() []domain.Line {
	lines := make([]domain.Line, len(o.goods))
	for i, g := range o.goods {
		p := catalog().kinds[g.kind].inStockAt(o.placed)
		lines[i] = domain.Line{ID: domain.LineID(p.ID), Product: p.ID, Quantity: g.quantity}
	}
	return lines
}

// inStockAt is the first product of the kind that was sold at the time, and is not rare.
func (k *kind) inStockAt(at time.Time) domain.Product {
	const many = 20
	for n := 0; ; n++ {
		if p := k.product(n); p.AddedAt.Before(at) && p.Stock >= many {
			return p
		}
	}
}
