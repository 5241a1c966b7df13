package postgres_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/test/container"
)

func TestStore_Upkeep(t *testing.T) {
	server := container.StartPostgres(t)
	s := openAt(t, server.URL)
	_, err := s.Migrate(t.Context())
	require.NoError(t, err)
	upkeep := func() postgres.Upkeep {
		t.Helper()
		of, err := s.Upkeep(t.Context())
		require.NoError(t, err)
		return of
	}
	assert.Equal(t, postgres.Upkeep{Behind: -1}, upkeep(), "nothing was done yet, and no backup is set up")

	require.NoError(t, s.NoteAudit(t.Context(), 3))
	require.NoError(t, s.NoteAudit(t.Context(), 2))
	execute(t, server.URL, "INSERT INTO upkeep (what, done_at) VALUES ('backup', now() - interval '1 day')")
	of := upkeep()
	assert.Equal(t, 2, of.Wrong)
	assert.WithinDuration(t, time.Now(), of.AuditedAt, time.Minute)
	assert.WithinDuration(t, time.Now().Add(-24*time.Hour), of.BackedUpAt, time.Minute)

	execute(t, server.URL, "SELECT pg_create_physical_replication_slot('"+postgres.BackupSlot+"', true)")
	before := upkeep().Behind
	assert.GreaterOrEqual(t, before, int64(0))
	execute(t, server.URL, "SELECT pg_logical_emit_message(true, 'test', repeat('x', 1000000))")
	assert.Greater(t, upkeep().Behind, before+900_000, "what nobody fetches is counted")
	execute(t, server.URL, "SELECT pg_drop_replication_slot('"+postgres.BackupSlot+"'); ")
	execute(t, server.URL, "SELECT pg_create_physical_replication_slot('"+postgres.BackupSlot+"')")
	assert.EqualValues(t, math.MaxInt64, upkeep().Behind, "a slot that keeps nothing has lost it")
}
