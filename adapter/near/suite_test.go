package near_test

import (
	"testing"

	"eshop/adapter/memory"
	"eshop/adapter/near"
	"eshop/port"
	"eshop/port/porttest"
)

func openTwo(*testing.T) (a, b porttest.Shop) {
	store := memory.NewStore()
	server := func() porttest.Shop {
		products, catalog := near.NewCatalog(store, store)
		return porttest.Shop{Products: products, Stock: store, Catalog: catalog}
	}
	return server(), server()
}

func TestProducts(t *testing.T) {
	porttest.Products(t, openTwo)
}

func TestCatalog(t *testing.T) {
	porttest.Catalog(t, openTwo)
}

func TestSessions(t *testing.T) {
	porttest.Sessions(t, func(*testing.T) (a, b port.Sessions) {
		sessions := near.NewSessions(memory.NewStore()) // it is for one server
		return sessions, sessions
	})
}

func TestUsers(t *testing.T) {
	porttest.Users(t, func(*testing.T) (a, b port.Users) {
		users := near.NewUsers(memory.NewStore())
		return users, users
	})
}
