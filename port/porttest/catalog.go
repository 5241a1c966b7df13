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

func categoriesOf(t *testing.T, catalog turns[port.Catalog]) []domain.CategoryCount {
	t.Helper()
	all, err := catalog().Categories(t.Context())
	require.NoError(t, err)
	return all
}
