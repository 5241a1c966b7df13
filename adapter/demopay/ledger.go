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
	status      port.ChargeStatus
	silentUntil time.Time
}

var _ Ledger = (*MemoryLedger)(nil)

// NewMemoryLedger returns a ledger without a charge.
func NewMemoryLedger() *MemoryLedger { return &MemoryLedger{charges: map[domain.OrderID]charge{}} }

func (l *MemoryLedger) KeepCharge(_ context.Context, order domain.OrderID, _ domain.Money,
	status port.ChargeStatus, silentUntil time.Time) (port.ChargeStatus, time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.charges[order]
	if !ok {
		c = charge{status, silentUntil}
		l.charges[order] = c
	}
	return c.status, c.silentUntil, nil
}

func (l *MemoryLedger) ChargeOf(_ context.Context, order domain.OrderID) (port.ChargeStatus, time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.charges[order]
	if !ok {
		return port.NotCharged, time.Time{}, nil
	}
	return c.status, c.silentUntil, nil
}
