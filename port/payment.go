package port

import (
	"context"

	"eshop/domain"
)

// ChargeStatus is what a gateway says of a charge.
type ChargeStatus string

// What a gateway says of a charge.
const (
	Charged    ChargeStatus = "charged"
	Refused    ChargeStatus = "refused"     // for good: nothing was taken and nothing will be
	NotCharged ChargeStatus = "not charged" // the gateway has no charge for the order
)

// Payments takes money and gives it back. The order names its charge: however
// often it is asked for, it is made once.
type Payments interface {
	// Charge asks for the money of an order and returns Charged or Refused.
	// Charging an order again returns the status of its first charge. After an
	// error the money may have been taken or not: SettleOrVoid tells.
	Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (ChargeStatus, error)

	// SettleOrVoid returns the final status of the order's charge. It voids an
	// order that has none: NotCharged is final, and a later charge is Refused.
	SettleOrVoid(ctx context.Context, order domain.OrderID) (ChargeStatus, error)

	// Refund gives back what was charged for the order; repeated, it gives back
	// nothing more. It fails with ErrConflict `not_charged` when nothing was
	// charged, and leaves such an order as it is.
	Refund(ctx context.Context, order domain.OrderID) error
}
