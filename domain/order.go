package domain

import (
	"slices"
	"time"
)

// OrderID names an order in the interfaces.
type OrderID string

// OrderNumber names an order to people, who read it out. An order takes its number when it
// becomes paid: "" until then, and for an attempt that never was.
type OrderNumber string

// OrderStatus is where an order is on its way.
type OrderStatus string

// The statuses of an order.
const (
	Pending   OrderStatus = "pending" // its stock is taken, its payment not yet known
	Paid      OrderStatus = "paid"
	Shipped   OrderStatus = "shipped"
	Delivered OrderStatus = "delivered"
	Cancelled OrderStatus = "cancelled" // an attempt, never paid; its stock is back
	Refunding OrderStatus = "refunding" // its money is to go back, and may have gone
	Refunded  OrderStatus = "refunded"  // was paid; money and stock are back
)

// OrderStatuses are all statuses, from the first on the way to the last.
var OrderStatuses = []OrderStatus{Pending, Paid, Shipped, Delivered, Cancelled, Refunding, Refunded}

var mayFollow = map[OrderStatus][]OrderStatus{
	Pending:   {Paid, Cancelled},
	Paid:      {Shipped, Refunding},
	Shipped:   {Delivered, Refunding},
	Delivered: {Refunding},
	Refunding: {Refunded},
}

// Next returns the statuses that may follow s.
func (s OrderStatus) Next() []OrderStatus { return slices.Clone(mayFollow[s]) }

// Order is what was bought. Its lines and sums never change once it is placed.
type Order struct {
	ID              OrderID
	Number          OrderNumber
	Owner           OwnerID
	Email           string
	Status          OrderStatus
	Lines           []OrderLine
	Subtotal        Money
	Shipping        Money
	Tax             Money
	Discount        Money
	Total           Money
	ShippingAddress Address
	Payment         Payment
	PlacedAt        time.Time
	History         []StatusChange
	// LeasedUntil is until when, by the store's clock, one server alone asks the gateway
	// for the payment of a pending order, or for the refund of one that is Refunding.
	LeasedUntil time.Time
}

// OrderLine is one product of an order as it was when the order was placed.
type OrderLine struct {
	Product   ProductID
	Name      string
	Quantity  int
	UnitPrice Money
	LineTotal Money
}

// StatusChange is a status of an order and since when it has it.
type StatusChange struct {
	Status OrderStatus
	At     time.Time
	Key    IdempotencyKey // that of the call that gave the order the status; "" without one
	By     string         // username of the one of the staff who gave it; "" for what the shop did by itself
}

// Clone returns a copy that shares nothing with o.
func (o Order) Clone() Order {
	o.Lines = slices.Clone(o.Lines)
	o.History = slices.Clone(o.History)
	return o
}

// Effects are what a change of an order's status has to do. The store makes them
// in the transaction that keeps the change. The zero value does nothing.
type Effects struct {
	MovedTo     OrderStatus // the new status; "" when there is none
	At          time.Time   // since when the order has it
	ReturnStock []OrderLine // goes back into stock and no longer counts as sold
	RestoreCart Cart        // is merged into the cart of the order's owner
	FreeKey     bool        // the key that placed the order may place another
	EndLease    bool        // the order may be leased at once
	TakeNumber  bool        // the order takes the next number
}

// MoveTo gives the order its next status, and its payment with it, and returns the effects.
func (o *Order) MoveTo(next OrderStatus, at time.Time) (Effects, error) {
	if !slices.Contains(mayFollow[o.Status], next) {
		return Effects{}, ErrConflict.Errorf(CodeOrderState, "an order that is %s cannot become %s", o.Status, next)
	}
	at = o.note(next, at)
	effects := Effects{MovedTo: next, At: at}
	switch next {
	case Paid:
		o.Payment.Status = PaymentPaid
		effects.TakeNumber = o.Number == ""
	case Cancelled:
		o.Payment.Status = PaymentFailed
		effects.ReturnStock, effects.RestoreCart = slices.Clone(o.Lines), o.cart()
		// Who was told to wait asks again by the key.
		effects.FreeKey = !o.Payment.Awaited
	case Refunding:
		effects.EndLease = true
	case Refunded:
		o.Payment.Status = PaymentRefunded
		effects.ReturnStock = slices.Clone(o.Lines)
	}
	return effects, nil
}

// MoveOnce is MoveTo for a call with a key and by somebody, which the history keeps. The
// same call again has no effects; with another status it is ErrConflict
// `idempotency_key_reused`. Giving the order the status that it has has no effects either.
func (o *Order) MoveOnce(to StatusChange) (Effects, error) {
	if i := slices.IndexFunc(o.History, func(c StatusChange) bool { return to.Key != "" && c.Key == to.Key }); i >= 0 {
		if o.History[i].Status != to.Status {
			return Effects{}, KeyReused()
		}
		return Effects{}, nil
	}
	if o.Status == to.Status {
		return Effects{}, nil
	}
	effects, err := o.MoveTo(to.Status, to.At)
	if err == nil {
		made := &o.History[len(o.History)-1]
		made.Key, made.By = to.Key, to.By
	}
	return effects, err
}

// RefuseRefund gives an order that is Refunding the status that it had before, when the
// gateway has no charge to give back. It has no effects.
func (o *Order) RefuseRefund(at time.Time) error {
	begun := len(o.History) - 1
	for begun > 0 && o.History[begun].Status != Refunding {
		begun--
	}
	if o.Status != Refunding || begun < 1 {
		return ErrConflict.Errorf(CodeOrderState, "an order that is %s is not being refunded", o.Status)
	}
	o.note(o.History[begun-1].Status, at)
	return nil
}

