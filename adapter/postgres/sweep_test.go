package postgres_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestSweeper(t *testing.T) {
	porttest.Sweeper(t, func(t *testing.T) (a, b porttest.Swept) { return openTwo(t) })
}

func TestGrowth_EveryTableHasARule(t *testing.T) {
	url := migrated(t)
	text, err := os.ReadFile("growth.md")
	require.NoError(t, err)
	var ruled []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|(?:[^|]*\\|){3}$").FindAllStringSubmatch(string(text), -1) {
		ruled = append(ruled, row[1])
	}
	tables := column[string](t, url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
	assert.ElementsMatch(t, tables, ruled, "growth.md has a row for each table, and for nothing else")
}

func TestStore_Sweep_KeepsWhatWasCharged(t *testing.T) {
	url := migrated(t)
	s := openAt(t, url)
	for order, status := range map[domain.OrderID]port.ChargeStatus{"charged": port.Charged, "refused": port.Refused, "void": port.NotCharged, "young": port.Refused} {
		_, _, err := s.KeepCharge(t.Context(), order, domain.Dollars(100), status, 0)
		require.NoError(t, err)
	}
	execute(t, url, "UPDATE demo_charges SET kept_on = current_date - 91 WHERE order_id <> 'young'")
	require.NoError(t, s.Sweep(t.Context(), time.Now()))
	assert.ElementsMatch(t, []string{"charged", "young"}, column[string](t, url, "SELECT order_id FROM demo_charges"))
}

func TestStore_Sweep_EmptiesTheOutbox(t *testing.T) {
	url := migrated(t)
	s := openAt(t, url)
	execute(t, url, "INSERT INTO product_change_outbox SELECT n::text FROM generate_series(1, 25000) n")
	require.NoError(t, s.Sweep(t.Context(), time.Now()))
	assert.Equal(t, []int{0, 25_000}, column[int](t, url, "SELECT count(*) FROM product_change_outbox UNION ALL SELECT count(*) FROM product_changes"))
}

// TestStore_Sweep_KeepsUp holds a sweep to what 1.8 million guests an hour leave behind: it must
// delete the sessions, carts and wishlists of 500 a second and as much again of a backlog, while 500 a
// second come, and it is at work for half of the time at most.
func TestStore_Sweep_KeepsUp(t *testing.T) {
	const (
		backlog = 200_000
		guests  = 500
		needed  = 2 * 2 * guests // a second
		slow    = time.Second
	)
	url := migrated(t)
	s := openAt(t, url)
	now := time.Now()
	// A tenth is kept: guests whose carts are old and who are still about.
	execute(t, url, `INSERT INTO sessions SELECT md5('s' || n), 'guest:' || n, '', false, $1::timestamptz - interval '62 days',
		CASE WHEN n % 10 = 0 THEN $1::timestamptz + interval '10 days' ELSE $1::timestamptz - interval '32 days' END FROM generate_series(1, $2::int) n`, now, backlog)
	for _, table := range []string{"carts", "wishlists"} {
		execute(t, url, "INSERT INTO "+table+" (owner, touched_on) SELECT 'guest:' || n, current_date - 62 FROM generate_series(1, $1::int) n", backlog)
	}
	execute(t, url, "ANALYZE sessions, carts, wishlists")
	longest := watchStatements(t, url)

	var coming sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	came := 0
	coming.Go(func() {
		tick := time.NewTicker(time.Second / guests)
		defer tick.Stop()
		for ; ctx.Err() == nil; came++ {
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
			session := domain.Session{Key: domain.SessionKey(fmt.Sprint("new ", came)), Guest: domain.OwnerID(fmt.Sprint("guest:new ", came)),
				CreatedAt: now, ExpiresAt: now.Add(domain.SessionIdle)}
			assert.NoError(t, s.PutSession(t.Context(), session))
			_, err := s.UpdateCart(t.Context(), session.Guest, func(c *domain.Cart) error {
				c.Lines = []domain.Line{{ID: "1", Product: tea, Quantity: 1}}
				return nil
			})
			assert.NoError(t, err)
		}
	})
	begin := time.Now()
	require.NoError(t, openAt(t, url).Sweep(t.Context(), now))
	took := time.Since(begin)
	stop()
	coming.Wait()

	rate := float64(backlog) / took.Seconds()
	t.Logf("%d guests' sessions, carts and wishlists swept in %s: %.0f guests a second, beside %.0f new ones a second; the longest statement took %s",
		backlog, took.Round(time.Millisecond), rate, float64(came)/took.Seconds(), longest().Round(time.Millisecond))
	assert.Greater(t, rate, float64(needed))
	assert.Less(t, longest(), slow)
	for _, table := range []string{"carts", "wishlists"} {
		assert.Equal(t, []int{backlog / 10}, column[int](t, url, "SELECT count(*) FROM "+table+" WHERE owner NOT LIKE 'guest:new%'"), table)
	}
	assert.Equal(t, []int{backlog/10 + came}, column[int](t, url, "SELECT count(*) FROM sessions"))
	begin = time.Now()
	require.NoError(t, s.Sweep(t.Context(), now))
	t.Logf("with nothing to do it takes %s", time.Since(begin).Round(time.Millisecond))
}

// watchStatements looks every few milliseconds for the statement that has been running the longest.
func watchStatements(t *testing.T, url string) (longest func() time.Duration) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	var (
		watching sync.WaitGroup
		mu       sync.Mutex
		most     time.Duration
	)
	ctx, stop := context.WithCancel(t.Context())
	watching.Go(func() {
		defer conn.Close(context.WithoutCancel(ctx))
		for ctx.Err() == nil {
			var seconds float64
			err := conn.QueryRow(ctx, `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0) FROM pg_stat_activity
				WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&seconds)
			if err != nil {
				return
			}
			mu.Lock()
			most = max(most, time.Duration(seconds*float64(time.Second)))
			mu.Unlock()
			time.Sleep(5 * time.Millisecond)
		}
	})
	t.Cleanup(func() { stop(); watching.Wait() })
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return most
	}
}

// column returns the one column of what a query finds.
func column[T any](t *testing.T, url, query string, args ...any) []T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), query, args...)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(t, err)
	return found
}
