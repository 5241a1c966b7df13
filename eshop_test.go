package eshop_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop"
	"eshop/adapter/memory"
	testshop "eshop/test/shop"
)

func TestNew(t *testing.T) {
	t.Run("names everything that is missing at once", func(t *testing.T) {
		_, err := eshop.New(eshop.Stores{}, eshop.Options{SecretKey: []byte("short")})
		require.Error(t, err)
		for _, missing := range []string{
			"Stores.Products", "Stores.Carts", "Stores.Wishlists", "Stores.Orders", "Stores.Payments", "Stores.Users", "Stores.Sessions",
			"Stores.Conversations", "Stores.Contacts", "Stores.Pictures", "Stores.Limits", "Stores.Events",
			"Options.SecretKey", "Options.Passwords", "Options.DecodeImage",
		} {
			assert.ErrorContains(t, err, missing)
		}
		for _, optional := range []string{"Clock", "Log", "Metrics", "Sweep"} {
			assert.NotContains(t, err.Error(), "Options."+optional)
		}
	})
	t.Run("fills in what has a default", func(t *testing.T) {
		p := testshop.PartsOf(memory.NewStore())
		shop, err := eshop.New(p.Stores, eshop.Options{SecretKey: p.SecretKey, Passwords: p.Passwords, DecodeImage: p.DecodeImage})
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, status(shop, "/"))
		assert.Equal(t, http.StatusOK, status(shop, "/ready"))
		require.NoError(t, shop.Drain(t.Context()))
	})
}

func TestShop_Run(t *testing.T) {
	t.Run("sweeps by the shop's clock, and ends with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			swept := make(chan time.Time, 1)
			p := testshop.PartsOf(memory.NewStore())
			p.Clock = func() time.Time { return testshop.Opened }
			p.Sweep = func(_ context.Context, now time.Time) error {
				swept <- now
				return nil
			}
			shop, err := eshop.New(p.Stores, p.Options)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				shop.Run(ctx)
				close(ended)
			}()
			time.Sleep(61 * time.Second)
			assert.Equal(t, testshop.Opened, <-swept)
			require.NoError(t, shop.Drain(t.Context()))
			cancel()
			<-ended
		})
	})
}

func TestShop_Drain(t *testing.T) {
	t.Run("the server is not ready, and still answers, closing its connections", func(t *testing.T) {
		shop := testshop.Open(t, nil)
		require.NoError(t, shop.Drain(t.Context()))
		assert.Equal(t, http.StatusServiceUnavailable, status(shop.Shop, "/ready"))
		w := httptest.NewRecorder()
		shop.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, "close", w.Header().Get("Connection"))
	})
	t.Run("waits for the balancer no longer than its context", func(t *testing.T) {
		p := testshop.PartsOf(memory.NewStore())
		p.DrainDelay = time.Hour
		shop, err := eshop.New(p.Stores, p.Options)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_ = shop.Drain(ctx) // only that it returns counts
		assert.Equal(t, http.StatusServiceUnavailable, status(shop, "/ready"))
	})
}

func status(shop *eshop.Shop, path string) int {
	w := httptest.NewRecorder()
	shop.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code
}
