package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestSessions(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		porttest.Sessions(t, func(t *testing.T) port.Sessions { return open(t) })
	})
	t.Run("two servers", func(t *testing.T) {
		porttest.Sessions(t, func(t *testing.T) port.Sessions {
			a, b := openTwo(t)
			return porttest.SessionsInTurns(a, b)
		})
	})
}
