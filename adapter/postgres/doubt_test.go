package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"golang.org/x/sync/semaphore"

	"eshop/domain"
)

// lateDatabase begins transactions, and says of each commit that its answer did not come in time.
type lateDatabase struct{}

func (d lateDatabase) Connect(context.Context) (driver.Conn, error) { return d, nil }
func (d lateDatabase) Driver() driver.Driver                        { return nil }
func (d lateDatabase) Begin() (driver.Tx, error)                    { return d, nil }
func (lateDatabase) Close() error                                   { return nil }
func (lateDatabase) Rollback() error                                { return nil }
func (lateDatabase) Commit() error                                  { return fmt.Errorf("timeout: %w", context.DeadlineExceeded) }
func (lateDatabase) Prepare(string) (driver.Stmt, error)            { return nil, errors.ErrUnsupported }

// TestStore_ACommitInDoubtIsNotRefused has a crowd want the row that a commit in doubt may have changed.
func TestStore_ACommitInDoubtIsNotRefused(t *testing.T) {
	s := &Store{
		db: bun.NewDB(sql.OpenDB(lateDatabase{}), pgdialect.New()), breaker: newBreaker(),
		turns: turns{queue: map[string]*queue{}}, writers: semaphore.NewWeighted(1),
	}
	for range crowd {
		_, err := s.turns.join("a row")
		require.NoError(t, err)
	}
	err := s.inTx(t.Context(), func(context.Context, bun.Tx) error { return nil }, "a row")
	require.ErrorIs(t, err, errInDoubt, "else nobody looks up what became of it")
	require.ErrorIs(t, err, domain.ErrUnavailable)
	assert.NotErrorIs(t, err, domain.ErrLimited)

	err = s.inTx(t.Context(), func(context.Context, bun.Tx) error { return context.DeadlineExceeded }, "a row")
	require.ErrorIs(t, err, domain.ErrLimited, "what was not committed is refused")
}
