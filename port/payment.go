package port

import (
	"context"

	"eshop/domain"
)

// Verdict is what a gateway says of a charge.
type ChargeStatus string

// The verdicts.
const (
	Charged    ChargeStatus = "charged"
	Refused    ChargeStatus = "refused"     // for good: nothing was taken and nothing will be
	NotCharged ChargeStatus = "not charged" // the gateway knows of no charge for the order
)

// Payments takes money. Each charge is named by its order: however often it is
// asked for, it is made once.
type Payments interface {
	// Charge asks for the money of an order and returns Charged or Refused. With
	// any error the money may have been taken or not: ask Verdict. Charging an
	// order again returns the first verdict.
	Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (ChargeStatus, error)

	// Verdict says what became of the order's charge. NotCharged is final: a
	// charge of that order that is asked for later is Refused.
	SettleOrVoid(ctx context.Context, order domain.OrderID) (ChargeStatus, error)

	// Refund gives back what was charged for the order; again, nothing more.
	// ErrConflict `not_charged` when nothing was.
	Refund(ctx context.Context, order domain.OrderID) error
}
