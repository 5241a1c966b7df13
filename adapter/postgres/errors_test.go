package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
)

func TestErrors_OnlyALostServerLosesItsOtherConnections(t *testing.T) {
	for state, gone := range map[string]bool{
		"57P01": true, "57P02": true, "57P03": true, "25006": true, "08006": true, "08P01": true,
		"53000": false, "53100": false, "53200": false, "53300": false, "53400": false, "58030": false, "25P03": false, "40001": false, "57014": false, "55P03": false,
	} {
		t.Run(state, func(t *testing.T) {
			err := fmt.Errorf("failed: %w", &pgconn.PgError{Code: state, Message: "…", Severity: "FATAL"})
			assert.Equal(t, gone, postgres.Gone(err))
			require.ErrorIs(t, postgres.Kindly(t.Context(), err), domain.ErrUnavailable)
		})
	}
	assert.True(t, postgres.Gone(io.ErrUnexpectedEOF))
	canceled := postgres.Kindly(context.Background(), context.Canceled)
	require.ErrorIs(t, canceled, domain.ErrUnavailable, "the breaker ended a call whose caller is still there")
	require.False(t, errors.Is(postgres.Kindly(t.Context(), &pgconn.PgError{Code: "42601"}), domain.ErrUnavailable), "a mistake is no outage")
}

func TestErrors_SayWhatAPoolerNeeds(t *testing.T) {
	document, err := os.ReadFile("store.go")
	require.NoError(t, err)
	for _, failure := range []*pgconn.PgError{
		{Code: "08P01", Message: "unsupported startup parameter: lock_timeout"},
		{Code: "42P05", Message: `prepared statement "stmtcache_1" already exists`},
	} {
		err := postgres.Kindly(t.Context(), failure)
		require.ErrorIs(t, err, domain.ErrUnavailable)
		assert.ErrorContains(t, err, "max_prepared_statements")
		for name, value := range postgres.Settings() {
			if name == "application_name" {
				continue // PgBouncer takes it
			}
			assert.Contains(t, string(document), "ALTER ROLE eshop SET "+name)
			if name != "timezone" { // this one too
				assert.ErrorContains(t, err, name)
			}
			assert.NotEmpty(t, value)
		}
	}
	for name, value := range map[string]string{"statement_timeout": "1800", "lock_timeout": "1500", "idle_in_transaction_session_timeout": "1200"} {
		assert.Equal(t, value, postgres.Settings()[name])
		assert.Contains(t, string(document), "SET "+name+" = '"+value+"ms'")
	}
}
