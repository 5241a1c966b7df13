package argon2

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func TestPasswords_Queue(t *testing.T) {
	slots := int64(max(1, runtime.GOMAXPROCS(0)/2))
	synctest.Test(t, func(t *testing.T) {
		passwords, err := New()
		require.NoError(t, err)
		require.True(t, passwords.slots.TryAcquire(slots))
		require.False(t, passwords.slots.TryAcquire(1), "half of the processors")

		begun := time.Now()
		_, err = passwords.Matches(t.Context(), "", "x")
		assert.ErrorIs(t, err, domain.ErrUnavailable)
		assert.Equal(t, domain.CodeBusy, domain.CodeOf(err))
		assert.Equal(t, queueTime, time.Since(begun))
		busy := new(domain.Error)
		require.ErrorAs(t, err, &busy)
		assert.Positive(t, busy.RetryAfter)

		gone, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = passwords.Hash(gone, "x")
		assert.ErrorIs(t, err, context.DeadlineExceeded, "who asked gave up first")

		time.AfterFunc(time.Second, func() { passwords.slots.Release(slots) })
		matches, err := passwords.Matches(t.Context(), "", "x")
		assert.NoError(t, err)
		assert.False(t, matches)
		assert.True(t, passwords.slots.TryAcquire(slots), "each gives its turn back")
	})
}

func TestPasswords_Rest(t *testing.T) {
	slots := int64(max(1, runtime.GOMAXPROCS(0)/2))
	synctest.Test(t, func(t *testing.T) {
		passwords, err := New()
		require.NoError(t, err)
		require.True(t, passwords.slots.TryAcquire(slots))
		begun, entered := time.Now(), make(chan time.Duration)
		go func() {
			assert.NoError(t, passwords.enter(t.Context()))
			entered <- time.Since(begun)
		}()
		time.Sleep(queueTime / 4)
		for range slots {
			passwords.leave(begun)
		}
		assert.Equal(t, queueTime/2, <-entered, "a slot rests for as long as it was used while somebody waits")
		synctest.Wait()
		passwords.leave(begun)
		assert.True(t, passwords.slots.TryAcquire(slots), "and not when nobody waits")
	})
}
