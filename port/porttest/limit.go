package porttest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/port"
)

var (
	// few is a limit of which nothing comes back while a test runs.
	few = port.Limit{Burst: 3, Every: 10 * time.Minute}
	// quick is a limit of which all comes back while a test waits.
	quick = port.Limit{Burst: 3, Every: 50 * time.Millisecond}
)

// Limits holds an adapter to the promises of port.Limits. open gives a store of which
// nothing was taken. Time is the store's, so the suite waits for it, under a second in all.
func Limits(t *testing.T, open func(*testing.T) (a, b port.Limits)) {
	run(t, open, inTurns, takingLimits, passingLimits, cancellingLimits)
}

func takingLimits(t *testing.T, open func(t *testing.T) turns[port.Limits]) {
	t.Run("as many as the burst are allowed at once, then none until one came back", func(t *testing.T) {
		for _, limit := range []port.Limit{few, {Burst: 1, Every: time.Hour}, {Burst: 100, Every: 10 * time.Minute}, {Burst: 7, Every: 61*time.Second + 7*time.Microsecond}} {
			limits := open(t)
			spent(t, takeAll(t, limits, "a", limit), limits, "a", limit)
		}
	})
	t.Run("nothing is taken from who is told to wait", func(t *testing.T) {
		limits := open(t)
		since := takeAll(t, limits, "a", few)
		for range 20 {
			spent(t, since, limits, "a", few)
		}
	})
	t.Run("who peeks is told what who takes would be, and takes nothing", func(t *testing.T) {
		limits := open(t)
		for n := range few.Burst {
			for range 5 {
				wait, err := limits().Peek(t.Context(), "a", few)
				require.NoError(t, err)
				require.Zero(t, wait, "with %d taken", n)
			}
			require.Zero(t, take(t, limits, "a", few), "number %d", n)
		}
		for range 5 {
			peeked, err := limits().Peek(t.Context(), "a", few)
			require.NoError(t, err)
			assert.Positive(t, peeked)
			assert.InDelta(t, take(t, limits, "a", few), peeked, float64(time.Second))
		}
	})
	t.Run("each key is counted apart", func(t *testing.T) {
		limits, since := open(t), map[string]time.Time{}
		for _, key := range []string{"a", "A", "B", "b", "", "a ", "signin:anna|192.0.2.1", "signin:anna|2001:db8::1", "ä", "%"} {
			since[key] = takeAll(t, limits, key, few)
		}
		for key, at := range since {
			spent(t, at, limits, key, few)
		}
	})
	t.Run("a reset forgets all that was taken for the key, and for no other", func(t *testing.T) {
		limits := open(t)
		takeAll(t, limits, "a", few)
		other := takeAll(t, limits, "b", few)
		for range 2 {
			require.NoError(t, limits().Reset(t.Context(), "a"))
			spent(t, takeAll(t, limits, "a", few), limits, "a", few)
			spent(t, other, limits, "b", few)
		}
	})
	t.Run("a reset of what was never taken, or twice, is not an error", func(t *testing.T) {
		limits := open(t)
		for range 2 {
			require.NoError(t, limits().Reset(t.Context(), "never"))
		}
		spent(t, takeAll(t, limits, "never", few), limits, "never", few)
	})
	t.Run("of many calls at once as many as the burst get one", func(t *testing.T) {
		limits, limit := open(t), port.Limit{Burst: 10, Every: 10 * time.Minute}
		waits, errs := make([]time.Duration, 100), make([]error, 100)
		atOnce(len(waits), func(i int) { waits[i], errs[i] = limits().Take(t.Context(), "a", limit) })
		require.NoError(t, errors.Join(errs...))
		got := 0
		for _, wait := range waits {
			if wait == 0 {
				got++
			}
		}
		assert.Equal(t, limit.Burst, got)
	})
	t.Run("calls for many keys at once do not count for each other", func(t *testing.T) {
		limits := open(t)
		waits, errs := make([]time.Duration, 40), make([]error, 40)
		atOnce(len(waits), func(i int) {
			waits[i], errs[i] = limits().Take(t.Context(), fmt.Sprint("key-", i), port.Limit{Burst: 1, Every: time.Hour})
		})
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, make([]time.Duration, 40), waits)
	})
}

func passingLimits(t *testing.T, open func(t *testing.T) turns[port.Limits]) {
	t.Run("one comes back each time that Every has passed, not sooner", func(t *testing.T) {
		limits, start, got := open(t), time.Now(), 0
		for time.Since(start) < 6*quick.Every {
			if take(t, limits, "a", quick) == 0 {
				got++
			}
			assert.LessOrEqual(t, got, quick.Burst+int(time.Since(start)/quick.Every))
			time.Sleep(time.Millisecond)
		}
		assert.GreaterOrEqual(t, got, quick.Burst+1)
	})
	t.Run("who waits as long as was said gets one", func(t *testing.T) {
		limits, tries := open(t), 0
		for range quick.Burst + 2 {
			for wait := take(t, limits, "a", quick); wait > 0; wait = take(t, limits, "a", quick) {
				time.Sleep(wait + time.Millisecond) // two clocks may differ by what they round
				tries++
			}
		}
		assert.LessOrEqual(t, tries, 2)
	})
	t.Run("after a long time there are no more than the burst", func(t *testing.T) {
		limits, limit := open(t), port.Limit{Burst: 2, Every: 40 * time.Millisecond}
		takeAll(t, limits, "a", limit)
		time.Sleep(6 * limit.Every)
		start, got := time.Now(), 0
		for range 2 * limit.Burst {
			if take(t, limits, "a", limit) == 0 {
				got++
			}
		}
		assert.LessOrEqual(t, got, limit.Burst+int(time.Since(start)/limit.Every))
		assert.GreaterOrEqual(t, got, limit.Burst)
	})
}

func cancellingLimits(t *testing.T, open func(t *testing.T) turns[port.Limits]) {
	for name, call := range map[string]func(context.Context, turns[port.Limits]) error{
		"Take": func(ctx context.Context, limits turns[port.Limits]) error {
			_, err := limits().Take(ctx, "free", few)
			return err
		},
		"Peek": func(ctx context.Context, limits turns[port.Limits]) error {
			_, err := limits().Peek(ctx, "free", few)
			return err
		},
		"Reset": func(ctx context.Context, limits turns[port.Limits]) error { return limits().Reset(ctx, "taken") },
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			limits := open(t)
			since := takeAll(t, limits, "taken", few)
			require.Error(t, call(cancelled(t), limits))
			spent(t, since, limits, "taken", few)
			takeAll(t, limits, "free", few)
		})
	}
}

func take(t *testing.T, limits turns[port.Limits], key string, limit port.Limit) time.Duration {
	t.Helper()
	wait, err := limits().Take(t.Context(), key, limit)
	require.NoError(t, err)
	return wait
}

// takeAll takes the whole burst, of which all must be there, and returns when it began to.
func takeAll(t *testing.T, limits turns[port.Limits], key string, limit port.Limit) time.Time {
	t.Helper()
	start := time.Now()
	for n := range limit.Burst {
		require.Zero(t, take(t, limits, key, limit), "number %d for %q", n, key)
	}
	return start
}

// spent asserts that nothing is left of a burst that was taken since, and that the wait
// is to the time when one comes back.
func spent(t *testing.T, since time.Time, limits turns[port.Limits], key string, limit port.Limit) {
	t.Helper()
	wait := take(t, limits, key, limit)
	assert.LessOrEqual(t, wait, limit.Every, "%q", key)
	assert.Greater(t, wait, limit.Every-time.Since(since)-time.Millisecond, "%q", key)
}
