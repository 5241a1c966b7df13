// Package demo is what a shop shows that nobody has filled yet: products that
// could be real, accounts whose passwords everybody knows, and some past orders.
// It is the same every time, without a clock and without chance, and is loaded
// only when that is asked for, never in production.
package demo

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"eshop/domain"
	"eshop/port"
	"eshop/usecase"
)

// Loader fills a shop.
type Loader struct {
	Products  port.Products
	Carts     port.Carts
	Users     port.Users
	Orders    port.Orders
	Passwords usecase.Passwords
	Pricing   domain.Pricing // domain.DefaultPricing unless set
}

// together is how many products are kept at once.
const together = 500

// Load puts the demo shop where it is not yet. It may be done again, by several
// servers at once, and after it was broken off at any point. Once all of it is there
// nothing is touched: what staff changed since stays as it is.
func (l *Loader) Load(ctx context.Context) error {
	if loaded, err := l.loaded(ctx); err != nil || loaded {
		return err
	}
	both, loading := errgroup.WithContext(ctx)
	both.Go(func() error { return l.loadProducts(loading) })
	both.Go(func() error { return l.loadAccounts(loading) })
	if err := both.Wait(); err != nil {
		return err
	}
	return l.loadOrders(ctx)
}

// loaded reports whether what Load does last was done.
func (l *Loader) loaded(ctx context.Context) (bool, error) {
	last := len(orders) - 1
	switch order, err := l.Orders.Order(ctx, orderID(last)); {
	case errors.Is(err, domain.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	default:
		return order.Owner == orders[last].by.ID.Owner(), nil
	}
}

// LoadPeople is Load without the products, which must be there.
func (l *Loader) LoadPeople(ctx context.Context) error {
	if err := l.loadAccounts(ctx); err != nil {
		return err
	}
	return l.loadOrders(ctx)
}

// UserIDs returns the ids of the demo accounts.
func UserIDs() []domain.UserID { return []domain.UserID{admin.ID, john.ID, jane.ID} }

// OrderIDs returns the ids of the demo orders.
func OrderIDs() []domain.OrderID {
	ids := make([]domain.OrderID, len(orders))
	for i := range orders {
		ids[i] = orderID(i)
	}
	return ids
}

// Present reports whether a demo account is among the users.
func Present(ctx context.Context, users port.Users) (bool, error) {
	for _, id := range UserIDs() {
		switch _, err := users.User(ctx, id); {
		case err == nil:
			return true, nil
		case !errors.Is(err, domain.ErrNotFound):
			return false, err
		}
	}
	return false, nil
}

// Product is Product in the shop's currency.
func (l *Loader) Product(i int) domain.Product {
	p := Product(i)
	p.Price.Currency = l.pricing().Currency
	return p
}

func (l *Loader) pricing() domain.Pricing {
	if l.Pricing == (domain.Pricing{}) {
		return domain.DefaultPricing()
	}
	return l.Pricing
}

func (l *Loader) loadProducts(ctx context.Context) error {
	for from := 0; from < Size(); from += together {
		products := make([]domain.Product, 0, together)
		for i := from; i < min(from+together, Size()); i++ {
			products = append(products, l.Product(i))
		}
		if err := l.Products.PutProducts(ctx, products); err != nil {
			return fmt.Errorf("products from %d: %w", from, err)
		}
	}
	return nil
}
