package memory

import (
	"cmp"
	"slices"
	"strings"

	"eshop/domain"
)

// index finds products by words, filters and sort (an inverted index). It numbers the
// products, so that what a search reads lies close together in slices. Changes leave it
// unsorted; the next search sorts it.
type index struct {
	products []*product // by number; nil where one is free
	names    []string   // lower-cased
	facts    []fact
	free     []int32

	subcategories []subcategory
	subcategoryOf map[subcategoryKey]int32
	categoryNames map[string]string // of categories, by slug
	postings      map[string][]posting
	terms         []string // the words of postings, and some that no product has any more
	orders        map[domain.Sort][]int32
	unsorted      bool
}

// fact is what filters and facets read of a product.
type fact struct {
	price       int64
	sold        int
	subcategory int32
	inStock     bool
}

// subcategory is a subcategory and the slug of its category.
type subcategory struct {
	domain.Category
	category string
}

type subcategoryKey struct{ category, subcategory string }

const noSubcategory = -1

func newIndex() index {
	return index{
		subcategoryOf: map[subcategoryKey]int32{}, categoryNames: map[string]string{}, postings: map[string][]posting{},
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
	x.setFacts(p)
	for _, sort := range domain.Sorts {
		x.orders[sort] = append(x.orders[sort], p.doc)
	}
}

// change replaces the product of p by next.
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
	x.setFacts(p)
}

func (x *index) remove(p *product) {
	x.removeWords(p)
	x.products[p.doc], x.names[p.doc] = nil, ""
	x.facts[p.doc] = fact{subcategory: noSubcategory}
	x.free = append(x.free, p.doc)
	for sort, order := range x.orders {
		x.orders[sort] = slices.DeleteFunc(order, func(doc int32) bool { return doc == p.doc })
	}
}

// setFacts records everything about p but its words.
func (x *index) setFacts(p *product) {
	key := subcategoryKey{p.Category.Slug, p.Subcategory.Slug}
	at, ok := x.subcategoryOf[key]
	if !ok {
		at = int32(len(x.subcategories))
		x.subcategories = append(x.subcategories, subcategory{})
		x.subcategoryOf[key] = at
	}
	x.subcategories[at] = subcategory{p.Subcategory, p.Category.Slug}
	x.categoryNames[p.Category.Slug] = p.Category.Name
	x.names[p.doc] = strings.ToLower(p.Name)
	x.facts[p.doc] = fact{p.Price.Amount, p.Sold, at, p.Stock > 0}
	x.unsorted = true
}

func (x *index) setInStock(p *product) { x.facts[p.doc].inStock = p.Stock > 0 }

// setSold moves only p to its new place among the most sold, since orders come often.
func (x *index) setSold(p *product, sold int) {
	x.facts[p.doc].sold = sold
	if x.unsorted {
		p.Sold = sold
		return
	}
	compare := x.compareBy(domain.ByRelevance)
	popular := x.orders[domain.ByRelevance]
	at, _ := slices.BinarySearchFunc(popular, p.doc, compare)
	popular = slices.Delete(popular, at, at+1)
	p.Sold = sold
	at, _ = slices.BinarySearchFunc(popular, p.doc, compare)
	x.orders[domain.ByRelevance] = slices.Insert(popular, at, p.doc)
}

// sort sorts what changes left unsorted.
func (x *index) sort() {
	for sort, order := range x.orders {
		slices.SortFunc(order, x.compareBy(sort))
	}
	slices.Sort(x.terms)
	x.terms = slices.DeleteFunc(slices.Compact(x.terms), func(term string) bool { return len(x.postings[term]) == 0 })
	x.unsorted = false
}

// compareBy returns the comparison of two products, by number, for a sort. Ties are broken by ID.
func (x *index) compareBy(by domain.Sort) func(a, b int32) int {
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
