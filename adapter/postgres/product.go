package postgres

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// productRow is a product as it is read.
type productRow struct {
	ID           domain.ProductID `bun:"id"`
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
	Images       []domain.Image   `bun:"images,type:jsonb"`
	RatingSum    int              `bun:"rating_sum"`
	RatingCount  int              `bun:"rating_count"`
	Sold         int              `bun:"sold"`
	AddedAt      time.Time        `bun:"added_at"`
}

// selectProducts reads productRows; what narrows it follows.
const selectProducts = `SELECT p.id, p.slug, p.name, p.description, f.category, p.category_name, f.kind, p.kind_name,
	f.price, p.currency, f.stock, p.images, p.rating_sum, p.rating_count, f.sold, f.added_at
	FROM products p JOIN product_facts f ON f.id = p.id `

func (r productRow) product() domain.Product {
	return domain.Product{
		ID: r.ID, Slug: r.Slug, Name: r.Name, Description: r.Description,
		Category: domain.Category{Slug: r.Category, Name: r.CategoryName}, Kind: domain.Category{Slug: r.Kind, Name: r.KindName},
		Price: domain.Money{Amount: r.Price, Currency: r.Currency}, Stock: r.Stock, Images: r.Images,
		Rating: domain.Rating{Sum: r.RatingSum, Count: r.RatingCount}, Sold: r.Sold, AddedAt: r.AddedAt.UTC(),
	}
}

func (s *Store) Product(ctx context.Context, ref string) (domain.Product, error) {
	var rows []productRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		return db.NewRaw(selectProducts+`WHERE p.id = coalesce(
			(SELECT id FROM products WHERE id = ?), (SELECT id FROM products WHERE slug = ?))`, ref, ref).Scan(ctx, &rows)
	})
	if err != nil {
		return domain.Product{}, err
	}
	if len(rows) == 0 {
		return domain.Product{}, errNoProduct()
	}
	return rows[0].product(), nil
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
	var rows []productRow
	if err := db.NewRaw(selectProducts+`WHERE p.id IN (?)`, bun.List(ids)).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	all := make([]domain.Product, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.product())
	}
	return all, nil
}

func (s *Store) PutProducts(ctx context.Context, products []domain.Product) error {
	if len(products) == 0 {
		return ctx.Err()
	}
	rows := stagedRows(products)
	return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		return putProducts(ctx, tx, func() error {
			_, err := tx.NewInsert().Model(&rows).Exec(ctx)
			return err
		})
	})
}

func (s *Store) RemoveProduct(ctx context.Context, id domain.ProductID) error {
	return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var gone []cell
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
			return errNoProduct()
		}
		_, err = tx.NewRaw(`UPDATE product_counts SET n = n - 1 WHERE (category, kind, band, in_stock) = (?, ?, ?, ?)`,
			gone[0].Category, gone[0].Kind, gone[0].Band, gone[0].InStock).Exec(ctx)
		return err
	})
}

// cartProducts are those products of a cart that there are.
func cartProducts(ctx context.Context, tx bun.Tx, cart domain.Cart) (map[domain.ProductID]domain.Product, error) {
	ids := make([]domain.ProductID, 0, len(cart.Lines))
	for _, line := range cart.Lines {
		ids = append(ids, line.Product)
	}
	all, err := productsByID(ctx, tx, ids)
	byID := make(map[domain.ProductID]domain.Product, len(all))
	for _, p := range all {
		byID[p.ID] = p
	}
	return byID, err
}

func errNoProduct() error { return domain.ErrNotFound.Errorf("not_found", "there is no such product") }
