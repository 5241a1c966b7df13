// Package demopay is a payment gateway for trying the shop out: no money moves.
// What becomes of a charge depends on the card's number alone. A real gateway is
// one for all servers of a shop; this one is, when they give it one ledger.
package demopay

import (
	"context"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Cards with a story. Every other number is charged.
const (
	Declines        = "4000000000000002"
	Fails           = "4000000000000119" // answers with an error, and charges nothing
	HangsThenPays   = "4000000000000341" // gives no answer for Silence, then turns out to be charged
	HangsThenDenies = "4000000000009995" // gives no answer for Silence, then turns out not to be charged
)

// Silence is how long the gateway gives no answer about a card that hangs.
const Silence = 10 * time.Second

// Ledger keeps what became of charges. Servers that share one are one gateway.
type Ledger interface {
	// KeepCharge keeps the status of the order's charge, and until when the gateway
	// is silent about it, unless one is kept already; it returns what is kept. Of
	// any number of calls at once, on any servers, one decides.
	KeepCharge(ctx context.Context, order domain.OrderID, amount domain.Money, status port.ChargeStatus,
		silentUntil time.Time) (port.ChargeStatus, time.Time, error)

	// ChargeOf returns what is kept of the order's charge; NotCharged when nothing is.
	ChargeOf(ctx context.Context, order domain.OrderID) (status port.ChargeStatus, silentUntil time.Time, err error)
}

// Gateway takes demo payments. Any number of calls may be made at once.
type Gateway struct {
	clock  func() time.Time
	ledger Ledger
}

var _ port.Payments = (*Gateway)(nil)

// New returns a gateway that tells time by clock and keeps its charges in ledger.
func New(clock func() time.Time, ledger Ledger) *Gateway {
	return &Gateway{clock, ledger}
}

func (g *Gateway) Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (port.ChargeStatus, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	status, silentUntil := port.Charged, time.Time{}
	switch card.Number {
	case Fails:
		return "", away()
	case Declines:
		status = port.Refused
	case HangsThenPays:
		silentUntil = g.clock().Add(Silence)
	case HangsThenDenies:
		status, silentUntil = port.NotCharged, g.clock().Add(Silence)
	}
	status, silentUntil, err := g.ledger.KeepCharge(ctx, order, amount, status, silentUntil)
	switch {
	case err != nil:
		return "", err
	case g.clock().Before(silentUntil):
		<-ctx.Done()
		return "", away()
	case status == port.Charged:
		return port.Charged, nil
	}
	return port.Refused, nil
}

func (g *Gateway) SettleOrVoid(ctx context.Context, order domain.OrderID) (port.ChargeStatus, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	status, silentUntil, err := g.ledger.KeepCharge(ctx, order, domain.Dollars(0), port.NotCharged, time.Time{})
	switch {
	case err != nil:
		return "", err
	case g.clock().Before(silentUntil):
		return "", away()
	}
	return status, nil
}

func (g *Gateway) Refund(ctx context.Context, order domain.OrderID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	status, silentUntil, err := g.ledger.ChargeOf(ctx, order)
	switch {
	case err != nil:
		return err
	case g.clock().Before(silentUntil):
		return away()
	case status != port.Charged:
		return domain.ErrConflict.Errorf(domain.CodeNotCharged, "nothing was charged for that order")
	}
	return nil
}

func away() error {
	return domain.ErrUnavailable.Errorf(domain.CodePaymentUnavailable, "the payment service does not answer just now")
}
