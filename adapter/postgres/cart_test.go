package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestCarts(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		porttest.Carts(t, func(t *testing.T) port.Carts { return open(t) })
	})
	t.Run("two servers", func(t *testing.T) {
		porttest.Carts(t, func(t *testing.T) port.Carts {
			a, b := openTwo(t)
			return porttest.CartsInTurns(a, b)
		})
	})
}
