package domain

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// ProductID names a product for ever; a Slug names it in addresses and is unique too.
type ProductID string

const (
	// MaxImages bounds the pictures of a product.
	MaxImages = 20
	// nameSlugLength is how much of a name its slug has.
	nameSlugLength = 80
	// numberedSlugs is how many products of one name have it in their slug with no more than a number.
	numberedSlugs = 9
)

// reservedSlugs are addresses beside those of products.
var reservedSlugs = []string{"new", "categories"}

// Product is something that the shop sells.
type Product struct {
	ID          ProductID
	Slug        string
	Name        string
	Description string
	Category    Category
	Subcategory Category // the sub-kind within the category
	Price       Money
	Stock       int // how many can be sold now, never below zero
	Images      []Image
	Rating      Rating
	Sold        int // how many were ever sold: what "popular" means
	AddedAt     time.Time
}

// Category is a part of the catalog, or a sub-kind within one.
type Category struct {
	Slug string
	Name string
}

// CategoryCount is a category with the number of its products.
type CategoryCount struct {
	Category
	Count int
}

// Image is a picture by its address within the shop.
type Image struct {
	URL string
	Alt string
}

// Rating is what buyers thought: the sum of their one to five stars.
type Rating struct {
	Sum   int
	Count int
}

// Average is the mean number of stars, rounded to a tenth; 0 when nobody rated.
func (r Rating) Average() float64 {
	if r.Count == 0 {
		return 0
	}
	return float64((r.Sum*20+r.Count)/(2*r.Count)) / 10
}

// DiscontinuedProduct stands in for a product that was in a cart or on a wishlist and is no longer sold.
func DiscontinuedProduct(id ProductID) Product {
	return Product{ID: id, Name: "A product that is no longer sold", Price: Dollars(0)}
}

// Discontinued reports whether p stands in for a product that is no longer sold.
func (p Product) Discontinued() bool { return p.Slug == "" }

// Cursor is a place in the feed of changed products. Only the store that gave it can
// read it; "" is before the first change.
type Cursor string

// UnknownCursor is the failure of a feed to go on from a cursor that it never gave.
func UnknownCursor() error {
	return InvalidFields(map[string]string{"after": "is no cursor of this feed"})
}

var slug = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Slugs returns the slugs that p may be kept under, the best first: its own, or else
// some of its name, the last of which no other product has.
func (p Product) Slugs() []string {
	slugs := []string{p.Slug}
	if p.Slug == "" {
		name := SlugOf(p.Name, nameSlugLength)
		if name == "" {
			return []string{string(p.ID)}
		}
		slugs[0] = name
		for n := 2; n <= numberedSlugs; n++ {
			slugs = append(slugs, fmt.Sprintf("%s-%d", name, n))
		}
		slugs = append(slugs, name+"-"+string(p.ID))
	}
	return slices.DeleteFunc(slugs, func(slug string) bool { return slices.Contains(reservedSlugs, slug) })
}

// Check says what is wrong with p as something to sell, by field.
func (p Product) Check() error {
	wrong := fieldErrors{}
	for name, text := range map[string]string{
		"name":        line(p.Name, 1, 200),
		"description": paragraph(p.Description, 0, 10_000),
		"category":    line(p.Category.Name, 1, 100),
		"kind":        line(p.Subcategory.Name, 1, 100),
	} {
		if text != "" {
			wrong.add(name, text)
		}
	}
	for name, value := range map[string]string{"slug": p.Slug, "category": p.Category.Slug, "kind": p.Subcategory.Slug} {
		if len(value) > MaxSlug || !slug.MatchString(value) {
			wrong.add(name, "must be small letters, digits and single hyphens")
		}
	}
	if p.ID == "" || len(p.ID) > 100 {
		wrong.add("id", "must have 1 to 100 bytes")
	}
	if p.Price.Amount < 1 || p.Price.Amount > MaxAmount/1000 || !p.Price.Currency.Valid() {
		wrong.add("price", "must be from "+Money{1, p.Price.Currency}.String()+" to "+Money{MaxAmount / 1000, p.Price.Currency}.String())
	}
	if p.Stock < 0 || p.Stock > MaxStock {
		wrong.add("stock", fmt.Sprintf("must be from 0 to %d", MaxStock))
	}
	if len(p.Images) > MaxImages {
		wrong.add("images", fmt.Sprintf("must be at most %d pictures", MaxImages))
	}
	for _, image := range p.Images {
		if text := line(image.Alt, 0, 200); text != "" {
			wrong.add("images", "have a text that "+text)
		}
	}
	return wrong.err()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
