package postgres_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/port"
)

func TestWordsAreFoundAsInMemory(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	letters := []rune("abcdé茶")
	word := func() string {
		made := make([]rune, 1+chance.IntN(8))
		for i := range made {
			made[i] = letters[chance.IntN(len(letters))]
		}
		return string(made)
	}
	products := slices.Collect(catalog(300))
	for i := range products {
		products[i].Name, products[i].Description = word()+" "+word(), word()+" "+word()+" "+word()
	}
	stores := []interface {
		port.Products
		port.Catalog
	}{memory.NewStore(), open(t)}
	for _, store := range stores {
		require.NoError(t, store.PutProducts(t.Context(), products))
	}
	found := 0
	for range 400 {
		text := word()
		for range chance.IntN(3) {
			text += " " + word()
		}
		var ids [2][]domain.ProductID
		for i, store := range stores {
			answer, err := store.Search(t.Context(), domain.Query{Text: text, Sort: domain.ByPrice, Page: domain.Page{Number: 1, Size: 100}})
			require.NoError(t, err)
			for _, p := range answer.Products {
				ids[i] = append(ids[i], p.ID)
			}
		}
		assert.Equal(t, ids[0], ids[1], text)
		found += min(len(ids[0]), 1)
	}
	assert.Greater(t, found, 100, "many texts find something")
}
