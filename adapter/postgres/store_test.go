package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
	"eshop/test/container"
)

// open is a store over a fresh database with the newest schema.
func open(t testing.TB) *postgres.Store {
	t.Helper()
	return openAt(t, migrated(t))
}

// openTwo is two servers' stores over one fresh database.
func openTwo(t testing.TB) (*postgres.Store, *postgres.Store) {
	t.Helper()
	url := migrated(t)
	return openAt(t, url), openAt(t, url)
}

// openAt is one more store over the database at url.
func openAt(t testing.TB, url string) *postgres.Store {
	t.Helper()
	store, closeStore, err := postgres.Open(t.Context(), postgres.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(closeStore)
	return store
}

// swept are addresses of databases that tests have left, emptied again: making one
// takes longer than most tests.
var swept = make(chan string, 100)

// migrated is the address of a database with the newest schema and nothing in it.
func migrated(t testing.TB) string {
	t.Helper()
	url := ""
	select {
	case url = <-swept:
	default:
		url = kept(t)
		_, err := openAt(t, url).Migrate(t.Context())
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		execute(t, url, `DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' RESTART IDENTITY'
			FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'migration%'); END $$`)
		swept <- url
	})
	return url
}

// kept is the address of an empty database that stays until the server goes.
func kept(t testing.TB) string {
	t.Helper()
	server := container.Postgres(t)
	name := fmt.Sprintf("kept_%016x", rand.Uint64())
	execute(t, server, "CREATE DATABASE "+name)
	address, err := url.Parse(server)
	require.NoError(t, err)
	address.Path = "/" + name
	return address.String()
}

func TestOpen(t *testing.T) {
	t.Run("an address that cannot be read is said at once, without the password", func(t *testing.T) {
		for _, url := range []string{
			"postgres://shop:s3cret@host:port/shop", "postgres://shop:s3cret@[::1/shop", "postgres://shop:s3/cret@host/shop",
			"postgres://shop:s3cret@host/shop?connect_timeout=s3cret", "shop:s3cret", "postgres://shop:s3%zzcret@host/shop",
			"postgres://shop:s3cret@host/shop?pool_max_conns=0", "postgres://shop:s3cret@host/shop?target_session_attrs=s3cret",
			"postgres://shop:a@s3cret@host/shop", "postgres://shop:a@s3/cret#1@host/shop", "postgres://shop:1/s3cret@host/shop", "postgres://shop:s3@cret@host,other/shop",
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

func TestAConnectionThatIsNotMadeInTimeIsTriedAgain(t *testing.T) {
	line := newProxy(t, migrated(t))
	line.held.Store(true)
	s := openAt(t, line.url+"&connect_timeout=1")
	answer := make(chan error, 1)
	go func() {
		_, err := s.Cart(t.Context(), "guest:a")
		answer <- err
	}()
	require.Eventually(t, func() bool { return line.holds.Load() > 0 }, 10*time.Second, time.Millisecond)
	line.held.Store(false)
	require.NoError(t, <-answer)
}

// execute runs a statement past the store.
func execute(t testing.TB, url, statement string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement, args...)
	require.NoError(t, err)
}

// TestStore_NeedsNoRightsBeyondRows holds the role that compose gives to servers to what the shop does.
func TestStore_NeedsNoRightsBeyondRows(t *testing.T) {
	owner := migrated(t)
	text, err := os.ReadFile("../../deployment/docker/roles.sql")
	require.NoError(t, err)
	address, err := url.Parse(owner)
	require.NoError(t, err)
	password, _ := address.User.Password()
	// What is psql's own, as psql does it. The owner keeps the password that other tests know.
	roles := regexp.MustCompile(`(?m)^\\set .*$`).ReplaceAllString(string(text), "")
	roles = strings.NewReplacer(":'owner'", "'"+password+"'", ":'shop'", "'secret'").Replace(roles)
	for range 2 {
		execute(t, owner, roles)
	}
	address.User = url.UserPassword("shop", "secret")
	s := openAt(t, address.String())
	require.NoError(t, s.Ping(t.Context()))
	stockProducts(t, s, 1, 10)
	for _, c := range recordCalls(1) {
		require.NoError(t, c.call(t.Context(), s), c.name)
	}
	require.NoError(t, s.RemoveProduct(t.Context(), stockedID(0)))
	conversation := domain.Conversation{ID: "c", Owner: "guest:1", State: domain.ConversationClosed, StartedAt: noon, ChangedAt: noon}
	_, err = s.StartConversation(t.Context(), conversation)
	require.NoError(t, err)
	_, _, err = s.AddMessage(t.Context(), conversation.ID, domain.Message{From: domain.Party{Side: domain.CustomerSide}, Body: "Hello", At: noon})
	require.NoError(t, err)
	require.NoError(t, s.PutPicture(t.Context(), domain.NewPicture(domain.JPEG, []byte("a picture"))))
	require.NoError(t, s.Sweep(t.Context(), time.Now().AddDate(3, 0, 0)))
	_, err = s.UpdateMark(t.Context(), func(m *postgres.Mark) error {
		m.Mode = postgres.Demo
		return nil
	})
	require.NoError(t, err)

	conn, err := pgx.Connect(t.Context(), address.String())
	require.NoError(t, err)
	defer conn.Close(t.Context())
	for _, forbidden := range []string{
		"CREATE TABLE mine ()", "DROP TABLE orders", "ALTER TABLE orders DROP COLUMN total", "TRUNCATE orders",
		"COPY orders TO PROGRAM 'cat'", "SELECT pg_read_file('/etc/passwd')", "CREATE ROLE more", "ALTER ROLE shop SUPERUSER",
		"CREATE DATABASE more", "ALTER SYSTEM SET fsync = off",
	} {
		_, err := conn.Exec(t.Context(), forbidden)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, forbidden)
		assert.Equal(t, "42501", refused.Code, "%s: %s", forbidden, refused.Message) // insufficient_privilege
	}
}
