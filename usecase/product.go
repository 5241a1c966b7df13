package usecase

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"eshop/domain"
	"eshop/port"
)

// Inventory adds, changes and removes products and counts their stock, for staff.
type Inventory struct{ deps InventoryDeps }

// InventoryDeps is what Inventory needs; every field must be set.
type InventoryDeps struct {
	Products     port.Products
	Stock        port.Stock
	Catalog      port.Catalog
	Pictures     port.Pictures
	Events       port.Events
	DecodeImage  DecodeImage
	PictureBytes int // domain.MaxPictureBytes at most
	Note         NoteAct
	Clock        Clock
	Pricing      domain.Pricing
}

// NewInventory returns Inventory on deps.
func NewInventory(deps InventoryDeps) *Inventory { return &Inventory{deps} }

// ProductEdit is what staff wants a product to be. Of its category and subcategory
// the names are enough.
type ProductEdit struct {
	ID      domain.ProductID // the product to update
	Version string           // its Version when the edit was begun
	To      domain.Product
	Picture []byte // is added to the product's images unless empty
	Alt     string // what is to be seen on Picture; the product's name unless given
}

// Version stands for all that staff can edit of a product: it is another after each change of that.
func Version(p domain.Product) string {
	return digest(fmt.Sprintf("%q %q %q %q %q %v %q", p.Slug, p.Name, p.Description, p.Category, p.Subcategory, p.Price, p.Images))[:32]
}

// Add publishes edit.To as a new product and returns it as it is kept. Without a slug
// it gets one of its name, with a number when that is taken.
//
// The key makes the product's id, so the same form sent again adds nothing.
// ErrConflict `product_added` when the key has added a product that is not this one
// or is no longer so, and `slug_taken` when another product has the slug.
func (s *Inventory) Add(ctx context.Context, by domain.User, key domain.IdempotencyKey, edit ProductEdit) (domain.Product, error) {
	if err := staffOnly(by); err != nil {
		return domain.Product{}, err
	}
	p := edit.To
	p.ID, p.AddedAt = domain.ProductID(digest("product " + string(key))[:32]), s.deps.Clock()
	var err error
	if p.Category, p.Subcategory, err = s.findCategory(ctx, p.Category.Name, p.Subcategory.Name); err != nil {
		return domain.Product{}, err
	}
	slugs := p.Slugs()
	if p.Slug == "" {
		p.Slug = slugs[0]
	}
	if err := s.check(p); err != nil {
		return domain.Product{}, err
	}
	switch existing, err := s.deps.Products.Product(ctx, string(p.ID)); {
	case err == nil:
		return existing, sameProduct(existing, p)
	case !errors.Is(err, domain.ErrNotFound):
		return domain.Product{}, err
	}
	images, err := s.image(ctx, edit)
	if err != nil {
		return domain.Product{}, err
	}
	p.Images = append(p.Images, images...)
	if p.Slug, err = s.putUnder(ctx, p, slugs); err != nil {
		return domain.Product{}, err
	}
	s.publish(ctx, p.ID)
	s.deps.Note(ctx, Act{What: ActProductAdded, By: by, On: string(p.ID)})
	return p, nil
}

// check fails with what is wrong with p as something that this shop sells.
func (s *Inventory) check(p domain.Product) error {
	if err := p.Check(); err != nil || p.Price.Currency == s.deps.Pricing.Currency {
		return err
	}
	return domain.InvalidFields(map[string]string{"price": "must be in " + string(s.deps.Pricing.Currency)})
}

// putUnder keeps a new product under the first of the slugs that is free, and returns that.
func (s *Inventory) putUnder(ctx context.Context, p domain.Product, slugs []string) (string, error) {
	for _, p.Slug = range slugs {
		// The store lets a slug be the id of another product, and would lead there.
		other, err := s.deps.Products.Product(ctx, p.Slug)
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return "", err
		}
		if err == nil && other.ID != p.ID {
			continue
		}
		err = s.deps.Products.PutProducts(ctx, []domain.Product{p})
		if domain.CodeOf(err) == domain.CodeSlugTaken {
			continue
		}
		return p.Slug, err
	}
	taken := domain.ErrConflict.Errorf(domain.CodeSlugTaken, "another page has that address")
	taken.Fields = map[string]string{"slug": "is the address of another page"}
	return "", taken
}

// sameProduct is the conflict of a form that added another product than it says now.
func sameProduct(existing, p domain.Product) error {
	p.Slug, p.Images = existing.Slug, existing.Images
	if Version(existing) == Version(p) {
		return nil
	}
	return domain.ErrConflict.Errorf(domain.CodeProductAdded, "this form has put “%s” on sale already; change that one, or begin a new form", existing.Name)
}

// Update replaces name, category, subcategory, description and price of a product with
// those of edit.To. Images that are not in edit.To.Images are dropped, the others get
// their texts from there. Orders keep what they were placed with.
//
// ErrConflict `product_changed` when somebody changed the product since edit.Version,
// on any server: then nothing is kept. A change that was made already is no conflict.
func (s *Inventory) Update(ctx context.Context, by domain.User, edit ProductEdit) error {
	if err := staffOnly(by); err != nil {
		return err
	}
	before, err := productByRef(ctx, s.deps.Products, string(edit.ID))
	if err != nil {
		return err
	}
	to := edit.To
	if to.Category.Name == before.Category.Name && to.Subcategory.Name == before.Subcategory.Name {
		to.Category, to.Subcategory = before.Category, before.Subcategory
	} else if to.Category, to.Subcategory, err = s.findCategory(ctx, to.Category.Name, to.Subcategory.Name); err != nil {
		return err
	}
	if err := s.check(edited(before, to, nil)); err != nil {
		return err
	}
	images, err := s.image(ctx, edit)
	if err != nil {
		return err
	}
	return s.update(ctx, by, before.ID, func(p *domain.Product) error {
		next := edited(*p, to, images)
		if Version(*p) != edit.Version && Version(*p) != Version(next) {
			return domain.ErrConflict.Errorf(domain.CodeProductChanged, "somebody has changed this product since you opened it, so yours was not saved; this is how it is now")
		}
		*p = next
		return nil
	})
}

