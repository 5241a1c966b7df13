package postgres

import (
	"context"

	"github.com/uptrace/bun"
)

// InTx runs do in a transaction like any call that changes something.
func (s *Store) InTx(ctx context.Context, do func(ctx context.Context) error) error {
	return s.inTx(ctx, func(ctx context.Context, _ bun.Tx) error { return do(ctx) })
}

// FailWith runs a statement whose error tells text.
func (s *Store) FailWith(ctx context.Context, text string) error {
	return s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		_, err := db.ExecContext(ctx, "SELECT ?::int", text)
		return err
	})
}

// Broaden makes texts broad that more than from products match, and their counts
// estimates from a sample.
func (s *Store) Broaden(from, sample int) { s.broadFrom, s.sampled = from, sample }

// Acquired returns how many connections are in use.
func (s *Store) Acquired() int { return int(s.pool.Stat().AcquiredConns()) }

// Waiting returns how many calls have or await the turn of a row.
func (s *Store) Waiting() (calls int) {
	s.turns.mu.Lock()
	defer s.turns.mu.Unlock()
	for _, q := range s.turns.queue {
		calls += q.calls
	}
	return calls
}

// MostWaiting is how many calls wait for one row.
const MostWaiting = mostWaiting

// Kindly, Gone and Settings are what errors of the driver mean, and what a connection asks for.
var (
	Kindly = kindly
	Gone   = gone
)

// Settings returns the settings that a connection to the database asks for.
func Settings() map[string]string {
	s := &Store{cfg: Config{URL: "postgres://eshop@127.0.0.1/eshop"}}
	settings, err := s.settings(statementTime, lockTime)
	if err != nil {
		panic(err)
	}
	return settings.ConnConfig.RuntimeParams
}
