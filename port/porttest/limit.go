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

// few is a limit that a test can reach. A store may forget by its own clock what
// came back long ago, so what is allowed comes back in much more time than a test takes.
var few = port.Limit{Burst: 3, Every: 10 * time.Minute}

// Limits holds an adapter to the promises of port.Limits. open gives a store of which nothing was taken.
func Limits(t *testing.T, open func(*testing.T) (a, b port.Limits)) {
	run(t, open, inTurns, takingLimits, cancellingLimits)
}

func takingLimits(t *testing.T, open func(t *testing.T) turns[port.Limits]) {
	t.Run("as many as the burst are allowed at once, then none until one came back", func(t *testing.T) {
		for _, limit := range []port.Limit{few, {Burst: 1, Every: time.Hour}, {Burst: 100, Every: 10 * time.Second}, {Burst: 7, Every: 61*time.Second + 7*time.Microsecond}} {
			limits := open(t)
			for range limit.Burst {
				assert.Zero(t, takeAt(t, limits, "a", limit, noon))
			}
			assert.Equal(t, limit.Every, takeAt(t, limits, "a", limit, noon))
		}
	})
	t.Run("one comes back each time that Every has passed, not sooner", func(t *testing.T) {
		limits := open(t)
		takeAll(t, limits, "a", few, noon)
		for n := range 5 {
			back := noon.Add(time.Duration(n+1) * few.Every)
			assert.Equal(t, time.Microsecond, takeAt(t, limits, "a", few, back.Add(-time.Microsecond)))
			assert.Zero(t, takeAt(t, limits, "a", few, back))
			assert.Equal(t, few.Every, takeAt(t, limits, "a", few, back))
		}
	})
	t.Run("several come back after as many times Every", func(t *testing.T) {
		limits := open(t)
		takeAll(t, limits, "a", few, noon)
		later := noon.Add(2 * few.Every)
		assert.Zero(t, takeAt(t, limits, "a", few, later))
		assert.Zero(t, takeAt(t, limits, "a", few, later))
		assert.Equal(t, few.Every, takeAt(t, limits, "a", few, later))
	})
	t.Run("the wait is to the time when there is one, to the microsecond", func(t *testing.T) {
		limits := open(t)
		takeAll(t, limits, "a", few, noon)
		for _, passed := range []time.Duration{time.Microsecond, 1234567 * time.Microsecond, time.Minute, few.Every - time.Microsecond} {
			assert.Equal(t, few.Every-passed, takeAt(t, limits, "a", few, noon.Add(passed)))
		}
		assert.Zero(t, takeAt(t, limits, "a", few, noon.Add(few.Every)))
	})
	t.Run("what came back in part counts", func(t *testing.T) {
		limits, half := open(t), few.Every/2
		assert.Zero(t, takeAt(t, limits, "a", few, noon))
		assert.Zero(t, takeAt(t, limits, "a", few, noon.Add(half)))
		assert.Zero(t, takeAt(t, limits, "a", few, noon.Add(half)))
		assert.Equal(t, half, takeAt(t, limits, "a", few, noon.Add(half)))
		assert.Zero(t, takeAt(t, limits, "a", few, noon.Add(2*half)))
	})
	t.Run("nothing is taken from who is told to wait", func(t *testing.T) {
		limits := open(t)
		takeAll(t, limits, "a", few, noon)
		for range 20 {
			assert.Equal(t, few.Every, takeAt(t, limits, "a", few, noon))
		}
		assert.Zero(t, takeAt(t, limits, "a", few, noon.Add(few.Every)))
	})
	t.Run("after a long time there are no more than the burst", func(t *testing.T) {
		limits, long := open(t), noon.Add(365*24*time.Hour)
		takeAll(t, limits, "a", few, noon)
		takeAll(t, limits, "a", few, long)
		assert.Equal(t, few.Every, takeAt(t, limits, "a", few, long))
	})
	t.Run("a caller whose clock is behind gets no more for it", func(t *testing.T) {
		limits := open(t)
		takeAll(t, limits, "a", few, noon)
		assert.Positive(t, takeAt(t, limits, "a", few, noon.Add(-time.Second)))
		assert.Equal(t, few.Every, takeAt(t, limits, "a", few, noon))
	})
	t.Run("each key is counted apart", func(t *testing.T) {
		limits := open(t)
		keys := []string{"a", "A", "B", "b", "", "a ", "signin:anna|192.0.2.1", "signin:anna|2001:db8::1", "ä", "%"}
		for _, key := range keys {
			takeAll(t, limits, key, few, noon)
		}
		for _, key := range keys {
			assert.Equal(t, few.Every, takeAt(t, limits, key, few, noon), key)
		}
	})
	t.Run("a reset forgets all that was taken for the key, and for no other", func(t *testing.T) {
		limits := open(t)
		takeAll(t, limits, "a", few, noon)
		takeAll(t, limits, "b", few, noon)
		for range 2 {
			require.NoError(t, limits().Reset(t.Context(), "a"))
			takeAll(t, limits, "a", few, noon)
			assert.Equal(t, few.Every, takeAt(t, limits, "a", few, noon))
			assert.Equal(t, few.Every, takeAt(t, limits, "b", few, noon))
		}
	})
	t.Run("a reset of what was never taken, or twice, is not an error", func(t *testing.T) {
		limits := open(t)
		for range 2 {
			require.NoError(t, limits().Reset(t.Context(), "never"))
		}
		takeAll(t, limits, "never", few, noon)
		assert.Equal(t, few.Every, takeAt(t, limits, "never", few, noon), "a reset allows no more than the burst")
	})
	t.Run("of many calls at one now as many as the burst get one", func(t *testing.T) {
		limits, limit := open(t), port.Limit{Burst: 10, Every: time.Minute}
		for _, now := range []time.Time{noon, noon.Add(time.Hour)} {
			waits, errs := make([]time.Duration, 100), make([]error, 100)
			atOnce(len(waits), func(i int) { waits[i], errs[i] = limits().Take(t.Context(), "a", limit, now) })
			require.NoError(t, errors.Join(errs...))
			got := 0
			for _, wait := range waits {
				if wait == 0 {
					got++
					continue
				}
				assert.Equal(t, limit.Every, wait)
			}
			assert.Equal(t, limit.Burst, got)
		}
	})
	t.Run("calls for many keys at once do not count for each other", func(t *testing.T) {
		limits := open(t)
		waits, errs := make([]time.Duration, 40), make([]error, 40)
		atOnce(len(waits), func(i int) {
			waits[i], errs[i] = limits().Take(t.Context(), fmt.Sprint("key-", i), port.Limit{Burst: 1, Every: time.Hour}, noon)
		})
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, make([]time.Duration, 40), waits)
	})
}

