package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// The products of every test's shop, as JSON.
const (
	lampJSON = `{"id":"p-lamp","slug":"oak-desk-lamp","name":"Oak Desk Lamp","description":"A warm light.",
		"category":{"slug":"lighting","name":"Lighting"},"kind":{"slug":"desk-lamps","name":"Desk lamps"},
		"price":{"amount":1999,"currency":"USD"},"stock":12,
		"images":[{"url":"/media/lamp.jpg","alt":"Oak Desk Lamp"}],"rating":{"average":4.5,"count":2}}`
	deskJSON = `{"id":"p-desk","slug":"birch-desk","name":"Birch Desk","description":"",
		"category":{"slug":"furniture","name":"Furniture"},"kind":{"slug":"desks","name":"Desks"},
		"price":{"amount":25900,"currency":"USD"},"stock":100,"images":[],"rating":{"average":0,"count":0}}`
)

func TestProducts_AnswersWithAPageAndItsFacets(t *testing.T) {
	v := open(t).visitor()
	found := v.get("/api/products/?q=lamp").is(http.StatusOK)
	assert.JSONEq(t, `{"products":[`+lampJSON+`],"total":1,"page":1,"per_page":24,"pages":1,"facets":{
		"categories":[{"slug":"lighting","name":"Lighting","count":1}],"kinds":[],
		"prices":[{"min":0,"max":2499,"count":1}],"in_stock":1}}`, found.Body)
	assert.Equal(t, "public, max-age=0, must-revalidate", found.Header.Get("Cache-Control"))
	assert.Empty(t, found.Header.Values("Set-Cookie"), "who only looks gets no session")

	t.Run("the last price band has no end", func(t *testing.T) {
		assert.JSONEq(t, `{"products":[`+deskJSON+`],"total":1,"page":1,"per_page":24,"pages":1,"facets":{
			"categories":[{"slug":"furniture","name":"Furniture","count":1}],"kinds":[],
			"prices":[{"min":25000,"max":null,"count":1}],"in_stock":1}}`, v.get("/api/products/?q=birch").is(http.StatusOK).Body)
	})
	t.Run("nothing found is an empty list", func(t *testing.T) {
		assert.JSONEq(t, `{"products":[],"total":0,"page":1,"per_page":24,"pages":0,
			"facets":{"categories":[],"kinds":[],"prices":[],"in_stock":0}}`, v.get("/api/products/?q=bicycle").is(http.StatusOK).Body)
	})
}

func TestCatalog_WhoHasACopyIsToldThatItIsStillRight(t *testing.T) {
	one, other := open(t), open(t)
	for _, path := range []string{"/api/products/?q=lamp", "/api/products/p-lamp", "/api/products/categories", "/api/openapi.json"} {
		t.Run(path, func(t *testing.T) {
			first := one.visitor().get(path).is(http.StatusOK)
			tag := first.Header.Get("ETag")
			require.Regexp(t, `^W/"[^"]+"$`, tag)
			for _, header := range []string{tag, strings.TrimPrefix(tag, "W/"), `"x", ` + tag, "*"} {
				same := other.visitor().get(path, "If-None-Match", header).is(http.StatusNotModified)
				assert.Empty(t, same.Body)
				assert.Equal(t, tag, same.Header.Get("ETag"))
				assert.Equal(t, "public, max-age=0, must-revalidate", same.Header.Get("Cache-Control"))
				assert.Empty(t, same.Header.Get("Content-Type"))
			}
			for _, header := range []string{`W/"x"`, tag[3 : len(tag)-1], "", "nonsense,,"} {
				assert.Equal(t, first.Body, other.visitor().get(path, "If-None-Match", header, "Range", "bytes=5-").is(http.StatusOK).Body)
			}
		})
	}
	t.Run("but not once it has changed", func(*testing.T) {
		buyer := one.visitor()
		before := buyer.get("/api/products/p-lamp").is(http.StatusOK).Header.Get("ETag")
		buyer.add(lamp, 1).is(http.StatusOK)
		buyer.get("/api/products/p-lamp", "If-None-Match", before).is(http.StatusNotModified)
		buyer.buy(goodCard, "k").is(http.StatusCreated)
		buyer.get("/api/products/p-lamp", "If-None-Match", before).is(http.StatusOK)
	})
}

