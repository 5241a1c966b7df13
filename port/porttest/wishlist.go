package porttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Wishlists holds an adapter to the promises of port.Wishlists. open gives a
// store without a wishlist, in which no product need be to be wished for.
func Wishlists(t *testing.T, open func(*testing.T) (a, b port.Wishlists)) {
	run(t, open, inTurns, keepingWishlists, mergingWishlists, cancellingWishlists)
}

func keepingWishlists(t *testing.T, open func(t *testing.T) turns[port.Wishlists]) {
	t.Run("a wishlist that was never kept is empty", func(t *testing.T) {
		assert.Empty(t, wishesOf(t, open(t), "guest:a"))
	})
	t.Run("a wishlist is kept as it was left, the newest wish last", func(t *testing.T) {
		lists := open(t)
		var want []domain.WishlistItem
		for _, n := range []int{7, 3, 9, 1} {
			want = append(want, aWish(n))
			assert.Equal(t, want, changeWishes(t, lists, "guest:a", wishFor(n)))
			assert.Equal(t, want, wishesOf(t, lists, "guest:a"))
		}
		assert.Equal(t, want, changeWishes(t, lists, "guest:a", wishFor(3)), "wishing again changes nothing")
		assert.Equal(t, want, wishesOf(t, lists, "guest:a"))
		want = slices.Delete(want, 1, 2)
		assert.Equal(t, want, changeWishes(t, lists, "guest:a", func(w *domain.Wishlist) error { return w.Remove("wish-3") }))
		assert.Equal(t, want, wishesOf(t, lists, "guest:a"))
		want = append(want, aWish(3))
		assert.Equal(t, want, changeWishes(t, lists, "guest:a", wishFor(3)), "one that comes back is the newest")
		assert.Equal(t, want, wishesOf(t, lists, "guest:a"))
	})
	t.Run("a wishlist may be emptied", func(t *testing.T) {
		lists := open(t)
		changeWishes(t, lists, "guest:a", wishFor(1))
		changeWishes(t, lists, "guest:a", func(w *domain.Wishlist) error { return w.Remove("wish-1") })
		assert.Empty(t, wishesOf(t, lists, "guest:a"))
	})
	t.Run("the change sees the wishlist as it was kept last", func(t *testing.T) {
		lists := open(t)
		for n := range 4 {
			changeWishes(t, lists, "guest:a", func(w *domain.Wishlist) error {
				assert.Len(t, w.Items, n)
				return wishFor(n)(w)
			})
		}
	})
	t.Run("a wishlist belongs to one owner", func(t *testing.T) {
		lists := open(t)
		owners := []domain.OwnerID{"guest:a", "user:a", "guest:A", "a", "guest:a "}
		for n, owner := range owners {
			changeWishes(t, lists, owner, wishFor(n))
		}
		for n, owner := range owners {
			assert.Equal(t, []domain.WishlistItem{aWish(n)}, wishesOf(t, lists, owner))
		}
	})
	t.Run("a change that fails keeps nothing, and its very error comes back", func(t *testing.T) {
		lists := open(t)
		broken := errors.New("broken")
		for _, want := range [][]domain.WishlistItem{nil, {aWish(1)}} {
			_, err := lists().UpdateWishlist(t.Context(), "guest:a", func(w *domain.Wishlist) error {
				if len(w.Items) > 0 {
					w.Items[0].Product = "spoilt"
				}
				if err := wishFor(9)(w); err != nil {
					return err
				}
				return broken
			})
			require.ErrorIs(t, err, broken)
			assert.ElementsMatch(t, want, wishesOf(t, lists, "guest:a"))
			changeWishes(t, lists, "guest:a", wishFor(1))
		}
		_, err := lists().UpdateWishlist(t.Context(), "guest:a", func(w *domain.Wishlist) error { return w.Remove("wish-77") })
		requireCode(t, err, domain.ErrNotFound, domain.CodeNotFound)
	})
	t.Run("changing what went in or came out changes nothing that is kept", func(t *testing.T) {
		lists := open(t)
		want := []domain.WishlistItem{aWish(1), aWish(2)}
		wishes := slices.Clone(want)
		var held *domain.Wishlist
		kept := changeWishes(t, lists, "guest:a", func(w *domain.Wishlist) error {
			w.Items, held = wishes, w
			return nil
		})
		spoil := func(wishes []domain.WishlistItem) {
			wishes[0].Product, wishes[1].ID = "spoilt", "spoilt"
			_ = append(wishes[:1], aWish(9))
		}
		spoil(held.Items)
		spoil(wishes)
		assert.Equal(t, want, kept)
		assert.Equal(t, want, wishesOf(t, lists, "guest:a"))
		spoil(kept)
		assert.Equal(t, want, wishesOf(t, lists, "guest:a"))
		spoil(wishesOf(t, lists, "guest:a"))
		assert.Equal(t, want, wishesOf(t, lists, "guest:a"))
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
		spoil(held.Items)
		spoil(wishesOf(t, lists, "user:a"))
		assert.Equal(t, want, wishesOf(t, lists, "user:a"))
	})
	t.Run("changes of many at once happen one after another", func(t *testing.T) {
		lists := open(t)
		errs, want := make([]error, 50), make([]domain.WishlistItem, 50)
		atOnce(len(errs), func(i int) {
			_, errs[i] = lists().UpdateWishlist(t.Context(), "guest:a", wishFor(i))
			want[i] = aWish(i)
		})
		require.NoError(t, errors.Join(errs...))
		assert.ElementsMatch(t, want, wishesOf(t, lists, "guest:a"))
	})
	t.Run("who reads a wishlist while it changes never sees a wish go that was there", func(t *testing.T) {
		lists := open(t)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			if i%2 == 0 {
				_, errs[i] = lists().UpdateWishlist(t.Context(), "guest:a", wishFor(i))
				return
			}
			seen := 0
			for range 10 {
				list, err := lists().Wishlist(t.Context(), "guest:a")
				if err == nil && len(list.Items) < seen {
					err = fmt.Errorf("%d wishes after %d", len(list.Items), seen)
				}
				seen = len(list.Items)
				errs[i] = errors.Join(errs[i], err)
			}
		})
		require.NoError(t, errors.Join(errs...))
		assert.Len(t, wishesOf(t, lists, "guest:a"), 10)
	})
	t.Run("one wish that comes from many at once is there once", func(t *testing.T) {
		lists := open(t)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) { _, errs[i] = lists().UpdateWishlist(t.Context(), "guest:a", wishFor(1)) })
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, []domain.WishlistItem{aWish(1)}, wishesOf(t, lists, "guest:a"))
	})
}

