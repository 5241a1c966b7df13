package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestWishlists(t *testing.T) {
	porttest.Wishlists(t, func(t *testing.T) (a, b port.Wishlists) {
		path := filepath.Join(t.TempDir(), "wishlists.json")
		return opened(t, path), opened(t, path)
	})
}

func TestWishlists_AnUpdateThatWaitsEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wishlists.json")
	first, second := opened(t, path), opened(t, path)
	_, err := first.UpdateWishlist(t.Context(), "user:a", func(*domain.Wishlist) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		return second.MergeWishlist(ctx, "user:a", "user:b")
	})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestOpenWishlists_RefusesAFileItDoesNotUnderstand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wishlists.json")
	for _, content := range []string{"", "null", `{"user:a":`, `{"user:a":{"Wishes":[]}}`} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := OpenWishlists(t.Context(), path)
		assert.Error(t, err, content)
	}
}

func TestWishlists_AFileThatGoesMissingIsUnavailable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wishlists.json")
	wishlists := opened(t, path)
	require.NoError(t, os.Remove(path))
	_, err := wishlists.Wishlist(t.Context(), "user:a")
	assert.ErrorIs(t, err, domain.ErrUnavailable)
}

func opened(t *testing.T, path string) *Wishlists {
	t.Helper()
	wishlists, err := OpenWishlists(t.Context(), path)
	require.NoError(t, err)
	return wishlists
}
