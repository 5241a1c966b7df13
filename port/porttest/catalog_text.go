package porttest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

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

func suggestFor(t *testing.T, catalog turns[port.Catalog], text string, limit int) []domain.Suggestion {
	t.Helper()
	all, err := catalog().Suggest(t.Context(), text, limit)
	require.NoError(t, err)
	return all
}
