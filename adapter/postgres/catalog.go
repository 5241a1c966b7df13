package postgres

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"

	"eshop/domain"
)

// Without a text the counts are kept ready and the page is cut out of an index. What
// is found with one is in text.go.

// order is a sort as a column of the facts; equals come by id.
type order struct{ column, direction string }

var orders = map[domain.Sort]order{
	domain.ByRelevance: {"sold", "DESC"},
	domain.ByNewest:    {"added_at", "DESC"},
	domain.ByPrice:     {"price", "ASC"},
	domain.ByPriceDown: {"price", "DESC"},
	domain.ByName:      {"name_order", "ASC"},
	domain.ByRating:    {"rating", "DESC"},
}

func (s *Store) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	page, err := domain.NewPage(q.Page.Number, q.Page.Size)
	if err != nil {
		return domain.Found{}, err
	}
	q.Page, q.Sort = page, cmp.Or(q.Sort, domain.ByRelevance)
	if q.MaxPrice == 0 {
		q.MaxPrice = math.MaxInt64
	}
	var found domain.Found
	err = s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		var (
			ids []domain.ProductID
			err error
		)
		if wants := wantsOf(q.Text); len(wants) > 0 {
			found, ids, err = s.findText(ctx, tx, q, wants)
		} else {
			found, ids, err = findAll(ctx, tx, q)
		}
		if err != nil {
			return err
		}
		found.Products, err = productsInOrder(ctx, tx, ids)
		return err
	})
	if err != nil {
		return domain.Found{}, err
	}
	return found, nil
}

// cell counts products that are alike in what the facets of a query ask for.
type cell struct {
	Category     string `bun:"category"`
	CategoryName string `bun:"category_name"`
	Kind         string `bun:"kind"` // only of the category that the query names
	KindName     string `bun:"kind_name"`
	Band         int    `bun:"band"` // unchosen when the query's category or kind is another
	InStock      bool   `bun:"in_stock"`
	N            int    `bun:"n"`
	Priced       int    `bun:"priced"` // of N, those within the query's bounds of price
}

const unchosen = -1

// foldCells adds up what is counted by category, kind, band and in_stock in the
// columns n and priced of the table counted, to no more cells than the facets of q need.
func foldCells(q domain.Query) schema.QueryAppender {
	return bun.SafeQuery(`SELECT c.category, min(s.category_name) AS category_name,
		CASE WHEN c.category = ?0 THEN c.kind ELSE '' END AS kind, min(s.kind_name) AS kind_name,
		CASE WHEN (?0 = '' OR c.category = ?0) AND (?1 = '' OR c.kind = ?1) THEN c.band ELSE ?2 END AS band,
		c.in_stock, sum(c.n) AS n, sum(c.priced) AS priced
		FROM counted c JOIN shelves s ON s.category = c.category AND s.kind = c.kind
		GROUP BY 1, 3, 5, 6`, q.Category, q.Subcategory, unchosen)
}

// countUp is what q finds, but for the products.
func countUp(q domain.Query, cells []cell) domain.Found {
	found := domain.Found{Page: q.Page}
	categories, kinds := map[domain.Category]int{}, map[domain.Category]int{}
	bands := make([]int, len(domain.PriceBands))
	for _, c := range cells {
		stocked, chosen := c.InStock || !q.InStock, c.Band != unchosen
		if stocked {
			categories[domain.Category{Slug: c.Category, Name: c.CategoryName}] += c.Priced
			if c.Category == q.Category {
				kinds[domain.Category{Slug: c.Kind, Name: c.KindName}] += c.Priced
			}
		}
		if stocked && chosen {
			bands[c.Band] += c.N
			found.Total += c.Priced
		}
		if c.InStock && chosen {
			found.Facets.InStock += c.Priced
		}
	}
	found.Facets.Categories = byName(categories)
	if q.Category != "" {
		found.Facets.Subcategories = byName(kinds)
	}
	for i, n := range bands {
		if n > 0 {
			found.Facets.Prices = append(found.Facets.Prices, domain.PriceCount{PriceBand: domain.PriceBands[i], Count: n})
		}
	}
	return found
}

func byName(counts map[domain.Category]int) []domain.CategoryCount {
	var all []domain.CategoryCount
	for category, n := range counts {
		if n > 0 {
			all = append(all, domain.CategoryCount{Category: category, Count: n})
		}
	}
	slices.SortFunc(all, func(a, b domain.CategoryCount) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Slug, b.Slug))
	})
	return all
}

