package porttest

import (
	"context"
	"crypto/rand"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// shop is a Shop whose servers take turns.
type shop struct {
	Orders   turns[port.Orders]
	Products turns[port.Products]
	Stock    turns[port.Stock]
	Catalog  turns[port.Catalog]
	Carts    turns[port.Carts]
}

func shopInTurns(t *testing.T, servers ...Shop) shop {
	next := inTurns(t, servers...)
	return shop{
		Orders:   func() port.Orders { return next().Orders },
		Products: func() port.Products { return next().Products },
		Stock:    func() port.Stock { return next().Stock },
		Catalog:  func() port.Catalog { return next().Catalog },
		Carts:    func() port.Carts { return next().Carts },
	}
}

// anOrder is what an order is before it is made of a cart.
func anOrder(owner domain.OwnerID) domain.Order {
	placedAt := noon.Add(time.Hour + 123456*time.Microsecond)
	return domain.Order{
		ID: domain.OrderID("order-" + rand.Text()), Owner: owner, Email: "zoë+shop@example.com",
		ShippingAddress: domain.Address{
			Name: "Zoë O’Hara; 茶", Line1: "1 'Main' Street", City: "Köln", PostalCode: "50667", Country: "DE", Phone: "+49 221 1234",
		},
		Payment:  domain.Payment{Method: domain.DemoCard, Last4: "4242"},
		PlacedAt: placedAt,
	}
}

// building makes order as the shop does.
func building(order domain.Order) port.BuildOrder {
	return func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
		giveWay()
		return domain.NewOrder(order, cart, products, domain.DefaultPricing())
	}
}

// trusting makes order without a look at the stock, which may be less when the order is kept.
func trusting(order domain.Order) port.BuildOrder {
	return func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
		stocked := map[domain.ProductID]domain.Product{}
		for _, line := range cart.Lines {
			p, ok := products[line.Product]
			if !ok {
				p = aProduct(0, 0)
				p.ID = line.Product
			}
			p.Stock = line.Quantity
			stocked[line.Product] = p
		}
		return domain.NewOrder(order, cart, stocked, domain.DefaultPricing())
	}
}

// giveWay lets the other calls of a test go on, so that a store which does not
// hold what it passed to be changed is caught.
func giveWay() {
	for range 20 {
		runtime.Gosched()
	}
}

// stock puts products 1, 2 and so on into the catalog, as many of each as given.
func (s shop) stock(t *testing.T, stocks ...int) {
	t.Helper()
	for i, stock := range stocks {
		keepProducts(t, s.Products, aProduct(i+1, stock))
	}
}

// fill makes lines all that is in the owner's cart.
func (s shop) fill(t *testing.T, owner domain.OwnerID, lines ...domain.Line) domain.Cart {
	t.Helper()
	return changeCart(t, s.Carts, owner, filling(lines))
}

func filling(lines []domain.Line) func(*domain.Cart) error {
	return func(c *domain.Cart) error {
		return c.Once("", func(c *domain.Cart) error {
			c.Lines = slices.Clone(lines)
			return nil
		})
	}
}

const sent = "all that was sent"

// call places an order, or repeats.
func (s shop) call(ctx context.Context, order domain.Order, key string) (domain.Order, bool, error) {
	return s.Orders().PlaceOrder(ctx, port.Placement{Owner: order.Owner, Key: key, Fingerprint: sent}, building(order))
}

// place places the order of what is in its owner's cart.
func (s shop) place(t *testing.T, order domain.Order, key string) domain.Order {
	t.Helper()
	order, placed, err := s.call(t.Context(), order, key)
	require.NoError(t, err)
	require.True(t, placed)
	return order
}

// sell fills the owner's cart and places an order of it.
func (s shop) sell(t *testing.T, owner domain.OwnerID, key string, lines ...domain.Line) domain.Order {
	t.Helper()
	s.fill(t, owner, lines...)
	return s.place(t, anOrder(owner), key)
}

// transition makes change and demands that the effects which it returned come back.
func (s shop) transition(t *testing.T, id domain.OrderID, change transition) domain.Order {
	t.Helper()
	var want domain.Effects
	order, effects, err := s.Orders().TransitionOrder(t.Context(), id, func(o *domain.Order) (effects domain.Effects, err error) {
		want, err = change(o)
		return want, err
	})
	require.NoError(t, err)
	assert.Equal(t, want, effects)
	return order
}

