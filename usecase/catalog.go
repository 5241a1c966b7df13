package usecase

import (
	"context"
	"strings"

	"eshop/domain"
	"eshop/port"
)

// Catalog shows what the shop sells.
type Catalog struct{ deps CatalogDeps }

// CatalogDeps is what Catalog needs; every field must be set.
type CatalogDeps struct {
	Products port.Products
	Pictures port.Pictures
}

// NewCatalog returns Catalog on deps.
func NewCatalog(deps CatalogDeps) *Catalog { return &Catalog{deps} }

const (
	shelfLength     = 8 // products on a shelf of the home page, and related ones
	suggestions     = 8
	suggestFromRune = 2
)

// Search returns a page of what q finds; ErrInvalid by field when q makes no sense.
func (b *Catalog) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	q.Text = strings.TrimSpace(q.Text)
	if err := q.Check(); err != nil {
		return domain.Found{}, err
	}
	return b.deps.Products.Search(ctx, q)
}

// Suggest returns what a shopper who typed text so far may mean; nothing for a single letter.
func (b *Catalog) Suggest(ctx context.Context, text string) ([]domain.Suggestion, error) {
	text = strings.TrimSpace(text)
	if err := (domain.Query{Text: text}).Check(); err != nil {
		return nil, err
	}
	if len([]rune(text)) < suggestFromRune {
		return nil, nil
	}
	return b.deps.Products.Suggest(ctx, text, suggestions)
}

// Product returns the product by its id or slug.
func (b *Catalog) Product(ctx context.Context, ref string) (domain.Product, error) {
	return productByRef(ctx, b.deps.Products, ref)
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

// Related returns other products of p's kind, or else of its category, the most sold first.
func (b *Catalog) Related(ctx context.Context, p domain.Product) ([]domain.Product, error) {
	related, err := b.shelf(ctx, domain.Query{Category: p.Category.Slug, Subcategory: p.Subcategory.Slug}, p.ID)
	if err != nil || len(related) >= shelfLength/2 {
		return related, err
	}
	return b.shelf(ctx, domain.Query{Category: p.Category.Slug}, p.ID)
}

// Home is what the shop shows first.
type Home struct {
	Categories []domain.CategoryCount
	New        []domain.Product
	Popular    []domain.Product
}

// Home returns what the shop shows first.
func (b *Catalog) Home(ctx context.Context) (Home, error) {
	categories, err := b.deps.Products.Categories(ctx)
	if err != nil {
		return Home{}, err
	}
	newest, err := b.shelf(ctx, domain.Query{Sort: domain.ByNewest, InStock: true}, "")
	if err != nil {
		return Home{}, err
	}
	popular, err := b.shelf(ctx, domain.Query{InStock: true}, "")
	if err != nil {
		return Home{}, err
	}
	return Home{categories, newest, popular}, nil
}

// Categories returns the categories that have products.
func (b *Catalog) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	return b.deps.Products.Categories(ctx)
}

// Picture returns a picture that staff added, by its name.
func (b *Catalog) Picture(ctx context.Context, name domain.PictureName) (domain.Picture, error) {
	if !name.Valid() {
		return domain.Picture{}, domain.NotFound("picture")
	}
	return b.deps.Pictures.Picture(ctx, name)
}

func (b *Catalog) shelf(ctx context.Context, q domain.Query, without domain.ProductID) ([]domain.Product, error) {
	q.Page = domain.Page{Number: 1, Size: shelfLength + 1}
	found, err := b.deps.Products.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	shelf := make([]domain.Product, 0, shelfLength)
	for _, p := range found.Products {
		if p.ID != without && len(shelf) < shelfLength {
			shelf = append(shelf, p)
		}
	}
	return shelf, nil
}
