package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
	"eshop/port"
)

// recordCall is one call of a port, and how many statements it makes, whatever
// there is: the beginning and the end of a transaction are one each.
type recordCall struct {
	name       string
	statements int64
	call       func(ctx context.Context, s *postgres.Store) error
}

// recordCalls are in an order in which each finds what it needs. Those named with
// the owner guest:1 work on its cart of n products.
func recordCalls(n int) []recordCall {
	fill := func(ctx context.Context, s *postgres.Store) error {
		_, err := s.UpdateCart(ctx, "guest:1", func(c *domain.Cart) error {
			c.Lines = nil
			for i := range n {
				c.Lines = append(c.Lines, domain.Line{ID: domain.LineID(fmt.Sprint(i)), Product: stockedID(i), Quantity: 1})
			}
			c.Keys = append(c.Keys, "key")
			return nil
		})
		return err
	}
	buy := func(key string) func(ctx context.Context, s *postgres.Store) error {
		return func(ctx context.Context, s *postgres.Store) error {
			_, _, err := place(ctx, s, "guest:1", key)
			return err
		}
	}
	move := func(key string, next domain.OrderStatus) func(ctx context.Context, s *postgres.Store) error {
		return func(ctx context.Context, s *postgres.Store) error {
			_, _, err := s.TransitionOrder(ctx, domain.OrderID("guest:1 "+key), func(o *domain.Order) (domain.Effects, error) {
				return o.MoveTo(next, noon)
			})
			return err
		}
	}
	orders := func(filter port.OrderFilter) func(ctx context.Context, s *postgres.Store) error {
		return func(ctx context.Context, s *postgres.Store) error {
			_, _, err := s.Orders(ctx, filter, domain.Page{Number: 2, Size: 24})
			return err
		}
	}
	wishing := func(list *domain.Wishlist) error {
		for i := range n {
			if err := list.Add(domain.WishlistItem{ID: domain.WishlistItemID(fmt.Sprint(i)), Product: stockedID(i), AddedAt: noon}); err != nil {
				return err
			}
		}
		return nil
	}
	session := domain.Session{Key: "session-1", Guest: "guest:1", CreatedAt: noon, ExpiresAt: noon.Add(domain.SessionIdle)}
	return []recordCall{
		{"Cart", 1, func(ctx context.Context, s *postgres.Store) error { _, err := s.Cart(ctx, "guest:1"); return err }},
		{"UpdateCart", 4, fill},
		{"MergeCart", 7, func(ctx context.Context, s *postgres.Store) error { return s.MergeCart(ctx, "guest:1", "guest:2") }},
		{"MergeCart of nothing", 1, func(ctx context.Context, s *postgres.Store) error { return s.MergeCart(ctx, "guest:1", "guest:2") }},

		{"Wishlist", 1, func(ctx context.Context, s *postgres.Store) error { _, err := s.Wishlist(ctx, "guest:1"); return err }},
		{"UpdateWishlist", 4, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.UpdateWishlist(ctx, "guest:1", wishing)
			return err
		}},
		{"MergeWishlist", 7, func(ctx context.Context, s *postgres.Store) error { return s.MergeWishlist(ctx, "guest:1", "guest:2") }},
		{"MergeWishlist of nothing", 1, func(ctx context.Context, s *postgres.Store) error { return s.MergeWishlist(ctx, "guest:1", "guest:2") }},

		{"UpdateCart again", 4, fill},
		{"PlaceOrder", 7, buy("a")},
		{"PlaceOrder again", 4, buy("a")},
		{"Order", 1, func(ctx context.Context, s *postgres.Store) error { _, err := s.Order(ctx, "guest:1 a"); return err }},
		{"Orders", 1, orders(port.OrderFilter{})},
		{"Orders of an owner", 1, orders(port.OrderFilter{Owner: "guest:1"})},
		{"Orders of a status", 1, orders(port.OrderFilter{Status: domain.Pending})},
		{"Orders of an owner and a status", 1, orders(port.OrderFilter{Owner: "guest:1", Status: domain.Pending})},
		{"TransitionOrder to Paid", 4, move("a", domain.Paid)},
		{"OrderByNumber", 1, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.OrderByNumber(ctx, "E-10001")
			return err
		}},
		{"TransitionOrder to Refunding", 4, move("a", domain.Refunding)},
		{"LeaseOrder that is Refunding", 1, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.LeaseOrder(ctx, port.Lease{Status: domain.Refunding})
			return err
		}},
		{"TransitionOrder to Refunded", 5, move("a", domain.Refunded)},
		{"UpdateCart once more", 4, fill},
		{"PlaceOrder once more", 7, buy("b")},
		{"LeaseOrder", 1, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.LeaseOrder(ctx, port.Lease{})
			return err
		}},
		{"LeaseOrder by its id", 1, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.LeaseOrder(ctx, port.Lease{Order: "guest:1 b"})
			return err
		}},
		{"TransitionOrder to Cancelled", 7, move("b", domain.Cancelled)},
		{"AdoptOrders", 1, func(ctx context.Context, s *postgres.Store) error { return s.AdoptOrders(ctx, "guest:1", "user:1") }},

		{"AddUser", 1, func(ctx context.Context, s *postgres.Store) error {
			return s.AddUser(ctx, domain.User{ID: "user-1", Username: "Anna", Email: "anna@example.com", Role: domain.Customer, CreatedAt: noon})
		}},
		{"User", 1, func(ctx context.Context, s *postgres.Store) error { _, err := s.User(ctx, "user-1"); return err }},
		{"UserByLogin", 1, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.UserByLogin(ctx, "ANNA@example.com")
			return err
		}},

		{"UpdateUser", 4, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.UpdateUser(ctx, "user-1", func(u *domain.User) error { u.Role = domain.Staff; return nil })
			return err
		}},
		{"Staff", 1, func(ctx context.Context, s *postgres.Store) error { _, err := s.Staff(ctx); return err }},

		{"PutSession", 1, func(ctx context.Context, s *postgres.Store) error { return s.PutSession(ctx, session) }},
		{"Session", 1, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.Session(ctx, "session-1", noon)
			return err
		}},
		{"TouchSession", 1, func(ctx context.Context, s *postgres.Store) error {
			return s.TouchSession(ctx, "session-1", session.ExpiresAt.Add(time.Hour))
		}},
		{"ConfirmSession", 1, func(ctx context.Context, s *postgres.Store) error { return s.ConfirmSession(ctx, "session-1", noon) }},
		{"SessionsOf", 1, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.SessionsOf(ctx, "user-1", noon)
			return err
		}},
		{"EndSessions", 1, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.EndSessions(ctx, "user-1", "session-1")
			return err
		}},
		{"ReplaceSession", 1, func(ctx context.Context, s *postgres.Store) error { return s.ReplaceSession(ctx, "old", session) }},
		{"DeleteSession", 1, func(ctx context.Context, s *postgres.Store) error { return s.DeleteSession(ctx, "session-1") }},
		{"Sweep", 14, func(ctx context.Context, s *postgres.Store) error { return s.Sweep(ctx, noon) }},

		{"AddContact", 1, func(ctx context.Context, s *postgres.Store) error {
			return s.AddContact(ctx, domain.Contact{ID: "contact-1", Name: "Anna", SentAt: noon})
		}},
		{"Contacts", 1, func(ctx context.Context, s *postgres.Store) error {
			_, _, err := s.Contacts(ctx, domain.Page{Number: 2, Size: 24})
			return err
		}},
		{"ChargeOf", 1, func(ctx context.Context, s *postgres.Store) error {
			_, _, err := s.ChargeOf(ctx, "order-1")
			return err
		}},
		{"KeepCharge", 2, func(ctx context.Context, s *postgres.Store) error {
			_, _, err := s.KeepCharge(ctx, "order-1", domain.Dollars(499), port.Charged, 0)
			return err
		}},
	}
}

