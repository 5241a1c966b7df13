package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
)

// open is a store over a fresh database with the newest schema.
func open(t *testing.T) *postgres.Store {
	t.Helper()
	return openAt(t, migrated(t))
}

// openAt is one more store over the database at url.
func openAt(t *testing.T, url string) *postgres.Store {
	t.Helper()
	store, closeStore, err := postgres.Open(t.Context(), postgres.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(closeStore)
	return store
}

// migrated is the address of a fresh database with the newest schema.
func migrated(t *testing.T) string {
	t.Helper()
	url := database(t)
	_, err := openAt(t, url).Migrate(t.Context())
	require.NoError(t, err)
	return url
}

// database is the address of a fresh, empty database.
func database(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs PostgreSQL")
	}
	server, err := url.Parse(os.Getenv("ESHOP_TEST_POSTGRES"))
	require.NoError(t, err)
	name := fmt.Sprintf("test_%016x", rand.Uint64())
	admin := func(statement string) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, server.String())
		require.NoError(t, err)
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, statement)
		require.NoError(t, err)
	}
	admin("CREATE DATABASE " + name)
	t.Cleanup(func() { admin("DROP DATABASE " + name + " WITH (FORCE)") })
	fresh := *server
	fresh.Path = "/" + name
	return fresh.String()
}

func TestOpen(t *testing.T) {
	t.Run("an address that cannot be read is said at once, without the password", func(t *testing.T) {
		for _, url := range []string{
			"postgres://shop:s3cret@host:port/shop", "postgres://shop:s3cret@[::1/shop", "postgres://shop:s3/cret@host/shop",
			"postgres://shop:s3cret@host/shop?connect_timeout=s3cret", "shop:s3cret", "postgres://shop:s3%zzcret@host/shop",
			"postgres://shop:s3cret@host/shop?pool_max_conns=0", "postgres://shop:s3cret@host/shop?target_session_attrs=s3cret",
		} {
			_, _, err := postgres.Open(t.Context(), postgres.Config{URL: url})
			require.Error(t, err, url)
			assert.NotContains(t, err.Error(), "s3", url)
			assert.NotContains(t, err.Error(), "cret", url)
		}
	})
	t.Run("a database that is away is unavailable, and opening does not wait for it", func(t *testing.T) {
		store, closeStore, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://shop:s3cret@127.0.0.1:1,127.0.0.1:2/shop"})
		require.NoError(t, err)
		defer closeStore()
		err = store.Ping(t.Context())
		require.ErrorIs(t, err, domain.ErrUnavailable)
		assert.NotContains(t, err.Error(), "s3cret")
	})
	t.Run("a host that is away is passed over for one that takes writes", func(t *testing.T) {
		url := migrated(t)
		store := openAt(t, strings.Replace(url, "@", "@127.0.0.1:1,", 1))
		require.NoError(t, store.Ping(t.Context()))
	})
}
