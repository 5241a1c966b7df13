package demo_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/cmd/eshop/demo"
	"eshop/domain"
	"eshop/web/asset"
)

func TestProduct(t *testing.T) {
	t.Run("there are enough to look around", func(t *testing.T) {
		assert.GreaterOrEqual(t, demo.Size(), 1000)
		categories, kinds := map[string]int{}, map[string]map[string]bool{}
		for p := range first(demo.Size()) {
			categories[p.Category.Slug]++
			if kinds[p.Category.Slug] == nil {
				kinds[p.Category.Slug] = map[string]bool{}
			}
			kinds[p.Category.Slug][p.Subcategory.Slug] = true
		}
		assert.GreaterOrEqual(t, len(categories), 10)
		for category, n := range categories {
			assert.GreaterOrEqual(t, n, 30, category)
			assert.GreaterOrEqual(t, len(kinds[category]), 5, category)
		}
	})

	t.Run("each can be sold", func(t *testing.T) {
		for p := range first(demo.Size()) {
			require.NoError(t, p.Check(), p.Name)
			sentences := strings.Count(p.Description, ". ") + 1
			assert.True(t, sentences >= 2 && sentences <= 5, p.Description)
			assert.NotContains(t, p.Description+p.Name, "{")
			assert.True(t, p.Rating.Average() == 0 || p.Rating.Average() >= 3 && p.Rating.Average() <= 5, p.Name)
			assert.LessOrEqual(t, p.Rating.Count, p.Sold, p.Name)
		}
	})

	t.Run("some are sold out, and some nearly", func(t *testing.T) {
		gone, few := 0, 0
		for p := range first(demo.Size()) {
			switch {
			case p.Stock == 0:
				gone++
			case p.Stock <= 5:
				few++
			}
		}
		assert.InDelta(t, demo.Size()/25, gone, float64(demo.Size())/50)
		assert.InDelta(t, demo.Size()/10, few, float64(demo.Size())/25)
	})

	t.Run("ids and slugs are unique among many", func(t *testing.T) {
		const many = 50_000
		names := make(map[string]bool, 2*many)
		for p := range first(many) {
			for _, name := range []string{string(p.ID), p.Slug} {
				require.False(t, names[name], name)
				names[name] = true
			}
		}
	})

	t.Run("the last can be sold too", func(t *testing.T) {
		assert.NoError(t, demo.Product(demo.Most-1).Check())
	})

	t.Run("it is the same every time", func(t *testing.T) {
		for p := range first(demo.Size()) {
			if p.ID != "headphones-00003" {
				continue
			}
			assert.Equal(t, "Halden Beacon Wireless Headphones", p.Name)
			assert.Equal(t, "halden-beacon-wireless-headphones", p.Slug)
			assert.Equal(t, domain.Dollars(159_00), p.Price)
			assert.Equal(t, 63, p.Stock)
			assert.Equal(t, time.Date(2024, time.May, 29, 6, 42, 0, 0, time.UTC), p.AddedAt)
			return
		}
		assert.Fail(t, "there is no such product")
	})
}

func TestPictures(t *testing.T) {
	require.NoError(t, asset.Check())
	media := asset.Media()
	seen := map[string]bool{}
	for p := range first(demo.Size()) {
		require.Len(t, p.Images, 3, p.Name)
		for _, image := range p.Images {
			assert.True(t, strings.HasPrefix(image.Alt, p.Name+" "), image.Alt)
			assert.Contains(t, image.URL, "/"+p.Subcategory.Slug+"-")
			if seen[image.URL] {
				continue
			}
			seen[image.URL] = true
			w := httptest.NewRecorder()
			media.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, image.URL, nil))
			assert.Equal(t, http.StatusOK, w.Code, image.URL)
			assert.Equal(t, "image/svg+xml", w.Header().Get("Content-Type"), image.URL)
		}
	}
}

func BenchmarkProduct(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		demo.Product(i % demo.Most)
	}
}

// first yields the first n products.
func first(n int) func(yield func(domain.Product) bool) {
	return func(yield func(domain.Product) bool) {
		for i := range n {
			if !yield(demo.Product(i)) {
				return
			}
		}
	}
}
