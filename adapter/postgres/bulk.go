package postgres

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"eshop/domain"
)

// stagedRow is a product on its way into the catalog, with all that is worked
// out of it.
type stagedRow struct {
	bun.BaseModel `bun:"table:staged"`

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
	Sold         int              `bun:"sold"`
	Images       []domain.Image   `bun:"images,type:jsonb"`
	RatingSum    int              `bun:"rating_sum"`
	RatingCount  int              `bun:"rating_count"`
	Rating       int              `bun:"rating"`
	AddedAt      time.Time        `bun:"added_at"`
	NameOrder    string           `bun:"name_order"`
	Words        string           `bun:"words"`
}

// stagedRows are rows of products; of one that comes twice the last.
func stagedRows(products []domain.Product) []stagedRow {
	place := make(map[domain.ProductID]int, len(products))
	rows := make([]stagedRow, 0, len(products))
	for _, p := range products {
		row := stagedRow{
			ID: p.ID, Slug: p.Slug, Name: p.Name, Description: p.Description,
			Category: p.Category.Slug, CategoryName: p.Category.Name, Kind: p.Subcategory.Slug, KindName: p.Subcategory.Name,
			Price: p.Price.Amount, Currency: p.Price.Currency, Stock: p.Stock, Sold: p.Sold, Images: p.Images,
			RatingSum: p.Rating.Sum, RatingCount: p.Rating.Count, Rating: int(p.Rating.Average()*10 + 0.5), AddedAt: p.AddedAt,
			NameOrder: strings.ToLower(p.Name), Words: vectorOf(p),
		}
		if row.Images == nil {
			row.Images = []domain.Image{}
		}
		if at, twice := place[p.ID]; twice {
			rows[at] = row
			continue
		}
		place[p.ID] = len(rows)
		rows = append(rows, row)
	}
	return rows
}

// putProducts keeps the products that stage fills the table staged with. Each
// statement does its step for all of them.
func putProducts(ctx context.Context, tx bun.Tx, stage func() error) error {
	if _, err := tx.ExecContext(ctx, createStaged); err != nil {
		return err
	}
	if err := stage(); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, putStaged); err != nil {
		if constraint(err) == "products_slug" {
			return domain.ErrConflict.Errorf(domain.CodeSlugTaken, "another product has that address")
		}
		return err
	}
	var vanished bool
	err := tx.NewRaw(`SELECT EXISTS (SELECT 1 FROM staged WHERE NOT (fresh OR held))`).Scan(ctx, &vanished)
	if err == nil && vanished {
		return errVanished
	}
	return err
}

// createStaged leaves a connection's table as it is when it has one already.
const createStaged = `CREATE TEMPORARY TABLE IF NOT EXISTS staged (
	id text COLLATE "C", slug text COLLATE "C", name text, description text,
	category text COLLATE "C", category_name text, kind text COLLATE "C", kind_name text,
	price bigint, currency text, stock integer, sold integer, images jsonb,
	rating_sum integer, rating_count integer, rating integer, added_at timestamptz,
	name_order text COLLATE "C", words tsvector,
	fresh boolean DEFAULT false, -- was not there before
	held boolean DEFAULT false   -- was there, and its row is locked
) ON COMMIT DELETE ROWS`

