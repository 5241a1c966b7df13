package postgres

import (
	"context"
	"math"

	"github.com/uptrace/bun"

	"eshop/domain"
)

const (
	// broadFrom is how many matches are too many to look at them all.
	broadFrom = 20_000
	// sampled is about how many of them are looked at instead.
	sampled = 5000
)

// searchText returns what q finds among the products that have all tokens, but for the
// products themselves, and the ids of those on the page.
func (s *Store) searchText(ctx context.Context, tx bun.Tx, q domain.Query, tokens []token) (domain.Found, []domain.ProductID, error) {
	ok, err := resolve(ctx, tx, tokens)
	if err != nil || !ok {
		return sumFacets(q, nil), nil, err
	}
	// The frequency of one token is known. Of several, few products may have them all.
	if len(tokens) > 1 || tokens[0].frequency <= s.broadFrom {
		counts, ids, err := searchAll(ctx, tx, q, tokens, s.broadFrom+1)
		if err != nil {
			return domain.Found{}, nil, err
		}
		matches := 0
		for _, c := range counts {
			matches += c.Count
		}
		if matches <= s.broadFrom {
			return sumFacets(q, counts), ids, nil
		}
	}
	found, err := estimate(ctx, tx, q, tokens, s.sampled)
	// A page far past the end is empty for certain.
	if err != nil || q.Page.Offset() > 2*found.Total {
		return found, nil, err
	}
	ids, err := searchBroad(ctx, tx, q, tokens)
	return found, ids, err
}

// searchAll looks at every product that has all tokens, up to limit of them, and returns
// their facet counts and the ids on the page of those that q finds.
func searchAll(ctx context.Context, tx bun.Tx, q domain.Query, tokens []token, limit int) ([]facetCount, []domain.ProductID, error) {
	by := sortColumns[q.Sort]
	// Names with all tokens come first, then names with some.
	tier := bun.SafeQuery("0")
	if q.Sort == domain.ByRelevance {
		tier = bun.SafeQuery("CASE WHEN f.words @@ ?::tsquery THEN 2 WHEN f.words @@ ?::tsquery THEN 1 ELSE 0 END",
			tsquery(tokens, nameMark, " & "), tsquery(tokens, nameMark, " | "))
	}
	var rows []struct { // a product on the page, at a place from 1, or a facet count at place 0
		Place int              `bun:"place"`
		ID    domain.ProductID `bun:"id"`
		facetCount
	}
	err := tx.NewRaw(textSearch,
		q.MinPrice, q.MaxPrice, bun.Ident("f."+by.column), tier, containsAll(tokens), limit,
		q.InStock, q.Category, q.Subcategory, bun.Safe("tier DESC, key "+by.direction+", id"), q.Page.Size, q.Page.Offset(),
		groupFacets(q)).Scan(ctx, &rows)
	if err != nil {
		return nil, nil, err
	}
	var counts []facetCount
	places := map[int]domain.ProductID{}
	for _, r := range rows {
		if r.Place > 0 {
			places[r.Place] = r.ID
			continue
		}
		counts = append(counts, r.facetCount)
	}
	ids := make([]domain.ProductID, 0, len(places))
	for place := range len(places) {
		ids = append(ids, places[place+1])
	}
	return counts, ids, nil
}

// textSearch selects the page and the facet counts of the matches. The limit stands
// apart from the search, which is to be planned as if all matches were wanted.
const textSearch = `WITH matching AS MATERIALIZED (
	SELECT f.id, f.category, f.kind, f.band, f.in_stock, f.price BETWEEN ?0 AND ?1 AS in_range, ?2 AS key, ?3 AS tier
	FROM product_facts f WHERE ?4
), candidate AS MATERIALIZED (
	SELECT id, category, kind, band, in_stock, in_range, key, tier FROM matching LIMIT ?5
), counted AS (
	SELECT category, kind, band, in_stock, count(*) AS count, count(*) FILTER (WHERE in_range) AS count_in_range
	FROM candidate GROUP BY 1, 2, 3, 4
), page AS (
	SELECT id, tier, key FROM candidate
	WHERE in_range AND (in_stock OR NOT ?6) AND (?7 = '' OR category = ?7) AND (?8 = '' OR kind = ?8)
	ORDER BY ?9 LIMIT ?10 OFFSET ?11
)
SELECT row_number() OVER (ORDER BY ?9) AS place, id,
	'' AS category, '' AS category_name, '' AS kind, '' AS kind_name, 0 AS band, false AS in_stock, 0 AS count, 0 AS count_in_range
FROM page
UNION ALL SELECT 0, '', facet.* FROM (?12) facet`

// estimate returns what q finds, but for the products, from a sample of the catalog that
// is the same each time. Its counts are rounded to two digits.
func estimate(ctx context.Context, tx bun.Tx, q domain.Query, tokens []token, sampled int) (domain.Found, error) {
	percent := min(100, 100*float64(sampled)/float64(rarest(tokens).frequency))
	var counts []facetCount
	err := tx.NewRaw(`WITH counted AS (
			SELECT f.category, f.kind, f.band, f.in_stock, count(*) AS count,
				count(*) FILTER (WHERE f.price BETWEEN ? AND ?) AS count_in_range
			FROM product_facts f TABLESAMPLE SYSTEM (?) REPEATABLE (1) WHERE f.words @@ ?::tsquery GROUP BY 1, 2, 3, 4
		) ?`, q.MinPrice, q.MaxPrice, percent, tsquery(tokens, "", " & "), groupFacets(q)).Scan(ctx, &counts)
	found := sumFacets(q, counts)
	if err != nil {
		return domain.Found{}, err
	}
	if percent == 100 {
		return found, nil
	}
	scale := func(n int) int {
		all := float64(n) * 100 / percent
		digit := math.Pow10(max(0, int(math.Log10(max(1, all)))-1))
		return int(math.Round(all/digit) * digit)
	}
	found.Total, found.Facets.InStock = scale(found.Total), scale(found.Facets.InStock)
	for _, categories := range [][]domain.CategoryCount{found.Facets.Categories, found.Facets.Subcategories} {
		for i := range categories {
			categories[i].Count = scale(categories[i].Count)
		}
	}
	for i := range found.Facets.Prices {
		found.Facets.Prices[i].Count = scale(found.Facets.Prices[i].Count)
	}
	return found, nil
}

// searchBroad returns the ids on the page of q when very many products have all tokens. By
// relevance, those that have all tokens in their names come first.
func searchBroad(ctx context.Context, tx bun.Tx, q domain.Query, tokens []token) ([]domain.ProductID, error) {
	offset, size := q.Page.Offset(), q.Page.Size
	all := bun.SafeQuery("f.words @@ ?::tsquery", tsquery(tokens, "", " & "))
	if q.Sort != domain.ByRelevance {
		return scanIDs(ctx, listing(tx, q, all), offset, size)
	}
	inNames := tsquery(tokens, nameMark, " & ")
	named := func() *bun.SelectQuery { return listing(tx, q, bun.SafeQuery("f.words @@ ?::tsquery", inNames)) }
	ids, err := scanIDs(ctx, named(), offset, size)
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
	rest, err := scanIDs(ctx, unnamed, max(0, offset-before), size-len(ids))
	return append(ids, rest...), err
}