func mergingWishlists(t *testing.T, open func(t *testing.T) turns[port.Wishlists]) {
	t.Run("merging moves the wishes, and merging again changes nothing", func(t *testing.T) {
		lists := open(t)
		for _, n := range []int{4, 2, 6} {
			changeWishes(t, lists, "guest:a", wishFor(n))
		}
		theirs := aWish(2)
		theirs.ID, theirs.AddedAt = "their-wish", noon.Add(-time.Hour)
		changeWishes(t, lists, "user:a", wishFor(5))
		changeWishes(t, lists, "user:a", func(w *domain.Wishlist) error { return w.Add(theirs) })
		want := []domain.WishlistItem{aWish(5), theirs, aWish(4), aWish(6)}
		for range 3 {
			require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
			assert.Equal(t, want, wishesOf(t, lists, "user:a"))
			assert.Empty(t, wishesOf(t, lists, "guest:a"))
		}
		assert.Equal(t, []domain.WishlistItem{aWish(8)}, changeWishes(t, lists, "guest:a", wishFor(8)), "the first may be filled again")
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
		assert.Equal(t, append(want, aWish(8)), wishesOf(t, lists, "user:a"))
		assert.Empty(t, wishesOf(t, lists, "guest:a"))
	})
	t.Run("merging into a wishlist that was never kept makes it", func(t *testing.T) {
		lists := open(t)
		changeWishes(t, lists, "guest:a", wishFor(1))
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
		assert.Equal(t, []domain.WishlistItem{aWish(1)}, wishesOf(t, lists, "user:a"))
		assert.Empty(t, wishesOf(t, lists, "guest:a"))
	})
	t.Run("merging an empty wishlist changes nothing", func(t *testing.T) {
		lists := open(t)
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:none", "user:a"))
		assert.Empty(t, wishesOf(t, lists, "user:a"))
		changeWishes(t, lists, "user:a", wishFor(1))
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:none", "user:a"))
		assert.Equal(t, []domain.WishlistItem{aWish(1)}, wishesOf(t, lists, "user:a"))
	})
	t.Run("merging a wishlist into itself changes nothing", func(t *testing.T) {
		lists := open(t)
		changeWishes(t, lists, "user:a", wishFor(1))
		require.NoError(t, lists().MergeWishlist(t.Context(), "user:a", "user:a"))
		assert.Equal(t, []domain.WishlistItem{aWish(1)}, wishesOf(t, lists, "user:a"))
	})
	t.Run("no more is merged than a wishlist may hold, and the first is empty all the same", func(t *testing.T) {
		lists := open(t)
		var want []domain.WishlistItem
		for n := range domain.MaxWishlistItems {
			want = append(want, aWish(n))
		}
		changeWishes(t, lists, "user:a", func(w *domain.Wishlist) error {
			w.Items = slices.Clone(want[:domain.MaxWishlistItems-2])
			return nil
		})
		changeWishes(t, lists, "guest:a", func(w *domain.Wishlist) error {
			w.Items = []domain.WishlistItem{aWish(0), aWish(domain.MaxWishlistItems - 2), aWish(domain.MaxWishlistItems - 1), aWish(domain.MaxWishlistItems)}
			return nil
		})
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
		assert.Equal(t, want, wishesOf(t, lists, "user:a"))
		assert.Empty(t, wishesOf(t, lists, "guest:a"))
	})
	t.Run("merging many times at once, even both ways, loses and doubles nothing", func(t *testing.T) {
		lists := open(t)
		for n := range 6 {
			changeWishes(t, lists, []domain.OwnerID{"user:a", "user:b"}[n%2], wishFor(n))
		}
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			from, into := domain.OwnerID("user:a"), domain.OwnerID("user:b")
			if i%2 == 0 {
				from, into = into, from
			}
			errs[i] = lists().MergeWishlist(t.Context(), from, into)
		})
		require.NoError(t, errors.Join(errs...))
		all := append(wishesOf(t, lists, "user:a"), wishesOf(t, lists, "user:b")...)
		assert.ElementsMatch(t, []domain.WishlistItem{aWish(0), aWish(1), aWish(2), aWish(3), aWish(4), aWish(5)}, all)
	})
	t.Run("what is wished for while wishlists are merged is not lost", func(t *testing.T) {
		lists := open(t)
		errs := make([]error, 30)
		var want []domain.WishlistItem
		for i := range errs {
			if i%3 != 0 {
				want = append(want, aWish(i))
			}
		}
		atOnce(len(errs), func(i int) {
			if i%3 == 0 {
				errs[i] = lists().MergeWishlist(t.Context(), "guest:a", "user:a")
				return
			}
			_, errs[i] = lists().UpdateWishlist(t.Context(), []domain.OwnerID{"", "guest:a", "user:a"}[i%3], wishFor(i))
		})
		require.NoError(t, errors.Join(errs...))
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
		assert.ElementsMatch(t, want, wishesOf(t, lists, "user:a"))
	})
}

