// Package demopay is a payment gateway for trying the shop out: no money moves.
// What becomes of a charge depends on the card's number alone. It remembers its
// charges in memory, as a real gateway would on its side of the wire.
package demopay

import (
	"context"
	"sync"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Cards with a story. Every other number is charged.
const (
	Declines        = "4000000000000002"
	Fails           = "4000000000000119" // answers with an error, and nothing was charged
	HangsThenPays   = "4000000000000341" // gives no answer for Silence, then turns out to be charged
	HangsThenDenies = "4000000000009995" // gives no answer for Silence, then turns out not to be charged
)

// Silence is how long the gateway gives no answer about a card that hangs.
const Silence = 10 * time.Second

// Gateway takes demo payments. Any number of calls may be made at once.
type Gateway struct {
	clock func() time.Time

	mu      sync.Mutex
	charges map[domain.OrderID]charge
}

type charge struct {
	verdict     port.Verdict
	silentUntil time.Time
}

var _ port.Payments = (*Gateway)(nil)

// New makes a gateway that tells time by clock.
func New(clock func() time.Time) *Gateway {
	return &Gateway{clock: clock, charges: map[domain.OrderID]charge{}}
}

func (g *Gateway) Charge(ctx context.Context, order domain.OrderID, _ domain.Money, card domain.Card) (port.Verdict, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	c, known := g.charge(order, card.Number)
	switch {
	case !known:
		return "", away()
	case g.clock().Before(c.silentUntil):
		<-ctx.Done()
		return "", away()
	case c.verdict == port.Charged:
		return port.Charged, nil
	}
	return port.Refused, nil
}

// charge is the charge of an order, made now if there is none; known is false when the gateway fails before there is.
func (g *Gateway) charge(order domain.OrderID, number string) (c charge, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, known := g.charges[order]; known {
		return c, true
	}
	c.verdict = port.Charged
	switch number {
	case Fails:
		return charge{}, false
	case Declines:
		c.verdict = port.Refused
	case HangsThenPays:
		c.silentUntil = g.clock().Add(Silence)
	case HangsThenDenies:
		c = charge{port.NotCharged, g.clock().Add(Silence)}
	}
	g.charges[order] = c
	return c, true
}

func (g *Gateway) Verdict(ctx context.Context, order domain.OrderID) (port.Verdict, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	c, known := g.charges[order]
	if !known {
		c.verdict = port.NotCharged
		g.charges[order] = c
	}
	if g.clock().Before(c.silentUntil) {
		return "", away()
	}
	return c.verdict, nil
}

func (g *Gateway) Refund(ctx context.Context, order domain.OrderID) error {
	verdict, err := g.Verdict(ctx, order)
	if err != nil {
		return err
	}
	if verdict != port.Charged {
		return domain.ErrConflict.Errorf("not_charged", "nothing was charged for that order")
	}
	return nil
}

func away() error {
	return domain.ErrUnavailable.Errorf("payment_unavailable", "the payment service does not answer just now")
}
