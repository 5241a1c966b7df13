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
	t.Run("one server to which every text is broad", func(t *testing.T) {
		porttest.Products(t, func(t *testing.T) port.Products {
			store := open(t)
			store.Broaden(0, 1_000_000)
			return store
		})
	})
	t.Run("two servers", func(t *testing.T) {
		porttest.Products(t, func(t *testing.T) port.Products {
			a, b := openTwo(t)
			return porttest.ProductsInTurns(a, b)
		})
	})
}
