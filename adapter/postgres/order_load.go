package postgres

import (
	"context"
	_ "embed"

	"github.com/uptrace/bun"
)

//go:embed order_load.sql
var orderLoadStatement string

// madeAtOnce are so few orders that nobody who buys meanwhile waits long for the products' rows.
const madeAtOnce = 5000

// MakeOrders makes n orders that are paid, to try the shop on, and tells progress how many there are after each batch. Stock stays
// as it is. There must be products.
func (s *Store) MakeOrders(ctx context.Context, n int, progress func(made int)) error {
	for made := 0; made < n; {
		some := min(madeAtOnce, n-made)
		err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
			// It is taken for a long statement, and compiling it lasts longer than it does.
			if _, err := tx.ExecContext(ctx, "SET LOCAL jit = off"); err != nil {
				return err
			}
			_, err := tx.NewRaw(orderLoadStatement, some).Exec(ctx)
			return err
		})
		if err != nil {
			return err
		}
		made += some
		progress(made)
	}
	return nil
}
