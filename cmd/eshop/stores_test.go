package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caarlos0/env/v11"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/demopay"
	"eshop/domain"
)

func TestOpenShop(t *testing.T) {
	// Nobody listens there: a shop opens while its stores are away, and says so at /ready.
	const database, redis = "postgres://eshop:secret@127.0.0.1:1/eshop", "redis://127.0.0.1:1"
	for name, c := range map[string]struct {
		settings []string
		ready    int
	}{
		"in memory":               {nil, http.StatusOK},
		"on PostgreSQL":           {[]string{"DATABASE_URL=" + database}, http.StatusServiceUnavailable},
		"on PostgreSQL and Redis": {[]string{"DATABASE_URL=" + database, "REDIS_URL=" + redis}, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := readConfig(env.ToMap(append(c.settings, "PORT=5001", "SERVER_NAME=one", "SECRET_KEY=0123456789abcdef0123456789abcdef")))
			require.NoError(t, err)
			app, closeStores, err := openShop(t.Context(), cfg, slog.New(slog.DiscardHandler))
			require.NoError(t, err)
			defer closeStores()
			w := httptest.NewRecorder()
			app.shop.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ready", nil))
			assert.Equal(t, c.ready, w.Code, "%s", w.Body)
			assert.Subset(t, figures(t, app), []string{"eshop_orders_placed_total", "eshop_orders_oldest_pending_seconds"})
			require.NoError(t, app.shop.Drain(t.Context()))
		})
	}
}

func TestOpenShop_CountsWhatTheGatewaySays(t *testing.T) {
	cfg, err := readConfig(env.ToMap([]string{"PORT=5001", "SERVER_NAME=one", "SECRET_KEY=0123456789abcdef0123456789abcdef"}))
	require.NoError(t, err)
	app, closeStores, err := openShop(t.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer closeStores()
	require.NoError(t, app.demo.Load(t.Context()))
	sold, err := app.shop.UseCases.Catalog.Search(t.Context(), domain.Query{InStock: true, Page: domain.Page{Number: 1, Size: 1}})
	require.NoError(t, err)
	_, err = app.shop.UseCases.Cart.Add(t.Context(), "ann", sold.Products[0].ID, 1, "")
	require.NoError(t, err)
	_, _, err = app.shop.UseCases.Checkout.Buy(t.Context(), "ann", "a key", domain.Purchase{
		Email: "ann@mail.example", Method: domain.DemoCard, Card: domain.NewCard(demopay.Fails, "12/40", "123"),
		ShippingAddress: domain.Address{Name: "Ann", Line1: "1 Main St", City: "Springfield", PostalCode: "12345", Country: "US"},
	})
	require.Error(t, err)
	assert.Contains(t, figures(t, app), "eshop_payment_failures_total")
	require.NoError(t, app.shop.Drain(t.Context()))
}

// figures are the names of what a shop counts.
func figures(t *testing.T, app *application) []string {
	t.Helper()
	all, err := app.registry.Gather()
	require.NoError(t, err)
	var names []string
	for _, figure := range all {
		names = append(names, figure.GetName())
	}
	return names
}

func TestServe_WarnsOfDemoAccounts(t *testing.T) {
	cfg, err := readConfig(env.ToMap([]string{"PORT=5001", "SERVER_NAME=one", "SECRET_KEY=0123456789abcdef0123456789abcdef"}))
	require.NoError(t, err)
	app, closeStores, err := openShop(t.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer closeStores()
	var told bytes.Buffer
	log := slog.New(slog.NewTextHandler(&told, nil))
	warnOfDemoAccounts(t.Context(), app, log)
	assert.Empty(t, told.String())
	require.NoError(t, app.demo.Load(t.Context()))
	warnOfDemoAccounts(t.Context(), app, log)
	assert.Contains(t, told.String(), "level=WARN")
	assert.Contains(t, told.String(), "demo accounts")
	require.NoError(t, app.shop.Drain(t.Context()))
}
