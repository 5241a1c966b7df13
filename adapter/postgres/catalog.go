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

// catalog.md, beside this file, is the design of the search.

// sortColumn is a sort as a column of product_facts; equals come by id.
type sortColumn struct{ column, direction string }

var sortColumns = map[domain.Sort]sortColumn{
	domain.ByRelevance: {"sold", "DESC"},
	domain.ByNewest:    {"added_at", "DESC"},
	domain.ByPrice:     {"price", "ASC"},
	domain.ByPriceDown: {"price", "DESC"},
	domain.ByName:      {"name_order", "ASC"},
	domain.ByRating:    {"rating", "DESC"},
}

func (s *Store) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	if q.MaxPrice == 0 {
		q.MaxPrice = math.MaxInt64
	}
	var found domain.Found
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		var (
			ids []domain.ProductID
			err error
		)
		if tokens := tokenize(q.Text); len(tokens) > 0 {
			found, ids, err = s.searchText(ctx, tx, q, tokens)
		} else {
			found, ids, err = browse(ctx, tx, q)
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

// facetCount is how many products are alike in what the facets of a query count.
type facetCount struct {
	Category        string `bun:"category"`
	CategoryName    string `bun:"category_name"`
	Subcategory     string `bun:"kind"` // only in the category that the query names
	SubcategoryName string `bun:"kind_name"`
	PriceBand       int    `bun:"band"` // or elsewhere
	InStock         bool   `bun:"in_stock"`
	Count           int    `bun:"count"`
	CountInRange    int    `bun:"count_in_range"` // of those within the query's price range
}

// elsewhere stands for the price band of products outside the query's category and subcategory.
const elsewhere = -1

// groupFacets returns the query that turns the counts by category, kind, band and
// in_stock of a table called counted into as few facet counts as q needs.
func groupFacets(q domain.Query) schema.QueryAppender {
	return bun.SafeQuery(`SELECT c.category, min(s.category_name) AS category_name,
		CASE WHEN c.category = ?0 THEN c.kind ELSE '' END AS kind, min(s.kind_name) AS kind_name,
		CASE WHEN (?0 = '' OR c.category = ?0) AND (?1 = '' OR c.kind = ?1) THEN c.band ELSE ?2 END AS band,
		c.in_stock, sum(c.count) AS count, sum(c.count_in_range) AS count_in_range
		FROM counted c JOIN shelves s ON s.category = c.category AND s.kind = c.kind
		GROUP BY 1, 3, 5, 6`, q.Category, q.Subcategory, elsewhere)
}

// sumFacets returns what q finds, but for the products. Each facet counts what the
// query's other filters leave over.
func sumFacets(q domain.Query, counts []facetCount) domain.Found {
	found := domain.Found{Page: q.Page}
	categories, subcategories := map[domain.Category]int{}, map[domain.Category]int{}
	bands := make([]int, len(domain.PriceBands))
	for _, c := range counts {
		available, here := c.InStock || !q.InStock, c.PriceBand != elsewhere
		if available {
			categories[domain.Category{Slug: c.Category, Name: c.CategoryName}] += c.CountInRange
			if c.Category == q.Category {
				subcategories[domain.Category{Slug: c.Subcategory, Name: c.SubcategoryName}] += c.CountInRange
			}
		}
		if available && here {
			bands[c.PriceBand] += c.Count
			found.Total += c.CountInRange
		}
		if c.InStock && here {
			found.Facets.InStock += c.CountInRange
		}
	}
	found.Facets.Categories = byName(categories)
	if q.Category != "" {
		found.Facets.Subcategories = byName(subcategories)
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

// browse returns what q finds without a text, but for the products themselves, and the ids of those on the page.
func browse(ctx context.Context, tx bun.Tx, q domain.Query) (domain.Found, []domain.ProductID, error) {
	var counts []facetCount
	err := tx.NewRaw(`WITH counted AS (?) ?`, countsInRange(q), groupFacets(q)).Scan(ctx, &counts)
	if err != nil {
		return domain.Found{}, nil, err
	}
	found := sumFacets(q, counts)
	if q.Page.Offset() >= found.Total {
		return found, nil, nil
	}
	ids, err := scanIDs(ctx, listing(tx, q), q.Page.Offset(), q.Page.Size)
	return found, ids, err
}

// countsInRange returns the query of the counts that are kept ready, and how many of
// each are in q's price range: all or none of a band, but for bands that the range
// cuts through, whose products are counted.
func countsInRange(q domain.Query) schema.QueryAppender {
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
		return bun.SafeQuery(`SELECT category, kind, band, in_stock, n AS count, CASE WHEN band = ANY (?) THEN n ELSE 0 END AS count_in_range
			FROM product_counts WHERE n > 0`, pgdialect.Array(within))
	}
	return bun.SafeQuery(`SELECT category, kind, band, in_stock, n AS count,
		CASE WHEN band = ANY (?) THEN n ELSE coalesce(p.count, 0) END AS count_in_range
		FROM product_counts LEFT JOIN (
			SELECT category, kind, band, in_stock, count(*) AS count FROM product_facts WHERE ? GROUP BY 1, 2, 3, 4
		) p USING (category, kind, band, in_stock) WHERE n > 0`, pgdialect.Array(within), bun.Safe(strings.Join(ranges, " OR ")))
}

// listing returns the query of the ids that q's filters and the conditions, on the row f
// of product_facts, leave over, in q's order.
func listing(tx bun.Tx, q domain.Query, conditions ...schema.QueryAppender) *bun.SelectQuery {
	by := sortColumns[q.Sort]
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

// scanIDs returns a part of a listing.
func scanIDs(ctx context.Context, listing *bun.SelectQuery, offset, limit int) ([]domain.ProductID, error) {
	var ids []domain.ProductID
	return ids, listing.Limit(int64(limit)).Offset(int64(offset)).Scan(ctx, &ids)
}

func (s *Store) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	if len(tokenize(text)) == 0 || limit <= 0 {
		return nil, over(ctx)
	}
	var all []domain.Suggestion
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		tokens := tokenize(text)
		ok, err := resolve(ctx, tx, tokens)
		if err != nil || !ok {
			all = nil
			return err
		}
		categories, err := suggestCategories(ctx, tx, tokens)
		if err != nil {
			return err
		}
		products, err := suggestProducts(ctx, tx, tokens, limit)
		all = append(categories, products...)
		return err
	})
	return all[:min(len(all), limit)], err
}

