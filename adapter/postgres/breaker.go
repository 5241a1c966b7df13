package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// probeEvery is how often the database is asked whether it answers.
	probeEvery = 250 * time.Millisecond
	// probeTime is how long it may take to say so. It is shorter than callTime, so that calls to a
	// database that hangs are ended before their own time is up.
	probeTime = time.Second
)

// breaker is a circuit breaker. A probe on a connection of its own opens it when the database
// does not answer, which ends the calls under way and fails all others at once, and closes
// it when the database answers again. What makes only calls slow, such as locks or a full
// pool, leaves it closed.
type breaker struct {
	suspected chan struct{} // wakes the probe

	mu     sync.Mutex
	err    error           // why it is open; nil while it is closed
	closed context.Context // ends when the breaker opens
	end    context.CancelFunc
}

func newBreaker() *breaker {
	b := &breaker{suspected: make(chan struct{}, 1)}
	b.closed, b.end = context.WithCancel(context.Background())
	return b
}

// pass returns a context that ends when the breaker opens, or why it is open.
func (b *breaker) pass() (context.Context, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed, b.err
}

// open opens the breaker because of err.
func (b *breaker) open(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
	b.end()
}

func (b *breaker) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		b.err = nil
		b.closed, b.end = context.WithCancel(context.Background())
	}
}

// suspect asks for a probe now.
func (b *breaker) suspect() {
	select {
	case b.suspected <- struct{}{}:
	default:
	}
}

// supervise probes the database until ctx ends.
func (s *Store) supervise(ctx context.Context, cfg *pgx.ConnConfig) {
	var conn *pgx.Conn
	for ctx.Err() == nil {
		conn = s.breaker.probe(ctx, conn, cfg)
		select {
		case <-ctx.Done():
		case <-s.breaker.suspected:
		case <-time.After(probeEvery):
		}
	}
	closeProbe(conn)
}

// probe asks the database on conn, or on a new connection when that is lost, and returns the connection for the next time.
func (b *breaker) probe(ctx context.Context, conn *pgx.Conn, cfg *pgx.ConnConfig) *pgx.Conn {
	if conn != nil {
		bounded, cancel := context.WithTimeout(ctx, probeTime)
		err := conn.Ping(bounded)
		cancel()
		if err == nil {
			b.close()
			return conn
		}
		if late(err) && ctx.Err() == nil {
			b.open(err)
		}
		closeProbe(conn)
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil && late(err) && ctx.Err() == nil {
		// One attempt may be lost while the database is well.
		conn, err = pgx.ConnectConfig(ctx, cfg)
	}
	switch {
	case err == nil:
		b.close()
		return conn
	case ctx.Err() != nil:
	case answered(err):
		b.close()
	default:
		b.open(err)
	}
	return nil
}

// answered reports whether a connection was refused by a server that is at work.
func answered(err error) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && !gone(failure)
}

func closeProbe(conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeEvery)
	defer cancel()
	_ = conn.Close(ctx) // it is lost, or nobody needs it
}
