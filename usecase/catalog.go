package usecase

import (
	"context"
	"errors"
	"slices"
	"strings"

	"eshop/domain"
	"eshop/port"
)

// Catalog shows what the shop sells.
type Catalog struct{ deps CatalogDeps }

// CatalogDeps is what Catalog needs; every field must be set.
type CatalogDeps struct {
	Products port.Products
	Catalog  port.Catalog
	Pictures port.Pictures
}

// NewCatalog returns Catalog on deps.
func NewCatalog(deps CatalogDeps) *Catalog { return &Catalog{deps} }

const (
	rowLength       = domain.RowSize - 1 // products in a row of the home page, and related ones: without the one that they are beside
	suggestions     = 8
	suggestFromRune = 2
)

// Search returns a page of what q finds. It fails with ErrInvalid by field when q makes
// no sense, and with ErrInvalid `page_too_deep` past MaxDepth products of more than that.
func (c *Catalog) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	q.Text = strings.TrimSpace(q.Text)
	q, err := q.Complete()
	if err != nil {
		return domain.Found{}, err
	}
	page := q.Page
	if page.Offset() < domain.MaxDepth {
		return c.deps.Catalog.Search(ctx, q)
	}
	q.Page = domain.Page{Number: 1, Size: domain.DefaultPageSize}
	found, err := c.deps.Catalog.Search(ctx, q)
	if err == nil && found.Total > domain.MaxDepth {
		err = domain.PageTooDeep(page)
	}
	found.Products, found.Page = nil, page
	return found, err
}

// Suggest returns what a shopper who typed text so far may mean; nothing for a single letter.
func (c *Catalog) Suggest(ctx context.Context, text string) ([]domain.Suggestion, error) {
	text = strings.TrimSpace(text)
	if err := (domain.Query{Text: text}).Check(); err != nil {
		return nil, err
	}
	if len([]rune(text)) < suggestFromRune {
		return nil, nil
	}
	return c.deps.Catalog.Suggest(ctx, text, suggestions)
}

// Product returns the product by its id or slug.
func (c *Catalog) Product(ctx context.Context, ref string) (domain.Product, error) {
	return productByRef(ctx, c.deps.Products, ref)
}

// productByRef spares the store what no product is named by.
func productByRef(ctx context.Context, products port.Products, ref string) (domain.Product, error) {
	if err := mayName(ref); err != nil {
		return domain.Product{}, err
	}
	return products.Product(ctx, ref)
}

func mayName(ref string) error {
	if ref == "" || len(ref) > 200 || !domain.CleanText(ref) {
		return domain.NotFound("product")
	}
	return nil
}

// Related returns other products of p's subcategory, or else of its category, the most sold first.
func (c *Catalog) Related(ctx context.Context, p domain.Product) ([]domain.Product, error) {
	related, err := c.row(ctx, domain.Query{Category: p.Category.Slug, Subcategory: p.Subcategory.Slug, Sort: domain.ByRelevance}, p.ID)
	if err != nil || len(related) >= rowLength/2 {
		return related, err
	}
	return c.row(ctx, domain.Query{Category: p.Category.Slug, Sort: domain.ByRelevance}, p.ID)
}

// Home is what the shop shows first.
type Home struct {
	Categories []domain.CategoryCount
	New        []domain.Product
	Popular    []domain.Product
}

// Home returns what the shop shows first.
func (c *Catalog) Home(ctx context.Context) (Home, error) {
	categories, err := c.deps.Catalog.Categories(ctx)
	if err != nil {
		return Home{}, err
	}
	newest, err := c.row(ctx, domain.Query{Sort: domain.ByNewest, InStock: true}, "")
	if err != nil {
		return Home{}, err
	}
	popular, err := c.row(ctx, domain.Query{Sort: domain.ByRelevance, InStock: true}, "")
	if err != nil {
		return Home{}, err
	}
	return Home{categories, newest, popular}, nil
}

const (
	// warmProducts is how many of the most sold products Warm reads.
	warmProducts = 1000
	// warmAtOnce is how many of them it lists at once.
	warmAtOnce = domain.MaxPageSize
)

// Warm reads what a shop must be able to show while its stores are away, so that what
// keeps it near has it although nobody asked: the home page, the first page of all
// products and of each category, and the most sold products with those beside them.
func (c *Catalog) Warm(ctx context.Context) error {
	home, err := c.Home(ctx)
	if err != nil {
		return err
	}
	lists := []domain.Query{{}, {Sort: domain.ByNewest}}
	for _, category := range home.Categories {
		lists = append(lists, domain.Query{Category: category.Slug})
	}
	for _, q := range lists {
		if _, err := c.Search(ctx, q); err != nil {
			return err
		}
	}
	beside := map[domain.Category]bool{} // subcategories whose products have been read
	for number := 1; number <= warmProducts/warmAtOnce; number++ {
		sold, err := c.Search(ctx, domain.Query{Page: domain.Page{Number: number, Size: warmAtOnce}})
		if err != nil {
			return err
		}
		for _, p := range sold.Products {
			if _, err := c.Product(ctx, p.Slug); err != nil && !errors.Is(err, domain.ErrNotFound) {
				return err
			}
			if beside[p.Subcategory] {
				continue
			}
			beside[p.Subcategory] = true
			if _, err := c.Related(ctx, p); err != nil {
				return err
			}
		}
		if len(sold.Products) < warmAtOnce {
			break
		}
	}
	return nil
}

// Categories returns the categories that have products.
func (c *Catalog) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	return c.deps.Catalog.Categories(ctx)
}

// row returns the first products that q finds, without one of them.
func (c *Catalog) row(ctx context.Context, q domain.Query, without domain.ProductID) ([]domain.Product, error) {
	q.Page = domain.Page{Number: 1, Size: domain.RowSize}
	found, err := c.deps.Catalog.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	row := slices.DeleteFunc(found.Products, func(p domain.Product) bool { return p.ID == without })
	return row[:min(len(row), rowLength)], nil
}
