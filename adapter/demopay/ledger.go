package demopay

import (
	"context"
	"sync"
	"time"

	"eshop/domain"
	"eshop/port"
)

// MemoryLedger is the ledger of a shop that has one server. Make one with NewMemoryLedger.
type MemoryLedger struct {
	mu      sync.Mutex
	charges map[domain.OrderID]charge
}

type charge struct {
	verdict     port.Verdict
	silentUntil time.Time
}

var _ Ledger = (*MemoryLedger)(nil)

// NewMemoryLedger makes a ledger that knows of no charge.
func NewMemoryLedger() *MemoryLedger { return &MemoryLedger{charges: map[domain.OrderID]charge{}} }

func (l *MemoryLedger) KeepCharge(_ context.Context, order domain.OrderID, _ domain.Money,
	verdict port.Verdict, silentUntil time.Time) (port.Verdict, time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, known := l.charges[order]
	if !known {
		c = charge{verdict, silentUntil}
		l.charges[order] = c
	}
	return c.verdict, c.silentUntil, nil
}
