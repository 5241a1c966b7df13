package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestOrders(t *testing.T) {
	porttest.Orders(t, openShops)
}

// openShops is two servers' shops on one fresh database.
func openShops(t *testing.T) (porttest.Shop, porttest.Shop) {
	a, b := openTwo(t)
	return shopOf(a), shopOf(b)
}

func shopOf(s *postgres.Store) porttest.Shop {
	return porttest.Shop{Orders: s, Products: s, Stock: s, Carts: s, Catalog: s}
}

func TestStore_PlaceOrder(t *testing.T) {
	t.Run("the first order has a number that people can read out", func(t *testing.T) {
		s := open(t)
		putStock(t, s, 5)
		for _, want := range []domain.OrderNumber{"E-10001", "E-10002"} {
			for _, key := range []string{"declined", "paid"} {
				order, _, err := buy(t.Context(), s, "guest:a", key+string(want))
				require.NoError(t, err)
				next := map[string]domain.OrderStatus{"declined": domain.Cancelled, "paid": domain.Paid}[key]
				order, _, err = s.TransitionOrder(t.Context(), order.ID, func(o *domain.Order) (domain.Effects, error) { return o.MoveTo(next, time.Now()) })
				require.NoError(t, err)
				if key == "paid" {
					assert.Equal(t, want, order.Number, "attempts use up no number")
				}
			}
		}
		for _, number := range []domain.OrderNumber{"E-010001", "10001", "E-+10001", "e-10001", "E-10001 ", "E-99999999999999999999", "E--1000000000000", "E-0"} {
			_, err := s.OrderByNumber(t.Context(), number)
			require.ErrorIs(t, err, domain.ErrNotFound, number)
		}
	})
	t.Run("a sequence that an import by hand left behind is caught up with", func(t *testing.T) {
		url := migrated(t)
		s := openAt(t, url)
		putStock(t, s, 20)
		paid := func(key string) domain.OrderNumber {
			order, _, err := buy(t.Context(), s, "guest:a", key)
			require.NoError(t, err)
			order, _, err = s.TransitionOrder(t.Context(), order.ID, func(o *domain.Order) (domain.Effects, error) { return o.MoveTo(domain.Paid, time.Now()) })
			require.NoError(t, err)
			return order.Number
		}
		assert.Equal(t, []domain.OrderNumber{"E-10001", "E-10002"}, []domain.OrderNumber{paid("a"), paid("b")})
		execute(t, url, "SELECT setval('orders_number_seq', 10001, false), setval(pg_get_serial_sequence('stock_movements', 'id'), 1, false)")
		assert.Equal(t, domain.OrderNumber("E-10003"), paid("c"))
	})
	for name, c := range map[string]struct {
		fault  fault
		builds int
	}{
		"after the commit happened":                                 {answerLost, 1},
		"before the commit came there":                              {commandLost, 2},
		"before the commit came there, which the server sees later": {commandLostSilently, 2},
	} {
		t.Run("a connection that is lost "+name+" leads to one order and a right answer", func(t *testing.T) {
			url := migrated(t)
			direct := openAt(t, url)
			putStock(t, direct, 5)
			line := newProxy(t, url)
			s := openAt(t, line.url)
			fill(t, s, "guest:a", 2)
			builds := 0
			line.breakNextCommit(c.fault)
			order, placed, err := s.PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: "k", Fingerprint: "f"},
				func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
					builds++
					return domain.NewOrder(draft("order-1", "guest:a"), cart, products, domain.DefaultPricing())
				})
			require.NoError(t, err)
			assert.True(t, line.brokeCommit(), "no commit was cut")
			assert.True(t, placed)
			assert.Equal(t, c.builds, builds)

			all, total, err := direct.Orders(t.Context(), port.OrderFilter{}, domain.Page{Number: 1, Size: 9})
			require.NoError(t, err)
			assert.Equal(t, 1, total)
			assert.Equal(t, []domain.Order{order}, all)
			p, err := direct.Product(t.Context(), string(tea))
			require.NoError(t, err)
			assert.Equal(t, 3, p.Stock)
			cart, err := direct.Cart(t.Context(), "guest:a")
			require.NoError(t, err)
			assert.Empty(t, cart.Lines)
			again, placed, err := buy(t.Context(), s, "guest:a", "k")
			require.NoError(t, err)
			assert.False(t, placed)
			assert.Equal(t, order, again)
		})
	}
	t.Run("a connection that dies while the order is made leads to one order", func(t *testing.T) {
		url := migrated(t)
		s := openAt(t, url)
		putStock(t, s, 5)
		fill(t, s, "guest:a", 2)
		admin, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		defer func() { _ = admin.Close(t.Context()) }()
		builds := 0
		_, placed, err := s.PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: "k", Fingerprint: "f"},
			func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
				if builds++; builds == 1 {
					_, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
						WHERE datname = current_database() AND pid <> pg_backend_pid()`)
					require.NoError(t, err)
				}
				return domain.NewOrder(draft("order-1", "guest:a"), cart, products, domain.DefaultPricing())
			})
		require.NoError(t, err)
		assert.True(t, placed)
		assert.Equal(t, 2, builds)
		p, err := s.Product(t.Context(), string(tea))
		require.NoError(t, err)
		assert.Equal(t, 3, p.Stock)
	})
}

// TestOrders_OfServersOfBefore runs the statements of servers that know no attempts: they
// place an order with its number, and pay one without giving it any.
func TestOrders_OfServersOfBefore(t *testing.T) {
	url := migrated(t)
	s := openAt(t, url)
	putStock(t, s, 9)
	db, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = db.Close(t.Context()) }()
	paid := func(id domain.OrderID) domain.Order {
		t.Helper()
		order, _, err := s.TransitionOrder(t.Context(), id, func(o *domain.Order) (domain.Effects, error) { return o.MoveTo(domain.Paid, time.Now()) })
		require.NoError(t, err)
		return order
	}
	numbers := func() (numbers []domain.OrderNumber) {
		t.Helper()
		orders, _, err := s.Orders(t.Context(), port.OrderFilter{Owner: "guest:a"}, domain.Page{Number: 1, Size: 9})
		require.NoError(t, err)
		for _, order := range orders {
			assert.Len(t, order.Lines, 1)
			numbers = append(numbers, order.Number)
		}
		return numbers
	}
	_, err = db.Exec(t.Context(), `WITH placed AS (
			INSERT INTO orders (id, owner, email, status, currency, subtotal, shipping, tax, discount, total,
				shipping_address, payment_method, payment_status, payment_last4, placed_at, claimed_until, history,
				placed_by, key, fingerprint)
			VALUES ('before', 'guest:a', '', 'pending', 'USD', 1, 0, 0, 0, 1, '{}', '', 'pending', '', '2020-01-01', clock_timestamp(), '[]',
				'guest:a', 'key:before', 'f')
			RETURNING number
		) INSERT INTO order_lines SELECT number, 1, 'tea', 'Tea', 1, 1, 1 FROM placed`)
	require.NoError(t, err)
	attempt, _, err := buy(t.Context(), s, "guest:a", "k")
	require.NoError(t, err)
	assert.Equal(t, []domain.OrderNumber{"", "E-10001"}, numbers(), "an order of before has its number as it is placed")
	assert.Equal(t, domain.OrderNumber("E-10001"), paid("before").Number, "and keeps it")

	_, err = db.Exec(t.Context(), `UPDATE orders SET status = 'paid', payment_method = '', payment_status = 'paid', payment_last4 = '',
		history = '[]', key = CASE WHEN false THEN NULL ELSE key END WHERE id = $1`, attempt.ID)
	require.NoError(t, err)
	assert.Equal(t, []domain.OrderNumber{"E-10002", "E-10001"}, numbers(), "what is paid by a server of before has a number")
	next, _, err := buy(t.Context(), s, "guest:a", "next")
	require.NoError(t, err)
	assert.Equal(t, domain.OrderNumber("E-10003"), paid(next.ID).Number)

	rows, err := db.Query(t.Context(), `SELECT l.order_number = o.number FROM order_lines l LEFT JOIN orders o ON o.number = l.order_number`)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	require.NoError(t, err)
	assert.Equal(t, []bool{true, true, true}, found, "their servers find the lines by the number")
}

func TestNobodyWaitsInACircle(t *testing.T) {
	a, b := openTwo(t)
	stores := []*postgres.Store{a, b}
	putStock(t, a, 100_000)
	seed := rand.Uint64()
	t.Log("seed", seed)
	owners := []domain.OwnerID{"guest:a", "guest:b", "user:a", "user:b"}
	const workers, steps = 8, 60
	errs := make([]error, workers)
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			random, s := rand.New(rand.NewPCG(seed, uint64(i))), stores[i%2]
			var mine []domain.OrderID
			for step := range steps {
				owner, other := owners[random.IntN(4)], owners[random.IntN(4)]
				var err error
				switch random.IntN(6) {
				case 0, 1:
					lines := []domain.Line{{ID: "1", Product: tea, Quantity: 1}, {ID: "2", Product: pot, Quantity: 1}}
					if random.IntN(2) == 0 {
						lines[0], lines[1] = lines[1], lines[0]
					}
					_, err = s.UpdateCart(t.Context(), owner, func(c *domain.Cart) error { c.Lines = lines; return nil })
				case 2:
					var order domain.Order
					if order, _, err = place(t.Context(), s, owner, fmt.Sprint(i, step)); err == nil {
						mine = append(mine, order.ID)
					}
				case 3:
					if len(mine) > 0 {
						_, _, err = s.TransitionOrder(t.Context(), mine[random.IntN(len(mine))], func(o *domain.Order) (domain.Effects, error) {
							return o.MoveTo(domain.Cancelled, noon)
						})
					}
				case 4:
					err = s.MergeCart(t.Context(), owner, other)
				default:
					err = s.AdoptOrders(t.Context(), owner, other)
				}
				if !errors.Is(err, domain.ErrConflict) {
					errs[i] = errors.Join(errs[i], err)
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	for _, s := range stores {
		assert.Zero(t, s.Stats().Retries, "a deadlock was broken up")
	}
}

const tea, pot = domain.ProductID("tea"), domain.ProductID("pot")

var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// putStock puts two products into the catalog, as many of each as given.
func putStock(t testing.TB, s *postgres.Store, stock int) {
	t.Helper()
	var products []domain.Product
	for _, id := range []domain.ProductID{tea, pot} {
		products = append(products, domain.Product{
			ID: id, Slug: string(id), Name: string(id), Category: domain.Category{Slug: "kitchen", Name: "Kitchen"},
			Subcategory: domain.Category{Slug: "tea", Name: "Tea"}, Price: domain.Dollars(499), Stock: stock, AddedAt: noon,
		})
	}
	require.NoError(t, s.PutProducts(t.Context(), products))
}

// fill makes n of tea all that is in the owner's cart.
func fill(t testing.TB, s *postgres.Store, owner domain.OwnerID, n int) {
	t.Helper()
	_, err := s.UpdateCart(t.Context(), owner, func(c *domain.Cart) error {
		c.Version++
		c.Lines = []domain.Line{{ID: "1", Product: tea, Quantity: n}}
		return nil
	})
	require.NoError(t, err)
}

func draft(id domain.OrderID, owner domain.OwnerID) domain.Order {
	return domain.Order{ID: id, Owner: owner, Payment: domain.Payment{Method: domain.DemoCard}, PlacedAt: noon}
}

// place places an order of what is in the owner's cart.
func place(ctx context.Context, s *postgres.Store, owner domain.OwnerID, key string) (domain.Order, bool, error) {
	return s.PlaceOrder(ctx, port.Placement{Owner: owner, Key: key, Fingerprint: "f"},
		func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
			return domain.NewOrder(draft(domain.OrderID(string(owner)+" "+key), owner), cart, products, domain.DefaultPricing())
		})
}

// buy is place with two of tea in the cart.
func buy(ctx context.Context, s *postgres.Store, owner domain.OwnerID, key string) (domain.Order, bool, error) {
	_, err := s.UpdateCart(ctx, owner, func(c *domain.Cart) error {
		c.Lines = []domain.Line{{ID: "1", Product: tea, Quantity: 2}}
		return nil
	})
	if err != nil {
		return domain.Order{}, false, err
	}
	return place(ctx, s, owner, key)
}
