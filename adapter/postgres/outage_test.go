package postgres_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/test/container"
)

// slack is by how much more a machine with other work may take than is promised. What it took is printed.
const slack = 5

func TestOutages(t *testing.T) {
	server := container.StartPostgres(t)
	store := openAt(t, server.URL)
	_, err := store.Migrate(t.Context())
	require.NoError(t, err)
	require.NoError(t, store.PutProducts(t.Context(), []domain.Product{teaProduct()}))
	terminate := func(t *testing.T) {
		execute(t, server.URL, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'eshop' AND pid <> pg_backend_pid()")
	}

	t.Run("connections that ended while nobody used them are noticed by nobody", func(t *testing.T) {
		for range 5 {
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					_, err := store.Product(t.Context(), "tea")
					assert.NoError(t, err)
				})
			}
			all.Wait()
			terminate(t)
			_, err := store.ChangeStock(t.Context(), domain.StockMovement{Product: "tea", Delta: 1, Reason: domain.StockReceived, At: noon}, "")
			require.NoError(t, err)
			_, err = store.Search(t.Context(), complete(domain.Query{Text: "tea"}))
			require.NoError(t, err)
		}
	})
	t.Run("a statement that was prepared before the schema changed is prepared anew, which nobody notices", func(t *testing.T) {
		for _, kind := range []string{"varchar(500)", "text"} {
			execute(t, server.URL, "ALTER TABLE products ALTER COLUMN name TYPE "+kind)
			_, err := store.Product(t.Context(), "tea")
			require.NoError(t, err)
			_, err = store.Search(t.Context(), complete(domain.Query{}))
			require.NoError(t, err)
		}
	})
	for name, outage := range map[string]func(t *testing.T){
		"every connection ends": terminate,
		"the server is stopped and started": func(t *testing.T) {
			server.Stop(t)
			server.Start(t)
		},
		"the server is killed and started": func(t *testing.T) {
			server.Kill(t)
			server.Start(t)
		},
		"the server hangs and goes on": func(t *testing.T) {
			server.Pause(t)
			time.Sleep(6 * time.Second) // longer than any call
			server.Unpause(t)
		},
	} {
		t.Run("who calls while "+name+" is told that the store is away, and what was acknowledged is kept", func(t *testing.T) {
			before, err := store.Product(t.Context(), "tea")
			require.NoError(t, err)
			var (
				all           sync.WaitGroup
				kept, inDoubt atomic.Int64
			)
			working, stopWork := context.WithCancel(t.Context())
			defer stopWork()
			for range 8 {
				all.Go(func() {
					for working.Err() == nil {
						start := time.Now()
						_, err := store.ChangeStock(t.Context(), domain.StockMovement{Product: "tea", Delta: 1, Reason: domain.StockReceived, At: noon}, "")
						if err == nil {
							kept.Add(1)
						} else if inDoubt.Add(1); !assert.ErrorIs(t, err, domain.ErrUnavailable) {
							return
						}
						if _, err = store.Product(t.Context(), "tea"); err != nil && !assert.ErrorIs(t, err, domain.ErrUnavailable) {
							return
						}
						assert.Less(t, time.Since(start), 15*time.Second, "either has a deadline")
					}
				})
			}
			require.Eventually(t, func() bool { return kept.Load() > 20 }, 10*time.Second, 10*time.Millisecond)
			outage(t)
			back := kept.Load()
			assert.Eventually(t, func() bool { return kept.Load() > back+20 }, 20*time.Second, 10*time.Millisecond, "it works again by itself")
			stopWork()
			all.Wait()
			after, err := store.Product(t.Context(), "tea")
			require.NoError(t, err)
			grown := int64(after.Stock - before.Stock)
			assert.GreaterOrEqual(t, grown, kept.Load())
			assert.LessOrEqual(t, grown, kept.Load()+inDoubt.Load())
		})
	}
	for name, outage := range map[string]struct{ begin, end func() }{
		"hangs":   {func() { server.Pause(t) }, func() { server.Unpause(t) }},
		"is away": {func() { server.Kill(t) }, func() { server.Start(t) }},
	} {
		t.Run("while the server "+name+" each call ends within two seconds, and all but the first at once", func(t *testing.T) {
			outage.begin()
			var all sync.WaitGroup
			took := make([]time.Duration, 40)
			for i := range took {
				all.Go(func() {
					start := time.Now()
					_, err := store.ChangeStock(t.Context(), domain.StockMovement{Product: "tea", Delta: 1, Reason: domain.StockReceived, At: noon}, "")
					assert.ErrorIs(t, err, domain.ErrUnavailable)
					took[i] = time.Since(start)
				})
			}
			all.Wait()
			t.Logf("the longest call took %v", slices.Max(took))
			assert.Less(t, slices.Max(took), slack*2*time.Second)
			require.Eventually(t, func() bool {
				start := time.Now()
				_, err := store.Product(t.Context(), "tea")
				assert.ErrorIs(t, err, domain.ErrUnavailable)
				return time.Since(start) < 10*time.Millisecond
			}, 3*time.Second, time.Millisecond)
			start := time.Now()
			for range 1000 {
				require.ErrorIs(t, store.Ping(t.Context()), domain.ErrUnavailable)
			}
			assert.Less(t, time.Since(start), time.Second)
			outage.end()
			start = time.Now()
			require.Eventually(t, func() bool { return store.Ping(t.Context()) == nil }, 10*time.Second, time.Millisecond)
			t.Logf("noticed %v after it was back", time.Since(start))
		})
	}
	t.Run("a caller that goes away is told so, not that the store is away", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		for ctx.Err() == nil {
			if _, err := store.Product(ctx, "tea"); err != nil {
				require.ErrorIs(t, err, context.Canceled)
				require.False(t, errors.Is(err, domain.ErrUnavailable))
			}
		}
	})
	t.Run("a caller whose time is over is told that the store kept it waiting, in the call and before the next", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, inTime := store.Product(ctx, "tea")
		for ; inTime == nil; _, inTime = store.Product(ctx, "tea") {
		}
		_, next := store.Product(ctx, "tea")
		_, none := store.Suggest(ctx, "", 1)
		_, noneOf := store.Revisions(ctx, nil)
		for _, err := range []error{inTime, next, none, noneOf, store.PutProducts(ctx, nil)} {
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, domain.CodeStoreUnavailable, domain.CodeOf(err))
		}
	})
	t.Run("who waits too long for another's row is told that the store is away", func(t *testing.T) {
		held := make(chan struct{})
		go func() {
			execute(t, server.URL, "BEGIN; SELECT 1 FROM product_facts WHERE id = 'tea' FOR UPDATE; SELECT pg_sleep(8); ROLLBACK")
			close(held)
		}()
		require.Eventually(t, func() bool {
			return number(t, server.URL, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 1
		}, 5*time.Second, 10*time.Millisecond)
		start := time.Now()
		_, err := store.ChangeStock(t.Context(), domain.StockMovement{Product: "tea", Delta: 1, Reason: domain.StockReceived, At: noon}, "")
		require.ErrorIs(t, err, domain.ErrUnavailable)
		assert.Less(t, time.Since(start), 7*time.Second)
		<-held
	})
	t.Run("who comes to the commit when the time is up is told that the store is away", func(t *testing.T) {
		err := store.InTx(t.Context(), func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(50 * time.Millisecond) // until the transaction is undone
			return nil
		})
		require.ErrorIs(t, err, domain.ErrUnavailable)
	})
}
