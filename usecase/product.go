package usecase

import (
	"cmp"
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
	Products    port.Products
	Pictures    port.Pictures
	Events      port.Events
	DecodeImage DecodeImage
	Clock       Clock
}

// DecodeImage makes a picture of what somebody sent, whatever it is called:
// a whole JPEG, PNG or WebP within the bounds of the domain. What is not needed to
// show it may be left out. Anything else is ErrInvalid with the field "picture".
// It stops soon after ctx ends.
type DecodeImage func(ctx context.Context, content []byte) (domain.Picture, error)

// NewInventory returns Inventory on deps.
func NewInventory(deps InventoryDeps) *Inventory { return &Inventory{deps} }

const (
	// slugLength is how much of a name its address has.
	slugLength = 80
	// numberedSlugs is how many products of one name have it in their address with no more than a number.
	numberedSlugs = 9
	// shelvesShown is of how many categories Shelves names the kinds.
	shelvesShown = 30
)

// reservedSlugs are addresses beside those of products.
var reservedSlugs = []string{"new", "categories"}

// Version stands for all that staff can edit of a product: it is another after each change of that.
func Version(p domain.Product) string {
	return digest(fmt.Sprintf("%q %q %q %q %q %v %q", p.Slug, p.Name, p.Description, p.Category, p.Subcategory, p.Price, p.Images))[:32]
}

// Add puts p on sale and returns it as it is kept. Of its category and kind the
// names are enough. Without a slug it gets one of its name, with a number when that
// is taken. picture, unless empty, is added to its pictures; alt says what is to be
// seen there.
//
// The key makes the product's id, so the same form sent again adds nothing.
// ErrConflict `product_added` when the key has added a product that is not this one
// or is no longer so, and `slug_taken` when p has the slug of another.
func (s *Inventory) Add(ctx context.Context, by domain.User, key domain.IdempotencyKey, p domain.Product, picture []byte, alt string) (domain.Product, error) {
	if err := staffOnly(by); err != nil {
		return domain.Product{}, err
	}
	p.ID, p.AddedAt = domain.ProductID(digest("product " + string(key))[:32]), s.deps.Clock()
	slugs := []string{p.Slug}
	if p.Slug == "" {
		slugs = slugsOf(p)
		p.Slug = slugs[0]
	}
	var err error
	if p.Category, p.Subcategory, err = s.shelf(ctx, p.Category.Name, p.Subcategory.Name); err != nil {
		return domain.Product{}, err
	}
	if err := p.Check(); err != nil {
		return domain.Product{}, err
	}
	switch there, err := s.deps.Products.Product(ctx, string(p.ID)); {
	case err == nil:
		return there, sameGoods(there, p)
	case !errors.Is(err, domain.ErrNotFound):
		return domain.Product{}, err
	}
	images, err := s.image(ctx, by, p.Name, picture, alt)
	if err != nil {
		return domain.Product{}, err
	}
	p.Images = append(p.Images, images...)
	if p.Slug, err = s.putUnder(ctx, p, slugs); err != nil {
		return domain.Product{}, err
	}
	s.tell(ctx, p.ID)
	return p, nil
}

