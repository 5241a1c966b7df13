package porttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Catalog holds an adapter to the promises of port.Catalog. open returns two servers
// of one shop with nothing in it, by their Products, Stock and Catalog. The catalog
// of a store of its own comes by Follow.
func Catalog(t *testing.T, open func(*testing.T) (a, b Shop)) {
	run(t, open, shopInTurns,
		sortingAndPaging, filtering, searchingText, countingFacets, suggesting, showingChanges, readingWhileWriting, cancellingCatalog)
}

func sortingAndPaging(t *testing.T, open func(t *testing.T) shop) {
	t.Run("the zero query finds everything, on a page of the usual size", func(t *testing.T) {
		s := open(t)
		found := searchFor(t, s.Catalog, domain.Query{})
		assert.Zero(t, found.Total)
		assert.Empty(t, found.Products)
		assert.Equal(t, domain.Facets{}, emptyAsNil(found.Facets))
		all := make([]domain.Product, 30)
		for i := range all {
			all[i] = aProduct(i, 1)
		}
		keepProducts(t, s.Products, all...)
		found = searchFor(t, s.Catalog, domain.Query{})
		assert.Equal(t, 30, found.Total)
		assert.Equal(t, domain.Page{Number: 1, Size: domain.DefaultPageSize}, found.Page)
		assert.Equal(t, productIDs(all[:domain.DefaultPageSize]), productIDs(found.Products))
		assertProduct(t, all[7], found.Products[7])
	})
	for _, sort := range append([]domain.Sort{""}, domain.Sorts...) {
		t.Run(fmt.Sprintf("the order %q ends with the id, and its pages never overlap and leave nothing out", sort), func(t *testing.T) {
			s, all := open(t), aJumble()
			keepProducts(t, s.Products, all...)
			inOrder(sort, all)
			want := productIDs(all)
			for _, size := range []int{1, 4, 7, len(all), domain.MaxPageSize} {
				var got []domain.ProductID
				for number := 1; number <= (len(all)+size-1)/size; number++ {
					page := domain.Page{Number: number, Size: size}
					found := searchFor(t, s.Catalog, domain.Query{Sort: sort, Page: page})
					assert.Equal(t, len(all), found.Total)
					assert.Equal(t, page, found.Page)
					assert.LessOrEqual(t, len(found.Products), size)
					got = append(got, productIDs(found.Products)...)
				}
				assert.Equal(t, want, got, "in pages of %d", size)
			}
			cheap := slices.DeleteFunc(slices.Clone(all), func(p domain.Product) bool { return p.Price.Amount > 2000 })
			got := searchFor(t, s.Catalog, domain.Query{Sort: sort, MaxPrice: 2000, Page: domain.Page{Number: 1, Size: 100}})
			assert.Equal(t, productIDs(cheap), productIDs(got.Products), "a filter leaves the order")
			if sort != "" && sort != domain.ByRelevance {
				got := searchFor(t, s.Catalog, domain.Query{Sort: sort, Text: "pours", Page: domain.Page{Number: 1, Size: 100}})
				assert.Equal(t, want, productIDs(got.Products), "a text leaves the order")
			}
		})
	}
	t.Run("what matches a text alike and is sold alike comes by id", func(t *testing.T) {
		s := open(t)
		var all []domain.Product
		for _, n := range []int{5, 2, 9, 1, 7, 3} {
			p := aProduct(n, 1)
			p.Name, p.AddedAt, p.Price = "Tea pot", noon, domain.Dollars(int64(100-n))
			all = append(all, p)
		}
		keepProducts(t, s.Products, all...)
		slices.SortFunc(all, func(a, b domain.Product) int { return cmp.Compare(a.ID, b.ID) })
		var got []domain.ProductID
		for number := range 3 {
			got = append(got, productIDs(searchFor(t, s.Catalog, domain.Query{Text: "tea", Page: domain.Page{Number: number + 1, Size: 2}}).Products)...)
		}
		assert.Equal(t, productIDs(all), got)
	})
	t.Run("an order holds after products have changed, come and gone", func(t *testing.T) {
		s, all := open(t), aJumble()
		keepProducts(t, s.Products, all[:8]...)
		searchFor(t, s.Catalog, domain.Query{})
		keepProducts(t, s.Products, all[8:]...)
		searchFor(t, s.Catalog, domain.Query{})
		require.NoError(t, s.Products().RemoveProduct(t.Context(), all[3].ID))
		all = slices.Delete(all, 3, 4)
		for i := range all {
			all[i].Price, all[i].Name = domain.Dollars(int64(1+(i*7)%5)), fmt.Sprint("name ", (i*5)%4)
			all[i].AddedAt, all[i].Rating = noon.Add(time.Duration((i*3)%4)*time.Hour), domain.Rating{Sum: 1 + i%3, Count: 1}
		}
		keepProducts(t, s.Products, all...)
		newcomer := aProduct(500, 1)
		newcomer.Price, newcomer.Sold = domain.Dollars(3), 2
		keepProducts(t, s.Products, newcomer)
		all = append(all, newcomer)
		for _, sort := range domain.Sorts {
			inOrder(sort, all)
			assert.Equal(t, productIDs(all), productIDs(searchFor(t, s.Catalog, domain.Query{Sort: sort, Page: domain.Page{Number: 1, Size: 100}}).Products), sort)
		}
	})
	t.Run("a page past the end is empty and has the right total", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, aProduct(1, 1), aProduct(2, 0), aProduct(3, 1))
		first := searchFor(t, s.Catalog, domain.Query{Text: "tea", Page: domain.Page{Number: 1, Size: 3}})
		for _, page := range []domain.Page{{Number: 2, Size: 3}, {Number: 4, Size: 1}, {Number: 1_000_000, Size: 100}} {
			found := searchFor(t, s.Catalog, domain.Query{Text: "tea", Page: page})
			assert.Empty(t, found.Products)
			assert.Equal(t, 3, found.Total)
			assert.Equal(t, page, found.Page)
			assert.Equal(t, first.Facets, found.Facets)
		}
	})
}