// suggestProducts returns the most sold products that have all tokens. Few are all looked
// at; many are met soon in the order of the most sold.
func suggestProducts(ctx context.Context, tx bun.Tx, tokens []token, limit int) ([]domain.Suggestion, error) {
	var rows []struct {
		Name       string `bun:"name"`
		Slug       string `bun:"slug"`
		Candidates int    `bun:"candidates"`
	}
	// The frequency of one token is known. Of several, few products may have them all.
	few := len(tokens) > 1 || tokens[0].frequency <= fewMatches
	if few {
		err := tx.NewRaw(`WITH matching AS MATERIALIZED (
				SELECT f.id, f.sold FROM product_facts f WHERE ?
			), candidate AS MATERIALIZED (
				SELECT id, sold FROM matching LIMIT ?
			), best AS (
				SELECT id, sold FROM candidate ORDER BY sold DESC, id LIMIT ?
			)
			SELECT p.name, p.slug, (SELECT count(*) FROM candidate) AS candidates FROM best JOIN products p ON p.id = best.id
			ORDER BY best.sold DESC, best.id`, containsAll(tokens), fewMatches+1, limit).Scan(ctx, &rows)
		if err != nil {
			return nil, err
		}
		few = len(rows) == 0 || rows[0].Candidates <= fewMatches
	}
	if !few {
		err := tx.NewRaw(`SELECT p.name, p.slug FROM (
				SELECT r.id, r.sold FROM product_popularity r JOIN product_facts f ON f.id = r.id
				WHERE ? ORDER BY r.sold DESC, r.id LIMIT ?) best
			JOIN products p ON p.id = best.id ORDER BY best.sold DESC, best.id`, containsAll(tokens), limit).Scan(ctx, &rows)
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

// suggestCategories returns the categories whose names have all tokens, the most sold first.
func suggestCategories(ctx context.Context, tx bun.Tx, tokens []token) ([]domain.Suggestion, error) {
	categories, err := categoriesOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	var (
		all   []domain.Suggestion
		slugs []string
	)
	for _, c := range categories {
		if allMatch(tokens, domain.Words(c.Name)) {
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
	var rows []facetCount
	err := db.NewRaw(`SELECT c.category, min(s.category_name) AS category_name, sum(c.n) AS count
		FROM product_counts c JOIN shelves s USING (category, kind) GROUP BY c.category`).Scan(ctx, &rows)
	if err != nil {
		return nil, err
	}
	counts := map[domain.Category]int{}
	for _, r := range rows {
		counts[domain.Category{Slug: r.Category, Name: r.CategoryName}] += r.Count
	}
	return byName(counts), nil
}

// productsInOrder returns the products that ids name, in their order.
func productsInOrder(ctx context.Context, tx bun.Tx, ids []domain.ProductID) ([]domain.Product, error) {
	all, err := productsByID(ctx, tx, ids)
	slices.SortFunc(all, func(a, b domain.Product) int {
		return cmp.Compare(slices.Index(ids, a.ID), slices.Index(ids, b.ID))
	})
	return all, err
}
