package usecase_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func TestInventory_ChangeStock(t *testing.T) {
	w := newWorld(t)
	inventory := w.Inventory
	staff := domain.User{Username: "sue", Role: domain.Staff}
	stock, err := inventory.ChangeStock(t.Context(), staff, "tea", 7, "")
	require.NoError(t, err)
	assert.Equal(t, 12, stock)
	_, err = inventory.ChangeStock(t.Context(), staff, "tea", -13, "")
	require.ErrorIs(t, err, domain.ErrConflict)
	_, err = inventory.ChangeStock(t.Context(), staff, "tea", 0, "")
	require.ErrorIs(t, err, domain.ErrInvalid)
	_, err = inventory.ChangeStock(t.Context(), domain.User{}, "tea", 1, "")
	require.ErrorIs(t, err, domain.ErrDenied)
	for range 2 {
		stock, err = inventory.ChangeStock(t.Context(), staff, "tea", 1, "form")
		require.NoError(t, err)
		assert.Equal(t, 13, stock, "a form that is sent again counts nothing")
	}
	_, err = inventory.ChangeStock(t.Context(), staff, "tea", 2, "form")
	assert.Equal(t, domain.CodeIdempotencyKeyReused, domain.CodeOf(err))
	stock, err = inventory.ChangeStock(t.Context(), domain.User{ID: "u-2", Role: domain.Staff}, "tea", -1, "form")
	require.NoError(t, err, "a key is its caller's own")
	assert.Equal(t, 12, stock)
	require.NoError(t, inventory.SetPrice(t.Context(), staff, "tea", domain.Dollars(1234)))
	require.ErrorIs(t, inventory.SetPrice(t.Context(), staff, "tea", domain.Dollars(0)), domain.ErrInvalid)
	p, err := w.store.Product(t.Context(), "tea")
	require.NoError(t, err)
	assert.Equal(t, domain.Dollars(1234), p.Price)
	assert.Equal(t, 12, p.Stock, "a new price leaves the stock")
	movements, err := inventory.Movements(t.Context(), staff, "tea")
	require.NoError(t, err)
	require.Len(t, movements, 4)
	assert.Equal(t, -1, movements[0].Delta, "the newest first")
	for _, m := range movements[:3] {
		assert.Equal(t, m.Delta > 0, m.By == staff.Username, "%+v", m)
	}
	assert.Empty(t, movements[3].By)
}
