package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestProducts(t *testing.T) {
	porttest.Products(t, func(t *testing.T) (a, b port.Products) { return openTwo(t) })
	t.Run("every text is broad", func(t *testing.T) {
		porttest.Products(t, func(t *testing.T) (port.Products, port.Products) {
			a, b := openTwo(t)
			a.Broaden(0, 1_000_000)
			b.Broaden(0, 1_000_000)
			return a, b
		})
	})
}
