package listing_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/web/listing"
)

func TestParse(t *testing.T) {
	values, err := url.ParseQuery("q=+red+shoes+&category=shoes&kind=boots&min_price=100&max_price=5000&in_stock=true&sort=-price&page=3&per_page=12&done=added")
	require.NoError(t, err)
	q, err := listing.Parse(values)
	require.NoError(t, err)
	assert.Equal(t, domain.Query{
		Text: "red shoes", Category: "shoes", Subcategory: "boots", MinPrice: 100, MaxPrice: 5000,
		InStock: true, Sort: domain.ByPriceDown, Page: domain.Page{Number: 3, Size: 12},
	}, q)
}

func TestParse_NothingGivenAsksForEverything(t *testing.T) {
	for _, raw := range []string{"", "q=&category=&kind=&min_price=&max_price=&in_stock=&sort=&page=&per_page=", "in_stock=false"} {
		values, err := url.ParseQuery(raw)
		require.NoError(t, err)
		q, err := listing.Parse(values)
		require.NoError(t, err)
		assert.Equal(t, domain.Query{Sort: domain.ByRelevance, Page: domain.Page{Number: 1, Size: domain.DefaultPageSize}}, q, raw)
		assert.Empty(t, listing.Encode(q))
	}
}

func TestParse_LongPagesAreCut(t *testing.T) {
	for _, size := range []string{"100", "101", "99999999999999999999999"} {
		q, err := listing.Parse(url.Values{"per_page": {size}})
		require.NoError(t, err)
		assert.Equal(t, domain.MaxPageSize, q.Page.Size)
	}
}

func TestParse_Mistakes(t *testing.T) {
	for raw, field := range map[string]string{
		"page=abc":                       "page",
		"page=0":                         "page",
		"page=-1":                        "page",
		"page=1.5":                       "page",
		"page=1000001":                   "page",
		"page=99999999999999999999":      "page",
		"per_page=0":                     "per_page",
		"per_page=-5":                    "per_page",
		"per_page=ten":                   "per_page",
		"in_stock=maybe":                 "in_stock",
		"in_stock=TRUE":                  "in_stock",
		"sort=foo":                       "sort",
		"sort=PRICE":                     "sort",
		"min_price=abc":                  "min_price",
		"min_price=19.99":                "min_price",
		"min_price=%2B5":                 "min_price",
		"min_price=9223372036854775808":  "min_price",
		"max_price=0":                    "max_price",
		"max_price=-1":                   "max_price",
		"min_price=200&max_price=100":    "max_price",
		"category=Not+a+slug":            "category",
		"kind=..%2F..":                   "kind",
		"category=a&category=b":          "category",
		"q=a&q=b":                        "q",
		"q=%00":                          "q",
		"q=%ff%fe":                       "q",
		"category=%ff":                   "category",
		"sort=%00":                       "sort",
		"min_price=%D9%A1":               "min_price",
		"page=1&page=1":                  "page",
		"per_page=" + "1" + "&per_page=": "per_page",
	} {
		t.Run(raw, func(t *testing.T) {
			values, err := url.ParseQuery(raw)
			require.NoError(t, err)
			q, err := listing.Parse(values)
			require.ErrorIs(t, err, domain.ErrInvalid)
			var wrong *domain.Error
			require.True(t, errors.As(err, &wrong))
			assert.Len(t, wrong.Fields, 1)
			assert.Contains(t, wrong.Fields, field)
			assert.NoError(t, q.Check(), "what could be understood can be asked")
		})
	}
}

func TestParse_SaysAllMistakesAtOnce(t *testing.T) {
	_, err := listing.Parse(url.Values{"page": {"x"}, "sort": {"x"}, "min_price": {"x"}, "q": {"tea"}})
	var wrong *domain.Error
	require.True(t, errors.As(err, &wrong))
	assert.Len(t, wrong.Fields, 3)
}

func TestParse_KeepsWhatCouldBeUnderstood(t *testing.T) {
	q, err := listing.Parse(url.Values{"sort": {"x"}, "q": {"tea"}, "category": {"kitchen"}})
	require.Error(t, err)
	assert.Equal(t, "tea", q.Text)
	assert.Equal(t, "kitchen", q.Category)
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "q=red+shoes&page=2", "page=abc&in_stock=maybe", "page=1&page=2", "min_price=99999999999999999999", "q=%00",
		"q=%ff&category=%ff", "min_price=2&max_price=1", "per_page=0", "per_page=1000", "sort=-price&in_stock=true&kind=a-b", "q=%C2%85x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q, err := listing.Parse(values)
		require.NoError(t, q.Check())
		require.Positive(t, q.Page.Number)
		require.LessOrEqual(t, q.Page.Size, domain.MaxPageSize)
		if err != nil {
			require.ErrorIs(t, err, domain.ErrInvalid)
			var wrong *domain.Error
			require.True(t, errors.As(err, &wrong))
			require.NotEmpty(t, wrong.Fields)
			return
		}
		again, err := listing.Parse(listing.Encode(q))
		require.NoError(t, err)
		require.Equal(t, q, again, "an address of a query is that query")
	})
}
