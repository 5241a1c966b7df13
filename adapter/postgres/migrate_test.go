package postgres_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
)

func TestMigrate(t *testing.T) {
	t.Run("of four that migrate at once one does, and the others find it done", func(t *testing.T) {
		url := database(t)
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
		url := database(t)
		_, err := openAt(t, url).Migrate(t.Context())
		require.NoError(t, err)
		execute(t, url, "DELETE FROM migrations")
		again, err := openAt(t, url).Migrate(t.Context())
		require.NoError(t, err)
		assert.NotEmpty(t, again)
	})
	t.Run("a schema that lacks a step is too old, and then no server is ready", func(t *testing.T) {
		url := database(t)
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
		url := database(t)
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
}
