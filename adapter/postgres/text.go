package postgres

import (
	"context"
	"math"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// All that match a text are looked at once, for the counts and the page together.
// When very many match, the counts are estimated from a part of the catalog, and
// the page is cut out of an index, where there is a match every few steps.

const (
	// broadFrom is how many matches are too many to look at them all.
	broadFrom = 20_000
	// sampled is how many of them are looked at instead, about.
	sampled = 5000
)

// findText is what q finds of those products that have all wants, and which products are on the page.
func (s *Store) findText(ctx context.Context, tx bun.Tx, q domain.Query, wants []want) (domain.Found, []domain.ProductID, error) {
	findable, err := lookUp(ctx, tx, wants)
	if err != nil || !findable {
		return countUp(q, nil), nil, err
	}
	// Of one word it is known how many have it; several may be had by few together.
	if len(wants) > 1 || wants[0].count <= s.broadFrom {
		cells, ids, err := matches(ctx, tx, q, wants, s.broadFrom+1)
		if err != nil {
			return domain.Found{}, nil, err
		}
		all := 0
		for _, c := range cells {
			all += c.N
		}
		if all <= s.broadFrom {
			return countUp(q, cells), ids, nil
		}
	}
	found, err := estimate(ctx, tx, q, wants, s.sampled)
	// A page that is far past the end need not be looked for there.
	if err != nil || q.Page.Offset() > 2*found.Total {
		return found, nil, err
	}
	ids, err := broadPage(ctx, tx, q, wants)
	return found, ids, err
}

// matches looks at no more than limit products that have all wants, and returns
// their cells and the page of those that q finds.
func matches(ctx context.Context, tx bun.Tx, q domain.Query, wants []want, limit int) ([]cell, []domain.ProductID, error) {
	by := orders[q.Sort]
	// Names with all words come first, then names with some.
	tier := bun.SafeQuery("0")
	if q.Sort == domain.ByRelevance {
		tier = bun.SafeQuery("CASE WHEN f.words @@ ?::tsquery THEN 2 WHEN f.words @@ ?::tsquery THEN 1 ELSE 0 END",
			queryOf(wants, inName, " & "), queryOf(wants, inName, " | "))
	}
	var rows []struct { // a product on the page, whose place counts from 1, or a cell at place 0
		Place int              `bun:"place"`
		ID    domain.ProductID `bun:"id"`
		cell
	}
	// The limit stands apart from the search, which is to be planned as if all matches were wanted.
	err := tx.NewRaw(`WITH match AS MATERIALIZED (
			SELECT f.id, f.category, f.kind, f.band, f.in_stock, f.price BETWEEN ?0 AND ?1 AS priced, ?2 AS key, ?3 AS tier
			FROM product_facts f WHERE ?4
		), hit AS MATERIALIZED (
			SELECT id, category, kind, band, in_stock, priced, key, tier FROM match LIMIT ?5
		), counted AS (
			SELECT category, kind, band, in_stock, count(*) AS n, count(*) FILTER (WHERE priced) AS priced FROM hit GROUP BY 1, 2, 3, 4
		), page AS (
			SELECT id, tier, key FROM hit
			WHERE priced AND (in_stock OR NOT ?6) AND (?7 = '' OR category = ?7) AND (?8 = '' OR kind = ?8)
			ORDER BY ?9 LIMIT ?10 OFFSET ?11
		)
		SELECT row_number() OVER (ORDER BY ?9) AS place, id,
			'' AS category, '' AS category_name, '' AS kind, '' AS kind_name, 0 AS band, false AS in_stock, 0 AS n, 0 AS priced
		FROM page
		UNION ALL SELECT 0, '', folded.* FROM (?12) folded`,
		q.MinPrice, q.MaxPrice, bun.Ident("f."+by.column), tier, haveAll(wants), limit,
		q.InStock, q.Category, q.Subcategory, bun.Safe("tier DESC, key "+by.direction+", id"), q.Page.Size, q.Page.Offset(),
		foldCells(q)).Scan(ctx, &rows)
	if err != nil {
		return nil, nil, err
	}
	var cells []cell
	places := map[int]domain.ProductID{}
	for _, r := range rows {
		if r.Place > 0 {
			places[r.Place] = r.ID
			continue
		}
		cells = append(cells, r.cell)
	}
	ids := make([]domain.ProductID, 0, len(places))
	for place := range len(places) {
		ids = append(ids, places[place+1])
	}
	return cells, ids, nil
}

// estimate is what q finds, but for the products, as far as a part of the catalog
// tells: the same part each time. Its counts are rounded to two digits.
func estimate(ctx context.Context, tx bun.Tx, q domain.Query, wants []want, sampled int) (domain.Found, error) {
	percent := min(100, 100*float64(sampled)/float64(rarest(wants).count))
	var cells []cell
	err := tx.NewRaw(`WITH counted AS (
			SELECT f.category, f.kind, f.band, f.in_stock, count(*) AS n, count(*) FILTER (WHERE f.price BETWEEN ? AND ?) AS priced
			FROM product_facts f TABLESAMPLE SYSTEM (?) REPEATABLE (1) WHERE f.words @@ ?::tsquery GROUP BY 1, 2, 3, 4
		) ?`, q.MinPrice, q.MaxPrice, percent, queryOf(wants, "", " & "), foldCells(q)).Scan(ctx, &cells)
	found := countUp(q, cells)
	if err != nil {
		return domain.Found{}, err
	}
	if percent == 100 {
		return found, nil
	}
	about := func(n int) int {
		all := float64(n) * 100 / percent
		digit := math.Pow10(max(0, int(math.Log10(max(1, all)))-1))
		return int(math.Round(all/digit) * digit)
	}
	found.Total, found.Facets.InStock = about(found.Total), about(found.Facets.InStock)
	for _, counts := range [][]domain.CategoryCount{found.Facets.Categories, found.Facets.Subcategories} {
		for i := range counts {
			counts[i].Count = about(counts[i].Count)
		}
	}
	for i := range found.Facets.Prices {
		found.Facets.Prices[i].Count = about(found.Facets.Prices[i].Count)
	}
	return found, nil
}

// broadPage are the products on the page of q, of which very many have all wants.
// When the best matches are to come first, those that have all wants in their names do.
func broadPage(ctx context.Context, tx bun.Tx, q domain.Query, wants []want) ([]domain.ProductID, error) {
	offset, size := q.Page.Offset(), q.Page.Size
	all := bun.SafeQuery("f.words @@ ?::tsquery", queryOf(wants, "", " & "))
	if q.Sort != domain.ByRelevance {
		return cut(ctx, listing(tx, q, all), offset, size)
	}
	inNames := queryOf(wants, inName, " & ")
	named := func() *bun.SelectQuery { return listing(tx, q, bun.SafeQuery("f.words @@ ?::tsquery", inNames)) }
	ids, err := cut(ctx, named(), offset, size)
	if err != nil || len(ids) == size {
		return ids, err
	}
	before := offset + len(ids)
	if len(ids) == 0 {
		n, err := named().Count(ctx)
		if err != nil {
			return nil, err
		}
		before = int(n)
	}
	unnamed := listing(tx, q, all, bun.SafeQuery("NOT ts_match_vq(f.words, ?::tsquery)", inNames))
	rest, err := cut(ctx, unnamed, max(0, offset-before), size-len(ids))
	return append(ids, rest...), err
}
