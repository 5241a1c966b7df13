package main

import (
	"crypto/rand"
	"time"

	"github.com/google/uuid"

	"eshop/adapter/demopay"
	"eshop/usecase"
	"eshop/web"
)

// utcNow ticks in microseconds, which is what databases keep: an order is then told
// alike by who placed it and by who reads it.
func utcNow() usecase.Clock {
	return func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
}

// newID makes ids that sort by time, which keeps the stores' indexes compact.
func newID() usecase.NewID {
	return func() string { return uuid.Must(uuid.NewV7()).String() }
}

// newSecret makes 260 random bits, twice what rand.Text gives.
func newSecret() usecase.NewSecret {
	return func() string { return rand.Text() + rand.Text() }
}

func newGateway(clock usecase.Clock) *demopay.Gateway {
	return demopay.New(clock, demopay.NewMemoryLedger())
}

// newHealth asks nothing: the embedded stores are there as long as the process is.
func newHealth() *web.Health { return web.NewHealth(nil) }
