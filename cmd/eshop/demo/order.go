package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"eshop/domain"
	"eshop/port"
)

// order is an order that was placed once.
type order struct {
	by     string
	placed time.Time
	states []domain.Status // after Pending
	goods  []goods
}

// goods are so many of the product of a kind that comes first among those that fit.
type goods struct {
	kind     string
	quantity int
}

var orders = []order{
	{"john_doe", day(2025, time.March, 14), delivered, []goods{{"headphones", 1}, {"coffee-cups", 4}}},
	{"john_doe", day(2026, time.May, 2), returned, []goods{{"running-shoes", 1}}},
	{"john_doe", day(2026, time.October, 19), shipped, []goods{{"backpacks", 1}, {"socks", 3}, {"t-shirts", 2}}},
	{"john_doe", day(2026, time.October, 30), paid, []goods{{"keyboards", 1}}},
	{"jane_smith", day(2025, time.December, 1), delivered, []goods{{"teapots", 1}, {"candles", 6}, {"scarves", 1}}},
	{"jane_smith", day(2026, time.April, 11), delivered, []goods{{"cameras", 1}}},
	{"jane_smith", day(2026, time.October, 28), shipped, []goods{{"house-plants", 2}, {"vases", 1}}},
}

var (
	paid      = []domain.Status{domain.Paid}
	shipped   = append(paid[:1:1], domain.Shipped)
	delivered = append(shipped[:2:2], domain.Delivered)
	returned  = append(delivered[:3:3], domain.Refunded)
)

var addresses = map[string]domain.Address{
	"john_doe": {
		Name: "John Doe", Line1: "12 Elm Street", City: "Springfield", Region: "IL", PostalCode: "62701", Country: "US", Phone: "+1 555 010 0142",
	},
	"jane_smith": {
		Name: "Jane Smith", Line1: "8 Harbour Road", Line2: "Flat 3", City: "Bristol", PostalCode: "BS1 5TY", Country: "GB", Phone: "+44 20 7946 0018",
	},
}

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 10, 24, 0, 0, time.UTC)
}

// LoadOrders places the past orders of the demo accounts, where they are not
// there yet. The products must be.
func (l *Loader) LoadOrders(ctx context.Context) error {
	for i, o := range orders {
		if err := l.addOrder(ctx, domain.OrderID(fmt.Sprintf("demo-%d", i+1)), o); err != nil {
			return fmt.Errorf("order %d: %w", i+1, err)
		}
	}
	return nil
}

// addOrder goes the way of a guest who signs in later: the account's own cart is never touched.
func (l *Loader) addOrder(ctx context.Context, id domain.OrderID, o order) error {
	guest := domain.GuestOwner(string(id))
	switch _, err := l.Orders.Order(ctx, id); {
	case errors.Is(err, domain.ErrNotFound):
		if err := l.place(ctx, id, guest, o); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	if _, err := l.Orders.UpdateOrder(ctx, id, o.proceed); err != nil {
		return err
	}
	return l.Orders.AdoptOrders(ctx, guest, idOf(o.by).Owner())
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
		ID: id, Owner: guest, Email: emailOf(o.by), ShippingAddress: addresses[o.by],
		Payment:  domain.Payment{Method: domain.DemoCard, Last4: "4242"},
		PlacedAt: o.placed,
		// Nobody may settle it: the gateway knows nothing of it.
		ClaimedUntil: o.placed.AddDate(1000, 0, 0),
	}
	placement := port.Placement{Owner: guest, Key: "demo", Fingerprint: "demo"}
	_, _, err = l.Orders.PlaceOrder(ctx, placement, func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
		return domain.NewOrder(draft, cart, products)
	})
	return err
}

// proceed brings a pending order through all of its states.
func (o order) proceed(placed *domain.Order) error {
	if placed.Status != domain.Pending {
		return nil
	}
	after := map[domain.Status]time.Duration{
		domain.Paid: time.Minute, domain.Shipped: 26 * time.Hour, domain.Delivered: 75 * time.Hour, domain.Refunded: 240 * time.Hour,
	}
	for _, next := range o.states {
		if err := placed.MoveTo(next, o.placed.Add(after[next])); err != nil {
			return err
		}
	}
	placed.ClaimedUntil = o.placed
	return nil
}

// lines are the goods as lines of a cart.
func (o order) lines() []domain.Line {
	var lines []domain.Line
	for _, g := range o.goods {
		p := firstFit(g, o.placed)
		lines = append(lines, domain.Line{ID: domain.LineID(p.ID), Product: p.ID, Quantity: g.quantity})
	}
	return lines
}

// firstFit is the first product of the kind that was there at the time, in a stock that lasts.
func firstFit(g goods, at time.Time) domain.Product {
	const lasting = 20
	for n := 0; ; n++ {
		p := catalogue().kind[g.kind].product(n)
		if p.AddedAt.Before(at) && p.Stock >= lasting+g.quantity {
			return p
		}
	}
}

func emailOf(name string) string {
	for _, a := range accounts {
		if a.Username == name {
			return a.Email
		}
	}
	return ""
}
