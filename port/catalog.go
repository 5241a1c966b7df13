package port

import (
	"context"

	"eshop/domain"
)

// Catalog finds products. It may be a store of its own, such as a search engine, that
// follows Products.ChangedProducts: it then tells what there was when it last
// followed, every change of one call at once or not. The store of the products
// itself tells what its last write left, other servers when they hear of it, and
// what orders did to the figures of a list some seconds later.
type Catalog interface {
	// Search returns a page of what q finds. q is complete, as Query.Complete makes
	// it. A page past the end is empty and has the right total. Of a text that tens
	// of thousands of products match, Total and the facets may be estimates, the
	// products not.
	Search(ctx context.Context, q domain.Query) (domain.Found, error)

	// Suggest returns at most limit suggestions for a text that is still being
	// typed, categories before products, the most sold first. It finds what
	// Search finds.
	Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error)

	// Categories returns the categories that have products, by name.
	Categories(ctx context.Context) ([]domain.CategoryCount, error)
}
