package memory_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestUsers(t *testing.T) {
	porttest.Users(t, func(t *testing.T) (a, b port.Users) { return openTwo(t) })
}

func TestSessions(t *testing.T) {
	porttest.Sessions(t, func(t *testing.T) (a, b port.Sessions) { return openTwo(t) })
}

func TestLimits(t *testing.T) {
	porttest.Limits(t, func(t *testing.T) (a, b port.Limits) { return openTwo(t) })
}

func TestEvents(t *testing.T) {
	porttest.Events(t, func(t *testing.T) (a, b port.Events) { return openTwo(t) })
}

func TestContacts(t *testing.T) {
	porttest.Contacts(t, func(t *testing.T) (a, b port.Contacts) { return openTwo(t) })
}

func TestPictures(t *testing.T) {
	porttest.Pictures(t, func(t *testing.T) (a, b port.Pictures) { return openTwo(t) })
}

func TestSweeper(t *testing.T) {
	porttest.Sweeper(t, func(t *testing.T) (a, b porttest.Swept) { return openTwo(t) })
}

func TestConversations(t *testing.T) {
	porttest.Conversations(t, func(t *testing.T) (a, b port.Conversations) { return openTwo(t) })
}

func TestStore_sweeping(t *testing.T) {
	const many = 5000
	start := time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)
	t.Run("of many sessions none is forgotten before it ends", func(t *testing.T) {
		store := memory.NewStore()
		for n := range many {
			s := domain.Session{Key: domain.SessionKey(fmt.Sprint(n)), ExpiresAt: start.Add(time.Duration(n) * time.Second)}
			require.NoError(t, store.PutSession(t.Context(), s))
		}
		now := start.Add(many / 2 * time.Second)
		_, err := store.Session(t.Context(), "0", now)
		require.ErrorIs(t, err, domain.ErrNotFound)
		for n := range many {
			s := domain.Session{Key: domain.SessionKey(fmt.Sprint("more-", n)), ExpiresAt: now}
			require.NoError(t, store.PutSession(t.Context(), s))
		}
		for n := range many {
			_, err := store.Session(t.Context(), domain.SessionKey(fmt.Sprint(n)), now)
			assert.Equal(t, n >= many/2, err == nil, n)
			_, err = store.Session(t.Context(), domain.SessionKey(fmt.Sprint("more-", n)), now)
			require.NoError(t, err)
		}
	})
	t.Run("of many limits none is forgotten before all came back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store, limit := memory.NewStore(), port.Limit{Burst: 1, Every: many * time.Second}
			take := func(n int) time.Duration {
				wait, err := store.Take(t.Context(), fmt.Sprint(n), limit)
				require.NoError(t, err)
				return wait
			}
			for n := range many {
				require.Zero(t, take(n))
				time.Sleep(time.Second)
			}
			time.Sleep(many / 2 * time.Second)
			for n := many; n < 2*many; n++ {
				require.Zero(t, take(n))
			}
			for n := range many {
				assert.Equal(t, n <= many/2, take(n) == 0, n)
			}
		})
	})
}