func (s shop) moveTo(t *testing.T, id domain.OrderID, next domain.OrderStatus) domain.Order {
	t.Helper()
	return s.transition(t, id, moving(next))
}

// lease leases an order.
func (s shop) lease(t *testing.T, lease port.Lease) domain.Order {
	t.Helper()
	order, err := s.Orders().LeaseOrder(t.Context(), lease)
	require.NoError(t, err)
	return order
}

// later is when orders change.
var later = noon.Add(3 * time.Hour)

type transition = func(*domain.Order) (domain.Effects, error)

func moving(next domain.OrderStatus) transition {
	return func(o *domain.Order) (domain.Effects, error) {
		giveWay()
		return o.MoveTo(next, later)
	}
}

// changing makes a change that has effects of its own, whatever the status is.
func changing(change func(*domain.Order), effects domain.Effects) transition {
	return func(o *domain.Order) (domain.Effects, error) {
		change(o)
		return effects, nil
	}
}

func paying(last4 string) transition {
	return changing(func(o *domain.Order) { o.Payment.Last4 = last4 }, domain.Effects{})
}

func (s shop) order(t *testing.T, id domain.OrderID) domain.Order {
	t.Helper()
	order, err := s.Orders().Order(t.Context(), id)
	require.NoError(t, err)
	return order
}

func (s shop) product(t *testing.T, n int) domain.Product {
	t.Helper()
	return productBy(t, s.Products, string(aProduct(n, 0).ID))
}

// movements are those of product n since it was first counted.
func (s shop) movements(t *testing.T, n int) []domain.StockMovement {
	t.Helper()
	all := movementsOf(t, s.Stock, aProduct(n, 0).ID)
	require.NotEmpty(t, all)
	require.Equal(t, domain.StockReceived, all[0].Reason)
	return all[1:]
}

// kept is all of a shop that an order may change.
type kept struct {
	products  map[domain.ProductID]domain.Product
	movements map[domain.ProductID][]domain.StockMovement
	carts     map[domain.OwnerID]domain.Cart
	orders    []domain.Order
	total     int
}

// kept reads products 1 to 5, the carts of three owners and the orders.
func (s shop) kept(t *testing.T) kept {
	t.Helper()
	k := kept{
		products:  map[domain.ProductID]domain.Product{},
		movements: map[domain.ProductID][]domain.StockMovement{},
		carts:     map[domain.OwnerID]domain.Cart{},
	}
	for n := 1; n <= 5; n++ {
		id := aProduct(n, 0).ID
		k.movements[id] = movementsOf(t, s.Stock, id)
		there, err := s.Products().Products(t.Context(), []domain.ProductID{id})
		require.NoError(t, err)
		for _, p := range there {
			p.AddedAt = p.AddedAt.UTC()
			k.products[id] = p
			assertAddsUp(t, p.Stock, k.movements[id])
		}
	}
	for _, owner := range []domain.OwnerID{"guest:a", "guest:b", "user:a"} {
		cart := cartOf(t, s.Carts, owner)
		cart.Lines, cart.Keys = append([]domain.Line{}, cart.Lines...), append([]string{}, cart.Keys...)
		k.carts[owner] = cart
	}
	k.orders = ordersInUTC(s.allOrders(t))
	k.total = len(k.orders)
	return k
}

// allOrders reads every order, and after them what was cancelled.
func (s shop) allOrders(t *testing.T) []domain.Order {
	t.Helper()
	var all []domain.Order
	for _, status := range []domain.OrderStatus{"", domain.Cancelled} {
		for number := 1; ; number++ {
			page, _, err := s.Orders().Orders(t.Context(), port.OrderFilter{Status: status}, domain.Page{Number: number, Size: 100})
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
		}
	}
	return all
}

// assertOrder compares all of two orders. Where their times were kept does not matter.
func assertOrder(t *testing.T, want, got domain.Order) {
	t.Helper()
	assert.Equal(t, orderInUTC(want), orderInUTC(got))
}

func orderInUTC(o domain.Order) domain.Order {
	o = o.Clone()
	o.PlacedAt, o.LeasedUntil = o.PlacedAt.UTC(), o.LeasedUntil.UTC()
	for i := range o.History {
		o.History[i].At = o.History[i].At.UTC()
	}
	return o
}

func ordersInUTC(all []domain.Order) []domain.Order {
	var in []domain.Order
	for _, o := range all {
		in = append(in, orderInUTC(o))
	}
	return in
}
