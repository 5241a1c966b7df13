package postgres_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestCarts(t *testing.T) {
	porttest.Carts(t, func(t *testing.T) (a, b port.Carts) { return openTwo(t) })
}

func TestStore_UpdateCart(t *testing.T) {
	for f, want := range map[fault]int{answerLost: 1, commandLost: 0} {
		t.Run(fmt.Sprintf("a change in doubt is made once at most, here %d times, and said to be unavailable", want), func(t *testing.T) {
			line := newProxy(t, migrated(t))
			s := openAt(t, line.url)
			require.NoError(t, s.Ping(t.Context()))
			line.breakNextCommit(f)
			_, err := s.UpdateCart(t.Context(), "guest:a", func(c *domain.Cart) error { c.Version++; return nil })
			require.ErrorIs(t, err, domain.ErrUnavailable)
			assert.True(t, line.brokeCommit(), "no commit was cut")
			cart, err := s.Cart(t.Context(), "guest:a")
			require.NoError(t, err)
			assert.EqualValues(t, want, cart.Version)
		})
	}
	for _, f := range []fault{answerLost, commandLost, commandLostSilently} {
		t.Run(fmt.Sprintf("a change in doubt that is sent again is made once with a key, whatever became of it (%d)", f), func(t *testing.T) {
			line := newProxy(t, migrated(t))
			s := openAt(t, line.url)
			require.NoError(t, s.Ping(t.Context()))
			add := func() (domain.Cart, error) {
				return s.UpdateCart(t.Context(), "guest:a", func(c *domain.Cart) error {
					return c.Once("a key", func(c *domain.Cart) error {
						return c.Add("line", domain.Product{ID: "tea", Stock: 9}, 1)
					})
				})
			}
			line.breakNextCommit(f)
			_, err := add()
			require.ErrorIs(t, err, domain.ErrUnavailable)
			assert.True(t, line.brokeCommit(), "no commit was cut")
			for range 2 {
				cart, err := add()
				require.NoError(t, err)
				assert.Equal(t, 1, cart.ItemCount())
			}
		})
	}
}
