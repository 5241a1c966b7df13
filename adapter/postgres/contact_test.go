package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestContacts(t *testing.T) {
	porttest.Contacts(t, func(t *testing.T) (a, b port.Contacts) { return openTwo(t) })
}
