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

// Ledger keeps what became of charges. Servers that share one are one gateway, whose time is the ledger's.
type Ledger interface {
	// KeepCharge keeps the status of the order's charge, and for how long the gateway
	// is silent about it, unless one is kept already; it returns what is kept, and for how
	// long it is silent from now on. Of any number of calls at once, on any servers, one decides.
	KeepCharge(ctx context.Context, order domain.OrderID, amount domain.Money, status port.ChargeStatus,
		silence time.Duration) (port.ChargeStatus, time.Duration, error)

	// ChargeOf returns what is kept of the order's charge, NotCharged when nothing is, and
	// for how long the gateway is silent about it from now on.
	ChargeOf(ctx context.Context, order domain.OrderID) (port.ChargeStatus, time.Duration, error)
}

// Gateway takes demo payments. Any number of calls may be made at once.
type Gateway struct{ ledger Ledger }

var _ port.Payments = (*Gateway)(nil)

// New returns a gateway that keeps its charges in ledger.
func New(ledger Ledger) *Gateway { return &Gateway{ledger} }

func (g *Gateway) Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (port.ChargeStatus, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	status, silence := port.Charged, time.Duration(0)
	switch card.Number {
	case Fails:
		return "", away()
	case Declines:
		status = port.Refused
	case HangsThenPays:
		silence = Silence
	case HangsThenDenies:
		status, silence = port.NotCharged, Silence
	}
	status, silence, err := g.ledger.KeepCharge(ctx, order, amount, status, silence)
	switch {
	case err != nil:
		return "", err
	case silence > 0:
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
	status, silence, err := g.ledger.KeepCharge(ctx, order, domain.Dollars(0), port.NotCharged, 0)
	switch {
	case err != nil:
		return "", err
	case silence > 0:
		return "", away()
	}
	return status, nil
}

func (g *Gateway) Refund(ctx context.Context, order domain.OrderID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	status, silence, err := g.ledger.ChargeOf(ctx, order)
	switch {
	case err != nil:
		return err
	case silence > 0:
		return away()
	case status != port.Charged:
		return domain.ErrConflict.Errorf(domain.CodeNotCharged, "nothing was charged for that order")
	}
	return nil
}

func away() error {
	return domain.ErrUnavailable.Errorf(domain.CodePaymentUnavailable, "the payment service does not answer just now")
}
