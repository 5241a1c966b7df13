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
	clock   func() time.Time
	mu      sync.Mutex
	charges map[domain.OrderID]charge
}

type charge struct {
	status      port.ChargeStatus
	silentUntil time.Time
}

var _ Ledger = (*MemoryLedger)(nil)

// NewMemoryLedger returns a ledger without a charge that tells time by clock.
func NewMemoryLedger(clock func() time.Time) *MemoryLedger {
	return &MemoryLedger{clock: clock, charges: map[domain.OrderID]charge{}}
}

func (l *MemoryLedger) KeepCharge(_ context.Context, order domain.OrderID, _ domain.Money,
	status port.ChargeStatus, silence time.Duration) (port.ChargeStatus, time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	c, ok := l.charges[order]
	if !ok {
		c = charge{status, now.Add(silence)}
		l.charges[order] = c
	}
	return c.status, c.silentUntil.Sub(now), nil
}

func (l *MemoryLedger) ChargeOf(_ context.Context, order domain.OrderID) (port.ChargeStatus, time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.charges[order]
	if !ok {
		return port.NotCharged, 0, nil
	}
	return c.status, c.silentUntil.Sub(l.clock()), nil
}
