package domain

import "time"

// MaxStock is the most of one product that the shop counts.
const MaxStock = 1_000_000_000

// StockMovement is one change of a product's stock. The movements of a product add up to its stock.
type StockMovement struct {
	Product ProductID
	Delta   int // never zero
	Reason  MovementReason
	Order   OrderID // when an order is the reason
	At      time.Time
	By      string // username of the one of the staff who counted; "" for what an order or a new product moved
}

// MovementReason is why stock changed.
type MovementReason string

// Why stock changes.
const (
	StockReceived  MovementReason = "received"  // goods came in, or were first counted
	StockCorrected MovementReason = "corrected" // a count found another number
	StockSold      MovementReason = "sold"
	StockReturned  MovementReason = "returned" // an order was cancelled or refunded
)
