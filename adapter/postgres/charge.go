package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
	"eshop/port"
)

// KeepCharge and ChargeOf are the demo gateway's ledger (demopay.Ledger), which all servers share.
func (s *Store) KeepCharge(ctx context.Context, order domain.OrderID, amount domain.Money,
	status port.ChargeStatus, silentUntil time.Time) (port.ChargeStatus, time.Time, error) {
	err := s.repeat(ctx, `INSERT INTO demo_charges (order_id, verdict, amount, currency, silent_until)
		VALUES (?, ?, ?, ?, ?) ON CONFLICT (order_id) DO NOTHING`,
		order, status, amount.Amount, amount.Currency, bun.NullTime{Time: silentUntil})
	if err != nil {
		return "", time.Time{}, err
	}
	return s.ChargeOf(ctx, order)
}

func (s *Store) ChargeOf(ctx context.Context, order domain.OrderID) (port.ChargeStatus, time.Time, error) {
	row := struct {
		Status      port.ChargeStatus `bun:"verdict"`
		SilentUntil time.Time         `bun:"silent_until"`
	}{Status: port.NotCharged}
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		err := db.NewRaw(`SELECT verdict, silent_until FROM demo_charges WHERE order_id = ?`, order).Scan(ctx, &row)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return row.Status, row.SilentUntil.UTC(), err
}
