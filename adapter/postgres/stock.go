package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"eshop/domain"
)

func (s *Store) ChangeStock(ctx context.Context, change domain.StockMovement, key domain.IdempotencyKey) (int, error) {
	id, stock := change.Product, 0
	// One past the most never fits, and cannot overflow.
	delta := min(max(change.Delta, -domain.MaxStock-1), domain.MaxStock+1)
	apply := func(ctx context.Context, tx bun.Tx) error {
		repeated, err := keepStockKey(ctx, tx, id, delta, key)
		if err != nil {
			return err
		}
		if repeated {
			err := tx.NewRaw(`SELECT stock FROM product_facts WHERE id = ?`, id).Scan(ctx, &stock)
			if errors.Is(err, sql.ErrNoRows) {
				return domain.NotFound("product")
			}
			return err
		}
		before, moved, err := moveStock(ctx, tx, stockMove{
			ids: []domain.ProductID{id}, deltas: []int{delta}, reason: change.Reason, order: change.Order, at: change.At,
		})
		if err != nil {
			return err
		}
		if _, ok := before[id]; !ok {
			return domain.NotFound("product")
		}
		if !moved {
			return domain.StockBounds(before[id])
		}
		stock = before[id] + delta
		return keepWhoMoved(ctx, tx, change)
	}
	err := s.inTx(ctx, apply)
	if key != "" && errors.Is(err, errInDoubt) {
		err = s.inTx(ctx, apply) // the key tells whether the commit happened
	}
	return stock, err
}

// keepWhoMoved keeps who made the newest movement of a product, which tx made and holds.
func keepWhoMoved(ctx context.Context, tx bun.Tx, m domain.StockMovement) error {
	if m.By == "" || m.Delta == 0 {
		return nil
	}
	_, err := tx.NewRaw(`UPDATE stock_movements SET made_by = ? WHERE product_id = ? AND id = (
		SELECT max(id) FROM stock_movements WHERE product_id = ?)`, m.By, m.Product, m.Product).Exec(ctx)
	return err
}

// keepStockKey keeps the key of a change of stock and reports whether it was kept
// before. Of two calls at once the second waits for the transaction of the first.
func keepStockKey(ctx context.Context, tx bun.Tx, id domain.ProductID, delta int, key domain.IdempotencyKey) (repeated bool, err error) {
	if key == "" {
		return false, nil
	}
	kept, err := tx.NewRaw(`INSERT INTO stock_keys (key, product_id, delta) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING`, key, id, delta).Exec(ctx)
	if err != nil {
		return false, err
	}
	if n, err := kept.RowsAffected(); err != nil || n > 0 {
		return false, err
	}
	var before struct {
		Product domain.ProductID `bun:"product_id"`
		Delta   int              `bun:"delta"`
	}
	if err := tx.NewRaw(`SELECT product_id, delta FROM stock_keys WHERE key = ?`, key).Scan(ctx, &before); err != nil {
		return false, err
	}
	if before.Product != id || before.Delta != delta {
		return false, domain.KeyReused()
	}
	return true, nil
}

func (s *Store) Movements(ctx context.Context, id domain.ProductID) ([]domain.StockMovement, error) {
	return s.movements(ctx, id, `ORDER BY id`)
}

func (s *Store) LastMovements(ctx context.Context, id domain.ProductID, limit int) ([]domain.StockMovement, error) {
	return s.movements(ctx, id, `ORDER BY id DESC LIMIT ?`, limit)
}

func (s *Store) movements(ctx context.Context, id domain.ProductID, order string, args ...any) ([]domain.StockMovement, error) {
	var rows []struct {
		Delta   int                   `bun:"delta"`
		Reason  domain.MovementReason `bun:"reason"`
		OrderID domain.OrderID        `bun:"order_id"`
		At      time.Time             `bun:"at"`
		MadeBy  string                `bun:"made_by"`
	}
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		rows = nil
		return db.NewRaw(`SELECT delta, reason, order_id, at, made_by FROM stock_movements WHERE product_id = ? `+order,
			append([]any{id}, args...)...).Scan(ctx, &rows)
	})
	if err != nil {
		return nil, err
	}
	all := make([]domain.StockMovement, 0, len(rows))
	for _, r := range rows {
		all = append(all, domain.StockMovement{Product: id, Delta: r.Delta, Reason: r.Reason, Order: r.OrderID, At: r.At.UTC(), By: r.MadeBy})
	}
	return all, nil
}