// findAll is what q finds without a text, and which products are on the page.
func findAll(ctx context.Context, tx bun.Tx, q domain.Query) (domain.Found, []domain.ProductID, error) {
	var cells []cell
	err := tx.NewRaw(`WITH counted AS (?) ?`, countPriced(q), foldCells(q)).Scan(ctx, &cells)
	if err != nil {
		return domain.Found{}, nil, err
	}
	found := countUp(q, cells)
	if q.Page.Offset() >= found.Total {
		return found, nil, nil
	}
	ids, err := cut(ctx, listing(tx, q), q.Page.Offset(), q.Page.Size)
	return found, ids, err
}

// countPriced counts all products, and of them those within q's bounds of price:
// all or none of a price band, but for the bands that the bounds cut through.
func countPriced(q domain.Query) schema.QueryAppender {
	within, ranges := []int{}, []string{}
	for i, band := range domain.PriceBands {
		last := cmp.Or(band.Max, math.MaxInt64)
		from, to := max(band.Min, q.MinPrice), min(last, q.MaxPrice)
		switch {
		case from > to:
		case from == band.Min && to == last:
			within = append(within, i)
		default:
			ranges = append(ranges, fmt.Sprintf("price BETWEEN %d AND %d", from, to))
		}
	}
	if len(ranges) == 0 {
		return bun.SafeQuery(`SELECT category, kind, band, in_stock, n, CASE WHEN band = ANY (?) THEN n ELSE 0 END AS priced
			FROM product_counts WHERE n > 0`, pgdialect.Array(within))
	}
	return bun.SafeQuery(`SELECT category, kind, band, in_stock, n, CASE WHEN band = ANY (?) THEN n ELSE coalesce(p.priced, 0) END AS priced
		FROM product_counts LEFT JOIN (
			SELECT category, kind, band, in_stock, count(*) AS priced FROM product_facts WHERE ? GROUP BY 1, 2, 3, 4
		) p USING (category, kind, band, in_stock) WHERE n > 0`, pgdialect.Array(within), bun.Safe(strings.Join(ranges, " OR ")))
}

// listing are the products that q's filters leave over, in its order. They can be
// narrowed further by conditions on their facts f.
func listing(tx bun.Tx, q domain.Query, conditions ...schema.QueryAppender) *bun.SelectQuery {
	by := orders[q.Sort]
	query, first := tx.NewSelect().TableExpr("product_facts AS f"), "f"
	if by.column == "sold" {
		query, first = tx.NewSelect().TableExpr("product_popularity AS r"), "r"
		if q.InStock || q.MinPrice > 0 || q.MaxPrice < math.MaxInt64 || len(conditions) > 0 {
			query = query.Join("JOIN product_facts AS f ON f.id = r.id")
		}
	}
	query = query.ColumnExpr(first + ".id").OrderExpr(first + "." + by.column + " " + by.direction + ", " + first + ".id")
	if q.Category != "" {
		query = query.Where(first+".category = ?", q.Category)
	}
	if q.Subcategory != "" {
		query = query.Where(first+".kind = ?", q.Subcategory)
	}
	if q.MinPrice > 0 || q.MaxPrice < math.MaxInt64 {
		query = query.Where("f.price BETWEEN ? AND ?", q.MinPrice, q.MaxPrice)
	}
	if q.InStock {
		query = query.Where("f.in_stock")
	}
	for _, condition := range conditions {
		query = query.Where("?", condition)
	}
	return query
}

// cut is a part of a listing.
func cut(ctx context.Context, listing *bun.SelectQuery, offset, limit int) ([]domain.ProductID, error) {
	var ids []domain.ProductID
	return ids, listing.Limit(int64(limit)).Offset(int64(offset)).Scan(ctx, &ids)
}

func (s *Store) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	if len(wantsOf(text)) == 0 || limit <= 0 {
		return nil, ctx.Err()
	}
	var all []domain.Suggestion
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		wants := wantsOf(text)
		findable, err := lookUp(ctx, tx, wants)
		if err != nil || !findable {
			all = nil
			return err
		}
		categories, err := suggestCategories(ctx, tx, wants)
		if err != nil {
			return err
		}
		products, err := suggestProducts(ctx, tx, wants, limit)
		all = append(categories, products...)
		return err
	})
	return all[:min(len(all), limit)], err
}