func cancellingWishlists(t *testing.T, open func(t *testing.T) turns[port.Wishlists]) {
	for name, call := range map[string]func(context.Context, turns[port.Wishlists]) error{
		"Wishlist": func(ctx context.Context, lists turns[port.Wishlists]) error {
			_, err := lists().Wishlist(ctx, "guest:a")
			return err
		},
		"UpdateWishlist": func(ctx context.Context, lists turns[port.Wishlists]) error {
			_, err := lists().UpdateWishlist(ctx, "guest:a", wishFor(9))
			return err
		},
		"UpdateWishlist, while the change is made,": func(ctx context.Context, lists turns[port.Wishlists]) error {
			ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
			defer cancel()
			_, err := lists().UpdateWishlist(ctx, "guest:a", func(w *domain.Wishlist) error {
				cancel()
				return wishFor(9)(w)
			})
			return err
		},
		"MergeWishlist": func(ctx context.Context, lists turns[port.Wishlists]) error {
			return lists().MergeWishlist(ctx, "guest:a", "user:a")
		},
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			lists := open(t)
			changeWishes(t, lists, "guest:a", wishFor(1))
			changeWishes(t, lists, "user:a", wishFor(2))
			require.Error(t, call(cancelled(t), lists))
			assert.Equal(t, []domain.WishlistItem{aWish(1)}, wishesOf(t, lists, "guest:a"))
			assert.Equal(t, []domain.WishlistItem{aWish(2)}, wishesOf(t, lists, "user:a"))
		})
	}
}

// aWish is for product number n.
func aWish(n int) domain.WishlistItem {
	return domain.WishlistItem{ID: domain.WishlistItemID(fmt.Sprint("wish-", n)), Product: aProduct(n, 0).ID, AddedAt: noon.Add(time.Duration(n) * time.Minute)}
}

func wishFor(n int) func(*domain.Wishlist) error {
	return func(w *domain.Wishlist) error { return w.Add(aWish(n)) }
}

func changeWishes(t *testing.T, lists turns[port.Wishlists], owner domain.OwnerID, change func(*domain.Wishlist) error) []domain.WishlistItem {
	t.Helper()
	list, err := lists().UpdateWishlist(t.Context(), owner, change)
	require.NoError(t, err)
	return wishesInUTC(list)
}

func wishesOf(t *testing.T, lists turns[port.Wishlists], owner domain.OwnerID) []domain.WishlistItem {
	t.Helper()
	list, err := lists().Wishlist(t.Context(), owner)
	require.NoError(t, err)
	return wishesInUTC(list)
}

// wishesInUTC changes the list in place: a copy would hide that it is shared.
func wishesInUTC(list domain.Wishlist) []domain.WishlistItem {
	for i := range list.Items {
		list.Items[i].AddedAt = list.Items[i].AddedAt.UTC()
	}
	return list.Items
}
