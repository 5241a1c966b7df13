package postgres_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
	"eshop/test/container"
)

func TestMigrate(t *testing.T) {
	t.Run("of four that migrate at once one does, and the others find it done", func(t *testing.T) {
		url := container.Postgres(t)
		var (
			all     sync.WaitGroup
			applied [4][]string
			errs    [4]error
		)
		for i := range applied {
			store := openAt(t, url)
			all.Go(func() { applied[i], errs[i] = store.Migrate(t.Context()) })
		}
		all.Wait()
		var steps []string
		for i := range applied {
			require.NoError(t, errs[i])
			if len(applied[i]) > 0 {
				assert.Empty(t, steps, "a second one migrated")
				steps = applied[i]
			}
		}
		status, err := openAt(t, url).MigrationStatus(t.Context())
		require.NoError(t, err)
		var names []string
		for _, step := range status {
			assert.True(t, step.Applied)
			assert.False(t, step.AppliedAt.IsZero())
			names = append(names, step.Name)
		}
		assert.Equal(t, names, steps)
	})
	t.Run("a step may be taken again by who died before noting it", func(t *testing.T) {
		url := container.Postgres(t)
		_, err := openAt(t, url).Migrate(t.Context())
		require.NoError(t, err)
		execute(t, url, "DELETE FROM migrations")
		again, err := openAt(t, url).Migrate(t.Context())
		require.NoError(t, err)
		assert.NotEmpty(t, again)
	})
	t.Run("the database of another program is left alone", func(t *testing.T) {
		for table, shape := range map[string]string{"products": "(id int, title text)", "orders": "(id int)", "migrations": "(id int, migration text, batch int)"} {
			url := container.Postgres(t)
			execute(t, url, "CREATE TABLE "+table+" "+shape)
			applied, err := openAt(t, url).Migrate(t.Context())
			require.ErrorContains(t, err, "("+table+")")
			assert.Empty(t, applied)
			execute(t, url, "CREATE TABLE carts ()") // nothing was made
		}
	})
	t.Run("a database that cannot hold every text is refused", func(t *testing.T) {
		url := container.Postgres(t)
		execute(t, url, "CREATE DATABASE latin ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
		latin := regexp.MustCompile(`/[^/?]+([?]|$)`).ReplaceAllString(url, "/latin$1")
		_, err := openAt(t, latin).Migrate(t.Context())
		require.ErrorContains(t, err, "LATIN1")
		require.ErrorContains(t, err, "createdb")
	})
	t.Run("a schema that lacks a step is too old, and then no server is ready", func(t *testing.T) {
		url := container.Postgres(t)
		store := openAt(t, url)
		require.ErrorIs(t, store.CheckSchema(t.Context()), postgres.ErrOldSchema)
		require.ErrorIs(t, store.Ping(t.Context()), postgres.ErrOldSchema)
		status, err := store.MigrationStatus(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, status)
		assert.False(t, status[0].Applied)

		_, err = store.Migrate(t.Context())
		require.NoError(t, err)
		require.NoError(t, store.CheckSchema(t.Context()))
		execute(t, url, "DELETE FROM migrations WHERE id = (SELECT max(id) FROM migrations)")
		require.ErrorIs(t, openAt(t, url).CheckSchema(t.Context()), postgres.ErrOldSchema)
	})
	t.Run("a schema with a step that nobody here knows is new enough", func(t *testing.T) {
		url := container.Postgres(t)
		_, err := openAt(t, url).Migrate(t.Context())
		require.NoError(t, err)
		execute(t, url, "INSERT INTO migrations (name, group_id) VALUES ('999', 9)")
		require.NoError(t, openAt(t, url).CheckSchema(t.Context()))
	})
	t.Run("nothing is said about the schema of a database that is away", func(t *testing.T) {
		store := openAt(t, "postgres://shop:shop@127.0.0.1:1/shop")
		err := store.CheckSchema(t.Context())
		require.ErrorIs(t, err, domain.ErrUnavailable)
		require.NotErrorIs(t, err, postgres.ErrOldSchema)
		_, err = store.Migrate(t.Context())
		require.ErrorIs(t, err, domain.ErrUnavailable)
	})
	t.Run("a step that gets no lock lets others pass, says who has it, and is taken when it is free", func(t *testing.T) {
		url := container.Postgres(t)
		_, err := openAt(t, url).Migrate(t.Context())
		require.NoError(t, err)
		execute(t, url, "DELETE FROM migrations WHERE name = '013'")
		held := holding(t, url, "SELECT FROM pictures")

		told := make(chan string, 100)
		store, closeStore, err := postgres.Open(t.Context(), postgres.Config{URL: url, Notice: func(text string) { told <- text }})
		require.NoError(t, err)
		t.Cleanup(closeStore)
		done := make(chan error, 1)
		go func() {
			_, err := store.Migrate(t.Context())
			done <- err
		}()
		assert.Regexp(t, "^migration 013_growth waits for table pictures, held by process [0-9]+ .*dump", <-told)
		longest := time.Duration(0)
		for range 30 {
			begin := time.Now()
			_, err := store.Picture(t.Context(), "none")
			require.ErrorIs(t, err, domain.ErrNotFound)
			longest = max(longest, time.Since(begin))
			time.Sleep(100 * time.Millisecond)
		}
		t.Logf("the longest read took %v", longest)
		assert.Less(t, longest, slack*time.Second, "who reads queues behind the migration for a second at most")
		held()
		require.NoError(t, <-done)
		require.NoError(t, store.CheckSchema(t.Context()))
	})
	t.Run("a step that gets no lock in time fails and says who has it, and nothing of it is done", func(t *testing.T) {
		url := container.Postgres(t)
		store := openAt(t, url)
		_, err := store.Migrate(t.Context())
		require.NoError(t, err)
		execute(t, url, "DELETE FROM migrations WHERE name = '013'; ALTER TABLE pictures DROP COLUMN seen_on")
		held := holding(t, url, "SELECT FROM demo_charges")
		defer held()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err = store.Migrate(ctx)
		require.ErrorContains(t, err, "it waited for table demo_charges, held by process")
		assert.Empty(t, column[string](t, url, "SELECT attname::text FROM pg_attribute WHERE attrelid = 'pictures'::regclass AND attname = 'seen_on'"))
	})
	t.Run("a step outside a transaction keeps nobody waiting, may be interrupted, and is taken again", func(t *testing.T) {
		url := container.Postgres(t)
		store := openAt(t, url)
		_, err := store.Migrate(t.Context())
		require.NoError(t, err)
		execute(t, url, "DELETE FROM migrations WHERE name = '014'")
		held := holding(t, url, "INSERT INTO carts (owner) VALUES ('user:held')")
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		writing := make(chan error, 1)
		go func() {
			for i := 0; ctx.Err() == nil; i++ {
				begin := time.Now()
				if _, err := store.UpdateCart(t.Context(), domain.OwnerID(fmt.Sprint("guest:", i)), func(*domain.Cart) error { return nil }); err != nil || time.Since(begin) > time.Second {
					writing <- fmt.Errorf("a write took %s: %w", time.Since(begin), err)
					return
				}
			}
			writing <- nil
		}()
		_, err = store.Migrate(ctx)
		require.ErrorContains(t, err, "held by process")
		require.NoError(t, <-writing)
		held()
		applied, err := store.Migrate(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"014_growth_indexes"}, applied)
		assert.Empty(t, column[string](t, url, "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"), "an index that is of no use")
	})
	t.Run("the shop is not kept waiting by a migration, and may be interrupted in it", func(t *testing.T) {
		files, err := filepath.Glob("migrations/*.up.sql")
		require.NoError(t, err)
		require.NotEmpty(t, files)
		made := regexp.MustCompile(`(?i)CREATE (?:UNIQUE )?INDEX CONCURRENTLY (?:IF NOT EXISTS )?([a-z_]+)`)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			if inside := strings.HasSuffix(file, ".tx.up.sql"); inside {
				assert.NotRegexp(t, "(?i)concurrently", string(text), "%s is one transaction", file)
				continue
			}
			parts := strings.Split(string(text), "--bun:split\n")
			for i, part := range parts {
				assert.LessOrEqual(t, strings.Count(part, ";"), 1, "%s: several statements at once are a transaction", file)
				if index := made.FindStringSubmatch(part); index != nil {
					require.Positive(t, i, "%s: %s is not dropped first", file, index[1])
					assert.Contains(t, parts[i-1], "DROP INDEX CONCURRENTLY IF EXISTS "+index[1]+";", file)
				}
			}
		}
	})
}

// holding keeps a transaction open in which a statement was made, as a dump does, until the result is called.
func holding(t *testing.T, url, statement string) (end func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url+"&application_name=dump")
	require.NoError(t, err)
	for _, statement := range []string{"BEGIN", statement} {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	end = sync.OnceFunc(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	t.Cleanup(end)
	return end
}