// putUnder keeps a new product under the first of the slugs that is free, and says which.
func (s *Inventory) putUnder(ctx context.Context, p domain.Product, slugs []string) (string, error) {
	for _, p.Slug = range slugs {
		// A slug may be the id of another product for all the store cares, and would lead there.
		other, err := s.deps.Products.Product(ctx, p.Slug)
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return "", err
		}
		if slices.Contains(reservedSlugs, p.Slug) || err == nil && other.ID != p.ID {
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

// slugsOf are the slugs that p may have by its name, the best first; its id when the name makes none.
func slugsOf(p domain.Product) []string {
	plain := domain.SlugOf(p.Name, slugLength)
	if plain == "" {
		return []string{string(p.ID)}
	}
	slugs := []string{plain}
	for n := 2; n <= numberedSlugs; n++ {
		slugs = append(slugs, fmt.Sprintf("%s-%d", plain, n))
	}
	return append(slugs, plain+"-"+string(p.ID))
}

// sameGoods is the conflict of a form that has put other goods on sale than it says now.
func sameGoods(there, p domain.Product) error {
	p.Slug, p.Images = there.Slug, there.Images
	if Version(there) == Version(p) {
		return nil
	}
	return domain.ErrConflict.Errorf(domain.CodeProductAdded, "this form has put “%s” on sale already; change that one, or begin a new form", there.Name)
}

// Change makes the product say what to says in its name, the names of its category
// and kind, its description and its price. Of its pictures those stay that to has,
// with the texts that they have there, and picture is added as in Add. Orders keep
// what they were placed with.
//
// edition is the product's Edition as it was when the change was thought of.
// ErrConflict `product_changed` when somebody changed it since, on any server: then
// nothing is kept. A change that was made already is no conflict.
func (s *Inventory) Change(ctx context.Context, by domain.User, id domain.ProductID, edition string, to domain.Product, picture []byte, alt string) error {
	if err := staffOnly(by); err != nil {
		return err
	}
	before, err := productByRef(ctx, s.deps.Products, string(id))
	if err != nil {
		return err
	}
	if to.Category.Name == before.Category.Name && to.Subcategory.Name == before.Subcategory.Name {
		to.Category, to.Subcategory = before.Category, before.Subcategory
	} else if to.Category, to.Subcategory, err = s.shelf(ctx, to.Category.Name, to.Subcategory.Name); err != nil {
		return err
	}
	if err := edited(before, to, nil).Check(); err != nil {
		return err
	}
	images, err := s.image(ctx, by, to.Name, picture, alt)
	if err != nil {
		return err
	}
	return s.update(ctx, before.ID, func(p *domain.Product) error {
		next := edited(*p, to, images)
		if Version(*p) != edition && Version(*p) != Version(next) {
			return domain.ErrConflict.Errorf(domain.CodeProductChanged, "somebody has changed this product since you opened it, so yours was not saved; this is how it is now")
		}
		*p = next
		return nil
	})
}

// edited is p with what to says in place of its own, and more pictures.
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
	return s.update(ctx, before.ID, func(p *domain.Product) error {
		p.Price = price
		return nil
	})
}

// update changes a product that still is something to sell afterwards.
func (s *Inventory) update(ctx context.Context, id domain.ProductID, change func(*domain.Product) error) error {
	_, err := s.deps.Products.UpdateProduct(ctx, id, func(p *domain.Product) error {
		if err := change(p); err != nil {
			return err
		}
		return p.Check()
	})
	if err != nil {
		return err
	}
	s.tell(ctx, id)
	return nil
}

// Remove takes a product out of the shop. Orders, carts and wishlists keep their
// lines of it, and it may be added again. One that is gone already stays so.
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
	s.tell(ctx, id)
	return nil
}

// Shelves returns the names of the categories and of the kinds that there are, for
// staff to choose from.
func (s *Inventory) Shelves(ctx context.Context, by domain.User) (categories, kinds []string, err error) {
	if err := staffOnly(by); err != nil {
		return nil, nil, err
	}
	all, err := s.deps.Products.Categories(ctx)
	if err != nil {
		return nil, nil, err
	}
	for i, c := range all {
		categories = append(categories, c.Name)
		if i >= shelvesShown {
			continue
		}
		within, err := s.kinds(ctx, c.Category)
		if err != nil {
			return nil, nil, err
		}
		for _, kind := range within {
			kinds = append(kinds, kind.Name)
		}
	}
	slices.Sort(kinds)
	return categories, slices.Compact(kinds), nil
}

