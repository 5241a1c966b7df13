package postgres_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
)

func TestStore_Mark(t *testing.T) {
	t.Run("a database that nobody marked has none, and what one server marks the other reads", func(t *testing.T) {
		a, b := openTwo(t)
		mark, err := a.Mark(t.Context())
		require.NoError(t, err)
		assert.Zero(t, mark)
		want := postgres.Mark{Mode: postgres.Demo, Currency: "EUR"}
		kept, err := a.UpdateMark(t.Context(), func(m *postgres.Mark) error {
			assert.Zero(t, *m)
			*m = want
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, want, kept)
		kept, err = b.UpdateMark(t.Context(), func(m *postgres.Mark) error {
			assert.Equal(t, want, *m)
			m.Currency = domain.USD
			return nil
		})
		require.NoError(t, err)
		mark, err = a.Mark(t.Context())
		require.NoError(t, err)
		assert.Equal(t, kept, mark)
	})
	t.Run("a change that fails keeps nothing", func(t *testing.T) {
		s, refused := open(t), errors.New("refused")
		_, err := s.UpdateMark(t.Context(), func(m *postgres.Mark) error {
			m.Mode = postgres.Production
			return refused
		})
		require.ErrorIs(t, err, refused)
		mark, err := s.Mark(t.Context())
		require.NoError(t, err)
		assert.Zero(t, mark)
	})
	t.Run("of servers of both modes that come at once, those of one find the other's mark", func(t *testing.T) {
		a, b := openTwo(t)
		var (
			all   sync.WaitGroup
			found [8]postgres.Mode
		)
		for i := range found {
			store, mode := a, postgres.Production
			if i%2 == 0 {
				store, mode = b, postgres.Demo
			}
			all.Go(func() {
				mark, err := store.UpdateMark(t.Context(), func(m *postgres.Mark) error {
					if m.Mode == "" {
						m.Mode = mode
					}
					return nil
				})
				assert.NoError(t, err)
				found[i] = mark.Mode
			})
		}
		all.Wait()
		for _, mode := range found {
			assert.Equal(t, found[0], mode)
		}
	})
	t.Run("no mode but these is kept", func(t *testing.T) {
		_, err := open(t).UpdateMark(t.Context(), func(m *postgres.Mark) error {
			m.Mode = "staging"
			return nil
		})
		require.Error(t, err)
	})
}

func TestStore_HasOthers(t *testing.T) {
	s := open(t)
	has := func() bool {
		others, err := s.HasOthers(t.Context(), []domain.UserID{"demo-john"}, []domain.OrderID{"demo-1"})
		require.NoError(t, err)
		return others
	}
	assert.False(t, has(), "nothing is there")
	require.NoError(t, s.AddUser(t.Context(), domain.User{ID: "demo-john", Username: "john", Email: "john@mail.example"}))
	assert.False(t, has(), "an account that was named")
	putStock(t, s, 5)
	_, _, err := buy(t.Context(), s, "guest:a", "key")
	require.NoError(t, err)
	assert.True(t, has(), "an order that was not")

	s = open(t)
	require.NoError(t, s.AddUser(t.Context(), domain.User{ID: "ann", Username: "ann", Email: "ann@mail.example"}))
	assert.True(t, has(), "an account that was not named")
}

func TestStore_SoldIn(t *testing.T) {
	s := open(t)
	currency, err := s.SoldIn(t.Context())
	require.NoError(t, err)
	assert.Empty(t, currency)
	putStock(t, s, 1)
	currency, err = s.SoldIn(t.Context())
	require.NoError(t, err)
	assert.Equal(t, domain.USD, currency)
}
