package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestWishlists(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		porttest.Wishlists(t, func(t *testing.T) port.Wishlists { return open(t) })
	})
	t.Run("two servers", func(t *testing.T) {
		porttest.Wishlists(t, func(t *testing.T) port.Wishlists {
			a, b := openTwo(t)
			return porttest.WishlistsInTurns(a, b)
		})
	})
}
