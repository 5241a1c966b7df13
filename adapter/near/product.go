package near

import (
	"context"
	"slices"
	"time"

	"eshop/domain"
	"eshop/port"
)

const (
	// productBytes bounds the products that are kept, some twenty thousand.
	productBytes = 48 << 20
	// listBytes bounds the lists that the shop itself leads to.
	listBytes = 24 << 20
	// searchBytes bounds the lists that shoppers may ask for in any number.
	searchBytes = 12 << 20
)

// Products shows the products that durable keeps, also while it is away.
type Products struct {
	durableProducts
	catalog *Catalog
	shelf   *shelf[domain.Product]
}

// durableProducts embeds port.Products under a name that its method Products leaves free.
type durableProducts = port.Products

var _ port.Products = (*Products)(nil)

// NewCatalog returns the products of durable and what catalog finds of them.
func NewCatalog(durable port.Products, catalog port.Catalog) (*Products, *Catalog) {
	p := new(pace)
	c := &Catalog{
		catalog: catalog,
		lists:   newShelf(p, listBytes, keptFor, cloneFound, sizeOfFound), searches: newShelf(p, searchBytes, keptFor, cloneFound, sizeOfFound),
		suggestions: newShelf(p, searchBytes/4, keptFor, slices.Clone, sizeOfSuggestions),
		categories:  newShelf(p, listBytes/4, keptFor, slices.Clone, sizeOfCounts),
	}
	return &Products{durable, c, newShelf(p, productBytes, keptFor, cloneProduct, sizeOfProduct)}, c
}

func (p *Products) Product(ctx context.Context, ref string) (domain.Product, error) {
	return p.shelf.read(ctx, ref, func(ctx context.Context) (domain.Product, error) { return p.durableProducts.Product(ctx, ref) }, p.keep)
}

// keep keeps a product under its id and its slug.
func (p *Products) keep(product domain.Product, at time.Time, changes int64) {
	p.shelf.keep(string(product.ID), product, at, changes)
	if product.Slug != string(product.ID) {
		p.shelf.keep(product.Slug, product, at, changes)
	}
}

// Products reads as many at once as are asked for, so what is kept of them is used only
// when the store has none of them.
func (p *Products) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	begun, changes := time.Now(), p.shelf.changes.Load()
	all, err := measured(ctx, p.shelf.pace, func(ctx context.Context) ([]domain.Product, error) { return p.durableProducts.Products(ctx, ids) })
	if err == nil {
		for _, product := range all {
			p.keep(product, begun, changes)
		}
		return all, nil
	}
	if !away(err) || ctx.Err() != nil {
		return all, err
	}
	var near []domain.Product
	for _, id := range ids {
		k, ok := p.shelf.find(string(id))
		if !ok {
			return nil, err
		}
		near = append(near, cloneProduct(k.value))
	}
	return near, nil
}

func (p *Products) PutProducts(ctx context.Context, products []domain.Product) error {
	defer p.changed()
	return p.durableProducts.PutProducts(ctx, products)
}

func (p *Products) UpdateProduct(ctx context.Context, id domain.ProductID, change func(*domain.Product) error) (domain.Product, error) {
	defer p.changed()
	return p.durableProducts.UpdateProduct(ctx, id, change)
}

func (p *Products) RemoveProduct(ctx context.Context, id domain.ProductID) error {
	defer p.changed()
	return p.durableProducts.RemoveProduct(ctx, id)
}

// changed makes all that is kept older than a change.
func (p *Products) changed() {
	for _, changes := range []interface{ Add(int64) int64 }{
		&p.shelf.changes, &p.catalog.lists.changes, &p.catalog.searches.changes, &p.catalog.suggestions.changes, &p.catalog.categories.changes,
	} {
		changes.Add(1)
	}
}

func cloneProduct(p domain.Product) domain.Product {
	p.Images = slices.Clone(p.Images)
	return p
}

// fixedProduct is what a product takes without its texts, in bytes.
const fixedProduct = 400

func sizeOfProduct(p domain.Product) int {
	n := fixedProduct + len(p.ID) + len(p.Slug) + len(p.Name) + len(p.Description)
	for _, image := range p.Images {
		n += 64 + len(image.URL) + len(image.Alt)
	}
	return n
}
