package domain

import (
	"strings"
	"unicode/utf8"
)

// Page is a part of a list: number from 1, and how many a page holds.
type Page struct {
	Number int
	Size   int
}

// Bounds of a page. A larger size is taken as MaxPageSize.
const (
	DefaultPageSize = 24
	MaxPageSize     = 100
	maxPageNumber   = 1_000_000
	// RowSize is the page of a row of eight products, one of which may be left out.
	RowSize = 9
	// MaxDepth is how many products of a list can be paged through: skipping one costs
	// a store as much as returning it.
	MaxDepth = 10_000
)

// NewPage makes a page of what was asked for; zero stands for the default.
func NewPage(number, size int) (Page, error) {
	wrong := fieldErrors{}
	if number == 0 {
		number = 1
	}
	if size == 0 {
		size = DefaultPageSize
	}
	if number < 1 || number > maxPageNumber {
		wrong.add("page", "must be from 1 to 1000000")
	}
	if size < 1 {
		wrong.add("per_page", "must be from 1 to 100")
	}
	return Page{Number: number, Size: min(size, MaxPageSize)}, wrong.err()
}

// Offset is how many come before the page.
func (p Page) Offset() int { return (p.Number - 1) * p.Size }

// Pages is how many pages total makes; none when it is zero.
func (p Page) Pages(total int) int { return (total + p.Size - 1) / p.Size }

// Sort is an order of products. Every order ends with the product's id, so that
// it is the same on every server and pages never overlap.
type Sort string

// The orders of products.
const (
	ByRelevance Sort = "relevance" // best match first; without a text, the most sold
	ByNewest    Sort = "newest"
	ByPrice     Sort = "price"
	ByPriceDown Sort = "-price"
	ByName      Sort = "name" // by code point of the lower-cased name
	ByRating    Sort = "rating"
)

// Sorts are all orders, in the order they are offered.
var Sorts = []Sort{ByRelevance, ByNewest, ByPrice, ByPriceDown, ByName, ByRating}

// MaxQueryText bounds a search text, in bytes.
const MaxQueryText = 200

// Query is a question to the catalog. Its zero value asks for everything, once it is complete.
type Query struct {
	Text        string // words that must all be found, the last also as the beginning of a word
	Category    string // slug; unknown slugs find nothing
	Subcategory string // slug of a sub-kind
	MinPrice    int64  // minor units, inclusive; 0 for no bound
	MaxPrice    int64  // minor units, inclusive; 0 for no bound
	InStock     bool   // only what can be bought now
	Sort        Sort   // "" for ByRelevance
	Page        Page
}

// Check says what is wrong with q, by the names of the public interface.
func (q Query) Check() error {
	wrong := fieldErrors{}
	if len(q.Text) > MaxQueryText {
		wrong.add("q", "must have at most 200 bytes")
	} else if !CleanText(q.Text) {
		wrong.add("q", "has characters that cannot be used")
	}
	for name, value := range map[string]string{"category": q.Category, "kind": q.Subcategory} {
		if value != "" && (len(value) > 200 || !slug.MatchString(value)) {
			wrong.add(name, "must be the slug of a category")
		}
	}
	for name, amount := range map[string]int64{"min_price": q.MinPrice, "max_price": q.MaxPrice} {
		if amount < 0 || amount > MaxAmount {
			wrong.add(name, "must be a number of cents, not below zero")
		}
	}
	if q.MaxPrice > 0 && q.MinPrice > q.MaxPrice {
		wrong.add("max_price", "must not be below min_price")
	}
	known := q.Sort == ""
	for _, sort := range Sorts {
		known = known || q.Sort == sort
	}
	if !known {
		wrong.add("sort", "must be one of relevance, newest, price, -price, name, rating")
	}
	return wrong.err()
}

// Complete returns q with its defaults filled in, or what Check says is wrong with it.
func (q Query) Complete() (Query, error) {
	page, err := NewPage(q.Page.Number, q.Page.Size)
	q.Page = page
	if q.Sort == "" {
		q.Sort = ByRelevance
	}
	return q, JoinFields(q.Check(), err)
}

// Plain reports whether q asks for what the shop's own pages show first: the beginning of a
// list, by neither words nor prices. A shop has a few plain queries for each of its categories.
func (q Query) Plain() bool {
	sized := q.Page.Size == DefaultPageSize || q.Page.Size == RowSize
	return q.Text == "" && q.MinPrice == 0 && q.MaxPrice == 0 && q.Page.Number == 1 && sized
}

// Words are what a text is searched by: its lower-cased runs of letters and digits,
// accents left as they are.
func Words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !isWordRune(r) })
}

// TypoFrom is how many letters a word has that may be mistyped. Only a word that
// is found nowhere counts as mistyped.
const TypoFrom = 4

// OneTypo reports whether a and b differ by at most one letter that is missing, too
// many or another, or by two neighbours that changed places.
func OneTypo(a, b string) bool {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if x != y {
			break
		}
		a, b = a[n:], b[m:]
	}
	for a != "" && b != "" {
		x, n := utf8.DecodeLastRuneInString(a)
		y, m := utf8.DecodeLastRuneInString(b)
		if x != y {
			break
		}
		a, b = a[:len(a)-n], b[:len(b)-m]
	}
	n, m := utf8.RuneCountInString(a), utf8.RuneCountInString(b)
	if n != 2 || m != 2 {
		return n <= 1 && m <= 1
	}
	first, size := utf8.DecodeRuneInString(a)
	return b == a[size:]+string(first)
}

// Found is a page of what a query finds, with what narrower queries would find.
type Found struct {
	Products []Product
	Total    int
	Page     Page
	Facets   Facets
}

// Facets counts the products per choice. Each facet is counted with all of the
// query's other filters, but not its own, so that a shopper sees what another
// choice would give. Choices that would find nothing are left out.
type Facets struct {
	Categories    []CategoryCount // by name; a kind in the query does not narrow them
	Subcategories []CategoryCount // by name; only when the query names a category
	Prices        []PriceCount    // one for each of PriceBands that is not empty, in order
	InStock       int             // how many of the found can be bought now
}

// PriceBand is a range of prices, in minor units: from Min up to and with Max, 0 for no end.
type PriceBand struct {
	Min, Max int64
}

// PriceCount is a price band with the number of products in it.
type PriceCount struct {
	PriceBand
	Count int
}

// PriceBands are the ranges of prices that are counted and offered.
var PriceBands = []PriceBand{{0, 2499}, {2500, 4999}, {5000, 9999}, {10000, 24999}, {25000, 0}}

// Holds reports whether a price is in the band.
func (b PriceBand) Holds(amount int64) bool {
	return amount >= b.Min && (b.Max == 0 || amount <= b.Max)
}

// Suggestion is what a shopper may mean while typing.
type Suggestion struct {
	Text string // a product's or a category's name
	Slug string
	Kind SuggestionKind
}

// SuggestionKind says what a suggestion leads to.
type SuggestionKind string

// What a suggestion leads to.
const (
	SuggestProduct  SuggestionKind = "product"
	SuggestCategory SuggestionKind = "category"
)
