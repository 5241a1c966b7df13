package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestContacts(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		porttest.Contacts(t, func(t *testing.T) port.Contacts { return open(t) })
	})
	t.Run("two servers", func(t *testing.T) {
		porttest.Contacts(t, func(t *testing.T) port.Contacts {
			a, b := openTwo(t)
			return porttest.ContactsInTurns(a, b)
		})
	})
}
