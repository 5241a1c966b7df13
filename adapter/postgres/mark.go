package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// Mode is what a database is used for.
type Mode string

// The modes of a shop. A database that is neither's has none.
const (
	Production Mode = "production"
	Demo       Mode = "demo"
)

// Mark is what a database says of the shop that it belongs to. The zero value is that of
// a database that no shop has marked.
type Mark struct {
	Mode     Mode
	Currency domain.Currency // the one that its products are sold in
}

// markRow is the only row of its table.
type markRow struct {
	bun.BaseModel `bun:"table:shop_mark,alias:shop_mark"`

	OnlyOne  bool            `bun:"only_one,pk"`
	Mode     Mode            `bun:"mode"`
	Currency domain.Currency `bun:"currency"`
	KeptAt   time.Time       `bun:"kept_at,nullzero,default:now()"`
}

// Mark returns the database's mark.
func (s *Store) Mark(ctx context.Context) (Mark, error) {
	var mark Mark
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		var err error
		mark, err = readMark(ctx, db)
		return err
	})
	return mark, err
}

// UpdateMark passes the mark to change, keeps the result and returns it. Updates happen one
// after another, whichever server asks. When change fails nothing is kept and its error
// comes back. change may run more than once and must not call the store.
func (s *Store) UpdateMark(ctx context.Context, change func(*Mark) error) (Mark, error) {
	var mark Mark
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		// There may be no row to lock.
		if _, err := tx.ExecContext(ctx, "LOCK TABLE shop_mark IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		before, err := readMark(ctx, tx)
		if err != nil {
			return err
		}
		mark = before
		if err := change(&mark); err != nil || mark == before {
			return err
		}
		_, err = tx.NewInsert().Model(&markRow{OnlyOne: true, Mode: mark.Mode, Currency: mark.Currency}).
			On("CONFLICT (only_one) DO UPDATE").Set("mode = EXCLUDED.mode").Set("currency = EXCLUDED.currency").Set("kept_at = now()").Exec(ctx)
		return err
	})
	if err != nil {
		return Mark{}, err
	}
	return mark, nil
}

func readMark(ctx context.Context, db bun.IDB) (Mark, error) {
	var row markRow
	err := db.NewSelect().Model(&row).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return Mark{row.Mode, row.Currency}, err
}

// HasOthers reports whether there is an account or an order besides those named.
func (s *Store) HasOthers(ctx context.Context, users []domain.UserID, orders []domain.OrderID) (bool, error) {
	var others bool
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		return db.NewSelect().ColumnExpr("EXISTS (?) OR EXISTS (?)",
			db.NewSelect().Table("users").Where("id NOT IN (?)", bun.List(users)),
			db.NewSelect().Table("orders").Where("id NOT IN (?)", bun.List(orders))).Scan(ctx, &others)
	})
	return others, err
}

// SoldIn returns the currency of the products, "" when there are none.
func (s *Store) SoldIn(ctx context.Context) (domain.Currency, error) {
	var currency domain.Currency
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		err := db.NewSelect().Table("products").Column("currency").Limit(1).Scan(ctx, &currency)
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return err
	})
	return currency, err
}
