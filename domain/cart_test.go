package domain_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

var tea = domain.Product{ID: "tea", Slug: "tea", Name: "Tea", Price: domain.Dollars(1000), Stock: 10}

func TestCart_Add(t *testing.T) {
	for name, c := range map[string]struct {
		held, n int
		stock   int
		kind    error
		want    int
	}{
		"a first one":               {0, 1, 10, nil, 1},
		"more joins the line":       {2, 3, 10, nil, 5},
		"all there are":             {0, 10, 10, nil, 10},
		"more than there are":       {0, 11, 10, domain.ErrConflict, 0},
		"more than there are left":  {9, 2, 10, domain.ErrConflict, 9},
		"none":                      {0, 0, 10, domain.ErrInvalid, 0},
		"fewer than none":           {0, -1, 10, domain.ErrInvalid, 0},
		"more than a cart holds":    {0, 100, 1000, domain.ErrInvalid, 0},
		"more than it holds in all": {98, 2, 1000, domain.ErrInvalid, 98},
		"sold out":                  {0, 1, 0, domain.ErrConflict, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := tea
			p.Stock = c.stock
			var cart domain.Cart
			if c.held > 0 {
				cart.Lines = []domain.Line{{ID: "1", Product: "tea", Quantity: c.held}}
			}
			err := cart.Add("2", p, c.n)
			if c.kind == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.kind)
			}
			assert.Equal(t, c.want, cart.ItemCount())
		})
	}
	t.Run("no more lines than a cart holds", func(t *testing.T) {
		var cart domain.Cart
		for i := range domain.MaxCartLines {
			p := tea
			p.ID = domain.ProductID(fmt.Sprint(i))
			require.NoError(t, cart.Add(domain.LineID(p.ID), p, 1))
		}
		require.ErrorIs(t, cart.Add("more", tea, 1), domain.ErrConflict)
	})
}

func TestCart_SetQuantity(t *testing.T) {
	cart := domain.Cart{Lines: []domain.Line{{ID: "1", Product: "tea", Quantity: 20}}}
	require.NoError(t, cart.SetQuantity("1", tea, 15), "fewer is a step to what there is, even when that is less")
	require.ErrorIs(t, cart.SetQuantity("1", tea, 16), domain.ErrConflict)
	require.ErrorIs(t, cart.SetQuantity("2", tea, 1), domain.ErrNotFound)
	require.ErrorIs(t, cart.SetQuantity("1", tea, 0), domain.ErrInvalid)
	assert.Equal(t, 15, cart.ItemCount())
}

func TestCart_Once(t *testing.T) {
	var cart domain.Cart
	add := func(c *domain.Cart) error { return c.Add("1", tea, 1) }
	require.NoError(t, cart.Once("a", add))
	require.NoError(t, cart.Once("a", add), "a repeat is no mistake")
	assert.Equal(t, 1, cart.ItemCount())
	require.NoError(t, cart.Once("b", add))
	require.NoError(t, cart.Once("", add))
	require.NoError(t, cart.Once("", add))
	assert.Equal(t, 4, cart.ItemCount(), "without a key nothing is a repeat")
	assert.EqualValues(t, 4, cart.Version)

	broken := errors.New("broken")
	require.ErrorIs(t, cart.Once("c", func(*domain.Cart) error { return broken }), broken)
	require.NoError(t, cart.Once("c", add))
	assert.Equal(t, 5, cart.ItemCount(), "what failed may be tried again with its key")

	for i := range 500 {
		require.NoError(t, cart.Once(domain.IdempotencyKey(fmt.Sprint(i)), func(*domain.Cart) error { return nil }))
	}
	assert.Less(t, len(cart.Keys), 100, "keys do not pile up")
}

func TestCart_Merge(t *testing.T) {
	account := domain.Cart{Lines: []domain.Line{{ID: "1", Product: "tea", Quantity: 60}}, Version: 3}
	account.Merge(domain.Cart{Lines: []domain.Line{{ID: "8", Product: "pot", Quantity: 2}, {ID: "9", Product: "tea", Quantity: 60}}})
	assert.Equal(t, []domain.Line{{ID: "1", Product: "tea", Quantity: domain.MaxQuantity}, {ID: "8", Product: "pot", Quantity: 2}}, account.Lines)
	assert.EqualValues(t, 4, account.Version)
	account.Merge(domain.Cart{})
	assert.EqualValues(t, 4, account.Version, "nothing merged is no change")
}
