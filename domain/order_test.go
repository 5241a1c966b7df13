package domain_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func TestNewOrder(t *testing.T) {
	cart := domain.Cart{Lines: []domain.Line{{ID: "1", Product: "tea", Quantity: 3}, {ID: "2", Product: "pot", Quantity: 1}}}
	pot := domain.Product{ID: "pot", Name: "Pot", Price: domain.Dollars(1999), Stock: 1}

	order, err := domain.NewOrder(domain.Order{ID: "o", PlacedAt: noon}, cart, map[domain.ProductID]domain.Product{"tea": tea, "pot": pot}, domain.DefaultPricing())
	require.NoError(t, err)
	assert.Equal(t, domain.Dollars(4999), order.Subtotal)
	assert.Equal(t, domain.Dollars(499), order.Shipping)
	assert.Equal(t, domain.Dollars(5498), order.Total)
	assert.Equal(t, domain.Pending, order.Status)
	assert.Equal(t, []domain.StatusChange{{Status: domain.Pending, At: noon}}, order.History)

	pot.Price = domain.Dollars(2000)
	order, err = domain.NewOrder(domain.Order{}, cart, map[domain.ProductID]domain.Product{"tea": tea, "pot": pot}, domain.DefaultPricing())
	require.NoError(t, err)
	assert.Zero(t, order.Shipping.Amount, "delivery is free from $50.00 on")

	_, err = domain.NewOrder(domain.Order{}, cart, map[domain.ProductID]domain.Product{"tea": tea}, domain.DefaultPricing())
	var e *domain.Error
	require.ErrorAs(t, err, &e)
	require.Len(t, e.Shortages, 1)
	assert.Equal(t, domain.ProductID("pot"), e.Shortages[0].Product, "a product that is gone is sold out")
	assert.Zero(t, e.Shortages[0].Available)

	_, err = domain.NewOrder(domain.Order{}, domain.Cart{}, nil, domain.DefaultPricing())
	require.ErrorIs(t, err, domain.ErrConflict)
}

func TestNewOrder_TheFullestCartOfTheDearest(t *testing.T) {
	dearest := tea
	dearest.Slug, dearest.Category, dearest.Subcategory = "tea", domain.Category{Slug: "tea", Name: "Tea"}, domain.Category{Slug: "tea", Name: "Tea"}
	dearest.Price, dearest.Stock = domain.Dollars(domain.MaxAmount/1000), domain.MaxQuantity
	require.NoError(t, dearest.Check())
	var cart domain.Cart
	products := map[domain.ProductID]domain.Product{}
	for i := range domain.MaxCartLines {
		dearest.ID = domain.ProductID(fmt.Sprint(i))
		products[dearest.ID] = dearest
		require.NoError(t, cart.Add(domain.LineID(dearest.ID), dearest, domain.MaxQuantity))
	}
	order, err := domain.NewOrder(domain.Order{}, cart, products, domain.DefaultPricing())
	require.NoError(t, err)
	assert.EqualValues(t, 99*100*1_000_000_00, order.Total.Amount)
}

func TestOrder_MoveTo(t *testing.T) {
	allowed := map[domain.OrderStatus][]domain.OrderStatus{
		domain.Pending: {domain.Paid, domain.Cancelled}, domain.Paid: {domain.Shipped, domain.Refunding},
		domain.Shipped: {domain.Delivered, domain.Refunding}, domain.Delivered: {domain.Refunding}, domain.Refunding: {domain.Refunded},
	}
	lines := []domain.OrderLine{{Product: "tea", Quantity: 2}, {Product: "pot", Quantity: 1}}
	effects := map[domain.OrderStatus]domain.Effects{
		domain.Paid: {TakeNumber: true}, domain.Shipped: {}, domain.Delivered: {}, domain.Refunding: {EndLease: true}, domain.Refunded: {ReturnStock: lines},
		domain.Cancelled: {ReturnStock: lines, FreeKey: true, RestoreCart: domain.Cart{Lines: []domain.Line{
			{ID: "tea", Product: "tea", Quantity: 2}, {ID: "pot", Product: "pot", Quantity: 1}}}},
	}
	for _, from := range domain.OrderStatuses {
		for _, to := range domain.OrderStatuses {
			t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) {
				order := domain.Order{Status: from, Lines: lines}
				got, err := order.MoveTo(to, noon)
				if !slices.Contains(allowed[from], to) {
					require.ErrorIs(t, err, domain.ErrConflict)
					assert.Equal(t, from, order.Status)
					assert.Zero(t, got)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, []domain.StatusChange{{Status: to, At: noon}}, order.History)
				want := effects[to]
				want.MovedTo, want.At = to, noon
				assert.Equal(t, want, got)
			})
		}
	}
}

func TestOrder_MoveOnce(t *testing.T) {
	order := domain.Order{Status: domain.Paid, History: []domain.StatusChange{{Status: domain.Paid, At: noon}}}
	for range 2 {
		_, err := order.MoveOnce(domain.StatusChange{Status: domain.Shipped, At: noon, Key: "a", By: "sue"})
		require.NoError(t, err)
	}
	assert.Equal(t, domain.StatusChange{Status: domain.Shipped, At: noon, Key: "a", By: "sue"}, order.History[1])
	_, err := order.MoveOnce(domain.StatusChange{Status: domain.Delivered, At: noon, Key: "a"})
	assert.Equal(t, domain.CodeIdempotencyKeyReused, domain.CodeOf(err))
	effects, err := order.MoveOnce(domain.StatusChange{Status: domain.Delivered, At: noon, Key: "b"})
	require.NoError(t, err)
	assert.Equal(t, domain.Delivered, effects.MovedTo)
	for _, key := range []domain.IdempotencyKey{"a", "", "c"} {
		to := map[domain.IdempotencyKey]domain.OrderStatus{"a": domain.Shipped, "": domain.Delivered, "c": domain.Delivered}[key]
		effects, err = order.MoveOnce(domain.StatusChange{Status: to, At: noon, Key: key, By: "bob"})
		require.NoError(t, err, "a call that comes late was done before")
		assert.Zero(t, effects)
	}
	_, err = order.MoveOnce(domain.StatusChange{Status: domain.Shipped, At: noon})
	require.ErrorIs(t, err, domain.ErrConflict)
	assert.Equal(t, domain.Delivered, order.Status)
	assert.Len(t, order.History, 3)
}