// aJumble is products that share every value they can be sorted by with some
// others, in no order; as many follow as precede those that share one.
func aJumble() []domain.Product {
	// Lower-cased code points put these in an order that no language has.
	names := []string{"tea pot", "Tea-Pot", "Teapot", "zebra cup", "Éclair dish", "apple bowl", "Apple Bowl", "Zebra Cup", "apple-bowl", "Äpfel"}
	ids := []domain.ProductID{"p-10", "p-2", "p1", "P-1", "p-1", "p_1", "q", "O", "p-100", "p10"}
	ratings := []domain.Rating{{}, {Sum: 9, Count: 2}, {Sum: 45, Count: 10}, {Sum: 5, Count: 1}, {Sum: 1, Count: 1}, {Sum: 50, Count: 10}}
	var all []domain.Product
	for i := range 20 {
		p := aProduct(i, i%3)
		p.ID = ids[(i*3)%10]
		if i >= 10 {
			p.ID += "-more"
		}
		p.Name = names[(i*7)%10]
		p.Price = domain.Dollars(int64(1000 * (1 + (i*3)%4)))
		p.Sold = (i * 5) % 4
		p.Rating = ratings[(i*5)%6]
		p.AddedAt = noon.Add(time.Duration((i*3)%5) * time.Hour)
		all = append(all, p)
	}
	return all
}

// inOrder sorts products as a search without a text does.
func inOrder(sort domain.Sort, all []domain.Product) {
	slices.SortFunc(all, func(a, b domain.Product) int {
		order := 0
		switch sort {
		case "", domain.ByRelevance:
			order = b.Sold - a.Sold
		case domain.ByNewest:
			order = b.AddedAt.Compare(a.AddedAt)
		case domain.ByPrice:
			order = cmp.Compare(a.Price.Amount, b.Price.Amount)
		case domain.ByPriceDown:
			order = cmp.Compare(b.Price.Amount, a.Price.Amount)
		case domain.ByName:
			order = strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		case domain.ByRating:
			order = cmp.Compare(b.Rating.Average(), a.Rating.Average())
		}
		return cmp.Or(order, strings.Compare(string(a.ID), string(b.ID)))
	})
}