func TestProducts_Filters(t *testing.T) {
	v := open(t).visitor()
	for query, want := range map[string][]domain.ProductID{
		"":                                {desk.ID, lamp.ID, rug.ID},
		"q=":                              {desk.ID, lamp.ID, rug.ID},
		"q=desk":                          {desk.ID, lamp.ID},
		"q=desk+oak":                      {lamp.ID},
		"q=des":                           {desk.ID, lamp.ID},
		"q=%20DESK%20":                    {desk.ID, lamp.ID},
		"category=lighting":               {lamp.ID},
		"category=lighting&q=rug":         {},
		"category=nothing-such":           {},
		"category=lighting&kind=desks":    {},
		"category=furniture&kind=desks":   {desk.ID},
		"min_price=0":                     {desk.ID, lamp.ID, rug.ID},
		"min_price=1999&max_price=1999":   {lamp.ID},
		"min_price=2000":                  {desk.ID, rug.ID},
		"max_price=7899":                  {lamp.ID},
		"min_price=100000000000":          {},
		"in_stock=true":                   {desk.ID, lamp.ID},
		"in_stock=false":                  {desk.ID, lamp.ID, rug.ID},
		"in_stock=&sort=&page=&per_page=": {desk.ID, lamp.ID, rug.ID},
		"unknown=ignored":                 {desk.ID, lamp.ID, rug.ID},
	} {
		t.Run(query, func(t *testing.T) {
			assert.ElementsMatch(t, want, ids(v.get("/api/products/?"+query).is(http.StatusOK)))
		})
	}
}

func TestProducts_Sorts(t *testing.T) {
	v := open(t).visitor()
	for sort, want := range map[string][]domain.ProductID{
		"price":  {lamp.ID, rug.ID, desk.ID},
		"-price": {desk.ID, rug.ID, lamp.ID},
		"name":   {desk.ID, lamp.ID, rug.ID},
		"rating": {lamp.ID, desk.ID, rug.ID},
	} {
		t.Run(sort, func(t *testing.T) {
			assert.Equal(t, want, ids(v.get("/api/products/?sort="+sort).is(http.StatusOK)))
		})
	}
	for _, sort := range []string{"relevance", "newest"} {
		t.Run(sort, func(*testing.T) {
			v.get("/api/products/?sort=" + sort).is(http.StatusOK)
		})
	}
}

func TestProducts_Pages(t *testing.T) {
	v := open(t).visitor()
	for query, want := range map[string]struct {
		number, size, pages int
		ids                 []domain.ProductID
	}{
		"per_page=2":                    {1, 2, 2, []domain.ProductID{desk.ID, lamp.ID}},
		"per_page=2&page=2":             {2, 2, 2, []domain.ProductID{rug.ID}},
		"per_page=2&page=3":             {3, 2, 2, []domain.ProductID{}},
		"page=1000000":                  {1_000_000, 24, 1, []domain.ProductID{}},
		"page=1000000&per_page=1000000": {1_000_000, 100, 1, []domain.ProductID{}},
		"per_page=100":                  {1, 100, 1, []domain.ProductID{desk.ID, lamp.ID, rug.ID}},
		"per_page=101":                  {1, 100, 1, []domain.ProductID{desk.ID, lamp.ID, rug.ID}},
		"per_page=1000000":              {1, 100, 1, []domain.ProductID{desk.ID, lamp.ID, rug.ID}},
		"per_page=9223372036854775807":  {1, 100, 1, []domain.ProductID{desk.ID, lamp.ID, rug.ID}},
	} {
		t.Run(query, func(t *testing.T) {
			found := v.get("/api/products/?sort=name&" + query).is(http.StatusOK)
			assert.Equal(t, want.ids, ids(found))
			assert.EqualValues(t, 3, found.at("total"))
			assert.EqualValues(t, want.number, found.at("page"))
			assert.EqualValues(t, want.size, found.at("per_page"))
			assert.EqualValues(t, want.pages, found.at("pages"))
		})
	}
}

// largeCatalog finds so many more products than there are, and holds that no page lies deep.
type largeCatalog struct {
	port.Catalog
	t    *testing.T
	more int
}

func (c largeCatalog) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	assert.Less(c.t, q.Page.Offset(), domain.MaxDepth)
	found, err := c.Catalog.Search(ctx, q)
	found.Total += c.more
	return found, err
}

