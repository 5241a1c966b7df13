package schedule_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop"
	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/test/schedule"
)

func TestWire_Through(t *testing.T) {
	nothing := func(context.Context) error { return nil }
	t.Run("a call is made once, after a time and before another", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			wire, made := schedule.NewWire(1, 0, time.Second), time.Duration(0)
			ctx, request := schedule.Begin(t.Context(), "r")
			begun := time.Now()
			require.NoError(t, wire.Through(ctx, "Carts.Cart", func(context.Context) error { made += time.Since(begun); return nil }))
			assert.Positive(t, made)
			assert.Less(t, made, time.Since(begun))
			assert.False(t, request.Ended())
			assert.Zero(t, request.Faults())
		})
	})

	t.Run("the same seed, request and call take the same time, and others another", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			took := func(seed uint64, request, call string) time.Duration {
				ctx, _ := schedule.Begin(t.Context(), request)
				begun := time.Now()
				require.NoError(t, schedule.NewWire(seed, 0, time.Second).Through(ctx, call, nothing))
				return time.Since(begun)
			}
			first := took(1, "r", "Carts.Cart")
			assert.Equal(t, first, took(1, "r", "Carts.Cart"))
			assert.NotEqual(t, first, took(2, "r", "Carts.Cart"))
			assert.NotEqual(t, first, took(1, "s", "Carts.Cart"))
			assert.NotEqual(t, first, took(1, "r", "Carts.UpdateCart"))
		})
	})

	t.Run("a call that fails was made or not, and one of a server that ended is not made", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			wire, made, ended := schedule.NewWire(1, 1000, time.Second), 0, 0
			for n := range 200 {
				ctx, request := schedule.Begin(t.Context(), string(rune('a'+n)))
				do := func(context.Context) error { made++; return nil }
				require.ErrorIs(t, wire.Through(ctx, "Carts.Cart", do), domain.ErrUnavailable)
				if before := made; request.Ended() {
					ended++
					require.ErrorIs(t, wire.Through(ctx, "Carts.UpdateCart", do), domain.ErrUnavailable)
					require.Equal(t, before, made)
				}
			}
			assert.InDelta(t, 100, made, 30)
			assert.InDelta(t, 100, ended, 30)
			wire.Calm()
			ctx, _ := schedule.Begin(t.Context(), "later")
			assert.NoError(t, wire.Through(ctx, "Carts.Cart", nothing))
		})
	})

	t.Run("nobody waits longer than a context lasts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			wire := schedule.NewWire(1, 0, time.Hour)
			within, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			ctx, _ := schedule.Begin(within, "r")
			require.ErrorIs(t, wire.Through(ctx, "Carts.Cart", nothing), domain.ErrUnavailable)
			gone, leave := context.WithCancel(t.Context())
			leave()
			ctx, _ = schedule.Begin(gone, "s")
			require.ErrorIs(t, wire.Through(ctx, "Carts.Cart", nothing), context.Canceled)
		})
	})
}

func TestAround_RunsChangesTwice(t *testing.T) {
	store, calls := memory.NewStore(), []string{}
	stores := schedule.Around(eshop.Stores{Carts: store}, func(ctx context.Context, call string, do func(context.Context) error) error {
		calls = append(calls, call)
		return do(ctx)
	})
	runs := 0
	cart, err := stores.Carts.UpdateCart(t.Context(), "ann", func(c *domain.Cart) error {
		runs++
		c.Lines = append(c.Lines, domain.Line{ID: "l", Product: "p", Quantity: 1})
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 2, runs)
	assert.Len(t, cart.Lines, 1, "and keeps what one of them did")
	assert.Equal(t, []string{"Carts.UpdateCart ann"}, calls)
}
