package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
)

func TestStore_Audit(t *testing.T) {
	url := migrated(t)
	s := openAt(t, url)
	putStock(t, s, 20)
	order, _, err := buy(t.Context(), s, "guest:a", "k")
	require.NoError(t, err)
	execute(t, url, "INSERT INTO demo_charges (order_id, verdict, amount, currency) SELECT id, 'charged', total, currency FROM orders")
	_, _, err = s.TransitionOrder(t.Context(), order.ID, func(o *domain.Order) (domain.Effects, error) { return o.MoveTo(domain.Paid, noon) })
	require.NoError(t, err)
	audit := func(t *testing.T) map[string]int {
		t.Helper()
		found := map[string]int{}
		rules, err := s.Audit(t.Context(), nil, func(f postgres.Finding) {
			found[f.Rule]++
			assert.NotEmpty(t, f.ID)
			assert.NotEmpty(t, f.Says)
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"stock", "sums", "number", "paid", "charge", "conversation", "popularity", "count"}, rules)
		return found
	}
	assert.Empty(t, audit(t), "a shop that nobody meddled with")
	for name, c := range map[string]struct{ harm, rule, undo string }{
		"stock out of nothing":             {"UPDATE product_facts SET stock = stock + 1", "stock", "UPDATE product_facts SET stock = stock - 1"},
		"an order that does not add up":    {"UPDATE orders SET shipping = shipping + 1", "sums", "UPDATE orders SET shipping = shipping - 1"},
		"a line that does not":             {"UPDATE order_lines SET quantity = quantity + 1", "sums", "UPDATE order_lines SET quantity = quantity - 1"},
		"goods that nobody paid for":       {"UPDATE demo_charges SET verdict = 'refused'", "paid", "UPDATE demo_charges SET verdict = 'charged'"},
		"money for nothing":                {"UPDATE orders SET status = 'cancelled'", "charge", "UPDATE orders SET status = 'paid'"},
		"money for an order that is gone":  {"INSERT INTO demo_charges (order_id, verdict, amount, currency) VALUES ('gone', 'charged', 1, 'USD')", "charge", "DELETE FROM demo_charges WHERE order_id = 'gone'"},
		"a rank that is not what was sold": {"UPDATE product_popularity SET sold = sold + 1", "popularity", "UPDATE product_popularity SET sold = sold - 1"},
		"more counted than there are":      {"UPDATE product_counts SET n = n + 1", "count", "UPDATE product_counts SET n = n - 1"},
	} {
		t.Run(name, func(t *testing.T) {
			execute(t, url, c.harm)
			found := audit(t)
			assert.Positive(t, found[c.rule], found)
			execute(t, url, c.undo)
			assert.Empty(t, audit(t))
		})
	}
}