func TestACallMakesAFixedNumberOfStatements(t *testing.T) {
	for _, n := range []int{1, 100} {
		t.Run(fmt.Sprintf("%d products", n), func(t *testing.T) {
			s := open(t)
			stockProducts(t, s, n, 10)
			for _, c := range recordCalls(n) {
				before := s.Stats().Statements
				require.NoError(t, c.call(t.Context(), s), c.name)
				assert.Equal(t, c.statements, s.Stats().Statements-before, c.name)
			}
		})
	}
}

func TestFrequentCallsArePreparedOnce(t *testing.T) {
	line := newProxy(t, migrated(t))
	s := openAt(t, line.url+"&pool_max_conns=1")
	stockProducts(t, s, 2, 10)
	calls := func(i int) {
		owner, n := domain.OwnerID(fmt.Sprint("guest:", i)), fmt.Sprint(i)
		_, _ = s.Session(t.Context(), domain.SessionKey(n), noon) // there is none
		_, _ = s.User(t.Context(), domain.UserID(n))
		_, _ = s.Picture(t.Context(), domain.PictureName(n))
		_, _ = s.ConversationOf(t.Context(), owner)
		require.NoError(t, s.TouchSession(t.Context(), domain.SessionKey(n), noon))
		_, err := s.UpdateCart(t.Context(), owner, func(c *domain.Cart) error { c.Version++; return nil })
		require.NoError(t, err)
		_, err = s.Cart(t.Context(), owner)
		require.NoError(t, err)
		_, err = s.UpdateWishlist(t.Context(), owner, func(*domain.Wishlist) error { return nil })
		require.NoError(t, err)
		_, err = s.Wishlist(t.Context(), owner)
		require.NoError(t, err)
		_, err = s.Product(t.Context(), string(stockedID(i)))
		require.NoError(t, err)
		_, err = s.Products(t.Context(), []domain.ProductID{stockedID(i)})
		require.NoError(t, err)
	}
	calls(0)
	line.statements()
	calls(1)
	for _, text := range line.statements() {
		assert.Contains(t, []string{"begin", "commit", "-- ping"}, text, "was sent once more")
	}
}

