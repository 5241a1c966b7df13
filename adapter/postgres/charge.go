package postgres

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
	"eshop/port"
)

// KeepCharge is the demo gateway's ledger, shared by all servers: it keeps a verdict
// about the order's charge unless there is one already, and returns the one that
// holds, with the time until which the gateway says nothing of it.
func (s *Store) KeepCharge(ctx context.Context, order domain.OrderID, amount domain.Money,
	verdict port.ChargeStatus, silentUntil time.Time) (port.ChargeStatus, time.Time, error) {
	var row struct {
		Verdict     port.ChargeStatus `bun:"verdict"`
		SilentUntil time.Time         `bun:"silent_until"`
	}
	err := s.repeat(ctx, `INSERT INTO demo_charges (order_id, verdict, amount, currency, silent_until)
		VALUES (?, ?, ?, ?, ?) ON CONFLICT (order_id) DO NOTHING`,
		order, verdict, amount.Amount, amount.Currency, bun.NullTime{Time: silentUntil})
	if err != nil {
		return "", time.Time{}, err
	}
	err = s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		return db.NewRaw(`SELECT verdict, silent_until FROM demo_charges WHERE order_id = ?`, order).Scan(ctx, &row)
	})
	return row.Verdict, row.SilentUntil.UTC(), err
}
