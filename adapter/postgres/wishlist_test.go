package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestWishlists(t *testing.T) {
	porttest.Wishlists(t, func(t *testing.T) (a, b port.Wishlists) { return openTwo(t) })
}
