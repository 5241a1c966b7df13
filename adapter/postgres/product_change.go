package postgres

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"eshop/domain"
)

const (
	// changesLock tells the advisory lock of those who number changes from others.
	changesLock = 2
	// changesAtOnce bounds how long it is held.
	changesAtOnce = 10_000
)

func (s *Store) ChangedProducts(ctx context.Context, after domain.Cursor, limit int) ([]domain.Product, domain.Cursor, error) {
	from, err := strconv.ParseUint("0"+string(after), 10, 63)
	if err != nil {
		return nil, "", domain.UnknownCursor()
	}
	if _, err := s.numberChanges(ctx); err != nil {
		return nil, "", err
	}
	var changed []domain.Product
	err = s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		// The last number comes in one row at least, though nothing has changed.
		var rows []struct {
			ID     domain.ProductID `bun:"product_id"`
			Number uint64           `bun:"number"`
			Last   uint64           `bun:"last"`
		}
		err := db.NewRaw(`SELECT coalesce(product_id, '') AS product_id, coalesce(number, 0) AS number, last
			FROM (SELECT coalesce(max(number), 0) AS last FROM product_changes) newest LEFT JOIN LATERAL (
				SELECT product_id, number FROM product_changes WHERE number > ? ORDER BY number LIMIT ?) page ON true
			ORDER BY number`, from, max(limit, 0)).Scan(ctx, &rows)
		if err != nil {
			return err
		}
		if from > rows[0].Last {
			return domain.UnknownCursor()
		}
		changed = nil
		var ids []domain.ProductID
		for _, r := range rows {
			if r.ID != "" {
				ids, after = append(ids, r.ID), domain.Cursor(strconv.FormatUint(r.Number, 10))
			}
		}
		present, err := productsByID(ctx, db, ids)
		if err != nil {
			return err
		}
		byID := make(map[domain.ProductID]domain.Product, len(present))
		for _, p := range present {
			byID[p.ID] = p
		}
		for _, id := range ids {
			p, ok := byID[id]
			if !ok {
				p = domain.DiscontinuedProduct(id)
			}
			changed = append(changed, p)
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return changed, after, nil
}

// numberChanges moves changes from the outbox to the feed, and returns how many. What a transaction that is
// still under way changed is not seen yet, and gets a greater number later.
func (s *Store) numberChanges(ctx context.Context) (int, error) {
	moved := 0
	err := s.retry(ctx, func(ctx context.Context) error {
		var waiting bool
		if err := s.db.NewRaw(`SELECT EXISTS (SELECT FROM product_change_outbox)`).Scan(ctx, &waiting); err != nil || !waiting {
			return err
		}
		return s.tryTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(?, 0)`, changesLock); err != nil {
				return err
			}
			// A statement of its own, which sees what was committed before the lock was had.
			return tx.NewRaw(`WITH moved AS (
					DELETE FROM product_change_outbox
					WHERE ctid = ANY (ARRAY(SELECT ctid FROM product_change_outbox LIMIT ?)) RETURNING product_id
				), numbered AS (
					INSERT INTO product_changes (product_id) SELECT DISTINCT product_id FROM moved
					ON CONFLICT (product_id) DO UPDATE SET number = excluded.number
				) SELECT count(*) FROM moved`, changesAtOnce).Scan(ctx, &moved)
		})
	})
	return moved, err
}