func cancellingLimits(t *testing.T, open func(t *testing.T) turns[port.Limits]) {
	for name, call := range map[string]func(context.Context, turns[port.Limits]) error{
		"Take": func(ctx context.Context, limits turns[port.Limits]) error {
			_, err := limits().Take(ctx, "free", few, noon)
			return err
		},
		"Reset": func(ctx context.Context, limits turns[port.Limits]) error { return limits().Reset(ctx, "taken") },
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			limits := open(t)
			takeAll(t, limits, "taken", few, noon)
			require.Error(t, call(cancelled(t), limits))
			assert.Equal(t, few.Every, takeAt(t, limits, "taken", few, noon))
			takeAll(t, limits, "free", few, noon)
		})
	}
}

func takeAt(t *testing.T, limits turns[port.Limits], key string, limit port.Limit, now time.Time) time.Duration {
	t.Helper()
	wait, err := limits().Take(t.Context(), key, limit, now)
	require.NoError(t, err)
	return wait
}

// takeAll takes the whole burst, of which all must be there.
func takeAll(t *testing.T, limits turns[port.Limits], key string, limit port.Limit, now time.Time) {
	t.Helper()
	for n := range limit.Burst {
		require.Zero(t, takeAt(t, limits, key, limit, now), "number %d for %q", n, key)
	}
}
