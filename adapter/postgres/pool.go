package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// waitTime is how long a call waits for a connection of the pool, or for the
	// database to have room for one more.
	waitTime = 1500 * time.Millisecond
	// waitForNone is waitTime while this server has no connection that could come back. Another
	// server may have some, and is asked within the two seconds that a request has.
	waitForNone = 300 * time.Millisecond
	// crowdedFor is how long the pool asks for no more connections after the database
	// had no room for one.
	crowdedFor = 500 * time.Millisecond
	// leastWait and mostWait are between looks at whether a connection came back.
	leastWait, mostWait = 5 * time.Millisecond, 20 * time.Millisecond
)

// errNoConnection is a call that waited for a connection in vain.
var errNoConnection = errors.New("no connection was free in time")

// errCrowded is a connection that was not asked for, as the database had no room a moment ago.
var errCrowded = errors.New("the database has no room for another connection")

// pool gives calls connections of a pgxpool.Pool. While the database has no room for
// more, calls share those that there are.
type pool struct {
	driver.Connector
	crowdedUntil *atomic.Int64 // in Unix milliseconds
	conns        func() int    // that there are
}

func (p pool) Connect(caller context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(caller, waitTime)
	defer cancel()
	begun := time.Now()
	for {
		conn, err := p.Connector.Connect(ctx)
		switch {
		case err == nil || caller.Err() != nil:
			return conn, err
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%w: %w", errNoConnection, err)
		case !crowded(err):
			return nil, err
		case p.conns() == 0 && time.Since(begun) > waitForNone:
			return nil, fmt.Errorf("%w: %w", errNoConnection, err)
		}
		if !errors.Is(err, errCrowded) {
			p.crowdedUntil.Store(time.Now().Add(crowdedFor).UnixMilli())
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", errNoConnection, err)
		case <-time.After(leastWait + rand.N(mostWait-leastWait)):
		}
	}
}

// beforeConnect refuses to make a connection for a while after the database had no room for one.
func (p pool) beforeConnect(context.Context, *pgx.ConnConfig) error {
	if time.Now().UnixMilli() < p.crowdedUntil.Load() {
		return errCrowded
	}
	return nil
}