// takeStock takes the lines of an order from stock, with a movement each, and
// counts them as sold. When stock does not suffice it takes nothing and returns
// every shortage, in the order of the lines. The products stay locked until tx
// ends, so this is best its last step.
func takeStock(ctx context.Context, tx bun.Tx, order domain.OrderID, lines []domain.OrderLine, at time.Time) ([]domain.Shortage, error) {
	sale := stockMove{ofOrder: true, whole: true, reason: domain.StockSold, order: order, at: at}
	for _, line := range lines {
		sale.ids, sale.deltas = append(sale.ids, line.Product), append(sale.deltas, -line.Quantity)
	}
	left, moved, err := moveStock(ctx, tx, sale)
	if err != nil || moved {
		return nil, err
	}
	var short []domain.Shortage
	for _, line := range lines {
		if left[line.Product] < line.Quantity {
			short = append(short, domain.Shortage{Product: line.Product, Name: line.Name, Wanted: line.Quantity, Available: left[line.Product]})
			continue
		}
		left[line.Product] -= line.Quantity
	}
	return short, nil
}

// returnStock puts lines of an order back into stock, with a movement each, and no
// longer counts them as sold. Products that were discontinued are passed over. It
// fails when a product's stock would pass the most that is counted. The products stay locked until tx ends.
func returnStock(ctx context.Context, tx bun.Tx, order domain.OrderID, lines []domain.OrderLine, at time.Time) error {
	back := stockMove{ofOrder: true, reason: domain.StockReturned, order: order, at: at}
	for _, line := range lines {
		back.ids, back.deltas = append(back.ids, line.Product), append(back.deltas, line.Quantity)
	}
	before, moved, err := moveStock(ctx, tx, back)
	if err != nil || moved {
		return err
	}
	sums := map[domain.ProductID]int{}
	for _, line := range lines {
		sums[line.Product] += line.Quantity
		if stock, ok := before[line.Product]; ok && stock+sums[line.Product] > domain.MaxStock {
			return domain.StockBounds(stock)
		}
	}
	return nil // all were discontinued
}

// stockMove is a change of the stock of some products.
type stockMove struct {
	ids     []domain.ProductID
	deltas  []int // one an id
	reason  domain.MovementReason
	order   domain.OrderID
	at      time.Time
	ofOrder bool // what leaves counts as sold, and what comes no longer
	whole   bool // a product that is gone keeps all others from moving
}

// moveStock makes the move if every product's stock stays within its bounds, and
// reports whether it did. It returns the stock before of the products that are on sale.
//
// The rule is move_stock, a PL/pgSQL function of migrations/001: one round trip locks,
// checks and moves all products of an order, by a plan made once a connection.
func moveStock(ctx context.Context, tx bun.Tx, m stockMove) (map[domain.ProductID]int, bool, error) {
	var rows []struct {
		ID    domain.ProductID `bun:"id"`
		Stock int              `bun:"stock"`
		Moved bool             `bun:"moved"`
	}
	err := tx.NewRaw(`SELECT id, stock, moved FROM move_stock(?, ?, ?, ?, ?, ?, ?, ?)`, pgdialect.Array(m.ids), pgdialect.Array(m.deltas),
		domain.MaxStock, m.whole, m.ofOrder, m.reason, m.order, m.at).Scan(ctx, &rows)
	if err != nil {
		return nil, false, err
	}
	stock, moved := make(map[domain.ProductID]int, len(rows)), false
	for _, r := range rows {
		stock[r.ID], moved = r.Stock, r.Moved
	}
	return stock, moved, nil
}
