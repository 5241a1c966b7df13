package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestSessions(t *testing.T) {
	porttest.Sessions(t, func(t *testing.T) (a, b port.Sessions) { return openTwo(t) })
}

func TestStore_Sweep(t *testing.T) {
	url := migrated(t)
	s := openAt(t, url)
	putSession := func(key string, ends time.Duration) {
		require.NoError(t, s.PutSession(t.Context(), domain.Session{
			Key: domain.SessionKey(key), Guest: domain.OwnerID("guest:" + key), CreatedAt: noon, ExpiresAt: noon.Add(ends),
		}))
	}
	putSession("ended", -25*time.Hour)
	putSession("just ended", -23*time.Hour)
	putSession("on", time.Hour)
	wish := func(w *domain.Wishlist) error {
		return w.Add(domain.WishlistItem{ID: "1", Product: tea, AddedAt: noon})
	}
	owners := []domain.OwnerID{"guest:ended", "guest:just ended", "guest:on", "guest:signed out", "guest:fresh", "user:1"}
	for _, owner := range owners {
		fill(t, s, owner, 1)
		_, err := s.UpdateWishlist(t.Context(), owner, wish)
		require.NoError(t, err)
	}
	untouchedSince := noon.Add(-domain.SessionIdle - 48*time.Hour)
	for _, table := range []string{"carts", "wishlists"} {
		execute(t, url, "UPDATE "+table+" SET touched_on = $1 WHERE owner <> 'guest:fresh'", untouchedSince)
	}
	for range 2 {
		require.NoError(t, s.Sweep(t.Context(), noon))
		_, err := s.Session(t.Context(), "ended", noon.Add(-26*time.Hour))
		require.ErrorIs(t, err, domain.ErrNotFound)
		for _, key := range []domain.SessionKey{"just ended", "on"} {
			_, err := s.Session(t.Context(), key, noon.Add(-26*time.Hour))
			require.NoError(t, err, key)
		}
		for _, owner := range owners {
			want := 1
			if owner == "guest:ended" || owner == "guest:signed out" {
				want = 0
			}
			cart, err := s.Cart(t.Context(), owner)
			require.NoError(t, err)
			assert.Len(t, cart.Lines, want, owner)
			list, err := s.Wishlist(t.Context(), owner)
			require.NoError(t, err)
			assert.Len(t, list.Items, want, owner)
		}
	}
}