func TestOrder_RefuseRefund(t *testing.T) {
	for _, before := range []domain.OrderStatus{domain.Paid, domain.Shipped, domain.Delivered} {
		order := domain.Order{Status: before, History: []domain.StatusChange{{Status: before, At: noon}}}
		require.Error(t, order.RefuseRefund(noon), "nobody asked for one")
		for range 2 {
			_, err := order.MoveTo(domain.Refunding, noon)
			require.NoError(t, err)
			require.NoError(t, order.RefuseRefund(noon))
			assert.Equal(t, before, order.Status)
		}
		assert.Len(t, order.History, 5)
		_, err := order.MoveTo(domain.Refunding, noon)
		require.NoError(t, err)
		_, err = order.MoveTo(domain.Refunded, noon)
		require.NoError(t, err)
		require.Error(t, order.RefuseRefund(noon), "what was given back is given back")
	}
	order := domain.Order{Status: domain.Refunding, History: []domain.StatusChange{{Status: domain.Refunding}}}
	require.Error(t, order.RefuseRefund(noon), "without a status before")
}

func TestOrder_HistoryByClocksThatDiffer(t *testing.T) {
	order := domain.Order{Status: domain.Pending, History: []domain.StatusChange{{Status: domain.Pending, At: noon}}}
	effects, err := order.MoveOnce(domain.StatusChange{Status: domain.Paid, At: noon.Add(-time.Minute), Key: "k", By: "sue"})
	require.NoError(t, err)
	assert.Equal(t, noon, effects.At, "a server's clock is behind")
	assert.Equal(t, domain.StatusChange{Status: domain.Paid, At: noon, Key: "k", By: "sue"}, order.History[1])
	_, err = order.MoveTo(domain.Refunding, noon.Add(10*time.Minute))
	require.NoError(t, err)
	require.NoError(t, order.RefuseRefund(noon.Add(time.Second)), "a server's clock was ahead")
	var at []time.Time
	for _, change := range order.History {
		at = append(at, change.At)
	}
	assert.Equal(t, []time.Time{noon, noon, noon.Add(10 * time.Minute), noon.Add(10 * time.Minute)}, at)
}

func TestPurchase_Check(t *testing.T) {
	good := domain.Purchase{
		Email: "ann@example.com", Method: domain.DemoCard, Card: domain.NewCard("4242-4242 4242 4242", "03 / 26", "123"),
		ShippingAddress: domain.Address{Name: "Ann", Line1: "1 Main St", City: "Springfield", PostalCode: "SW1A 1AA", Country: "GB", Phone: "+44 20 7946 0000"},
	}
	require.NoError(t, good.Check(noon, domain.USD), "a card is good to the end of its month")
	assert.Error(t, good.Check(noon.Add(12*time.Hour), domain.USD))

	for field, spoil := range map[string]func(*domain.Purchase){
		"email":                        func(p *domain.Purchase) { p.Email = "ann@example" },
		"shipping_address.name":        func(p *domain.Purchase) { p.ShippingAddress.Name = " " },
		"shipping_address.line1":       func(p *domain.Purchase) { p.ShippingAddress.Line1 = "a\x00b" },
		"shipping_address.line2":       func(p *domain.Purchase) { p.ShippingAddress.Line2 = "a\nb" },
		"shipping_address.city":        func(p *domain.Purchase) { p.ShippingAddress.City = "\xff" },
		"shipping_address.postal_code": func(p *domain.Purchase) { p.ShippingAddress.PostalCode = "" },
		"shipping_address.country":     func(p *domain.Purchase) { p.ShippingAddress.Country = "us" },
		"shipping_address.phone":       func(p *domain.Purchase) { p.ShippingAddress.Phone = "call me" },
		"payment.method":               func(p *domain.Purchase) { p.Method = "cash" },
		"payment.card_number":          func(p *domain.Purchase) { p.Card.Number = "4242424242424241" },
		"payment.expiry":               func(p *domain.Purchase) { p.Card.Expiry = "13/30" },
		"payment.cvc":                  func(p *domain.Purchase) { p.Card.CVC = "12x" },
	} {
		t.Run(field, func(t *testing.T) {
			p := good
			spoil(&p)
			var e *domain.Error
			require.ErrorAs(t, p.Check(noon, domain.USD), &e)
			assert.Len(t, e.Fields, 1)
			assert.Contains(t, e.Fields, field)
		})
	}
}

func TestCard_NeverPrintsItsNumber(t *testing.T) {
	card := domain.NewCard("4242 4242 4242 4242", "12/30", "987")
	for _, format := range []string{"%v", "%+v", "%s", "%#v"} {
		for _, value := range []any{card, domain.Purchase{Card: card}, &card} {
			text := fmt.Sprintf(format, value)
			assert.NotContains(t, text, "42424242", format)
			assert.NotContains(t, text, "987", format)
		}
	}
}
