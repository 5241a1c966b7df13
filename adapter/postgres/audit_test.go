package postgres_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
	"eshop/port"
)

func TestStore_Audit(t *testing.T) {
	url := migrated(t)
	s := openAt(t, url)
	putStock(t, s, 1000)
	order, _, err := buy(t.Context(), s, "guest:a", "k")
	require.NoError(t, err)
	execute(t, url, "INSERT INTO demo_charges (order_id, verdict, amount, currency) SELECT id, 'charged', total, currency FROM orders")
	_, _, err = s.TransitionOrder(t.Context(), order.ID, func(o *domain.Order) (domain.Effects, error) { return o.MoveTo(domain.Paid, noon) })
	require.NoError(t, err)
	execute(t, url, `INSERT INTO conversations (id, owner, name, state, agent, agent_name, last, read_by_customer, read_by_agent, unread_by_customer,
		unread_by_agent, started_at, changed_at, revision) VALUES ('talk', 'guest:a', 'Ann', 'open', '', '', 2, 0, 0, 0, 0, now(), now(), 1);
		INSERT INTO messages (conversation, seq, client_id, speaker, side, user_id, name, body, at)
		SELECT 'talk', n, 'm' || n, 'guest:a', 'customer', '', 'Ann', 'Hello?', now() FROM generate_series(1, 2) n`)
	audit := func(t *testing.T) map[string]int {
		t.Helper()
		found := map[string]int{}
		rules, err := s.Audit(t.Context(), nil, func(f postgres.Finding) {
			found[f.Rule]++
			assert.NotEmpty(t, f.ID)
			assert.NotEmpty(t, f.Says)
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"stock", "taken", "sums", "number", "key", "paid", "charge", "time", "conversation", "popularity", "count", "schema"}, rules)
		return found
	}
	assert.Empty(t, audit(t), "a shop that nobody meddled with")

	for name, c := range map[string]struct{ harm, rule, undo string }{
		"stock out of nothing":            {"UPDATE product_facts SET stock = stock + 1", "stock", "UPDATE product_facts SET stock = stock - 1"},
		"an order that took no stock":     {"UPDATE stock_movements SET order_id = 'gone' WHERE order_id <> ''", "taken", "UPDATE stock_movements SET order_id = (SELECT id FROM orders) WHERE order_id = 'gone'"},
		"an order that does not add up":   {"UPDATE orders SET shipping = shipping + 1", "sums", "UPDATE orders SET shipping = shipping - 1"},
		"a line that does not":            {"UPDATE order_lines SET unit_price = unit_price + 1", "sums", "UPDATE order_lines SET unit_price = unit_price - 1"},
		"a line that is missing":          {"CREATE TABLE lost AS SELECT * FROM order_lines; DELETE FROM order_lines", "sums", "INSERT INTO order_lines SELECT * FROM lost; DROP TABLE lost"},
		"a paid order without a number":   {"UPDATE orders SET number = -number", "number", "UPDATE orders SET number = -number"},
		"goods that nobody paid for":      {"UPDATE demo_charges SET verdict = 'refused'", "paid", "UPDATE demo_charges SET verdict = 'charged'"},
		"goods that cost more":            {"UPDATE demo_charges SET amount = amount - 1", "paid", "UPDATE demo_charges SET amount = amount + 1"},
		"money of another currency":       {"UPDATE demo_charges SET currency = 'EUR'", "paid", "UPDATE demo_charges SET currency = 'USD'"},
		"money for nothing":               {"UPDATE orders SET status = 'cancelled'", "charge", "UPDATE orders SET status = 'paid'"},
		"money for an order that is gone": {"INSERT INTO demo_charges (order_id, verdict, amount, currency) VALUES ('gone', 'charged', 1, 'USD')", "charge", "DELETE FROM demo_charges WHERE order_id = 'gone'"},
		"a history that goes back": {"UPDATE orders SET history = jsonb_set(history, '{0,at}', '\"2199-01-01T00:00:00Z\"')", "time",
			"UPDATE orders SET history = jsonb_set(history, '{0,at}', '\"2000-01-01T00:00:00Z\"')"},
		"a status that no history has":  {"UPDATE orders SET status = 'shipped'", "time", "UPDATE orders SET status = 'paid'"},
		"a gap in a conversation":       {"UPDATE messages SET seq = 3 WHERE seq = 2", "conversation", "UPDATE messages SET seq = 2 WHERE seq = 3"},
		"a message that was lost":       {"UPDATE conversations SET last = last + 1", "conversation", "UPDATE conversations SET last = last - 1"},
		"a conversation that goes back": {"UPDATE messages SET at = at + interval '1 year' WHERE seq = 1", "conversation", "UPDATE messages SET at = at - interval '1 year' WHERE seq = 1"},
		"a message that is there twice": {"DROP INDEX messages_once; UPDATE messages SET client_id = 'm1'", "conversation",
			"UPDATE messages SET client_id = 'm' || seq; CREATE UNIQUE INDEX messages_once ON messages (conversation, speaker, client_id) WHERE client_id <> ''"},
		"a key that made two orders": {`ALTER TABLE orders DROP CONSTRAINT orders_key; CREATE TABLE twin AS SELECT * FROM orders;
			UPDATE twin SET id = 'twin', number = number + 1, status = 'pending'; INSERT INTO orders SELECT * FROM twin`, "key",
			"DELETE FROM orders WHERE id = 'twin'; DROP TABLE twin; ALTER TABLE orders ADD CONSTRAINT orders_key UNIQUE (placed_by, key)"},
		"a rank that is not what was sold": {"UPDATE product_popularity SET sold = sold + 1", "popularity", "UPDATE product_popularity SET sold = sold - 1"},
		"more counted than there are":      {"UPDATE product_counts SET n = n + 1", "count", "UPDATE product_counts SET n = n - 1"},
		"a constraint that is not there":   {"ALTER TABLE demo_charges DROP CONSTRAINT demo_charges_pkey", "schema", "ALTER TABLE demo_charges ADD PRIMARY KEY (order_id)"},
		"an index that could not be made":  {"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_by_owner'::regclass", "schema", "UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'orders_by_owner'::regclass"},
	} {
		t.Run(name, func(t *testing.T) {
			execute(t, url, c.harm)
			found := audit(t)
			assert.Positive(t, found[c.rule], found)
			n, err := s.Repair(t.Context())
			require.NoError(t, err)
			switch c.rule {
			case "popularity", "count":
				assert.Positive(t, n)
				assert.Empty(t, audit(t), "what is counted is put right")
			default:
				assert.Zero(t, n)
				assert.Equal(t, found, audit(t), "and nothing else")
				execute(t, url, c.undo)
			}
			assert.Empty(t, audit(t))
		})
	}

	t.Run("a product that has no rank, and a sort that is not counted, are put right", func(t *testing.T) {
		execute(t, url, "DELETE FROM product_popularity; DELETE FROM product_counts")
		assert.Len(t, audit(t), 2)
		_, err := s.Repair(t.Context())
		require.NoError(t, err)
		assert.Empty(t, audit(t))
	})
	t.Run("orders that were made to try the shop on are right", func(t *testing.T) {
		stock := func() int {
			p, err := s.Product(t.Context(), string(tea))
			require.NoError(t, err)
			return p.Stock
		}
		before := stock()
		require.NoError(t, s.MakeOrders(t.Context(), 7000, func(int) {}))
		require.NoError(t, s.MakeOrders(t.Context(), 1, func(int) {}))
		assert.Empty(t, audit(t))
		orders, total, err := s.Orders(t.Context(), port.OrderFilter{}, domain.Page{Number: 1, Size: 2})
		require.NoError(t, err)
		assert.Equal(t, 7002, total)
		assert.NotEmpty(t, orders[0].Lines)
		assert.Equal(t, before, stock())
	})
	t.Run("beside those who buy", func(t *testing.T) {
		execute(t, url, "UPDATE product_popularity SET sold = sold + 5; UPDATE product_counts SET n = n + 5")
		var buyers sync.WaitGroup
		for b := range 4 {
			buyers.Go(func() {
				for n := range 25 {
					_, _, err := buy(t.Context(), s, domain.OwnerID(fmt.Sprintf("guest:%d", b)), fmt.Sprint(n))
					assert.NoError(t, err)
				}
			})
		}
		for range 5 {
			_, err := s.Repair(t.Context())
			assert.NoError(t, err)
			found := audit(t)
			delete(found, "popularity") // a rank that was bought meanwhile may have to wait for the next
			assert.Empty(t, found)
		}
		buyers.Wait()
		_, err := s.Repair(t.Context())
		require.NoError(t, err)
		assert.Empty(t, audit(t))
	})
}
