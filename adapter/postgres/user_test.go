package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestUsers(t *testing.T) {
	porttest.Users(t, func(t *testing.T) (a, b port.Users) { return openTwo(t) })
}