func filtering(t *testing.T, open func(t *testing.T) shop) {
	kitchen, garden := domain.Category{Slug: "kitchen", Name: "Kitchen"}, domain.Category{Slug: "garden", Name: "Garden"}
	pots, cups := domain.Category{Slug: "pots", Name: "Pots"}, domain.Category{Slug: "cups", Name: "Cups"}
	var all []domain.Product
	for n, c := range []struct {
		category, kind domain.Category
		price          int64
		stock          int
	}{
		{kitchen, pots, 1000, 3}, {kitchen, pots, 2000, 0}, {kitchen, cups, 3000, 1},
		{garden, pots, 1000, 0}, {garden, pots, 4000, 5},
	} {
		p := aProduct(n, c.stock)
		p.Category, p.Subcategory, p.Price = c.category, c.kind, domain.Dollars(c.price)
		all = append(all, p)
	}
	for name, c := range map[string]struct {
		q    domain.Query
		want []int
	}{
		"a category":                      {domain.Query{Category: "kitchen"}, []int{0, 1, 2}},
		"a category that there is not":    {domain.Query{Category: "kitche"}, nil},
		"a category's name is no slug":    {domain.Query{Category: "pots"}, nil},
		"a kind of a category":            {domain.Query{Category: "kitchen", Subcategory: "pots"}, []int{0, 1}},
		"a kind of any category":          {domain.Query{Subcategory: "pots"}, []int{0, 1, 3, 4}},
		"a kind that there is not":        {domain.Query{Subcategory: "kitchen"}, nil},
		"a kind of another category":      {domain.Query{Category: "garden", Subcategory: "cups"}, nil},
		"the least price is included":     {domain.Query{MinPrice: 2000}, []int{1, 2, 4}},
		"a cent above it is not":          {domain.Query{MinPrice: 2001}, []int{2, 4}},
		"the greatest price is included":  {domain.Query{MaxPrice: 2000}, []int{0, 1, 3}},
		"a cent below it is not":          {domain.Query{MaxPrice: 1999}, []int{0, 3}},
		"one price":                       {domain.Query{MinPrice: 3000, MaxPrice: 3000}, []int{2}},
		"prices that nothing has":         {domain.Query{MinPrice: 3001, MaxPrice: 3999}, nil},
		"what is in stock":                {domain.Query{InStock: true}, []int{0, 2, 4}},
		"all filters":                     {domain.Query{Text: "tea", Category: "kitchen", Subcategory: "pots", MinPrice: 500, MaxPrice: 2500, InStock: true}, []int{0}},
		"filters that leave nothing over": {domain.Query{Category: "garden", MaxPrice: 1000, InStock: true}, nil},
	} {
		t.Run("a search is narrowed by filters: "+name, func(t *testing.T) {
			s := open(t)
			keepProducts(t, s.Products, all...)
			var want []domain.ProductID
			for _, n := range c.want {
				want = append(want, all[n].ID)
			}
			require.NoError(t, c.q.Check())
			found := searchFor(t, s.Catalog, c.q)
			assert.ElementsMatch(t, want, productIDs(found.Products))
			assert.Equal(t, len(want), found.Total)
		})
	}
}

// aShopWindow is products whose texts differ. Those named later have sold more.
func aShopWindow() []domain.Product {
	kitchen := domain.Category{Slug: "kitchen", Name: "Kitchen"}
	living := domain.Category{Slug: "home-living", Name: "Home & Living"}
	var all []domain.Product
	for i, c := range []struct {
		id, name, description string
		category              domain.Category
		kind                  string
	}{
		{"kettle", "Copper Kettle", "Boils water for six.", kitchen, "Boilers"},
		{"teapot", "Stoneware Teapot", "Warm it with a kettle first.", kitchen, "Tableware"},
		{"dish", "Crème brûlée dish", "Model 4711, copper rim.", kitchen, "Tableware"},
		{"lamp", "Lampe d'été", "Light for the evening; not for the stove!", living, "Lighting"},
		{"samovar", "Чайник", "Ein Heißwasserbereiter.", living, "Boilers"},
	} {
		p := aProduct(i, 1)
		p.ID, p.Slug = domain.ProductID(c.id), "the-"+c.id
		p.Name, p.Description, p.Category, p.Sold = c.name, c.description, c.category, 10*i
		p.Subcategory = domain.Category{Slug: strings.ToLower(c.kind), Name: c.kind}
		all = append(all, p)
	}
	return all
}