func TestProducts_RefusesPagesThatLieDeepInALargeCatalog(t *testing.T) {
	catalog := func(more int) *visitor {
		return open(t, quick, func(p *parts) { p.Catalog = largeCatalog{p.Catalog, t, more} }).visitor()
	}
	large := catalog(domain.MaxDepth)
	for query, most := range map[string]string{
		"page=418": "417", "page=1000000": "417", "page=101&per_page=100": "100", "q=lamp&sort=price&page=1000000&per_page=100": "100",
	} {
		t.Run(query, func(t *testing.T) {
			refused := large.get("/api/products/?"+query).fails(http.StatusUnprocessableEntity, "page_too_deep")
			assert.Equal(t, map[string]any{"page": "must be at most " + most}, refused.at("fields"))
		})
	}
	for _, query := range []string{"page=417", "page=100&per_page=100", "page=10000&per_page=1"} {
		t.Run(query, func(t *testing.T) {
			assert.EqualValues(t, domain.MaxDepth+3, large.get("/api/products/?"+query).is(http.StatusOK).at("total"))
		})
	}
	t.Run("a page past the end of fewer products is empty", func(t *testing.T) {
		found := catalog(domain.MaxDepth - 3).get("/api/products/?page=1000000").is(http.StatusOK)
		assert.Empty(t, ids(found))
		assert.EqualValues(t, domain.MaxDepth, found.at("total"))
		assert.EqualValues(t, 1_000_000, found.at("page"))
	})
}

// Pages that make no sense, by the field that is at fault; lists of orders have them too.
var badPages = map[string]string{
	"page=0": "page", "page=-1": "page", "page=abc": "page", "page=1000001": "page", "page=1.5": "page", "page=%2B1": "page",
	"page=1e3": "page", "page=0x1": "page", "page=99999999999999999999999": "page", "page=1&page=2": "page", "page=%001": "page",
	"page=%D9%A1": "page", "per_page=0": "per_page", "per_page=-1": "per_page", "per_page=abc": "per_page", "per_page=1.5": "per_page",
	"per_page=1e2": "per_page", "per_page=10&per_page=10": "per_page", "page=%zz": "query", "page=1;per_page=2": "query",
}

func TestProducts_RefusesWhatMakesNoSense(t *testing.T) {
	v := open(t).visitor()
	bad := map[string][]string{
		"sort=cheap": {"sort"}, "sort=PRICE": {"sort"}, "sort=price&sort=name": {"sort"}, "sort=price%00": {"sort"},
		"min_price=-1": {"min_price"}, "min_price=1.5": {"min_price"}, "min_price=1e3": {"min_price"}, "min_price=free": {"min_price"},
		"min_price=100000000001": {"min_price"}, "min_price=9223372036854775808": {"min_price"}, "min_price=%2B1": {"min_price"},
		"max_price=-1": {"max_price"}, "max_price=0": {"max_price"}, "max_price=99999999999999999999": {"max_price"}, "max_price=%201": {"max_price"},
		"min_price=200&max_price=100": {"max_price"}, "min_price=x&max_price=y&sort=z&page=0": {"min_price", "max_price", "sort", "page"},
		"in_stock=yes": {"in_stock"}, "in_stock=1": {"in_stock"}, "in_stock=TRUE": {"in_stock"}, "in_stock=true&in_stock=true": {"in_stock"},
		"category=Not+A+Slug": {"category"}, "category=%00": {"category"}, "category=a&category=b": {"category"}, "category=../x": {"category"},
		"category=" + strings.Repeat("a", 201): {"category"}, "kind=%27": {"kind"}, "kind=a&kind=b": {"kind"},
		"q=a%00b": {"q"}, "q=%FF": {"q"}, "q=" + strings.Repeat("a", 201): {"q"}, "q=a&q=b": {"q"},
		"q=%": {"query"}, "q=a;b": {"query"},
	}
	for query, field := range badPages {
		bad[query] = []string{field}
	}
	for query, fields := range bad {
		t.Run(fmt.Sprintf("%.60s", query), func(t *testing.T) {
			refused := v.get("/api/products/?" + query).faults(fields...)
			assert.Empty(t, refused.Header.Values("Set-Cookie"))
			assert.Equal(t, "no-store", refused.Header.Get("Cache-Control"))
		})
	}
}

