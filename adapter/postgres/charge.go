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
	status port.ChargeStatus, silence time.Duration) (port.ChargeStatus, time.Duration, error) {
	err := s.repeat(ctx, `INSERT INTO demo_charges (order_id, verdict, amount, currency, silent_until)
		VALUES (?, ?, ?, ?, clock_timestamp() + nullif(?, 0) * interval '1 microsecond') ON CONFLICT (order_id) DO NOTHING`,
		order, status, amount.Amount, amount.Currency, silence.Microseconds())
	if err != nil {
		return "", 0, err
	}
	return s.ChargeOf(ctx, order)
}

func (s *Store) ChargeOf(ctx context.Context, order domain.OrderID) (port.ChargeStatus, time.Duration, error) {
	row := struct {
		Status  port.ChargeStatus `bun:"verdict"`
		Silence int64             `bun:"silence"` // in microseconds
	}{Status: port.NotCharged}
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		err := db.NewRaw(`SELECT verdict, coalesce(extract(epoch FROM silent_until - clock_timestamp()) * 1000000, 0)::bigint AS silence
			FROM demo_charges WHERE order_id = ?`, order).Scan(ctx, &row)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return row.Status, time.Duration(row.Silence) * time.Microsecond, err
}
