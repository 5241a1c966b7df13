package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
	"eshop/port"
	"eshop/test/container"
)

// Cart, order and products of the sale that pgbench learns its statements from.
const (
	modelOwner    = domain.OwnerID("guest-990001")
	modelOrder    = 990002
	modelProduct  = 990003
	benchProducts = 1000
	benchLines    = 3
)

// BenchmarkPlaceOrder fills carts and buys them with several clients at once, each
// three of many products, and has pgbench say the very same statements with as
// many clients to the same server. They take turns, so that what else the machine
// does slows both alike: -benchtime 10x is ten turns each. It prints both, and their share.
func BenchmarkPlaceOrder(b *testing.B) {
	pgbench := findPgbench(b)
	url := container.StartPostgres(b).URL
	s := openAt(b, url)
	_, err := s.Migrate(b.Context())
	require.NoError(b, err)
	benchStock(b, s)
	script := pgbenchScript(b, url)
	for _, clients := range []int{4, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			ours, theirs, turns := 0.0, 0.0, 0.0
			for b.Loop() {
				ours += buyOverAndOver(b, s, clients)
				theirs += runPgbench(b, pgbench, url, script, clients)
				turns++
			}
			b.ReportMetric(ours/turns, "orders/s")
			b.ReportMetric(theirs/turns, "pgbench/s")
			b.ReportMetric(ours/theirs, "share")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// turnTime is how long each of the two works before it is the other's turn.
const turnTime = 3 * time.Second

// buyOverAndOver returns how many orders a second the clients placed.
func buyOverAndOver(b *testing.B, s *postgres.Store, clients int) float64 {
	b.Helper()
	counts, errs := make([]int, clients), make([]error, clients)
	start := time.Now()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			buyer := buyer{s, domain.OwnerID(fmt.Sprint("guest:", i)), rand.Text(), i}
			for time.Since(start) < turnTime && errs[i] == nil {
				errs[i] = buyer.buy(b.Context(), counts[i])
				counts[i]++
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	require.NoError(b, errors.Join(errs...))
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return float64(sum) / took.Seconds()
}

// buyer buys one cart after another.
type buyer struct {
	store *postgres.Store
	owner domain.OwnerID
	round string
	seed  int
}

func (y buyer) buy(ctx context.Context, n int) error {
	var lines []domain.Line
	for i := range benchLines {
		id := benchProduct((n*7919 + i*331 + y.seed) % benchProducts)
		lines = append(lines, domain.Line{ID: domain.LineID(fmt.Sprint("line-", i)), Product: id, Quantity: 1})
	}
	key := fmt.Sprintf("%s-%d", y.round, n)
	return buyLines(ctx, y.store, y.owner, domain.OrderID("order-"+key), key, lines)
}

func buyLines(ctx context.Context, s *postgres.Store, owner domain.OwnerID, id domain.OrderID, key string, lines []domain.Line) error {
	if _, err := s.UpdateCart(ctx, owner, func(c *domain.Cart) error { c.Version, c.Lines = 1, lines; return nil }); err != nil {
		return err
	}
	order := draft(id, owner)
	order.Email, order.ShippingAddress = "zoe@example.com", domain.Address{
		Name: "Zoe O'Hara", Line1: "1 Main Street", City: "Springfield", PostalCode: "12345", Country: "US",
	}
	_, placed, err := s.PlaceOrder(ctx, port.Placement{Owner: owner, Key: key, Fingerprint: strings.Repeat("f", 64)},
		func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
			return domain.NewOrder(order, cart, products, domain.DefaultPricing())
		})
	if err == nil && !placed {
		err = fmt.Errorf("%s was placed before", key)
	}
	return err
}

func benchProduct(i int) domain.ProductID { return domain.ProductID(fmt.Sprint("product-", i)) }

// benchStock puts the products that are bought into the catalog, and those of the model sale.
func benchStock(b *testing.B, s *postgres.Store) {
	b.Helper()
	numbers := []int{modelProduct, modelProduct + 1, modelProduct + 2}
	for i := range benchProducts {
		numbers = append(numbers, i)
	}
	var products []domain.Product
	for _, n := range numbers {
		products = append(products, domain.Product{
			ID: benchProduct(n), Slug: string(benchProduct(n)), Name: fmt.Sprint("Tea pot ", n), Description: strings.Repeat("It pours. ", 20),
			Category: domain.Category{Slug: "kitchen", Name: "Kitchen"}, Subcategory: domain.Category{Slug: "tea-pots", Name: "Tea pots"},
			Price: domain.Dollars(1999), Stock: domain.MaxStock / 2, AddedAt: noon,
		})
	}
	require.NoError(b, s.PutProducts(b.Context(), products))
}

// pgbenchScript makes one sale, listens to its statements and writes them down with
// other owners, keys and products in their place.
func pgbenchScript(b *testing.B, url string) string {
	b.Helper()
	line := newProxy(b, url)
	s := openAt(b, line.url)
	var lines []domain.Line
	model := strings.NewReplacer(string(modelOwner), "guest-:client_id", strconv.Itoa(modelOrder), ":n")
	script := "\\set n random(1, 1000000000000000)\n"
	for i := range benchLines {
		lines = append(lines, domain.Line{ID: domain.LineID(fmt.Sprint("line-", i)), Product: benchProduct(modelProduct + i), Quantity: 1})
		script += fmt.Sprintf("\\set p%d random(0, %d)\n", i, benchProducts-1)
	}
	require.NoError(b, s.Ping(b.Context()))
	line.made()
	require.NoError(b, buyLines(b.Context(), s, modelOwner, domain.OrderID(fmt.Sprint("order-", modelOrder)), fmt.Sprint("key-", modelOrder), lines))
	said := slices.DeleteFunc(line.made(), func(s string) bool { return s == "show transaction_read_only" }) // of a new connection
	require.Len(b, said, 4+7, "statements of UpdateCart and of PlaceOrder")
	for _, statement := range said {
		statement = model.Replace(statement)
		for i := range benchLines {
			statement = strings.ReplaceAll(statement, string(benchProduct(modelProduct+i)), fmt.Sprintf("product-:p%d", i))
		}
		script += statement + ";\n"
	}
	file := filepath.Join(b.TempDir(), "place_order.sql")
	require.NoError(b, os.WriteFile(file, []byte(script), 0o600))
	return file
}

func findPgbench(b *testing.B) string {
	b.Helper()
	if path, err := exec.LookPath("pgbench"); err == nil {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench") // where Debian has it
	require.NoError(b, err)
	require.NotEmpty(b, found, "pgbench is missing: apt-get install postgresql-contrib or postgresql-15")
	return found[len(found)-1]
}

var tps = regexp.MustCompile(`tps = ([0-9.]+) \(without`)

// runPgbench returns how many orders a second pgbench placed by the script.
func runPgbench(b *testing.B, pgbench, url, script string, clients int) float64 {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, pgbench, "-n", "-f", script, "-c", strconv.Itoa(clients), "-j", "2", "-T", fmt.Sprint(turnTime.Seconds()), url).CombinedOutput()
	require.NoError(b, err, string(out))
	found := tps.FindSubmatch(out)
	require.NotNil(b, found, string(out))
	perSecond, err := strconv.ParseFloat(string(found[1]), 64)
	require.NoError(b, err)
	return perSecond
}
