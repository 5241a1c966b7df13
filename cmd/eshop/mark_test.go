package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/test/container"
)

// database is a database of the test's own, with the settings of whoever opens it.
type database struct{ url string }

func newDatabase(t *testing.T) database {
	t.Helper()
	d := database{container.Postgres(t)}
	d.runs(t, production, "migrate")
	return d
}

func (d database) settings(environment string, more ...string) []string {
	return append([]string{
		"DATABASE_URL=" + d.url, "SECRET_KEY=0123456789abcdef0123456789abcdef", "PORT=5001", "SERVER_NAME=one", "ESHOP_ENV=" + environment,
	}, more...)
}

// command runs a command and returns its exit code and what it says.
func (d database) command(t *testing.T, environment string, args ...string) (int, string) {
	t.Helper()
	var said bytes.Buffer
	code := run(t.Context(), args, d.settings(environment), os.Stdin, &said, &said)
	return code, said.String()
}

func (d database) runs(t *testing.T, environment string, args ...string) string {
	t.Helper()
	code, said := d.command(t, environment, args...)
	require.Zero(t, code, said)
	return said
}

// open opens the shop, prepared as serve does it.
func (d database) open(t *testing.T, environment string, more ...string) (*application, error) {
	t.Helper()
	cfg, err := readConfig(env.ToMap(d.settings(environment, more...)))
	require.NoError(t, err)
	app, closeStores, err := openShop(t.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, app.shop.Drain(context.WithoutCancel(t.Context())))
		closeStores()
	})
	return app, prepare(t.Context(), cfg, app)
}

func (d database) opens(t *testing.T, environment string, more ...string) *application {
	t.Helper()
	app, err := d.open(t, environment, more...)
	require.NoError(t, err)
	return app
}

func readiness(t *testing.T, app *application) int {
	t.Helper()
	w := httptest.NewRecorder()
	app.shop.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ready", nil))
	return w.Code
}

func register(t *testing.T, app *application) {
	t.Helper()
	now := time.Now()
	require.NoError(t, app.demo.Users.AddUser(t.Context(), domain.User{
		ID: "ann", Username: "ann", Email: "ann@mail.example", Role: domain.Customer, CreatedAt: now,
	}))
}

func goods(t *testing.T, app *application) int {
	t.Helper()
	found, err := app.shop.UseCases.Catalog.Search(t.Context(), domain.Query{Page: domain.Page{Number: 1, Size: 1}})
	require.NoError(t, err)
	return found.Total
}

func TestShops_DoNotShareADatabase(t *testing.T) {
	t.Run("a demo shop has goods, orders and accounts, and a production shop refuses its database", func(t *testing.T) {
		d := newDatabase(t)
		app := d.opens(t, demoShop)
		assert.Greater(t, goods(t, app), 1000)
		for _, name := range []string{"admin", "john_doe", "jane_smith"} {
			_, err := app.demo.Users.UserByLogin(t.Context(), name)
			require.NoError(t, err, name)
		}
		_, err := app.demo.Orders.Order(t.Context(), "demo-1")
		require.NoError(t, err)
		_, err = d.open(t, production)
		require.ErrorIs(t, err, errDemoDatabase)
		d.opens(t, demoShop)
	})
	t.Run("what staff changed in a demo shop stays when a server starts again", func(t *testing.T) {
		d := newDatabase(t)
		app := d.opens(t, demoShop)
		require.NoError(t, app.demo.Products.RemoveProduct(t.Context(), "headphones-00003"))
		app = d.opens(t, demoShop)
		_, err := app.demo.Products.Product(t.Context(), "headphones-00003")
		require.ErrorIs(t, err, domain.ErrNotFound)
	})
	t.Run("a demo shop refuses the database of a production shop, used or not", func(t *testing.T) {
		d := newDatabase(t)
		app := d.opens(t, production)
		for _, settings := range [][]string{{"ESHOP_ENV=" + demoShop}, {"ESHOP_ENV=development", "ESHOP_DEMO=true"}} {
			_, err := d.open(t, "", settings...)
			require.ErrorIs(t, err, errProductionDatabase, settings)
		}
		assert.Zero(t, goods(t, app), "nothing was loaded")
	})
	t.Run("a demo shop refuses records from before databases were marked", func(t *testing.T) {
		d := newDatabase(t)
		register(t, d.opens(t, "development"))
		_, err := d.open(t, demoShop)
		require.ErrorIs(t, err, errRealRecords)
		d.opens(t, production)
	})
	t.Run("a developer's demo from before goes on, whoever registered there", func(t *testing.T) {
		d := newDatabase(t)
		app := d.opens(t, "development")
		require.NoError(t, app.demo.Load(t.Context()))
		register(t, app)
		_, err := d.open(t, production)
		require.ErrorIs(t, err, errDemoAccounts)
		d.opens(t, "development", "ESHOP_DEMO=true")
		d.opens(t, demoShop)
	})
}

