package memory_test

import (
	"testing"

	"eshop/adapter/memory"
	"eshop/port/porttest"
)

func TestOrders(t *testing.T) {
	porttest.Orders(t, func(*testing.T) porttest.Shop {
		s := memory.NewStore()
		return porttest.Shop{Orders: s, Products: s, Carts: s}
	})
}
