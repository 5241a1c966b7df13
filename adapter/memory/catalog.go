package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"eshop/domain"
)

// lockSorted locks the store for reading, with its index sorted.
func (s *Store) lockSorted() {
	s.mu.RLock()
	for s.index.unsorted {
		s.mu.RUnlock()
		s.mu.Lock()
		s.index.sort()
		s.mu.Unlock()
		s.mu.RLock()
	}
}

func (s *Store) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	s.lockSorted()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Found{}, err
	}
	x := &s.index
	scores := x.scores(x.wants(q.Text))
	total, facets := x.choose(q, scores, q.Sort == domain.ByRelevance)
	found := domain.Found{Total: total, Page: q.Page, Facets: facets}
	for _, doc := range pick(x.orders[q.Sort], scores, q.Page) {
		found.Products = append(found.Products, cloneProduct(x.products[doc].Product))
	}
	return found, nil
}

// choose counts what q finds among the products with a score, and sets the scores of all
// others to zero. Unless ranked, all that it finds get the same score.
func (x *index) choose(q domain.Query, scores []int32, ranked bool) (int, domain.Facets) {
	perSubcategory := make([]int, len(x.subcategories)) // in any category
	chosen := make([]bool, len(x.subcategories))
	for i, s := range x.subcategories {
		chosen[i] = (q.Category == "" || q.Category == s.category) && (q.Subcategory == "" || q.Subcategory == s.Category.Slug)
	}
	inBand := make([]int, len(domain.PriceBands)) // at any price
	total, inStock := 0, 0                        // inStock also counts when q does not filter by it
	for doc, f := range x.facts {
		if scores[doc] == 0 || f.subcategory == noSubcategory {
			scores[doc] = 0
			continue
		}
		priced := f.price >= q.MinPrice && (q.MaxPrice == 0 || f.price <= q.MaxPrice)
		stocked := f.inStock || !q.InStock
		if priced && stocked {
			perSubcategory[f.subcategory]++
		}
		if stocked && chosen[f.subcategory] {
			inBand[bandOf(f.price)]++
		}
		if priced && chosen[f.subcategory] && f.inStock {
			inStock++
		}
		if !priced || !stocked || !chosen[f.subcategory] {
			scores[doc] = 0
			continue
		}
		total++
		if !ranked {
			scores[doc] = 1
		}
	}
	facets := domain.Facets{Categories: x.categories(perSubcategory), InStock: inStock}
	if q.Category != "" {
		facets.Subcategories = x.subcategoriesOf(q.Category, perSubcategory)
	}
	for i, n := range inBand {
		if n > 0 {
			facets.Prices = append(facets.Prices, domain.PriceCount{PriceBand: domain.PriceBands[i], Count: n})
		}
	}
	return total, facets
}

func bandOf(price int64) int {
	i := 0
	for i < len(domain.PriceBands)-1 && !domain.PriceBands[i].Holds(price) {
		i++
	}
	return i
}

// categories adds up the counts of the subcategories by category.
func (x *index) categories(perSubcategory []int) []domain.CategoryCount {
	counts := map[string]int{}
	for i, n := range perSubcategory {
		if n > 0 {
			counts[x.subcategories[i].category] += n
		}
	}
	var all []domain.CategoryCount
	for slug, n := range counts {
		all = append(all, domain.CategoryCount{Category: domain.Category{Slug: slug, Name: x.categoryNames[slug]}, Count: n})
	}
	return byName(all)
}

func (x *index) subcategoriesOf(category string, perSubcategory []int) []domain.CategoryCount {
	var all []domain.CategoryCount
	for i, n := range perSubcategory {
		if n > 0 && x.subcategories[i].category == category {
			all = append(all, domain.CategoryCount{Category: x.subcategories[i].Category, Count: n})
		}
	}
	return byName(all)
}

func byName(all []domain.CategoryCount) []domain.CategoryCount {
	slices.SortFunc(all, func(a, b domain.CategoryCount) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Slug, b.Slug))
	})
	return all
}

// pick returns the page of those in order that have a score, the highest score first (a
// counting sort).
func pick(order, scores []int32, page domain.Page) []int32 {
	best := int32(0)
	for _, score := range scores {
		best = max(best, score)
	}
	count := make([]int, best+1)
	for _, score := range scores {
		count[score]++
	}
	next := count // where the next of a score goes
	place := 0
	for score := len(count) - 1; score > 0; score-- {
		next[score], place = place, place+count[score]
	}
	from, to := page.Offset(), min(page.Offset()+page.Size, place)
	if from >= to {
		return nil
	}
	picked := make([]int32, to-from)
	for left, i := len(picked), 0; left > 0; i++ {
		score := scores[order[i]]
		if score == 0 {
			continue
		}
		if at := next[score]; at >= from && at < to {
			picked[at-from] = order[i]
			left--
		}
		next[score]++
	}
	return picked
}

func (s *Store) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	s.lockSorted()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x := &s.index
	wants := x.wants(text)
	if len(wants) == 0 {
		return nil, nil
	}
	all := x.suggestCategories(wants)
	scores := x.scores(wants)
	for _, doc := range x.orders[domain.ByRelevance] {
		if len(all) >= limit {
			break
		}
		if scores[doc] > 0 {
			p := x.products[doc]
			all = append(all, domain.Suggestion{Text: p.Name, Slug: p.Slug, Kind: domain.SuggestProduct})
		}
	}
	return all[:min(len(all), max(limit, 0))], nil
}

// suggestCategories returns the categories whose names match all wants, the most sold first.
func (x *index) suggestCategories(wants []want) []domain.Suggestion {
	sold := map[string]int{}
	matching := make([]bool, len(x.subcategories))
	for i, s := range x.subcategories {
		matching[i] = allMatch(wants, domain.Words(x.categoryNames[s.category]))
	}
	for _, f := range x.facts {
		if f.subcategory != noSubcategory && matching[f.subcategory] {
			sold[x.subcategories[f.subcategory].category] += f.sold
		}
	}
	var all []domain.Suggestion
	for slug := range sold {
		all = append(all, domain.Suggestion{Text: x.categoryNames[slug], Slug: slug, Kind: domain.SuggestCategory})
	}
	slices.SortFunc(all, func(a, b domain.Suggestion) int {
		return cmp.Or(cmp.Compare(sold[b.Slug], sold[a.Slug]), strings.Compare(a.Slug, b.Slug))
	})
	return all
}

func allMatch(wants []want, words []string) bool {
	return !slices.ContainsFunc(wants, func(w want) bool { return !slices.ContainsFunc(words, w.matches) })
}

func (s *Store) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	perSubcategory := make([]int, len(s.index.subcategories))
	for _, f := range s.index.facts {
		if f.subcategory != noSubcategory {
			perSubcategory[f.subcategory]++
		}
	}
	return s.index.categories(perSubcategory), nil
}
