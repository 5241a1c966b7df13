package memory_test

import (
	"testing"

	"eshop/adapter/memory"
	"eshop/port/porttest"
)

func TestOrders(t *testing.T) {
	porttest.Orders(t, openShop)
}

// openShop is two servers' shop, which is one store.
func openShop(*testing.T) (a, b porttest.Shop) {
	s := memory.NewStore()
	shop := porttest.Shop{Orders: s, Products: s, Stock: s, Carts: s, Catalog: s}
	return shop, shop
}

// openTwo is two servers' store: what is in memory has one process.
func openTwo(*testing.T) (a, b *memory.Store) {
	s := memory.NewStore()
	return s, s
}