func TestProduct(t *testing.T) {
	v := open(t).visitor()
	for _, ref := range []string{string(lamp.ID), lamp.Slug} {
		t.Run("by "+ref, func(t *testing.T) {
			got := v.get("/api/products/" + ref).is(http.StatusOK)
			assert.JSONEq(t, `{"product":`+lampJSON+`}`, got.Body)
			assert.Equal(t, "public, max-age=0, must-revalidate", got.Header.Get("Cache-Control"))
			assert.Empty(t, got.Header.Values("Set-Cookie"))
		})
	}
	for name, ref := range oddIDs {
		t.Run(name+" names none", func(t *testing.T) {
			refused := v.get("/api/products/"+ref).fails(http.StatusNotFound, "not_found")
			assert.Equal(t, "no-store", refused.Header.Get("Cache-Control"))
		})
	}
}

// oddIDs are ids, as they stand in an address, that nothing has.
var oddIDs = map[string]string{
	"an unknown id": "p-none", "a number": "1", "below zero": "-1", "huge": strings.Repeat("9", 400), "long": strings.Repeat("a", 3000),
	"NUL": "p-lamp%00", "invalid UTF-8": "%FF%FE", "a quote": "p-lamp%27%20OR%20%271%27=%271", "a wildcard": "%25", "a space": "%20",
	"another case": "P-LAMP", "markup": "%3Cscript%3E", "a line break": "p-lamp%0D%0ASet-Cookie:%20a=b", "an emoji": "%F0%9F%92%A1",
}

func TestCategories(t *testing.T) {
	got := open(t).visitor().get("/api/products/categories").is(http.StatusOK)
	assert.JSONEq(t, `{"categories":[{"slug":"furniture","name":"Furniture","count":1},
		{"slug":"lighting","name":"Lighting","count":1},{"slug":"textiles","name":"Textiles","count":1}]}`, got.Body)
	assert.Empty(t, got.Header.Values("Set-Cookie"))
}

func TestReadsSetNoCookie(t *testing.T) {
	for name, v := range map[string]func(*shop) *visitor{
		"somebody new": (*shop).visitor,
		"a member":     func(s *shop) *visitor { return s.member("jane") },
		"somebody with a cookie that nobody gave out": func(s *shop) *visitor {
			v := s.visitor()
			v.keep("invented")
			return v
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := v(open(t))
			for path, item := range document().Paths.Map() {
				if item.Get != nil && !slices.Contains(elsewhere, "GET "+path) {
					read := v.get(strings.ReplaceAll(path, "{id}", "p-lamp"))
					assert.Empty(t, read.Header.Values("Set-Cookie"), path)
				}
			}
		})
	}
}

// ids are those of the products that an answer lists.
func ids(a reply) []domain.ProductID {
	a.t.Helper()
	found := []domain.ProductID{}
	for _, p := range a.at("products").(list) {
		found = append(found, domain.ProductID(p.(object)["id"].(string)))
	}
	return found
}

func TestSearchTextIsFoundAsTyped(t *testing.T) {
	v := open(t).visitor()
	for _, text := range []string{"'; DROP TABLE products;--", `\`, "%", "_", "a & b | !c", "<b>", "🙂", "日本", strings.Repeat("é", 100), "-", `"`, ":*"} {
		t.Run(fmt.Sprintf("%.20s", text), func(t *testing.T) {
			found := v.get("/api/products/?q=" + url.QueryEscape(text)).is(http.StatusOK)
			require.NotNil(t, found.at("products"))
		})
	}
}

// brokenCatalog fails every search.
type brokenCatalog struct {
	port.Catalog
	err error
}

func (c brokenCatalog) Search(context.Context, domain.Query) (domain.Found, error) {
	return domain.Found{}, c.err
}

func TestProducts_AFaultOfOursIsNotedAndNotShown(t *testing.T) {
	for name, fault := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"a store that is away":     {fmt.Errorf("dialing secret-host: %w", domain.ErrUnavailable), http.StatusServiceUnavailable, "unavailable"},
		"a store that is too slow": {fmt.Errorf("asking secret-host: %w", context.DeadlineExceeded), http.StatusServiceUnavailable, "timeout"},
		"a mistake":                {errors.New("secret-host: no such column"), http.StatusInternalServerError, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, func(p *parts) { p.Catalog = brokenCatalog{p.Catalog, fault.err} })
			failed := s.visitor().get("/api/products/").fails(fault.status, fault.code)
			assert.NotContains(t, failed.Body, "secret-host")
			assert.Equal(t, fault.status == http.StatusServiceUnavailable, failed.Header.Get("Retry-After") != "")
			assert.Contains(t, s.Log.String(), "secret-host")
			assert.Contains(t, s.Log.String(), failed.Header.Get("X-Request-ID"))
		})
	}
}