func searchingText(t *testing.T, open func(t *testing.T) shop) {
	everything := []domain.ProductID{"kettle", "teapot", "dish", "lamp", "samovar"}
	for promise, texts := range map[string]map[string][]domain.ProductID{
		"a word is found in name, description, category and kind": {
			"stoneware": {"teapot"}, "six": {"kettle"}, "living": {"lamp", "samovar"}, "boilers": {"kettle", "samovar"}, "4711": {"dish"},
		},
		"upper and lower case are the same": {
			"KETTLE": {"kettle", "teapot"}, "kettle": {"kettle", "teapot"}, "TeaPot": {"teapot"}, "чайник": {"samovar"}, "ЧАЙНИК": {"samovar"}, "BRÛLÉE": {"dish"},
		},
		"every word must be found, wherever it is and in whatever order": {
			"copper kettle": {"kettle"}, "kettle copper": {"kettle"}, "water copper kitchen boilers": {"kettle"},
			"copper kitchen": {"kettle", "dish"}, "copper teapot": nil, "kettle lamp": nil, "copper nowhere": nil, "kettle kettle": {"kettle", "teapot"},
		},
		"the last word may be a beginning, and no other": {
			"ket": {"kettle", "teapot"}, "k": {"kettle", "teapot", "dish"}, "stonew": {"teapot"}, "copper ket": {"kettle"}, "чай": {"samovar"},
			"stonew kettle": nil, "tea kettle": nil, "oneware": nil, "heißwasser": {"samovar"},
		},
		"accents are as they are written": {
			"brûlée": {"dish"}, "crème": {"dish"}, "brulee": nil, "été": {"lamp"}, "ete": nil,
		},
		"what is no letter or digit only parts words": {
			"  kettle\t": {"kettle", "teapot"}, "home & living": {"lamp", "samovar"}, "d'été": {"lamp"}, "copper,kettle": {"kettle"}, "(stoneware)-teapot!": {"teapot"},
		},
		"no sign is an operator": {
			"!kettle": {"kettle", "teapot"}, "-kettle": {"kettle", "teapot"}, "kettle | lamp": nil, "kettle OR lamp": nil, `"kettle copper"`: {"kettle"},
			"kettle:*": {"kettle", "teapot"}, "k%e": nil, "kettl_": {"kettle", "teapot"}, `\`: everything, "'": everything, "%": everything, "&": everything,
		},
		"a word may be mistyped once": {
			"keetle": {"kettle", "teapot"}, "teepot": {"teapot"}, "ketle": {"kettle", "teapot"}, "kettlee": {"kettle", "teapot"}, "kettel": {"kettle", "teapot"},
			"ekttle": {"kettle", "teapot"}, "ettle": {"kettle", "teapot"}, "keetle copper": {"kettle"}, "stonwware teapto": {"teapot"}, "brulée": {"dish"}, "чайнки": {"samovar"},
		},
		"a word that is mistyped twice is not found": {
			"kxxtle": nil, "xettlx": nil, "tteepott": nil, "lamp kxxtle": nil,
		},
		"no word is everything": {"": everything, " ": everything, "… – !": everything},
	} {
		t.Run(promise, func(t *testing.T) {
			s := open(t)
			keepProducts(t, s.Products, aShopWindow()...)
			for text, want := range texts {
				for _, sort := range domain.Sorts {
					found := searchFor(t, s.Catalog, domain.Query{Text: text, Sort: sort})
					assert.ElementsMatch(t, want, productIDs(found.Products), "%q by %s", text, sort)
					assert.Equal(t, len(want), found.Total, "%q by %s", text, sort)
				}
			}
		})
	}
	t.Run("a match in the name comes before one in the description, whichever sold more", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, aShopWindow()...)
		for _, text := range []string{"kettle", "kett", "keetle"} {
			assert.Equal(t, []domain.ProductID{"kettle", "teapot"}, productIDs(searchFor(t, s.Catalog, domain.Query{Text: text}).Products), text)
			assert.Equal(t, []domain.ProductID{"kettle", "teapot"}, productIDs(searchFor(t, s.Catalog, domain.Query{Text: text, Sort: domain.ByRelevance}).Products), text)
		}
		assert.Equal(t, []domain.ProductID{"kettle", "dish"}, productIDs(searchFor(t, s.Catalog, domain.Query{Text: "copper"}).Products))
	})
	t.Run("in any other order how well a text matches counts for nothing", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, aShopWindow()...)
		for sort, want := range map[domain.Sort][]domain.ProductID{
			domain.ByPriceDown: {"teapot", "kettle"}, domain.ByNewest: {"teapot", "kettle"}, domain.ByPrice: {"kettle", "teapot"}, domain.ByRating: {"kettle", "teapot"},
		} {
			assert.Equal(t, want, productIDs(searchFor(t, s.Catalog, domain.Query{Text: "kettle", Sort: sort}).Products), sort)
		}
		assert.Equal(t, []domain.ProductID{"dish", "kettle"}, productIDs(searchFor(t, s.Catalog, domain.Query{Text: "copper", Sort: domain.ByPriceDown}).Products))
	})
	t.Run("a search that is asked again answers the same", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, aShopWindow()...)
		for _, text := range []string{"", "k", "tableware", "keetle"} {
			first := searchFor(t, s.Catalog, domain.Query{Text: text})
			for range 5 {
				assert.Equal(t, first, searchFor(t, s.Catalog, domain.Query{Text: text}))
			}
		}
	})
}

func countingFacets(t *testing.T, open func(t *testing.T) shop) {
	a, b, c := domain.Category{Slug: "z-first", Name: "Attic"}, domain.Category{Slug: "m-second", Name: "Bath"}, domain.Category{Slug: "a-third", Name: "Cellar"}
	one, two := domain.Category{Slug: "z-one", Name: "Ewers"}, domain.Category{Slug: "a-two", Name: "Flasks"}
	band := func(i, count int) domain.PriceCount {
		return domain.PriceCount{PriceBand: domain.PriceBands[i], Count: count}
	}
	count := func(category domain.Category, n int) domain.CategoryCount {
		return domain.CategoryCount{Category: category, Count: n}
	}
	// shelf is n products alike.
	var all []domain.Product
	shelf := func(n int, category, kind domain.Category, price int64, stock int, name string) {
		for range n {
			p := aProduct(len(all), stock)
			p.Category, p.Subcategory, p.Price, p.Name = category, kind, domain.Dollars(price), name
			all = append(all, p)
		}
	}
	shelf(1, a, one, 2499, 1, "Red jug")
	shelf(2, a, one, 2500, 0, "Red jug")
	shelf(4, a, two, 4999, 1, "Red jug")
	shelf(8, b, one, 5000, 1, "Red jug")
	shelf(16, b, two, 25000, 0, "Red jug")
	shelf(32, a, one, 24999, 1, "Blue jug")
	shelf(3, c, two, 1, 0, "Blue jug")

	for name, test := range map[string]struct {
		q     domain.Query
		total int
		want  domain.Facets
	}{
		"nothing chosen": {domain.Query{}, 66, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 39), count(b, 24), count(c, 3)},
			Prices:     []domain.PriceCount{band(0, 4), band(1, 6), band(2, 8), band(3, 32), band(4, 16)}, InStock: 45,
		}},
		"a text": {domain.Query{Text: "red"}, 31, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 7), count(b, 24)},
			Prices:     []domain.PriceCount{band(0, 1), band(1, 6), band(2, 8), band(4, 16)}, InStock: 13,
		}},
		"a category": {domain.Query{Text: "red", Category: a.Slug}, 7, domain.Facets{
			Categories:    []domain.CategoryCount{count(a, 7), count(b, 24)},
			Subcategories: []domain.CategoryCount{count(one, 3), count(two, 4)},
			Prices:        []domain.PriceCount{band(0, 1), band(1, 6)}, InStock: 5,
		}},
		"a category and a kind": {domain.Query{Text: "red", Category: a.Slug, Subcategory: one.Slug}, 3, domain.Facets{
			Categories:    []domain.CategoryCount{count(a, 7), count(b, 24)},
			Subcategories: []domain.CategoryCount{count(one, 3), count(two, 4)},
			Prices:        []domain.PriceCount{band(0, 1), band(1, 2)}, InStock: 1,
		}},
		"a kind alone": {domain.Query{Text: "red", Subcategory: two.Slug}, 20, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 7), count(b, 24)},
			Prices:     []domain.PriceCount{band(1, 4), band(4, 16)}, InStock: 4,
		}},
		"a price": {domain.Query{MinPrice: 2500, MaxPrice: 5000}, 14, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 6), count(b, 8)},
			Prices:     []domain.PriceCount{band(0, 4), band(1, 6), band(2, 8), band(3, 32), band(4, 16)}, InStock: 12,
		}},
		"what is in stock": {domain.Query{InStock: true}, 45, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 37), count(b, 8)},
			Prices:     []domain.PriceCount{band(0, 1), band(1, 4), band(2, 8), band(3, 32)}, InStock: 45,
		}},
		"everything at once": {domain.Query{Text: "jug", Category: a.Slug, Subcategory: two.Slug, MaxPrice: 4999, InStock: true}, 4, domain.Facets{
			Categories:    []domain.CategoryCount{count(a, 5)},
			Subcategories: []domain.CategoryCount{count(one, 1), count(two, 4)},
			Prices:        []domain.PriceCount{band(1, 4)}, InStock: 4,
		}},
		"a choice that finds nothing": {domain.Query{Category: c.Slug, Subcategory: two.Slug, InStock: true}, 0, domain.Facets{
			Categories: []domain.CategoryCount{count(a, 37), count(b, 8)},
		}},
		"a category that there is not": {domain.Query{Category: "nowhere", MinPrice: 25000}, 0, domain.Facets{
			Categories: []domain.CategoryCount{count(b, 16)},
		}},
		"a text that nothing has": {domain.Query{Text: "nowhere"}, 0, domain.Facets{}},
	} {
		t.Run("a facet counts with all other filters but not its own: "+name, func(t *testing.T) {
			s := open(t)
			keepProducts(t, s.Products, all...)
			require.NoError(t, test.q.Check())
			for _, sort := range []domain.Sort{"", domain.ByPrice} {
				test.q.Sort = sort
				found := searchFor(t, s.Catalog, test.q)
				assert.Equal(t, test.total, found.Total)
				assert.Equal(t, test.want, emptyAsNil(found.Facets))
			}
		})
	}
	t.Run("a facet tells what another choice would give", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, all...)
		total := func(q domain.Query) int { return searchFor(t, s.Catalog, q).Total }
		for _, q := range []domain.Query{
			{}, {Text: "blue", Category: a.Slug}, {Category: b.Slug, Subcategory: two.Slug}, {MinPrice: 2500, MaxPrice: 24999, InStock: true},
			{Category: a.Slug, MinPrice: 5000}, {Text: "red", Subcategory: one.Slug, InStock: true},
		} {
			facets := searchFor(t, s.Catalog, q).Facets
			for _, choice := range facets.Categories {
				other := q
				other.Category, other.Subcategory = choice.Slug, ""
				assert.Equal(t, total(other), choice.Count, "%+v %s", q, choice.Slug)
			}
			for _, choice := range facets.Subcategories {
				other := q
				other.Subcategory = choice.Slug
				assert.Equal(t, total(other), choice.Count, "%+v %s", q, choice.Slug)
			}
			for _, choice := range facets.Prices {
				other := q
				other.MinPrice, other.MaxPrice = choice.Min, choice.Max
				assert.Equal(t, total(other), choice.Count, "%+v %v", q, choice.PriceBand)
			}
			other := q
			other.InStock = true
			assert.Equal(t, total(other), facets.InStock, "%+v", q)
		}
	})
	t.Run("stock that changes and products that come and go are counted at once", func(t *testing.T) {
		s, first, second := open(t), aProduct(1, 1), aProduct(2, 0)
		second.Price = domain.Dollars(5000)
		keepProducts(t, s.Products, first, second)
		inStock := func() (int, []domain.ProductID) {
			found := searchFor(t, s.Catalog, domain.Query{Text: "tea", InStock: true, Sort: domain.ByPrice})
			assert.Equal(t, found.Total, found.Facets.InStock)
			return searchFor(t, s.Catalog, domain.Query{Text: "tea"}).Facets.InStock, productIDs(found.Products)
		}
		expect := func(want ...domain.ProductID) {
			t.Helper()
			n, ids := inStock()
			assert.Equal(t, len(want), n)
			assert.Equal(t, want, ids)
		}
		change := func(id domain.ProductID, delta int) {
			t.Helper()
			_, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: id, Delta: delta, Reason: domain.StockCorrected, At: noon}, "")
			require.NoError(t, err)
		}
		expect(first.ID)
		change(second.ID, 3)
		expect(first.ID, second.ID)
		assert.Equal(t, 3, searchFor(t, s.Catalog, domain.Query{Sort: domain.ByPriceDown}).Products[0].Stock)
		change(first.ID, -1)
		expect(second.ID)
		change(second.ID, -2)
		expect(second.ID)
		keepProducts(t, s.Products, aProduct(3, 1))
		expect("product-0003", second.ID)
		require.NoError(t, s.Products().RemoveProduct(t.Context(), second.ID))
		expect("product-0003")
		assert.Equal(t, []domain.PriceCount{band(0, 2)}, searchFor(t, s.Catalog, domain.Query{}).Facets.Prices)
		moved := aProduct(3, 1)
		moved.Category, moved.Price = c, domain.Dollars(25000)
		keepProducts(t, s.Products, moved)
		facets := searchFor(t, s.Catalog, domain.Query{Category: c.Slug}).Facets
		assert.Equal(t, domain.Facets{
			Categories: []domain.CategoryCount{count(c, 1), count(first.Category, 1)}, Subcategories: []domain.CategoryCount{count(moved.Subcategory, 1)},
			Prices: []domain.PriceCount{band(4, 1)}, InStock: 1,
		}, facets)
	})
}

func suggesting(t *testing.T, open func(t *testing.T) shop) {
	product := func(p domain.Product) domain.Suggestion {
		return domain.Suggestion{Text: p.Name, Slug: p.Slug, Kind: domain.SuggestProduct}
	}
	category := func(c domain.Category) domain.Suggestion {
		return domain.Suggestion{Text: c.Name, Slug: c.Slug, Kind: domain.SuggestCategory}
	}
	t.Run("categories are suggested before products, and of each the most sold first", func(t *testing.T) {
		s := open(t)
		tables, tableware := domain.Category{Slug: "a-tables", Name: "Tables"}, domain.Category{Slug: "z-tableware", Name: "Tableware"}
		var all []domain.Product
		for n, c := range []struct {
			category domain.Category
			name     string
			sold     int
		}{{tables, "Oak table", 5}, {tableware, "Table mat", 90}, {tableware, "Cup", 40}, {tables, "Table leg", 30}, {domain.Category{Slug: "attic", Name: "Attic"}, "Table bell", 60}} {
			p := aProduct(n, 1)
			p.Category, p.Name, p.Sold, p.Description = c.category, c.name, c.sold, "Fine."
			all = append(all, p)
		}
		keepProducts(t, s.Products, all...)
		want := []domain.Suggestion{category(tableware), category(tables), product(all[1]), product(all[4]), product(all[2]), product(all[3]), product(all[0])}
		assert.Equal(t, want, suggestFor(t, s.Catalog, "tabl", 20))
		for limit := range len(want) + 2 {
			got := suggestFor(t, s.Catalog, "tabl", limit)
			assert.Equal(t, len(want[:min(limit, len(want))]), len(got))
			assert.Equal(t, want[:len(got)], append([]domain.Suggestion{}, got...), "no more than asked for, the first ones")
		}
		assert.Equal(t, []domain.Suggestion{category(tableware), product(all[1]), product(all[2])}, suggestFor(t, s.Catalog, "tableware", 20))
	})
	t.Run("what is suggested is what a search finds", func(t *testing.T) {
		s := open(t)
		keepProducts(t, s.Products, aShopWindow()...)
		for _, text := range []string{
			"ket", "KETTLE", "copper ket", "stonew kettle", "keetle", "teepot", "kxxtle", "brûl", "brulee", "d'été", "чай", "k", "boil", "kitchen", "home & liv", "kettle | lamp", "4711", "nowhere",
		} {
			var bySearch, bySuggestion []string
			for _, p := range searchFor(t, s.Catalog, domain.Query{Text: text}).Products {
				bySearch = append(bySearch, p.Slug)
			}
			for _, suggested := range suggestFor(t, s.Catalog, text, 50) {
				if suggested.Kind == domain.SuggestProduct {
					bySuggestion = append(bySuggestion, suggested.Slug)
					continue
				}
				assert.Equal(t, domain.SuggestCategory, suggested.Kind)
				assert.NotZero(t, searchFor(t, s.Catalog, domain.Query{Text: text, Category: suggested.Slug}).Total, text)
			}
			assert.ElementsMatch(t, bySearch, bySuggestion, text)
		}
	})
	t.Run("a suggestion bears the name and the slug that it leads to", func(t *testing.T) {
		s, all := open(t), aShopWindow()
		keepProducts(t, s.Products, all...)
		assert.Equal(t, []domain.Suggestion{product(all[1])}, suggestFor(t, s.Catalog, "stone", 5))
		assert.Equal(t, []domain.Suggestion{category(all[3].Category), product(all[4]), product(all[3])}, suggestFor(t, s.Catalog, "HOME LIV", 5))
		assert.Empty(t, suggestFor(t, s.Catalog, "nowhere", 5))
	})
	t.Run("a category is suggested while it has products", func(t *testing.T) {
		s, p := open(t), aProduct(1, 1)
		keepProducts(t, s.Products, p)
		assert.Equal(t, []domain.Suggestion{category(p.Category), product(p)}, suggestFor(t, s.Catalog, "kitch", 5))
		require.NoError(t, s.Products().RemoveProduct(t.Context(), p.ID))
		assert.Empty(t, suggestFor(t, s.Catalog, "kitch", 5))
	})
}

func readingWhileWriting(t *testing.T, open func(t *testing.T) shop) {
	t.Run("who searches while products change sees each call wholly or not at all", func(t *testing.T) {
		const many, rounds = 10, 15
		s := open(t)
		batch := func(category string) []domain.Product {
			all := make([]domain.Product, many)
			for i := range all {
				all[i] = aProduct(i, 1)
				all[i].Category = domain.Category{Slug: category, Name: category}
				all[i].Name = category + " pot"
			}
			return all
		}
		keepProducts(t, s.Products, batch("here")...)
		errs := make([]error, 8)
		atOnce(len(errs), func(i int) {
			errs[i] = func() error {
				for round := range rounds {
					switch i {
					case 0:
						if err := s.Products().PutProducts(t.Context(), batch([]string{"there", "here"}[round%2])); err != nil {
							return err
						}
						continue
					case 1:
						if err := s.Products().PutProducts(t.Context(), []domain.Product{aProduct(100+round, 1)}); err != nil {
							return err
						}
						if err := s.Products().RemoveProduct(t.Context(), aProduct(100+round, 1).ID); err != nil {
							return err
						}
						continue
					case 2:
						if _, err := s.Stock().ChangeStock(t.Context(), domain.StockMovement{Product: "product-0001", Delta: 1, Reason: domain.StockReceived, At: noon}, ""); err != nil {
							return err
						}
						continue
					}
					for _, q := range []domain.Query{{Category: "here", Sort: domain.Sorts[round%len(domain.Sorts)]}, {Text: "there"}, {Text: "heer", InStock: true}} {
						q, err := q.Complete()
						if err != nil {
							return err
						}
						found, err := s.Catalog().Search(t.Context(), q)
						if err != nil {
							return err
						}
						if found.Total != len(found.Products) || found.Total%many != 0 {
							return fmt.Errorf("%+v: %d in all, %d on the page", q, found.Total, len(found.Products))
						}
					}
					if _, err := s.Catalog().Suggest(t.Context(), "here", 5); err != nil {
						return err
					}
					if named, err := s.Products().Products(t.Context(), []domain.ProductID{"product-0000", "product-0005"}); err != nil || len(named) != 2 {
						return errors.Join(err, fmt.Errorf("%d of 2 are there", len(named)))
					}
					if err := stockBetweenReads(t.Context(), s, "product-0001"); err != nil {
						return err
					}
					categories, err := s.Catalog().Categories(t.Context())
					if err != nil {
						return err
					}
					for _, c := range categories {
						if c.Slug != "kitchen" && c.Count != many {
							return fmt.Errorf("%d in %s", c.Count, c.Slug)
						}
					}
				}
				return nil
			}()
		})
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, many, searchFor(t, s.Catalog, domain.Query{}).Total)
		assert.Equal(t, 1+rounds, productBy(t, s.Products, "product-0001").Stock)
	})
}

// stockBetweenReads says what is wrong with the movements of a product whose stock only grows.
func stockBetweenReads(ctx context.Context, s shop, id domain.ProductID) error {
	before, err := s.Products().Product(ctx, string(id))
	if err != nil {
		return err
	}
	movements, err := s.Stock().Movements(ctx, id)
	if err != nil {
		return err
	}
	after, err := s.Products().Products(ctx, []domain.ProductID{id})
	if err != nil {
		return err
	}
	sum := 0
	for _, m := range movements {
		sum += m.Delta
	}
	if len(after) != 1 || sum < before.Stock || sum > after[0].Stock {
		return fmt.Errorf("%d in stock, then movements of %d, then %+v", before.Stock, sum, after)
	}
	return nil
}

func searchFor(t *testing.T, catalog turns[port.Catalog], q domain.Query) domain.Found {
	t.Helper()
	q, err := q.Complete()
	require.NoError(t, err)
	found, err := catalog().Search(t.Context(), q)
	require.NoError(t, err)
	return found
}

func suggestFor(t *testing.T, catalog turns[port.Catalog], text string, limit int) []domain.Suggestion {
	t.Helper()
	all, err := catalog().Suggest(t.Context(), text, limit)
	require.NoError(t, err)
	return all
}

// emptyAsNil makes facets without choices compare equal, however an adapter says none.
func emptyAsNil(f domain.Facets) domain.Facets {
	if len(f.Categories) == 0 {
		f.Categories = nil
	}
	if len(f.Subcategories) == 0 {
		f.Subcategories = nil
	}
	if len(f.Prices) == 0 {
		f.Prices = nil
	}
	return f
}

func categoriesOf(t *testing.T, catalog turns[port.Catalog]) []domain.CategoryCount {
	t.Helper()
	all, err := catalog().Categories(t.Context())
	require.NoError(t, err)
	return all
}
