package postgres_test

import (
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
)

// limited is a store at url whose role may have n connections, one of which is the probe's.
func limited(t *testing.T, at string, n string) *postgres.Store {
	t.Helper()
	execute(t, at, "DROP ROLE IF EXISTS few; CREATE ROLE few LOGIN PASSWORD 'few' IN ROLE pg_read_all_data, pg_write_all_data CONNECTION LIMIT "+n)
	address, err := url.Parse(at)
	require.NoError(t, err)
	address.User = url.UserPassword("few", "few")
	query := address.Query()
	query.Set("pool_max_conns", "12")
	address.RawQuery = query.Encode()
	store, closeStore, err := postgres.Open(t.Context(), postgres.Config{URL: address.String()})
	require.NoError(t, err)
	t.Cleanup(func() {
		closeStore()
		execute(t, at, "DROP ROLE few")
	})
	return store
}

func TestStore_WhenTheDatabaseHasNoRoomForMoreConnections(t *testing.T) {
	at := migrated(t)
	require.NoError(t, openAt(t, at).PutProducts(t.Context(), []domain.Product{teaProduct()}))
	t.Run("calls share those that there are, and lose none of them", func(t *testing.T) {
		store := limited(t, at, "4")
		require.Eventually(t, func() bool { _, err := store.Product(t.Context(), "tea"); return err == nil }, 5*time.Second, time.Millisecond)
		var backends []int64
		for range 3 {
			var all sync.WaitGroup
			for range 12 {
				all.Go(func() {
					for range 100 {
						_, err := store.Product(t.Context(), "tea")
						if !assert.NoError(t, err) {
							return
						}
					}
				})
			}
			all.Wait()
			backends = append(backends, number(t, at, "SELECT sum(pid::bigint) FROM pg_stat_activity WHERE usename = 'few'"))
		}
		assert.Equal(t, 3, store.Stats().Conns)
		assert.Equal(t, backends[1], backends[2], "no connection was thrown away")
	})
	t.Run("a call is told soon when this server has none", func(t *testing.T) {
		store := limited(t, at, "0")
		begun := time.Now()
		_, err := store.Product(t.Context(), "tea")
		require.ErrorIs(t, err, domain.ErrUnavailable)
		assert.Equal(t, domain.CodeStoreUnavailable, domain.CodeOf(err))
		assert.Less(t, time.Since(begun), slack*time.Second)
	})
}

func TestStore_WhenTheDisksAreFull(t *testing.T) {
	at := migrated(t)
	store := openAt(t, at)
	require.NoError(t, store.PutProducts(t.Context(), []domain.Product{teaProduct()}))
	execute(t, at, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no space left on device' USING ERRCODE = 'disk_full'; END $$;
		CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON carts EXECUTE FUNCTION full_disk()`)
	t.Cleanup(func() { execute(t, at, "DROP TRIGGER full_disk ON carts; DROP FUNCTION full_disk") })
	backends := func() int64 {
		return number(t, at, "SELECT coalesce(sum(pid::bigint), 0) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'eshop'")
	}
	_, err := store.Product(t.Context(), "tea")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return store.Stats().Conns >= 2 }, 5*time.Second, time.Millisecond)
	before := backends()
	for range 5 {
		_, err := store.UpdateCart(t.Context(), "guest:1", func(*domain.Cart) error { return nil })
		require.ErrorIs(t, err, domain.ErrUnavailable)
		_, err = store.Product(t.Context(), "tea")
		require.NoError(t, err, "what only reads goes on")
	}
	assert.Equal(t, before, backends(), "the connections are good, and stay")
}

func teaProduct() domain.Product {
	return domain.Product{
		ID: "tea", Slug: "tea", Name: "Tea", Category: domain.Category{Slug: "kitchen", Name: "Kitchen"},
		Subcategory: domain.Category{Slug: "tea", Name: "Tea"}, Price: domain.Dollars(499), AddedAt: noon,
	}
}