// edited is p with what to says in place of its own, and more images.
func edited(p, to domain.Product, more []domain.Image) domain.Product {
	p.Name, p.Category, p.Subcategory, p.Description, p.Price = to.Name, to.Category, to.Subcategory, to.Description, to.Price
	var images []domain.Image
	for _, image := range p.Images {
		if i := imageAt(to.Images, image.URL); i >= 0 {
			images = append(images, to.Images[i])
		}
	}
	for _, image := range more {
		if imageAt(images, image.URL) < 0 {
			images = append(images, image)
		}
	}
	p.Images = images
	return p
}

func imageAt(images []domain.Image, url string) int {
	return slices.IndexFunc(images, func(i domain.Image) bool { return i.URL == url })
}

// SetPrice changes what a product costs from now on; orders keep their prices.
func (s *Inventory) SetPrice(ctx context.Context, by domain.User, id domain.ProductID, price domain.Money) error {
	if err := staffOnly(by); err != nil {
		return err
	}
	before, err := productByRef(ctx, s.deps.Products, string(id))
	if err != nil {
		return err
	}
	return s.update(ctx, by, before.ID, func(p *domain.Product) error {
		p.Price = price
		return nil
	})
}

// update changes a product, which must still be something to sell afterwards.
func (s *Inventory) update(ctx context.Context, by domain.User, id domain.ProductID, change func(*domain.Product) error) error {
	was, is := domain.Money{}, domain.Money{}
	_, err := s.deps.Products.UpdateProduct(ctx, id, func(p *domain.Product) error {
		was = p.Price
		if err := change(p); err != nil {
			return err
		}
		is = p.Price
		return s.check(*p)
	})
	if err != nil {
		return err
	}
	s.publish(ctx, id)
	s.deps.Note(ctx, Act{What: ActProductChanged, By: by, On: string(id)})
	if was != is {
		s.deps.Note(ctx, Act{What: ActPriceChanged, By: by, On: string(id), How: fmt.Sprintf("from %v to %v", was, is)})
	}
	return nil
}

// Remove takes a product out of the shop. Orders, carts and wishlists keep their
// lines of it, and it may be added again. Removing it twice is no error.
func (s *Inventory) Remove(ctx context.Context, by domain.User, id domain.ProductID) error {
	if err := staffOnly(by); err != nil {
		return err
	}
	if err := mayName(string(id)); err != nil {
		return err
	}
	if err := s.deps.Products.RemoveProduct(ctx, id); err != nil && !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	s.publish(ctx, id)
	s.deps.Note(ctx, Act{What: ActProductRemoved, By: by, On: string(id)})
	return nil
}

// categoriesDetailed is of how many categories CategoryNames names the subcategories.
const categoriesDetailed = 30

// CategoryNames returns the names of the categories and subcategories that there are,
// for staff to choose from.
func (s *Inventory) CategoryNames(ctx context.Context, by domain.User) (categories, subcategories []string, err error) {
	if err := staffOnly(by); err != nil {
		return nil, nil, err
	}
	all, err := s.deps.Catalog.Categories(ctx)
	if err != nil {
		return nil, nil, err
	}
	for i, c := range all {
		categories = append(categories, c.Name)
		if i >= categoriesDetailed {
			continue
		}
		within, err := s.subcategories(ctx, c.Category)
		if err != nil {
			return nil, nil, err
		}
		for _, sub := range within {
			subcategories = append(subcategories, sub.Name)
		}
	}
	slices.Sort(subcategories)
	return categories, slices.Compact(subcategories), nil
}

// findCategory returns the category and the subcategory of those names, or new ones.
func (s *Inventory) findCategory(ctx context.Context, category, subcategory string) (c, sub domain.Category, err error) {
	all, err := s.deps.Catalog.Categories(ctx)
	if err != nil {
		return c, sub, err
	}
	c = findOrNew(category, all)
	within, err := s.subcategories(ctx, c)
	return c, findOrNew(subcategory, within), err
}

func (s *Inventory) subcategories(ctx context.Context, of domain.Category) ([]domain.CategoryCount, error) {
	if of.Slug == "" { // it is refused later, and asks for everything here
		return nil, nil
	}
	found, err := s.deps.Catalog.Search(ctx, domain.Query{Category: of.Slug, Sort: domain.ByRelevance, Page: domain.Page{Number: 1, Size: 1}})
	return found.Facets.Subcategories, err
}

// findOrNew returns the category of that name, ignoring case and spacing, or a new one. A
// second name for a slug would rename the category that has it.
func findOrNew(name string, categories []domain.CategoryCount) domain.Category {
	slug := domain.SlugOf(name, domain.MaxSlug)
	for _, same := range []func(domain.CategoryCount) bool{
		func(c domain.CategoryCount) bool { return c.Name == name },
		func(c domain.CategoryCount) bool { return c.Slug == slug },
	} {
		if i := slices.IndexFunc(categories, same); i >= 0 {
			return categories[i].Category
		}
	}
	return domain.Category{Slug: slug, Name: name}
}

// publish tells who subscribed to changed products. An event that is lost only delays.
func (s *Inventory) publish(ctx context.Context, id domain.ProductID) {
	_ = s.deps.Events.Publish(ctx, domain.Event{Topic: domain.ProductChanged, Key: string(id)})
}
