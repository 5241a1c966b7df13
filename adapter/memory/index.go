package memory

import (
	"cmp"
	"slices"
	"strings"

	"eshop/domain"
)

// index finds products by words, filters and order. Products are numbered, so
// that what a search looks at lies close together in slices. Sorting waits until
// somebody asks: ready reports whether it is done.
type index struct {
	products []*product // by number; nil where one is free
	names    []string   // lower-cased
	facts    []fact
	free     []int32

	shelves   []shelf
	shelfOf   map[shelfKey]int32
	nameOf    map[string]string // of categories, by slug
	postings  map[string][]posting
	terms     []string // the words of postings, and some that are gone
	orders    map[domain.Sort][]int32
	unordered bool
}

// fact is what filters and facets ask of a product.
type fact struct {
	price   int64
	sold    int
	shelf   int32
	inStock bool
}

// shelf is where products of one category and kind stand.
type shelf struct {
	category string
	kind     domain.Category
}

type shelfKey struct{ category, kind string }

const noShelf = -1

func newIndex() index {
	return index{
		shelfOf: map[shelfKey]int32{}, nameOf: map[string]string{}, postings: map[string][]posting{},
		orders: map[domain.Sort][]int32{},
	}
}

func (x *index) add(p *product) {
	if n := len(x.free); n > 0 {
		p.doc, x.free = x.free[n-1], x.free[:n-1]
	} else {
		p.doc = int32(len(x.products))
		x.products, x.names, x.facts = append(x.products, nil), append(x.names, ""), append(x.facts, fact{})
	}
	x.products[p.doc] = p
	x.addWords(p)
	x.learn(p)
	for _, sort := range domain.Sorts {
		x.orders[sort] = append(x.orders[sort], p.doc)
	}
}

// change makes p what next says.
func (x *index) change(p *product, next domain.Product) {
	sameText := p.Name == next.Name && p.Description == next.Description &&
		p.Category.Name == next.Category.Name && p.Subcategory.Name == next.Subcategory.Name
	if !sameText {
		x.removeWords(p)
	}
	p.Product = next
	if !sameText {
		x.addWords(p)
	}
	x.learn(p)
}

func (x *index) remove(p *product) {
	x.removeWords(p)
	x.products[p.doc], x.names[p.doc] = nil, ""
	x.facts[p.doc] = fact{shelf: noShelf}
	x.free = append(x.free, p.doc)
	for sort, order := range x.orders {
		x.orders[sort] = slices.DeleteFunc(order, func(doc int32) bool { return doc == p.doc })
	}
}

// learn notes what is known of p besides its words.
func (x *index) learn(p *product) {
	key := shelfKey{p.Category.Slug, p.Subcategory.Slug}
	at, ok := x.shelfOf[key]
	if !ok {
		at = int32(len(x.shelves))
		x.shelves = append(x.shelves, shelf{})
		x.shelfOf[key] = at
	}
	x.shelves[at] = shelf{p.Category.Slug, p.Subcategory}
	x.nameOf[p.Category.Slug] = p.Category.Name
	x.names[p.doc] = strings.ToLower(p.Name)
	x.facts[p.doc] = fact{p.Price.Amount, p.Sold, at, p.Stock > 0}
	x.unordered = true
}

func (x *index) restock(p *product) { x.facts[p.doc].inStock = p.Stock > 0 }

// setSold moves p alone to its new place among the most sold, for orders come often.
func (x *index) setSold(p *product, sold int) {
	x.facts[p.doc].sold = sold
	if x.unordered {
		p.Sold = sold
		return
	}
	compare := x.comparison(domain.ByRelevance)
	popular := x.orders[domain.ByRelevance]
	at, _ := slices.BinarySearchFunc(popular, p.doc, compare)
	popular = slices.Delete(popular, at, at+1)
	p.Sold = sold
	at, _ = slices.BinarySearchFunc(popular, p.doc, compare)
	x.orders[domain.ByRelevance] = slices.Insert(popular, at, p.doc)
}

// order sorts what changes have left unsorted.
func (x *index) order() {
	for sort, order := range x.orders {
		slices.SortFunc(order, x.comparison(sort))
	}
	slices.Sort(x.terms)
	x.terms = slices.DeleteFunc(slices.Compact(x.terms), func(term string) bool { return len(x.postings[term]) == 0 })
	x.unordered = false
}

// comparison compares the numbers of products by a sort, equals by the product's id.
func (x *index) comparison(by domain.Sort) func(a, b int32) int {
	compare := map[domain.Sort]func(a, b *product) int{
		domain.ByRelevance: func(a, b *product) int { return cmp.Compare(b.Sold, a.Sold) },
		domain.ByNewest:    func(a, b *product) int { return b.AddedAt.Compare(a.AddedAt) },
		domain.ByPrice:     func(a, b *product) int { return cmp.Compare(a.Price.Amount, b.Price.Amount) },
		domain.ByPriceDown: func(a, b *product) int { return cmp.Compare(b.Price.Amount, a.Price.Amount) },
		domain.ByName:      func(a, b *product) int { return strings.Compare(x.names[a.doc], x.names[b.doc]) },
		domain.ByRating:    func(a, b *product) int { return cmp.Compare(b.Rating.Average(), a.Rating.Average()) },
	}[by]
	return func(a, b int32) int {
		p, q := x.products[a], x.products[b]
		if order := compare(p, q); order != 0 {
			return order
		}
		return strings.Compare(string(p.ID), string(q.ID))
	}
}
