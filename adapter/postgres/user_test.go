package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestUsers(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		porttest.Users(t, func(t *testing.T) port.Users { return open(t) })
	})
	t.Run("two servers", func(t *testing.T) {
		porttest.Users(t, func(t *testing.T) port.Users {
			a, b := openTwo(t)
			return porttest.UsersInTurns(a, b)
		})
	})
}