// putStaged waits for others in the same order wherever it runs: names, facts by id, addresses, words, counts.
const putStaged = `
INSERT INTO shelves (category, kind, category_name, kind_name)
SELECT DISTINCT ON (category, kind) category, kind, category_name, kind_name FROM staged s
WHERE NOT EXISTS (SELECT 1 FROM shelves x WHERE x.category = s.category AND x.kind = s.kind
	AND x.category_name = s.category_name AND x.kind_name = s.kind_name)
ORDER BY category, kind
ON CONFLICT (category, kind) DO UPDATE SET category_name = excluded.category_name, kind_name = excluded.kind_name;

UPDATE shelves x SET category_name = s.category_name
FROM (SELECT DISTINCT ON (category) category, category_name FROM staged ORDER BY category) s
WHERE x.category = s.category AND x.category_name <> s.category_name;

WITH added AS (
	INSERT INTO product_facts (id, category, kind, price, rating, stock, sold, added_at, name_order, words)
	SELECT id, category, kind, price, rating, stock, sold, added_at, name_order, words FROM staged ORDER BY id
	ON CONFLICT (id) DO NOTHING RETURNING id
) UPDATE staged s SET fresh = true FROM added WHERE s.id = added.id;

-- What is as it is kept needs nothing.
DELETE FROM staged s USING products p JOIN product_facts f ON f.id = p.id
WHERE s.id = p.id AND NOT s.fresh
	AND (p.slug, p.name, p.description, p.category_name, p.kind_name, p.currency, p.images, p.rating_sum, p.rating_count)
		= (s.slug, s.name, s.description, s.category_name, s.kind_name, s.currency, s.images, s.rating_sum, s.rating_count)
	AND (f.category, f.kind, f.price, f.rating, f.added_at, f.name_order, f.words)
		= (s.category, s.kind, s.price, s.rating, s.added_at, s.name_order, s.words);

WITH locked AS MATERIALIZED (
	SELECT f.id FROM product_facts f JOIN staged s ON s.id = f.id WHERE NOT s.fresh ORDER BY f.id FOR NO KEY UPDATE OF f
) UPDATE staged s SET held = true FROM locked WHERE s.id = locked.id;

UPDATE products p SET slug = s.slug, name = s.name, description = s.description,
	category_name = s.category_name, kind_name = s.kind_name, currency = s.currency, images = s.images,
	rating_sum = s.rating_sum, rating_count = s.rating_count
FROM staged s WHERE p.id = s.id AND s.held;

INSERT INTO products (id, slug, name, description, category_name, kind_name, currency, images, rating_sum, rating_count)
SELECT id, slug, name, description, category_name, kind_name, currency, images, rating_sum, rating_count FROM staged WHERE fresh;

INSERT INTO product_terms AS t (term, n)
SELECT term, sum(n) FROM (
	SELECT unnest(tsvector_to_array(words)) AS term, 1 AS n FROM staged WHERE fresh OR held
	UNION ALL SELECT unnest(tsvector_to_array(f.words)), -1 FROM product_facts f JOIN staged s ON s.id = f.id WHERE s.held) change
WHERE term NOT LIKE '=%' GROUP BY term HAVING sum(n) <> 0 ORDER BY term
ON CONFLICT (term) DO UPDATE SET n = t.n + excluded.n;

INSERT INTO product_popularity (id, category, kind, sold) SELECT id, category, kind, sold FROM staged WHERE fresh;

UPDATE product_popularity p SET category = s.category, kind = s.kind
FROM staged s WHERE p.id = s.id AND s.held AND (p.category, p.kind) <> (s.category, s.kind);

-- One that was removed comes back with movements, to which its new stock must fit.
INSERT INTO stock_movements (product_id, delta, reason, order_id, at)
SELECT id, delta, 'received', '', added_at
FROM (SELECT s.id, s.added_at, s.stock - coalesce((SELECT sum(m.delta) FROM stock_movements m WHERE m.product_id = s.id), 0) AS delta
	FROM staged s WHERE s.fresh) received
WHERE delta <> 0;

WITH before AS (
	SELECT f.category, f.kind, f.band, f.in_stock FROM product_facts f JOIN staged s ON s.id = f.id WHERE s.held
), after AS (
	UPDATE product_facts f SET category = s.category, kind = s.kind, price = s.price, rating = s.rating,
		added_at = s.added_at, name_order = s.name_order, words = s.words
	FROM staged s WHERE f.id = s.id AND s.held
	RETURNING f.category, f.kind, f.band, f.in_stock
), change AS (
	SELECT category, kind, band, in_stock, -1 AS n FROM before
	UNION ALL SELECT category, kind, band, in_stock, 1 FROM after
	UNION ALL SELECT f.category, f.kind, f.band, f.in_stock, 1 FROM product_facts f JOIN staged s ON s.id = f.id WHERE s.fresh
)
INSERT INTO product_counts AS c (category, kind, band, in_stock, n)
SELECT category, kind, band, in_stock, sum(n) FROM change
GROUP BY category, kind, band, in_stock HAVING sum(n) <> 0 ORDER BY category, kind, band, in_stock
ON CONFLICT (category, kind, band, in_stock) DO UPDATE SET n = c.n + excluded.n;
`

// copyBatch is how many products are kept at once: as many as make the way there and back not count.
const copyBatch = 5000

// CopyProducts keeps products as PutProducts does, thousands at a time by COPY,
// and calls progress with how many are kept so far. What is kept already costs
// little, so after a failure it may simply be called again with the same
// products. It has no deadline but the caller's.
func (s *Store) CopyProducts(ctx context.Context, products iter.Seq[domain.Product], progress func(kept int)) error {
	kept := 0
	batch := make([]domain.Product, 0, copyBatch)
	keep := func() error {
		err := s.copyProducts(ctx, batch)
		if err == nil {
			kept += len(batch)
			batch = batch[:0]
			progress(kept)
		}
		return kindly(ctx, err)
	}
	for p := range products {
		batch = append(batch, p)
		if len(batch) < copyBatch {
			continue
		}
		if err := keep(); err != nil {
			return err
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return keep()
}

func (s *Store) copyProducts(ctx context.Context, products []domain.Product) error {
	rows := stagedRows(products)
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = 0; SET LOCAL gin_pending_list_limit = '64MB'`); err != nil {
		return err
	}
	err = putProducts(ctx, tx, func() error {
		return conn.Raw(func(driver any) error {
			_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{"staged"}, stagedColumns,
				pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) { return rows[i].values(), nil }))
			return err
		})
	})
	if err != nil {
		return err
	}
	// Sorting many words into their index at once is less work, and done before anybody searches them.
	if _, err := tx.ExecContext(ctx, `SELECT gin_clean_pending_list('product_facts_words')`); err != nil {
		return err
	}
	return tx.Commit()
}

var stagedColumns = []string{
	"id", "slug", "name", "description", "category", "category_name", "kind", "kind_name", "price", "currency",
	"stock", "sold", "images", "rating_sum", "rating_count", "rating", "added_at", "name_order", "words",
}

// values are those of stagedColumns.
func (r stagedRow) values() []any {
	return []any{
		r.ID, r.Slug, r.Name, r.Description, r.Category, r.CategoryName, r.Kind, r.KindName, r.Price, r.Currency,
		r.Stock, r.Sold, r.Images, r.RatingSum, r.RatingCount, r.Rating, r.AddedAt, r.NameOrder, r.Words,
	}
}
