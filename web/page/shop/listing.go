package shop

import (
	"net/url"
	"slices"

	"eshop/domain"
	"eshop/web/listing"
	"eshop/web/page/ui"
	"eshop/web/problem"
)

// listingView is a page of products with the query that found it.
type listingView struct {
	domain.Found
	q       domain.Query
	pricing domain.Pricing
	problem problem.Problem
}

type link struct {
	Text string
	Link string
}

// choice is one choice of a facet. Its link chooses it, or takes it back when it is on.
type choice struct {
	link
	Count int
	On    bool
}

var sortNames = map[domain.Sort]string{
	domain.ByRelevance: "Best match", domain.ByNewest: "Newest", domain.ByPrice: "Price, low to high",
	domain.ByPriceDown: "Price, high to low", domain.ByName: "Name", domain.ByRating: "Rating",
}

func listingPath(q domain.Query) string {
	return ui.AddressOf("/products", listing.Encode(q))
}

// with is the address of the list after a change of its query, on its first page.
func (l listingView) with(change func(*domain.Query)) string {
	q := l.q
	q.Page.Number = 1
	change(&q)
	return listingPath(q)
}

func (l listingView) pageLink(n int) string {
	return l.with(func(q *domain.Query) { q.Page.Number = n })
}

func (l listingView) categoryName() string { return nameOf(l.Facets.Categories, l.q.Category) }

func (l listingView) kindName() string { return nameOf(l.Facets.Subcategories, l.q.Subcategory) }

// nameOf falls back on the slug, for a category in which nothing was found.
func nameOf(counts []domain.CategoryCount, slug string) string {
	i := slices.IndexFunc(counts, func(c domain.CategoryCount) bool { return c.Slug == slug })
	if i < 0 {
		return slug
	}
	return counts[i].Name
}

func (l listingView) title() string {
	switch {
	case l.q.Text != "":
		return "“" + l.q.Text + "”"
	case l.q.Subcategory != "":
		return l.kindName()
	case l.q.Category != "":
		return l.categoryName()
	}
	return "All products"
}

func (l listingView) crumbs() []link {
	crumbs := []link{{"Home", "/"}}
	if l.q.Text != "" || l.q.Category != "" || l.q.Subcategory != "" {
		crumbs = append(crumbs, link{"All products", "/products"})
	}
	if l.q.Category != "" && (l.q.Text != "" || l.q.Subcategory != "") {
		crumbs = append(crumbs, link{l.categoryName(), listingPath(domain.Query{Category: l.q.Category})})
	}
	return crumbs
}

// keptFields are the parts of the query that a form keeps, but its sort, its page and those named.
func (l listingView) keptFields(but ...string) []struct{ Name, Value string } {
	var kept []struct{ Name, Value string }
	values := listing.Encode(l.q)
	for _, name := range []string{"q", "category", "kind", "min_price", "max_price", "in_stock", "per_page"} {
		if values.Has(name) && !slices.Contains(but, name) {
			kept = append(kept, struct{ Name, Value string }{name, values.Get(name)})
		}
	}
	return kept
}

func (l listingView) chips() []link {
	var chips []link
	chip := func(on bool, text string, without func(*domain.Query)) {
		if on {
			chips = append(chips, link{text, l.with(without)})
		}
	}
	chip(l.q.Text != "", "“"+l.q.Text+"”", func(q *domain.Query) { q.Text = "" })
	chip(l.q.Category != "", l.categoryName(), func(q *domain.Query) { q.Category, q.Subcategory = "", "" })
	chip(l.q.Subcategory != "", l.kindName(), func(q *domain.Query) { q.Subcategory = "" })
	band := domain.PriceBand{Min: l.q.MinPrice, Max: l.q.MaxPrice}
	chip(band != domain.PriceBand{}, l.bandText(band), func(q *domain.Query) { q.MinPrice, q.MaxPrice = 0, 0 })
	chip(l.q.InStock, "In stock", func(q *domain.Query) { q.InStock = false })
	return chips
}

func (l listingView) narrowed() bool { return len(l.chips()) > 0 }

// withoutFilters keeps the words, if there are filters besides them.
func (l listingView) withoutFilters() string {
	if l.q.Text == "" || len(l.chips()) == 1 {
		return "/products"
	}
	return listingPath(domain.Query{Text: l.q.Text, Sort: l.q.Sort})
}

func (l listingView) wayOut() string {
	if l.withoutFilters() == "/products" {
		return "All products"
	}
	return "Search all products"
}

func (l listingView) categoryChoices() []choice {
	return l.choices(l.Facets.Categories, l.q.Category, func(q *domain.Query, slug string) { q.Category, q.Subcategory = slug, "" })
}

func (l listingView) kindChoices() []choice {
	return l.choices(l.Facets.Subcategories, l.q.Subcategory, func(q *domain.Query, slug string) { q.Subcategory = slug })
}

func (l listingView) choices(counts []domain.CategoryCount, chosen string, choose func(*domain.Query, string)) []choice {
	var choices []choice
	for _, c := range counts {
		on, slug := c.Slug == chosen, c.Slug
		if on {
			slug = ""
		}
		choices = append(choices, choice{link{c.Name, l.with(func(q *domain.Query) { choose(q, slug) })}, c.Count, on})
	}
	return choices
}

func (l listingView) priceChoices() []choice {
	var choices []choice
	for _, c := range l.Facets.Prices {
		on := c.Min == l.q.MinPrice && c.Max == l.q.MaxPrice
		band := c.PriceBand
		if on {
			band = domain.PriceBand{}
		}
		choices = append(choices, choice{
			link{l.bandText(c.PriceBand), l.with(func(q *domain.Query) { q.MinPrice, q.MaxPrice = band.Min, band.Max })}, c.Count, on,
		})
	}
	return choices
}

func (l listingView) stockChoices() []choice {
	if l.Facets.InStock == 0 && !l.q.InStock {
		return nil
	}
	return []choice{{
		link{"In stock only", l.with(func(q *domain.Query) { q.InStock = !q.InStock })}, l.Facets.InStock, l.q.InStock,
	}}
}

func (l listingView) bandText(b domain.PriceBand) string {
	least, most := l.pricing.Sum(b.Min).String(), l.pricing.Sum(b.Max).String()
	switch {
	case b.Max == 0:
		return least + " and more"
	case b.Min == 0:
		return "Up to " + most
	}
	return least + " to " + most
}

// priceText is a bound of the prices as people write it; nothing for none.
func priceText(amount int64) string {
	if amount == 0 {
		return ""
	}
	return ui.CentsText(domain.Money{Amount: amount})
}

func suggestionPath(s domain.Suggestion) string {
	if s.Kind == domain.SuggestCategory {
		return "/products?" + url.Values{"category": {s.Slug}}.Encode()
	}
	return "/products/" + url.PathEscape(s.Slug)
}
