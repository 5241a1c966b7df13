package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestProducts(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		porttest.Products(t, func(t *testing.T) port.Products { return open(t) })
	})
	t.Run("two servers", func(t *testing.T) {
		porttest.Products(t, func(t *testing.T) port.Products {
			a, b := openTwo(t)
			return porttest.ProductsInTurns(a, b)
		})
	})
}