// shelf is the category and the kind called so: those that there are, or new ones.
func (s *Inventory) shelf(ctx context.Context, category, kind string) (c, k domain.Category, err error) {
	all, err := s.deps.Products.Categories(ctx)
	if err != nil {
		return c, k, err
	}
	c = called(category, all)
	within, err := s.kinds(ctx, c)
	return c, called(kind, within), err
}

func (s *Inventory) kinds(ctx context.Context, of domain.Category) ([]domain.CategoryCount, error) {
	if of.Slug == "" { // it is refused later, and asks for everything here
		return nil, nil
	}
	found, err := s.deps.Products.Search(ctx, domain.Query{Category: of.Slug, Page: domain.Page{Number: 1, Size: 1}})
	return found.Facets.Subcategories, err
}

// called is the one of those that is called name, however it is written, or a new one: a
// second name for a slug would rename what has it.
func called(name string, those []domain.CategoryCount) domain.Category {
	slug := domain.SlugOf(name, domain.MaxSlug)
	for _, same := range []func(domain.CategoryCount) bool{
		func(c domain.CategoryCount) bool { return c.Name == name },
		func(c domain.CategoryCount) bool { return c.Slug == slug },
	} {
		if i := slices.IndexFunc(those, same); i >= 0 {
			return those[i].Category
		}
	}
	return domain.Category{Slug: slug, Name: name}
}

// ChangeStock counts delta in, or out when below zero, and returns the new stock.
func (s *Inventory) ChangeStock(ctx context.Context, by domain.User, id domain.ProductID, delta int) (int, error) {
	if err := staffOnly(by); err != nil {
		return 0, err
	}
	if delta == 0 || delta > domain.MaxStock || delta < -domain.MaxStock {
		return 0, domain.InvalidFields(map[string]string{"delta": fmt.Sprintf("must be from -%d to %d and not 0", domain.MaxStock, domain.MaxStock)})
	}
	p, err := productByRef(ctx, s.deps.Products, string(id))
	if err != nil {
		return 0, err
	}
	reason := domain.StockReceived
	if delta < 0 {
		reason = domain.StockCorrected
	}
	stock, err := s.deps.Products.ChangeStock(ctx, p.ID, delta, reason, s.deps.Clock())
	if err != nil {
		return 0, err
	}
	s.tell(ctx, p.ID)
	return stock, nil
}

// AddPicture keeps a picture and returns its address, which a product's images may
// then have. The same content again is the same picture. ErrInvalid with the field
// "picture" says why content cannot be one.
func (s *Inventory) AddPicture(ctx context.Context, by domain.User, content []byte) (string, error) {
	if err := staffOnly(by); err != nil {
		return "", err
	}
	picture, err := s.deps.DecodeImage(ctx, content)
	if err != nil {
		return "", err
	}
	if err := s.deps.Pictures.PutPicture(ctx, picture); err != nil {
		return "", err
	}
	return picture.Name.URL(), nil
}

// Movements returns how a product's stock came about, oldest first.
func (s *Inventory) Movements(ctx context.Context, by domain.User, id domain.ProductID) ([]domain.StockMovement, error) {
	if err := staffOnly(by); err != nil {
		return nil, err
	}
	return s.deps.Products.Movements(ctx, id)
}

// image is what a picture becomes on the page of a product called name; none of no content.
func (s *Inventory) image(ctx context.Context, by domain.User, name string, content []byte, alt string) ([]domain.Image, error) {
	if len(content) == 0 {
		return nil, nil
	}
	url, err := s.AddPicture(ctx, by, content)
	if err != nil {
		return nil, err
	}
	return []domain.Image{{URL: url, Alt: cmp.Or(alt, name)}}, nil
}

// tell wakes who follows products. News that is lost only delays.
func (s *Inventory) tell(ctx context.Context, id domain.ProductID) {
	_ = s.deps.Events.Publish(ctx, domain.Event{Topic: domain.ProductChanged, Key: string(id)})
}
