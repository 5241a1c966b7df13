package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Books are what the shop had in stock, read from the tables.
type Books map[string]int

// Books reads what is in stock now.
func (c *Cluster) Books(t testing.TB) Books {
	t.Helper()
	books := Books{}
	for _, r := range query[struct {
		ID    string
		Stock int
	}](t, c, "SELECT id, stock FROM product_facts") {
		books[r.ID] = r.Stock
	}
	return books
}

// WaitShown waits until every server's catalog shows what is in stock, now that nobody is shopping, and returns how long
// it took. It should take no longer than CatalogAge, and fails at five times that.
func (c *Cluster) WaitShown(t testing.TB, books Books) time.Duration {
	t.Helper()
	begin := time.Now()
	for _, s := range c.Servers {
		for product, n := range books {
			for ; ; time.Sleep(100 * time.Millisecond) {
				var told productJSON
				status, body := s.Get(t, "/api/products/"+product)
				if status == http.StatusOK && json.Unmarshal(body, &told) == nil && told.Product.ID == product && told.Product.Stock == n {
					break
				}
				if time.Since(begin) > 5*CatalogAge {
					require.Fail(t, "the catalog shows an old figure", "%s has %d of %s (%d), and there are %d", s.Name, told.Product.Stock, product, status, n)
				}
			}
		}
	}
	return time.Since(begin)
}

// Audit holds the tables against what shoppers know: every acknowledged order is
// there once, with what was in the cart; there is none that nobody asked for; what
// was sold and what is left make what there was at the opening, when none of the
// shoppers had bought anything. It ends with eshop audit, and returns what is wrong.
func (c *Cluster) Audit(t testing.TB, opening Books, shoppers *Shoppers) []string {
	t.Helper()
	mails := map[string]*shopper{}
	for _, s := range shoppers.all {
		mails[s.email] = s
	}
	// A payment whose asker died is settled by another server once its lease has ended.
	until(t, func() bool {
		return query[struct{ N int }](t, c, "SELECT count(*) AS n FROM orders WHERE status = 'pending'")[0].N == 0
	}, func() string { return "an order is not settled" })

	type order struct {
		ID, Email, Status string
		Total             int64
		Lines             string
	}
	kept := map[string]map[string]order{}
	sold := map[string]int{}
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, o := range query[order](t, c, `
		SELECT o.id, o.email, o.status, o.total,
			string_agg(l.product_id || '=' || l.quantity, ' ' ORDER BY l.product_id) AS lines
		FROM orders o JOIN order_lines l ON l.order_number = o.number
		GROUP BY o.number`) {
		if mails[o.Email] == nil || o.Status == "cancelled" {
			continue
		}
		if kept[o.Email] == nil {
			kept[o.Email] = map[string]order{}
		}
		kept[o.Email][o.ID] = o
		for product, n := range quantitiesOf(o.Lines) {
			sold[product] += n
		}
	}
	for mail, s := range mails {
		for _, known := range s.orders {
			o, ok := kept[mail][known.ID]
			switch {
			case !ok:
				complain("order %s of %s was acknowledged and is not there", known.ID, s.who())
			case o.Total != known.Total || !maps.Equal(quantitiesOf(o.Lines), known.Lines):
				complain("order %s of %s is not what was acknowledged", known.ID, s.who())
			}
			delete(kept[mail], known.ID)
		}
		for id := range kept[mail] {
			complain("%s never heard of their order %s", s.who(), id)
		}
	}
	now := c.Books(t)
	for product, had := range opening {
		if now[product]+sold[product] != had {
			complain("of %s there were %d, %d were sold, and %d are left", product, had, sold[product], now[product])
		}
	}
	slices.Sort(wrong)
	return append(wrong, c.audit()...)
}

// audit returns what eshop audit finds wrong.
func (c *Cluster) audit() []string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // a test that ends audits too
	defer cancel()
	folder, err := build()
	if err != nil {
		return []string{err.Error()}
	}
	command := exec.CommandContext(ctx, filepath.Join(folder, "eshop"), "audit")
	command.Dir, command.Env = folder, append(os.Environ(), "DATABASE_URL="+c.Postgres.URL, "SECRET_KEY="+secretKey)
	says, err := command.CombinedOutput()
	if err == nil {
		return nil
	}
	return append(strings.Split(strings.TrimSpace(string(says)), "\n"), err.Error())
}

// Orders is how many orders were acknowledged so far.
func (s *Shoppers) Orders() int {
	n := 0
	for _, one := range s.all {
		n += len(one.orders)
	}
	return n
}

func quantitiesOf(lines string) map[string]int {
	n := map[string]int{}
	for _, line := range strings.Fields(lines) {
		product, quantity, _ := strings.Cut(line, "=")
		var q int
		_, _ = fmt.Sscan(quantity, &q) // the statement wrote it
		n[product] = q
	}
	return n
}

func (c *Cluster) administer(t testing.TB, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	db, err := pgx.Connect(ctx, c.Postgres.URL)
	require.NoError(t, err)
	defer db.Close(ctx)
	for _, statement := range statements {
		_, err = db.Exec(ctx, statement)
		require.NoError(t, err)
	}
}

func query[Row any](t testing.TB, c *Cluster, statement string) []Row {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	db, err := pgx.Connect(ctx, c.Postgres.URL)
	require.NoError(t, err)
	defer db.Close(ctx)
	rows, err := db.Query(ctx, statement)
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[Row])
	require.NoError(t, err)
	return all
}
