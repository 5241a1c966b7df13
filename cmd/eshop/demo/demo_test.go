package demo_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/argon2"
	"eshop/adapter/memory"
	"eshop/cmd/eshop/demo"
	"eshop/domain"
	"eshop/port"
)

func TestLoad(t *testing.T) {
	store := memory.NewStore()
	require.NoError(t, loader(store).Load(t.Context()))
	loaded := look(t, store)

	t.Run("a shopper finds headphones that are in stock", func(t *testing.T) {
		found, err := store.Search(t.Context(), domain.Query{Text: "headphones", InStock: true, Sort: domain.ByRelevance, Page: domain.Page{Number: 1, Size: 1}})
		require.NoError(t, err)
		require.NotEmpty(t, found.Products)
		assert.Equal(t, "headphones", found.Products[0].Subcategory.Slug)
	})

	t.Run("everything that was made is there", func(t *testing.T) {
		assert.Equal(t, demo.Size(), loaded.products)
		for p := range first(demo.Size()) {
			kept, err := store.Product(t.Context(), p.Slug)
			require.NoError(t, err)
			assert.Equal(t, p.ID, kept.ID)
		}
	})

	t.Run("orders are in different states, and stock holds", func(t *testing.T) {
		states := map[domain.OrderStatus]bool{}
		for _, o := range loaded.orders {
			states[o.Status] = true
			assert.NotEmpty(t, o.Lines)
			assert.NotEmpty(t, o.Number, "what was paid has a number")
			last := o.PlacedAt
			for _, change := range o.History {
				assert.False(t, change.At.Before(last), o.Number)
				last = change.At
			}
		}
		assert.Equal(t, map[domain.OrderStatus]bool{domain.Paid: true, domain.Shipped: true, domain.Delivered: true, domain.Refunded: true}, states)
		assert.Len(t, loaded.ordered, 13)
		for id, p := range loaded.ordered {
			sum := 0
			for _, m := range loaded.movements[id] {
				sum += m.Delta
				assert.GreaterOrEqual(t, sum, 0)
			}
			assert.Equal(t, p.Stock, sum, p.Name)
		}
	})

	t.Run("loading again changes nothing", func(t *testing.T) {
		require.NoError(t, loader(store).Load(t.Context()))
		assert.Equal(t, loaded, look(t, store))
	})

	t.Run("several servers may load at once", func(t *testing.T) {
		store := memory.NewStore()
		failed := make(chan error)
		for range 3 {
			go func() { failed <- loader(store).Load(t.Context()) }()
		}
		for range 3 {
			require.NoError(t, <-failed)
		}
		assert.Equal(t, loaded, look(t, store))
	})

	t.Run("loading that was broken off anywhere is made up for", func(t *testing.T) {
		store := memory.NewStore()
		broken := &breaking{Store: store, calls: map[string]int{}}
		l := loader(store)
		l.Products, l.Carts, l.Users, l.Orders = broken, broken, broken, broken
		breaks := 0
		for err := l.Load(t.Context()); err != nil; err = l.Load(t.Context()) {
			require.ErrorIs(t, err, errBroken)
			breaks++
		}
		assert.GreaterOrEqual(t, breaks, 2*4*len(loaded.orders), "each call for each order, before and after")
		assert.Equal(t, loaded, look(t, store))
	})

	t.Run("an account's cart stays as it is", func(t *testing.T) {
		store := memory.NewStore()
		john := domain.UserID("demo-john").Owner()
		_, err := store.UpdateCart(t.Context(), john, func(c *domain.Cart) error {
			c.Lines = []domain.Line{{ID: "a", Product: "a", Quantity: 1}}
			return nil
		})
		require.NoError(t, err)
		require.NoError(t, loader(store).Load(t.Context()))
		cart, err := store.Cart(t.Context(), john)
		require.NoError(t, err)
		assert.Equal(t, 1, cart.ItemCount())
	})
}

func TestAccounts(t *testing.T) {
	passwords, err := argon2.New()
	require.NoError(t, err)
	store := memory.NewStore()
	l := loader(store)
	l.Passwords = passwords
	require.NoError(t, l.Load(t.Context()))
	for name, c := range map[string]struct {
		password string
		role     domain.Role
		orders   int
	}{
		"admin":      {"admin123", domain.Staff, 0},
		"john_doe":   {"password123", domain.Customer, 4},
		"jane_smith": {"password123", domain.Customer, 3},
	} {
		t.Run(name, func(t *testing.T) {
			user, err := store.UserByLogin(t.Context(), name)
			require.NoError(t, err)
			assert.Equal(t, c.role, user.Role)
			assert.NoError(t, domain.Registration{Username: user.Username, Email: user.Email, Password: "tulips and rain"}.Check())
			matches, err := passwords.Matches(t.Context(), user.PasswordHash, c.password)
			require.NoError(t, err)
			assert.True(t, matches)
			_, orders, err := store.Orders(t.Context(), port.OrderFilter{Owner: user.ID.Owner()}, domain.Page{Number: 1, Size: 10})
			require.NoError(t, err)
			assert.Equal(t, c.orders, orders)
		})
	}
}

