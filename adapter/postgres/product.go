package postgres

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// selectProducts reads what scanProduct scans; what narrows it follows.
const selectProducts = `SELECT p.id, p.slug, p.name, p.description, f.category, p.category_name, f.kind, p.kind_name,
	f.price, p.currency, f.stock, p.images, p.rating_sum, p.rating_count, f.sold, f.added_at
	FROM products p JOIN product_facts f ON f.id = p.id `

func scanProduct(rows *sql.Rows) (domain.Product, error) {
	var (
		p      domain.Product
		images []byte
	)
	err := rows.Scan(&p.ID, &p.Slug, &p.Name, &p.Description, &p.Category.Slug, &p.Category.Name, &p.Subcategory.Slug, &p.Subcategory.Name,
		&p.Price.Amount, &p.Price.Currency, &p.Stock, &images, &p.Rating.Sum, &p.Rating.Count, &p.Sold, &p.AddedAt)
	if err != nil {
		return domain.Product{}, err
	}
	p.AddedAt = p.AddedAt.UTC()
	return p, json.Unmarshal(images, &p.Images)
}

func (s *Store) Product(ctx context.Context, ref string) (domain.Product, error) {
	var found []domain.Product
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		var err error
		found, err = prepared(ctx, db, scanProduct, selectProducts+`WHERE p.id = coalesce(
			(SELECT id FROM products WHERE id = $1), (SELECT id FROM products WHERE slug = $1))`, ref)
		return err
	})
	if err != nil {
		return domain.Product{}, err
	}
	if len(found) == 0 {
		return domain.Product{}, domain.NotFound("product")
	}
	return found[0], nil
}

func (s *Store) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	var all []domain.Product
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		var err error
		all, err = productsByID(ctx, db, ids)
		return err
	})
	return all, err
}

// productsByID are those of the products named that there are, in no order.
func productsByID(ctx context.Context, db bun.IDB, ids []domain.ProductID) ([]domain.Product, error) {
	if len(ids) == 0 {
		return nil, ctx.Err()
	}
	return prepared(ctx, db, scanProduct, selectProducts+`WHERE p.id = ANY ($1)`, ids)
}

func (s *Store) PutProducts(ctx context.Context, products []domain.Product) error {
	if len(products) == 0 {
		return ctx.Err()
	}
	rows := stagedRows(products)
	return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error { return putRows(ctx, tx, rows) })
}

// putRows keeps a few products.
func putRows(ctx context.Context, tx bun.Tx, rows []stagedRow) error {
	return loadProducts(ctx, tx, func() error {
		_, err := tx.NewInsert().Model(&rows).Exec(ctx)
		return err
	})
}

func (s *Store) UpdateProduct(ctx context.Context, id domain.ProductID, change func(*domain.Product) error) (domain.Product, error) {
	var p domain.Product
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := alone(ctx, tx, id); err != nil {
			return err
		}
		found, err := productsByID(ctx, tx, []domain.ProductID{id})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return domain.NotFound("product")
		}
		p = found[0]
		stock, sold := p.Stock, p.Sold
		if err := change(&p); err != nil {
			return err
		}
		p.ID, p.Stock, p.Sold = id, stock, sold
		return putRows(ctx, tx, stagedRows([]domain.Product{p}))
	})
	if err != nil {
		return domain.Product{}, err
	}
	return p, nil
}

// productLock tells the locks of alone from other advisory ones.
const productLock = 1

// alone waits until nobody else updates or removes the product. It is no lock of a
// row: loadStaged locks others before that of the product, and they would wait for each other.
func alone(ctx context.Context, tx bun.Tx, id domain.ProductID) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(?, hashtext(?))`, productLock, id)
	return err
}

func (s *Store) RemoveProduct(ctx context.Context, id domain.ProductID) error {
	return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		// An update under way would put it back.
		if err := alone(ctx, tx, id); err != nil {
			return err
		}
		var gone []facetCount
		err := tx.NewRaw(`WITH gone AS (
				DELETE FROM product_facts WHERE id = ? RETURNING category, kind, band, in_stock, words
			), forgotten AS (
				INSERT INTO product_terms AS t (term, n)
				SELECT term, -1 FROM gone CROSS JOIN unnest(tsvector_to_array(words)) AS term WHERE term NOT LIKE '=%' ORDER BY term
				ON CONFLICT (term) DO UPDATE SET n = t.n + excluded.n
			) SELECT category, kind, band, in_stock FROM gone`, id).Scan(ctx, &gone)
		if err != nil {
			return err
		}
		if len(gone) == 0 {
			return domain.NotFound("product")
		}
		_, err = tx.NewRaw(`UPDATE product_counts SET n = n - 1 WHERE (category, kind, band, in_stock) = (?, ?, ?, ?)`,
			gone[0].Category, gone[0].Subcategory, gone[0].PriceBand, gone[0].InStock).Exec(ctx)
		return err
	})
}

// cartProducts are those products of a cart that there are.
func cartProducts(ctx context.Context, tx bun.Tx, cart domain.Cart) (map[domain.ProductID]domain.Product, error) {
	byID := make(map[domain.ProductID]domain.Product, len(cart.Lines))
	if len(cart.Lines) == 0 {
		return byID, nil
	}
	ids := make([]domain.ProductID, 0, len(cart.Lines))
	for _, line := range cart.Lines {
		ids = append(ids, line.Product)
	}
	// Written out, as all of checkout is: pgbench repeats it word for word.
	rows, err := tx.QueryContext(ctx, selectProducts+`WHERE p.id IN (?)`, bun.List(ids))
	if err != nil {
		return nil, err
	}
	all, err := scanAll(rows, scanProduct)
	for _, p := range all {
		byID[p.ID] = p
	}
	return byID, err
}