// suggestProducts are the most sold that have all wants. Few are all looked at; among
// many, some are soon met in the order of the most sold.
func suggestProducts(ctx context.Context, tx bun.Tx, wants []want, limit int) ([]domain.Suggestion, error) {
	var rows []struct {
		Name string `bun:"name"`
		Slug string `bun:"slug"`
		All  int    `bun:"n"`
	}
	// Of one word it is known how many have it; several may be had by few together.
	few := len(wants) > 1 || wants[0].count <= fewMatches
	if few {
		err := tx.NewRaw(`WITH match AS MATERIALIZED (
				SELECT f.id, f.sold FROM product_facts f WHERE ?
			), hit AS MATERIALIZED (
				SELECT id, sold FROM match LIMIT ?
			), best AS (
				SELECT id, sold FROM hit ORDER BY sold DESC, id LIMIT ?
			)
			SELECT p.name, p.slug, (SELECT count(*) FROM hit) AS n FROM best JOIN products p ON p.id = best.id
			ORDER BY best.sold DESC, best.id`, haveAll(wants), fewMatches+1, limit).Scan(ctx, &rows)
		if err != nil {
			return nil, err
		}
		few = len(rows) == 0 || rows[0].All <= fewMatches
	}
	if !few {
		err := tx.NewRaw(`SELECT p.name, p.slug FROM (
				SELECT r.id, r.sold FROM product_popularity r JOIN product_facts f ON f.id = r.id
				WHERE ? ORDER BY r.sold DESC, r.id LIMIT ?) best
			JOIN products p ON p.id = best.id ORDER BY best.sold DESC, best.id`, haveAll(wants), limit).Scan(ctx, &rows)
		if err != nil {
			return nil, err
		}
	}
	var all []domain.Suggestion
	for _, r := range rows {
		all = append(all, domain.Suggestion{Text: r.Name, Slug: r.Slug, Kind: domain.SuggestProduct})
	}
	return all, nil
}

// suggestCategories are the categories whose names have all that is wanted, the most sold first.
func suggestCategories(ctx context.Context, tx bun.Tx, wants []want) ([]domain.Suggestion, error) {
	categories, err := categoriesOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	var (
		all   []domain.Suggestion
		slugs []string
	)
	for _, c := range categories {
		if allMatch(wants, domain.Words(c.Name)) {
			all = append(all, domain.Suggestion{Text: c.Name, Slug: c.Slug, Kind: domain.SuggestCategory})
			slugs = append(slugs, c.Slug)
		}
	}
	if len(all) < 2 {
		return all, nil
	}
	var rows []struct {
		Category string `bun:"category"`
		Sold     int    `bun:"sold"`
	}
	err = tx.NewRaw(`SELECT category, sum(sold) AS sold FROM product_popularity WHERE category IN (?) GROUP BY category`,
		bun.List(slugs)).Scan(ctx, &rows)
	sold := map[string]int{}
	for _, r := range rows {
		sold[r.Category] = r.Sold
	}
	slices.SortFunc(all, func(a, b domain.Suggestion) int {
		return cmp.Or(cmp.Compare(sold[b.Slug], sold[a.Slug]), strings.Compare(a.Slug, b.Slug))
	})
	return all, err
}

func (s *Store) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	var all []domain.CategoryCount
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		var err error
		all, err = categoriesOf(ctx, db)
		return err
	})
	return all, err
}

func categoriesOf(ctx context.Context, db bun.IDB) ([]domain.CategoryCount, error) {
	var rows []struct {
		Slug string `bun:"category"`
		Name string `bun:"category_name"`
		N    int    `bun:"n"`
	}
	err := db.NewRaw(`SELECT c.category, min(s.category_name) AS category_name, sum(c.n) AS n
		FROM product_counts c JOIN shelves s USING (category, kind) GROUP BY c.category`).Scan(ctx, &rows)
	if err != nil {
		return nil, err
	}
	counts := map[domain.Category]int{}
	for _, r := range rows {
		counts[domain.Category{Slug: r.Slug, Name: r.Name}] += r.N
	}
	return byName(counts), nil
}

// productsInOrder are the products named, in the order they are named in.
func productsInOrder(ctx context.Context, tx bun.Tx, ids []domain.ProductID) ([]domain.Product, error) {
	all, err := productsByID(ctx, tx, ids)
	slices.SortFunc(all, func(a, b domain.Product) int {
		return cmp.Compare(slices.Index(ids, a.ID), slices.Index(ids, b.ID))
	})
	return all, err
}
