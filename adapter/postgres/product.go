package postgres

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// productRow is a product as the tables products and product_facts have it together.
type productRow struct {
	bun.BaseModel `bun:"alias:p"`

	ID           domain.ProductID `bun:"id,pk"`
	Slug         string           `bun:"slug"`
	Name         string           `bun:"name"`
	Description  string           `bun:"description"`
	Category     string           `bun:"category"`
	CategoryName string           `bun:"category_name"`
	Kind         string           `bun:"kind"`
	KindName     string           `bun:"kind_name"`
	Price        int64            `bun:"price"`
	Currency     domain.Currency  `bun:"currency"`
	Stock        int              `bun:"stock"`
	Sold         int              `bun:"sold"`
	Images       []domain.Image   `bun:"images,type:jsonb"`
	RatingSum    int              `bun:"rating_sum"`
	RatingCount  int              `bun:"rating_count"`
	AddedAt      time.Time        `bun:"added_at"`
}

func (r productRow) product() domain.Product {
	return domain.Product{
		ID: r.ID, Slug: r.Slug, Name: r.Name, Description: r.Description,
		Category:    domain.Category{Slug: r.Category, Name: r.CategoryName},
		Subcategory: domain.Category{Slug: r.Kind, Name: r.KindName},
		Price:       domain.Money{Amount: r.Price, Currency: r.Currency}, Stock: r.Stock, Sold: r.Sold, Images: r.Images,
		Rating: domain.Rating{Sum: r.RatingSum, Count: r.RatingCount}, AddedAt: r.AddedAt.UTC(),
	}
}

func newProductRow(p domain.Product) productRow {
	return productRow{
		ID: p.ID, Slug: p.Slug, Name: p.Name, Description: p.Description,
		Category: p.Category.Slug, CategoryName: p.Category.Name, Kind: p.Subcategory.Slug, KindName: p.Subcategory.Name,
		Price: p.Price.Amount, Currency: p.Price.Currency, Stock: p.Stock, Sold: p.Sold,
		Images:    append([]domain.Image{}, p.Images...),
		RatingSum: p.Rating.Sum, RatingCount: p.Rating.Count, AddedAt: p.AddedAt,
	}
}

// selectProducts returns the products p where a condition on $1 holds.
func selectProducts(ctx context.Context, db bun.IDB, where string, arg any) ([]domain.Product, error) {
	var rows []productRow
	err := db.NewSelect().Model(&rows).ModelTableExpr("(products JOIN product_facts USING (id)) AS p").
		Where(where).Conn(bind(db, arg)).Scan(ctx)
	products := make([]domain.Product, len(rows))
	for i, row := range rows {
		products[i] = row.product()
	}
	return products, err
}

func (s *Store) Product(ctx context.Context, ref string) (domain.Product, error) {
	var found []domain.Product
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		var err error
		found, err = selectProducts(ctx, db, `p.id = coalesce(
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

// productsByID returns those of the products that exist, in no order.
func productsByID(ctx context.Context, db bun.IDB, ids []domain.ProductID) ([]domain.Product, error) {
	if len(ids) == 0 {
		return nil, over(ctx)
	}
	return selectProducts(ctx, db, "p.id = ANY ($1)", ids)
}

func (s *Store) PutProducts(ctx context.Context, products []domain.Product) error {
	if len(products) == 0 {
		return over(ctx)
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
		if err := lockProduct(ctx, tx, id); err != nil {
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

// productLock is the space of the advisory locks of products.
const productLock = 1

// lockProduct waits until nobody else updates or removes the product. The lock is
// advisory: loadStaged locks other rows before the product's, so that two who held
// the product's row would wait for each other.
func lockProduct(ctx context.Context, tx bun.Tx, id domain.ProductID) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(?, hashtext(?))`, productLock, id)
	return err
}

func (s *Store) RemoveProduct(ctx context.Context, id domain.ProductID) error {
	return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		// An update under way would put it back.
		if err := lockProduct(ctx, tx, id); err != nil {
			return err
		}
		var removed []facetCount
		err := tx.NewRaw(`WITH removed AS (
				DELETE FROM product_facts WHERE id = ? RETURNING category, kind, band, in_stock, words
			), counted AS (
				INSERT INTO product_terms AS t (term, n)
				SELECT term, -1 FROM removed CROSS JOIN unnest(tsvector_to_array(words)) AS term WHERE term NOT LIKE '=%' ORDER BY term
				ON CONFLICT (term) DO UPDATE SET n = t.n + excluded.n
			) SELECT category, kind, band, in_stock FROM removed`, id).Scan(ctx, &removed)
		if err != nil {
			return err
		}
		if len(removed) == 0 {
			return domain.NotFound("product")
		}
		_, err = tx.NewRaw(`UPDATE product_counts SET n = n - 1 WHERE (category, kind, band, in_stock) = (?, ?, ?, ?)`,
			removed[0].Category, removed[0].Subcategory, removed[0].PriceBand, removed[0].InStock).Exec(ctx)
		return err
	})
}

// cartProducts returns the products of a cart that exist.
func cartProducts(ctx context.Context, tx bun.Tx, cart domain.Cart) (map[domain.ProductID]domain.Product, error) {
	byID := make(map[domain.ProductID]domain.Product, len(cart.Lines))
	if len(cart.Lines) == 0 {
		return byID, nil
	}
	ids := make([]domain.ProductID, 0, len(cart.Lines))
	for _, line := range cart.Lines {
		ids = append(ids, line.Product)
	}
	all, err := productsByID(ctx, tx, ids)
	for _, p := range all {
		byID[p.ID] = p
	}
	return byID, err
}