func loader(store *memory.Store) *demo.Loader {
	return &demo.Loader{Products: store, Carts: store, Users: store, Orders: store, Passwords: plain{}}
}

// plain keeps passwords as they are, which is quick.
type plain struct{}

func (plain) Hash(_ context.Context, password string) (string, error) { return password, nil }

func (plain) Matches(_ context.Context, hash, password string) (bool, error) {
	return hash == password, nil
}

// seen is what a loaded store shows.
type seen struct {
	products  int
	users     []domain.User
	orders    []domain.Order
	ordered   map[domain.ProductID]domain.Product
	movements map[domain.ProductID][]domain.StockMovement
}

func look(t *testing.T, store *memory.Store) seen {
	t.Helper()
	s := seen{ordered: map[domain.ProductID]domain.Product{}, movements: map[domain.ProductID][]domain.StockMovement{}}
	found, err := store.Search(t.Context(), domain.Query{})
	require.NoError(t, err)
	s.products = found.Total
	for _, name := range []string{"admin", "john_doe", "jane_smith"} {
		user, err := store.UserByLogin(t.Context(), name)
		require.NoError(t, err)
		s.users = append(s.users, user)
	}
	s.orders, _, err = store.Orders(t.Context(), port.OrderFilter{}, domain.Page{Number: 1, Size: 100})
	require.NoError(t, err)
	for i, o := range s.orders {
		s.orders[i].LeasedUntil = time.Time{} // by the clock
		for _, line := range o.Lines {
			s.ordered[line.Product], err = store.Product(t.Context(), string(line.Product))
			require.NoError(t, err)
			s.movements[line.Product], err = store.Movements(t.Context(), line.Product)
			require.NoError(t, err)
		}
	}
	return s
}

var errBroken = errors.New("broken off")

// breaking breaks every call that changes something twice: before it is made, and
// when it was made and nobody hears of it.
type breaking struct {
	*memory.Store
	mu    sync.Mutex
	calls map[string]int
}

func (b *breaking) call(name string, call func() error) error {
	b.mu.Lock()
	b.calls[name]++
	times := b.calls[name]
	b.mu.Unlock()
	switch times {
	case 1:
		return errBroken
	case 2:
		return errors.Join(errBroken, call())
	}
	return call()
}

func (b *breaking) PutProducts(ctx context.Context, products []domain.Product) error {
	return b.call("products from "+string(products[0].ID), func() error { return b.Store.PutProducts(ctx, products) })
}

func (b *breaking) AddUser(ctx context.Context, u domain.User) error {
	return b.call("user "+u.Username, func() error { return b.Store.AddUser(ctx, u) })
}

func (b *breaking) UpdateCart(ctx context.Context, owner domain.OwnerID, change func(*domain.Cart) error) (cart domain.Cart, err error) {
	err = b.call("cart of "+string(owner), func() error {
		cart, err = b.Store.UpdateCart(ctx, owner, change)
		return err
	})
	return cart, err
}

func (b *breaking) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (order domain.Order, placed bool, err error) {
	err = b.call("order of "+string(p.Owner), func() error {
		order, placed, err = b.Store.PlaceOrder(ctx, p, build)
		return err
	})
	return order, placed, err
}

func (b *breaking) TransitionOrder(ctx context.Context, id domain.OrderID,
	change func(*domain.Order) (domain.Effects, error)) (order domain.Order, effects domain.Effects, err error) {
	err = b.call("states of "+string(id), func() error {
		order, effects, err = b.Store.TransitionOrder(ctx, id, change)
		return err
	})
	return order, effects, err
}

func (b *breaking) AdoptOrders(ctx context.Context, from, into domain.OwnerID) error {
	return b.call("adoption from "+string(from), func() error { return b.Store.AdoptOrders(ctx, from, into) })
}

// oneAtATime refuses a second password while there is a first, as a busy machine does.
type oneAtATime struct {
	plain
	busy *atomic.Bool
}

func (p oneAtATime) Hash(ctx context.Context, password string) (string, error) {
	if !p.busy.CompareAndSwap(false, true) {
		return "", domain.ErrUnavailable
	}
	defer p.busy.Store(false)
	time.Sleep(10 * time.Millisecond) // in which another would come
	return p.plain.Hash(ctx, password)
}

func TestLoad_WaitsForNoTurnBehindItself(t *testing.T) {
	l := loader(memory.NewStore())
	l.Passwords = oneAtATime{busy: new(atomic.Bool)}
	require.NoError(t, l.Load(t.Context()))
}