// note gives the order a status since at, which it returns: never earlier than the change
// before, which a server may have noted whose clock is ahead.
func (o *Order) note(status OrderStatus, at time.Time) time.Time {
	if n := len(o.History); n > 0 {
		at = later(at, o.History[n-1].At)
	}
	o.Status = status
	o.History = append(o.History, StatusChange{Status: status, At: at})
	return at
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// cart returns the cart that the order was made of. A cart has one line a product,
// so the product names the line as well as its own name did.
func (o *Order) cart() Cart {
	var cart Cart
	for _, line := range o.Lines {
		cart.Lines = append(cart.Lines, Line{ID: LineID(line.Product), Product: line.Product, Quantity: line.Quantity})
	}
	return cart
}

// Purchase is what a shopper sends to check out.
type Purchase struct {
	Email           string
	ShippingAddress Address
	Method          string
	Card            Card
	ExpectedTotal   *Money // what the shopper was told to pay; nil when they were not told
	ClientAddress   string // of the network that it came from
	// Guest is who the shopper was before signing in, while that one's orders may not be the account's yet; "" for nobody.
	Guest OwnerID
}

// Check fails with what is wrong with p at time now, by field, in a shop that sells in the currency.
func (p Purchase) Check(now time.Time, currency Currency) error {
	wrong := fieldErrors{}
	if text := checkEmail(p.Email); text != "" {
		wrong.add("email", text)
	}
	p.ShippingAddress.check("shipping_address.", wrong)
	if p.Method != DemoCard {
		wrong.add("payment.method", "must be demo_card")
	}
	p.Card.check("payment.", now, wrong)
	if e := p.ExpectedTotal; e != nil && (e.Currency != currency || e.Amount < 0 || e.Amount > MaxAmount) {
		wrong.add("expected_total", "must be the sum that the shopper was shown, in the minor unit of "+string(currency))
	}
	return wrong.err()
}

// CheckTotal fails with a conflict `total_changed` when total is not what the shopper expects to pay.
func (p Purchase) CheckTotal(total Money) error {
	if p.ExpectedTotal != nil && *p.ExpectedTotal != total {
		return TotalChanged(total)
	}
	return nil
}

// Pricing is what a shop adds to the prices of its products, and the currency of both. It
// is the same on all servers of a shop.
type Pricing struct {
	Currency Currency
	Delivery int64 // what the delivery of an order costs, in minor units
	FreeFrom int64 // the subtotal from which delivery is free, in minor units; NeverFree for none
}

// NeverFree is a FreeFrom that no order reaches.
const NeverFree = MaxAmount

// DefaultPricing returns the pricing of a shop that says nothing of it.
func DefaultPricing() Pricing { return Pricing{Currency: USD, Delivery: 499, FreeFrom: 5000} }

// Sum returns an amount of minor units in the shop's currency.
func (p Pricing) Sum(amount int64) Money { return Money{amount, p.Currency} }

// FreeDelivery reports whether delivery is free for a subtotal.
func (p Pricing) FreeDelivery(subtotal Money) bool {
	return p.Delivery == 0 || subtotal.Amount >= p.FreeFrom
}

// Totals are the sums of a purchase. Tax and Discount are zero: prices are what is paid.
type Totals struct {
	Subtotal, Shipping, Tax, Discount, Total Money
}

// Totals returns the sums of a purchase whose lines add up to subtotal.
func (p Pricing) Totals(subtotal Money) Totals {
	shipping := p.Sum(p.Delivery)
	if subtotal.Amount == 0 || p.FreeDelivery(subtotal) {
		shipping = p.Sum(0)
	}
	return Totals{subtotal, shipping, p.Sum(0), p.Sum(0), subtotal.Plus(shipping)}
}

// NewOrder completes o to the pending order of what is in cart, at the prices of products.
// It fails with a conflict when the cart is empty or when there is less in stock;
// a product that is missing from products counts as sold out.
func NewOrder(o Order, cart Cart, products map[ProductID]Product, pricing Pricing) (Order, error) {
	if len(cart.Lines) == 0 {
		return Order{}, CartEmpty()
	}
	var short []Shortage
	subtotal := pricing.Sum(0)
	o.Lines = make([]OrderLine, 0, len(cart.Lines))
	for _, line := range cart.Lines {
		p, ok := products[line.Product]
		if !ok {
			p = DiscontinuedProduct(line.Product)
		}
		if p.Stock < line.Quantity {
			short = append(short, Shortage{p.ID, p.Name, line.Quantity, p.Stock})
			continue
		}
		total := p.Price.Times(line.Quantity)
		subtotal = subtotal.Plus(total)
		o.Lines = append(o.Lines, OrderLine{p.ID, p.Name, line.Quantity, p.Price, total})
	}
	if len(short) > 0 {
		return Order{}, OutOfStock(short...)
	}
	sums := pricing.Totals(subtotal)
	o.Subtotal, o.Shipping, o.Tax, o.Discount, o.Total = sums.Subtotal, sums.Shipping, sums.Tax, sums.Discount, sums.Total
	o.Status, o.Payment.Status = Pending, PaymentPending
	o.History = []StatusChange{{Status: Pending, At: o.PlacedAt}}
	return o, nil
}
