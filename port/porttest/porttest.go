// Package porttest says what every answer to a port must do: one suite a port,
// each subtest named by the promise it holds the adapter to. An adapter's own
// tests call the suites with an open that returns the answers of two servers on
// one fresh store, which may be one and the same when servers share nothing else.
// Each suite runs with the first alone and with both taking turns; it sees
// nothing but the port. The suites are written to run under -race, and against a
// store that is reached over a network.
//
// Where a port allows a server to hear of others' changes later than they are made, an
// answer may have a method CatchUp() error, which returns when it has heard of all:
// the suite calls it whenever the server has the turn.
package porttest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eshop/domain"
)

// noon is when everything in the suites happens, unless a test says otherwise. Stores keep
// times to the microsecond, which is what PostgreSQL keeps.
var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// aProduct is product number n, of which stock can be sold.
func aProduct(n, stock int) domain.Product {
	return domain.Product{
		ID: domain.ProductID(fmt.Sprintf("product-%04d", n)), Slug: fmt.Sprintf("tea-pot-%04d", n),
		Name: fmt.Sprintf("Tea pot %04d", n), Description: "Pours without a drop beside the cup.",
		Category: domain.Category{Slug: "kitchen", Name: "Kitchen"}, Subcategory: domain.Category{Slug: "tea-pots", Name: "Tea pots"},
		Price: domain.Dollars(int64(1000 + n)), Stock: stock,
		Images:  []domain.Image{{URL: "/media/pot.svg", Alt: "a tea pot"}},
		AddedAt: noon.Add(time.Duration(n) * time.Minute),
	}
}

// cancelled is a context that has ended.
func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// atOnce runs call n times at once, numbered from 0, and returns when all have.
func atOnce(n int, call func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			call(i)
		})
	}
	close(start)
	all.Wait()
}

// requireCode demands that err is of a kind and bears a code.
func requireCode(t *testing.T, err error, kind domain.Kind, code domain.Code) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	var known *domain.Error
	require.ErrorAs(t, err, &known)
	require.Equal(t, code, known.Code)
}
