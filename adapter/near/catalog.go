package near

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Catalog shows what a catalog finds, also while it is away.
type Catalog struct {
	catalog         port.Catalog
	lists, searches *shelf[domain.Found]
	suggestions     *shelf[[]domain.Suggestion]
	categories      *shelf[[]domain.CategoryCount]
}

var _ port.Catalog = (*Catalog)(nil)

func (c *Catalog) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	key, err := json.Marshal(q)
	if err != nil {
		return c.catalog.Search(ctx, q)
	}
	load := func(ctx context.Context) (domain.Found, error) { return c.catalog.Search(ctx, q) }
	if !q.Plain() {
		return readAs(ctx, c.searches, string(key), load)
	}
	return c.lists.read(ctx, string(key), load, func(found domain.Found, at time.Time, changes int64) {
		if found.Total > 0 { // a category may be made up
			c.lists.keep(string(key), found, at, changes)
		}
	})
}

func (c *Catalog) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	return readAs(ctx, c.suggestions, strconv.Itoa(limit)+":"+text, func(ctx context.Context) ([]domain.Suggestion, error) {
		return c.catalog.Suggest(ctx, text, limit)
	})
}

func (c *Catalog) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	return readAs(ctx, c.categories, "", c.catalog.Categories)
}

// readAs reads what is kept under the key that it is asked for by.
func readAs[T any](ctx context.Context, s *shelf[T], key string, load func(context.Context) (T, error)) (T, error) {
	return s.read(ctx, key, load, func(v T, at time.Time, changes int64) { s.keep(key, v, at, changes) })
}

func cloneFound(f domain.Found) domain.Found {
	f.Products = slices.Clone(f.Products)
	for i := range f.Products {
		f.Products[i] = cloneProduct(f.Products[i])
	}
	f.Facets.Categories = slices.Clone(f.Facets.Categories)
	f.Facets.Subcategories = slices.Clone(f.Facets.Subcategories)
	f.Facets.Prices = slices.Clone(f.Facets.Prices)
	return f
}

// fixedCount is what a counted category takes, in bytes.
const fixedCount = 100

func sizeOfFound(f domain.Found) int {
	n := fixedCount * (len(f.Facets.Categories) + len(f.Facets.Subcategories) + len(f.Facets.Prices))
	for _, p := range f.Products {
		n += sizeOfProduct(p)
	}
	return n
}

func sizeOfCounts(counts []domain.CategoryCount) int { return fixedCount * len(counts) }

func sizeOfSuggestions(all []domain.Suggestion) int { return fixedCount * len(all) }