func TestEveryStatementGoesByAnIndex(t *testing.T) {
	url := migrated(t)
	s, closeStore, err := postgres.Open(t.Context(), postgres.Config{URL: url})
	require.NoError(t, err)
	stockProducts(t, s, 3, 10)
	tables := []string{"carts", "wishlists", "orders", "order_lines", "users", "sessions", "contacts", "demo_charges"}
	for _, statement := range []string{
		`INSERT INTO carts (owner, touched_on) SELECT 'guest:x' || n, CASE WHEN n % 50 = 0 THEN date '2026-01-01' ELSE date '2026-03-14' END FROM generate_series(1, 20000) n`,
		`INSERT INTO wishlists (owner, touched_on) SELECT 'guest:x' || n, CASE WHEN n % 50 = 0 THEN date '2026-01-01' ELSE date '2026-03-14' END FROM generate_series(1, 20000) n`,
		`INSERT INTO orders (id, owner, email, status, currency, subtotal, shipping, tax, discount, total, shipping_address,
			payment_method, payment_status, payment_last4, placed_at, history, placed_by, key, fingerprint)
			SELECT 'x' || n, 'guest:x' || n % 4000, '', CASE WHEN n % 200 = 0 THEN 'pending' ELSE 'delivered' END, 'USD', 0, 0, 0, 0, 0, '{}',
			'', '', '', timestamptz '2026-01-01' + n * interval '1 minute', '[]', 'guest:x' || n % 4000, n::text, '' FROM generate_series(1, 20000) n`,
		`INSERT INTO order_lines SELECT number, p, 'tea', '', 1, 1, 1 FROM orders, generate_series(1, 2) p`,
		`INSERT INTO users (id, username, email, login_name, login_email, role, password_hash, created_at) SELECT n, n, n, n, n || '@x', '', '', now() FROM generate_series(1, 20000) n`,
		`INSERT INTO sessions (key, guest, user_id, unmerged, created_at, expires_at) SELECT n, 'guest:x' || n * 2, '', false, now(), timestamptz '2026-03-13' + n * interval '1 minute' FROM generate_series(1, 20000) n`,
		`INSERT INTO contacts SELECT n, '', '', '', repeat('x', 200), '', false, timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 20000) n`,
		`INSERT INTO demo_charges SELECT n, '', 1, 'USD' FROM generate_series(1, 20000) n`,
	} {
		execute(t, url, statement)
	}
	watcher, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = watcher.Close(t.Context()) }()
	// Rows are counted in an index once the table's map says that all may be seen,
	// which a vacuum that is not alone may have to leave to the next.
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		left := 1
		for _, table := range tables {
			_, err := watcher.Exec(t.Context(), "VACUUM ANALYZE "+table)
			require.NoError(c, err)
		}
		require.NoError(c, watcher.QueryRow(t.Context(), `SELECT count(*) FROM pg_class
			WHERE relname = ANY ($1) AND relkind = 'r' AND relallvisible < relpages`, tables).Scan(&left))
		require.Zero(c, left)
	}, 30*time.Second, 10*time.Millisecond)
	scans := func() (bySequence, byIndex map[string]int64) {
		bySequence, byIndex = map[string]int64{}, map[string]int64{}
		rows, err := watcher.Query(t.Context(), `SELECT relname, seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = ANY ($1)`, tables)
		require.NoError(t, err)
		var name string
		var seq, index int64
		_, err = pgx.ForEachRow(rows, []any{&name, &seq, &index}, func() error {
			bySequence[name], byIndex[name] = seq, index
			return nil
		})
		require.NoError(t, err)
		return bySequence, byIndex
	}
	// A connection's figures are known when it has ended.
	alone := func() {
		t.Helper()
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			others := 1
			require.NoError(c, watcher.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&others))
			require.Zero(c, others)
		}, 10*time.Second, 10*time.Millisecond)
	}
	closeStore()
	alone()
	seqBefore, indexBefore := scans()

	s, closeStore, err = postgres.Open(t.Context(), postgres.Config{URL: url})
	require.NoError(t, err)
	for _, c := range recordCalls(3) {
		require.NoError(t, c.call(t.Context(), s), c.name)
	}
	closeStore()
	alone()
	seqAfter, indexAfter := scans()
	for _, table := range tables {
		assert.Equal(t, seqBefore[table], seqAfter[table], "%s was read from one end to the other", table)
		assert.Greater(t, indexAfter[table], indexBefore[table], "%s was not read", table)
	}
}

func stockedID(i int) domain.ProductID { return domain.ProductID(fmt.Sprintf("stocked-%03d", i)) }

// stockProducts puts n products into the catalog, stock of each.
func stockProducts(t testing.TB, s *postgres.Store, n, stock int) {
	t.Helper()
	products := make([]domain.Product, n)
	for i := range products {
		products[i] = domain.Product{
			ID: stockedID(i), Slug: string(stockedID(i)), Name: fmt.Sprint("Pot ", i), Category: domain.Category{Slug: "kitchen", Name: "Kitchen"},
			Subcategory: domain.Category{Slug: "pots", Name: "Pots"}, Price: domain.Dollars(499), Stock: stock, AddedAt: noon,
		}
	}
	require.NoError(t, s.PutProducts(t.Context(), products))
}
