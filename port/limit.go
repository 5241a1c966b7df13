package port

import (
	"context"
	"time"
)

// Limit allows Burst at once, and one more each Every.
type Limit struct {
	Burst int
	Every time.Duration
}

// Limits counts what may be done only so often, across all servers; one that is cut
// off from the others counts for itself. Time is the store's: a server whose clock is
// wrong counts as the others do. What is counted lies where nothing evicts it before
// it has come back.
type Limits interface {
	// Take takes one of what limit allows for key. It returns zero when there was
	// one, else how long until there is; then nothing is taken. Of any number of calls
	// at once, no more than Burst get zero.
	Take(ctx context.Context, key string, limit Limit) (time.Duration, error)

	// Peek returns what Take would, and takes nothing.
	Peek(ctx context.Context, key string, limit Limit) (time.Duration, error)

	// Reset forgets all that was taken for key.
	Reset(ctx context.Context, key string) error
}
