package memory_test

import (
	"testing"

	"eshop/adapter/memory"
	"eshop/port/porttest"
)

func TestOrders(t *testing.T) {
	porttest.Orders(t, func(t *testing.T) (a, b porttest.Shop) {
		s, _ := openTwo(t)
		shop := porttest.Shop{Orders: s, Products: s, Carts: s}
		return shop, shop
	})
}

// openTwo is two servers' store: what is in memory has one process.
func openTwo(*testing.T) (a, b *memory.Store) {
	s := memory.NewStore()
	return s, s
}