func TestShops_SellInOneCurrency(t *testing.T) {
	t.Run("the settings' currency is the shop's until something is on sale", func(t *testing.T) {
		d := newDatabase(t)
		first := d.opens(t, production, "ESHOP_CURRENCY=EUR")
		d.opens(t, production, "ESHOP_CURRENCY=GBP")
		assert.Equal(t, http.StatusServiceUnavailable, readiness(t, first), "it is the same on all servers")
		put(t, first, domain.Money{Amount: 499, Currency: "GBP"})
		_, err := d.open(t, production, "ESHOP_CURRENCY=EUR")
		require.ErrorContains(t, err, "the shop sells in GBP")
		_, err = d.open(t, "development")
		require.ErrorContains(t, err, "ESHOP_CURRENCY is USD")
		d.opens(t, production, "ESHOP_CURRENCY=gbp")
	})
	t.Run("products from before say what it is", func(t *testing.T) {
		d := newDatabase(t)
		cfg, err := readConfig(env.ToMap(d.settings("development")))
		require.NoError(t, err)
		app, closeStores, err := openShop(t.Context(), cfg, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		defer closeStores()
		put(t, app, domain.Dollars(499))
		_, err = d.open(t, production, "ESHOP_CURRENCY=EUR")
		require.ErrorContains(t, err, "the shop sells in USD")
		require.NoError(t, app.shop.Drain(t.Context()))
	})
	t.Run("a demo has its prices in it", func(t *testing.T) {
		app := newDatabase(t).opens(t, demoShop, "ESHOP_CURRENCY=EUR")
		found, err := app.shop.UseCases.Catalog.Search(t.Context(), domain.Query{Page: domain.Page{Number: 1, Size: 1}})
		require.NoError(t, err)
		assert.Equal(t, domain.Currency("EUR"), found.Products[0].Price.Currency)
		order, err := app.demo.Orders.Order(t.Context(), "demo-1")
		require.NoError(t, err)
		assert.Equal(t, domain.Currency("EUR"), order.Total.Currency)
	})
}

// put puts tea on sale.
func put(t *testing.T, app *application, price domain.Money) {
	t.Helper()
	require.NoError(t, app.demo.Products.PutProducts(t.Context(), []domain.Product{{
		ID: "tea", Slug: "tea", Name: "Tea", Category: domain.Category{Slug: "kitchen", Name: "Kitchen"},
		Subcategory: domain.Category{Slug: "tea", Name: "Tea"}, Price: price, Stock: 1, AddedAt: time.Now(),
	}}))
}

func TestSeed(t *testing.T) {
	t.Run("a production shop that nobody used becomes a demo shop, and its servers are not ready any more", func(t *testing.T) {
		d := newDatabase(t)
		app := d.opens(t, production)
		assert.Equal(t, http.StatusOK, readiness(t, app))
		said := d.runs(t, production, "seed")
		assert.Contains(t, said, "this makes it a demo shop")
		assert.Contains(t, said, "ESHOP_ENV=demo")
		assert.Equal(t, http.StatusServiceUnavailable, readiness(t, app))
		assert.Greater(t, goods(t, d.opens(t, demoShop)), 1000)
	})
	t.Run("a production shop with an account stays as it is, whatever the settings say", func(t *testing.T) {
		d := newDatabase(t)
		app := d.opens(t, production)
		register(t, app)
		for _, environment := range []string{production, demoShop, "development"} {
			code, said := d.command(t, environment, "seed")
			assert.Equal(t, 1, code, environment)
			assert.Contains(t, said, errRealRecords.Error(), environment)
		}
		assert.Zero(t, goods(t, app))
		assert.Equal(t, http.StatusOK, readiness(t, app))
	})
	t.Run("so does one with a guest's order", func(t *testing.T) {
		d := newDatabase(t)
		app := d.opens(t, production)
		put(t, app, domain.Dollars(499))
		_, err := app.shop.UseCases.Cart.Add(t.Context(), "guest:ann", "tea", 1, "")
		require.NoError(t, err)
		_, _, err = app.shop.UseCases.Checkout.Buy(t.Context(), "guest:ann", "a key", domain.Purchase{
			Email: "ann@mail.example", Method: domain.DemoCard, Card: domain.NewCard("4242424242424242", "12/40", "123"),
			ShippingAddress: domain.Address{Name: "Ann", Line1: "1 Main St", City: "Springfield", PostalCode: "12345", Country: "US"},
		})
		require.NoError(t, err)
		code, said := d.command(t, production, "seed")
		assert.Equal(t, 1, code)
		assert.Contains(t, said, errRealRecords.Error())
		assert.Equal(t, 1, goods(t, app))
	})
	t.Run("a demo shop may be seeded again, whoever registered there", func(t *testing.T) {
		d := newDatabase(t)
		register(t, d.opens(t, demoShop))
		said := d.runs(t, demoShop, "seed")
		assert.NotContains(t, said, "this makes it")
	})
	t.Run("a developer's shop is one that has demo data", func(t *testing.T) {
		d := newDatabase(t)
		assert.NotContains(t, d.runs(t, "development", "seed"), "this makes it")
		_, err := d.open(t, production)
		require.ErrorIs(t, err, errDemoDatabase)
	})
}

func TestPrepareLater(t *testing.T) {
	t.Run("who opened while the database was away loads the demo when it is back, and not into another's", func(t *testing.T) {
		d := newDatabase(t)
		cfg, err := readConfig(env.ToMap(d.settings(demoShop)))
		require.NoError(t, err)
		app, closeStores, err := openShop(t.Context(), cfg, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		defer closeStores()
		require.NoError(t, prepareLater(t.Context(), cfg, app))
		assert.Greater(t, goods(t, app), 1000)
		require.NoError(t, app.shop.Drain(t.Context()))

		d = newDatabase(t)
		d.opens(t, production)
		cfg, err = readConfig(env.ToMap(d.settings(demoShop)))
		require.NoError(t, err)
		app, closeStores, err = openShop(t.Context(), cfg, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		defer closeStores()
		require.ErrorIs(t, prepareLater(t.Context(), cfg, app), errProductionDatabase)
		require.NoError(t, app.shop.Drain(t.Context()))
	})
}
