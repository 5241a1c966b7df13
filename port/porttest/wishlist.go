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
// store without a wishlist, in which no product need be for a wishlist to have it.
func Wishlists(t *testing.T, open func(*testing.T) (a, b port.Wishlists)) {
	run(t, open, inTurns, keepingWishlists, mergingWishlists, cancellingWishlists)
}

func keepingWishlists(t *testing.T, open func(t *testing.T) turns[port.Wishlists]) {
	t.Run("a wishlist that was never kept is empty", func(t *testing.T) {
		assert.Empty(t, itemsOf(t, open(t), "guest:a"))
	})
	t.Run("a wishlist is kept as it was left, the newest item last", func(t *testing.T) {
		lists := open(t)
		var want []domain.WishlistItem
		for _, n := range []int{7, 3, 9, 1} {
			want = append(want, anItem(n))
			assert.Equal(t, want, changeWishlist(t, lists, "guest:a", addItem(n)))
			assert.Equal(t, want, itemsOf(t, lists, "guest:a"))
		}
		assert.Equal(t, want, changeWishlist(t, lists, "guest:a", addItem(3)), "adding again changes nothing")
		assert.Equal(t, want, itemsOf(t, lists, "guest:a"))
		want = slices.Delete(want, 1, 2)
		assert.Equal(t, want, changeWishlist(t, lists, "guest:a", func(w *domain.Wishlist) error { return w.Remove("item-3") }))
		assert.Equal(t, want, itemsOf(t, lists, "guest:a"))
		want = append(want, anItem(3))
		assert.Equal(t, want, changeWishlist(t, lists, "guest:a", addItem(3)), "one that comes back is the newest")
		assert.Equal(t, want, itemsOf(t, lists, "guest:a"))
	})
	t.Run("the keys of the last changes are kept, and a change with one of them is not made again", func(t *testing.T) {
		lists := open(t)
		once := func(key domain.IdempotencyKey, change func(*domain.Wishlist) error) func(*domain.Wishlist) error {
			return func(w *domain.Wishlist) error { return w.Once(key, change) }
		}
		remove := func(w *domain.Wishlist) error { return w.Remove("item-1") }
		changeWishlist(t, lists, "guest:a", once("add", addItem(1)))
		for range 2 {
			assert.Empty(t, changeWishlist(t, lists, "guest:a", once("remove", remove)))
			assert.Empty(t, changeWishlist(t, lists, "guest:a", once("add", addItem(1))))
		}
		changeWishlist(t, lists, "guest:a", addItem(2))
		changeWishlist(t, lists, "user:a", once("theirs", addItem(3)))
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
		list, err := lists().Wishlist(t.Context(), "user:a")
		require.NoError(t, err)
		assert.Equal(t, []string{"theirs", "add", "remove"}, list.Keys, "a change sent again after signing in is not made again")
	})
	t.Run("each field is changed by itself, and back again", func(t *testing.T) {
		lists, list := open(t), domain.Wishlist{Items: []domain.WishlistItem{anItem(1), anItem(2)}, Keys: []string{"one", "two"}}
		eachField(t, list, nil, func(t *testing.T, changed domain.Wishlist) {
			for _, want := range []domain.Wishlist{changed, list} {
				changeWishlist(t, lists, "guest:a", func(w *domain.Wishlist) error {
					*w = want.Clone()
					return nil
				})
				got, err := lists().Wishlist(t.Context(), "guest:a")
				require.NoError(t, err)
				assert.Equal(t, itemsInUTC(want), itemsInUTC(got))
				assert.ElementsMatch(t, want.Keys, got.Keys)
			}
		})
	})
	t.Run("a wishlist may be emptied", func(t *testing.T) {
		lists := open(t)
		changeWishlist(t, lists, "guest:a", addItem(1))
		changeWishlist(t, lists, "guest:a", func(w *domain.Wishlist) error { return w.Remove("item-1") })
		assert.Empty(t, itemsOf(t, lists, "guest:a"))
	})
	t.Run("the change sees the wishlist as it was kept last", func(t *testing.T) {
		lists := open(t)
		for n := range 4 {
			changeWishlist(t, lists, "guest:a", func(w *domain.Wishlist) error {
				assert.Len(t, w.Items, n)
				return addItem(n)(w)
			})
		}
	})
	t.Run("a wishlist belongs to one owner", func(t *testing.T) {
		lists := open(t)
		owners := []domain.OwnerID{"guest:a", "user:a", "guest:A", "a", "guest:a "}
		for n, owner := range owners {
			changeWishlist(t, lists, owner, addItem(n))
		}
		for n, owner := range owners {
			assert.Equal(t, []domain.WishlistItem{anItem(n)}, itemsOf(t, lists, owner))
		}
	})
	t.Run("a change that fails keeps nothing, and its very error comes back", func(t *testing.T) {
		lists := open(t)
		broken := errors.New("broken")
		for _, want := range [][]domain.WishlistItem{nil, {anItem(1)}} {
			_, err := lists().UpdateWishlist(t.Context(), "guest:a", func(w *domain.Wishlist) error {
				if len(w.Items) > 0 {
					w.Items[0].Product = "spoilt"
				}
				if err := addItem(9)(w); err != nil {
					return err
				}
				return broken
			})
			require.ErrorIs(t, err, broken)
			assert.ElementsMatch(t, want, itemsOf(t, lists, "guest:a"))
			changeWishlist(t, lists, "guest:a", addItem(1))
		}
		_, err := lists().UpdateWishlist(t.Context(), "guest:a", func(w *domain.Wishlist) error { return w.Remove("item-77") })
		requireCode(t, err, domain.ErrNotFound, domain.CodeNotFound)
	})
	t.Run("changing what went in or came out changes nothing that is kept", func(t *testing.T) {
		lists := open(t)
		want := []domain.WishlistItem{anItem(1), anItem(2)}
		items := slices.Clone(want)
		var held *domain.Wishlist
		kept := changeWishlist(t, lists, "guest:a", func(w *domain.Wishlist) error {
			w.Items, held = items, w
			return nil
		})
		spoil := func(items []domain.WishlistItem) {
			items[0].Product, items[1].ID = "spoilt", "spoilt"
			_ = append(items[:1], anItem(9))
		}
		spoil(held.Items)
		spoil(items)
		assert.Equal(t, want, kept)
		assert.Equal(t, want, itemsOf(t, lists, "guest:a"))
		spoil(kept)
		assert.Equal(t, want, itemsOf(t, lists, "guest:a"))
		spoil(itemsOf(t, lists, "guest:a"))
		assert.Equal(t, want, itemsOf(t, lists, "guest:a"))
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
		spoil(held.Items)
		spoil(itemsOf(t, lists, "user:a"))
		assert.Equal(t, want, itemsOf(t, lists, "user:a"))
	})
	t.Run("changes of many at once happen one after another", func(t *testing.T) {
		lists := open(t)
		errs, want := make([]error, 50), make([]domain.WishlistItem, 50)
		atOnce(len(errs), func(i int) {
			_, errs[i] = lists().UpdateWishlist(t.Context(), "guest:a", addItem(i))
			want[i] = anItem(i)
		})
		require.NoError(t, errors.Join(errs...))
		assert.ElementsMatch(t, want, itemsOf(t, lists, "guest:a"))
	})
	t.Run("who reads a wishlist while it changes never sees an item go that was there", func(t *testing.T) {
		lists := open(t)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			if i%2 == 0 {
				_, errs[i] = lists().UpdateWishlist(t.Context(), "guest:a", addItem(i))
				return
			}
			seen := 0
			for range 10 {
				list, err := lists().Wishlist(t.Context(), "guest:a")
				if err == nil && len(list.Items) < seen {
					err = fmt.Errorf("%d items after %d", len(list.Items), seen)
				}
				seen = len(list.Items)
				errs[i] = errors.Join(errs[i], err)
			}
		})
		require.NoError(t, errors.Join(errs...))
		assert.Len(t, itemsOf(t, lists, "guest:a"), 10)
	})
	t.Run("one item that comes from many at once is there once", func(t *testing.T) {
		lists := open(t)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) { _, errs[i] = lists().UpdateWishlist(t.Context(), "guest:a", addItem(1)) })
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, []domain.WishlistItem{anItem(1)}, itemsOf(t, lists, "guest:a"))
	})
}

func mergingWishlists(t *testing.T, open func(t *testing.T) turns[port.Wishlists]) {
	t.Run("merging moves the items, and merging again changes nothing", func(t *testing.T) {
		lists := open(t)
		for _, n := range []int{4, 2, 6} {
			changeWishlist(t, lists, "guest:a", addItem(n))
		}
		theirs := anItem(2)
		theirs.ID, theirs.AddedAt = "their-item", noon.Add(-time.Hour)
		changeWishlist(t, lists, "user:a", addItem(5))
		changeWishlist(t, lists, "user:a", func(w *domain.Wishlist) error { return w.Add(theirs) })
		want := []domain.WishlistItem{anItem(5), theirs, anItem(4), anItem(6)}
		for range 3 {
			require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
			assert.Equal(t, want, itemsOf(t, lists, "user:a"))
			assert.Empty(t, itemsOf(t, lists, "guest:a"))
		}
		assert.Equal(t, []domain.WishlistItem{anItem(8)}, changeWishlist(t, lists, "guest:a", addItem(8)), "the first may be filled again")
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
		assert.Equal(t, append(want, anItem(8)), itemsOf(t, lists, "user:a"))
		assert.Empty(t, itemsOf(t, lists, "guest:a"))
	})
	t.Run("merging into a wishlist that was never kept makes it", func(t *testing.T) {
		lists := open(t)
		changeWishlist(t, lists, "guest:a", addItem(1))
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
		assert.Equal(t, []domain.WishlistItem{anItem(1)}, itemsOf(t, lists, "user:a"))
		assert.Empty(t, itemsOf(t, lists, "guest:a"))
	})
	t.Run("merging an empty wishlist changes nothing", func(t *testing.T) {
		lists := open(t)
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:none", "user:a"))
		assert.Empty(t, itemsOf(t, lists, "user:a"))
		changeWishlist(t, lists, "user:a", addItem(1))
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:none", "user:a"))
		assert.Equal(t, []domain.WishlistItem{anItem(1)}, itemsOf(t, lists, "user:a"))
	})
	t.Run("merging a wishlist into itself changes nothing", func(t *testing.T) {
		lists := open(t)
		changeWishlist(t, lists, "user:a", addItem(1))
		require.NoError(t, lists().MergeWishlist(t.Context(), "user:a", "user:a"))
		assert.Equal(t, []domain.WishlistItem{anItem(1)}, itemsOf(t, lists, "user:a"))
	})
	t.Run("no more is merged than a wishlist may hold, and the first is empty all the same", func(t *testing.T) {
		lists := open(t)
		var want []domain.WishlistItem
		for n := range domain.MaxWishlistItems {
			want = append(want, anItem(n))
		}
		changeWishlist(t, lists, "user:a", func(w *domain.Wishlist) error {
			w.Items = slices.Clone(want[:domain.MaxWishlistItems-2])
			return nil
		})
		changeWishlist(t, lists, "guest:a", func(w *domain.Wishlist) error {
			w.Items = []domain.WishlistItem{anItem(0), anItem(domain.MaxWishlistItems - 2), anItem(domain.MaxWishlistItems - 1), anItem(domain.MaxWishlistItems)}
			return nil
		})
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
		assert.Equal(t, want, itemsOf(t, lists, "user:a"))
		assert.Empty(t, itemsOf(t, lists, "guest:a"))
	})
	t.Run("merging many times at once, even both ways, loses and doubles nothing", func(t *testing.T) {
		lists := open(t)
		for n := range 6 {
			changeWishlist(t, lists, []domain.OwnerID{"user:a", "user:b"}[n%2], addItem(n))
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
		all := append(itemsOf(t, lists, "user:a"), itemsOf(t, lists, "user:b")...)
		assert.ElementsMatch(t, []domain.WishlistItem{anItem(0), anItem(1), anItem(2), anItem(3), anItem(4), anItem(5)}, all)
	})
	t.Run("what is added while wishlists are merged is not lost", func(t *testing.T) {
		lists := open(t)
		errs := make([]error, 30)
		var want []domain.WishlistItem
		for i := range errs {
			if i%3 != 0 {
				want = append(want, anItem(i))
			}
		}
		atOnce(len(errs), func(i int) {
			if i%3 == 0 {
				errs[i] = lists().MergeWishlist(t.Context(), "guest:a", "user:a")
				return
			}
			_, errs[i] = lists().UpdateWishlist(t.Context(), []domain.OwnerID{"", "guest:a", "user:a"}[i%3], addItem(i))
		})
		require.NoError(t, errors.Join(errs...))
		require.NoError(t, lists().MergeWishlist(t.Context(), "guest:a", "user:a"))
		assert.ElementsMatch(t, want, itemsOf(t, lists, "user:a"))
	})
}

func cancellingWishlists(t *testing.T, open func(t *testing.T) turns[port.Wishlists]) {
	for name, call := range map[string]func(context.Context, turns[port.Wishlists]) error{
		"Wishlist": func(ctx context.Context, lists turns[port.Wishlists]) error {
			_, err := lists().Wishlist(ctx, "guest:a")
			return err
		},
		"UpdateWishlist": func(ctx context.Context, lists turns[port.Wishlists]) error {
			_, err := lists().UpdateWishlist(ctx, "guest:a", addItem(9))
			return err
		},
		"UpdateWishlist, while the change is made,": func(ctx context.Context, lists turns[port.Wishlists]) error {
			ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
			defer cancel()
			_, err := lists().UpdateWishlist(ctx, "guest:a", func(w *domain.Wishlist) error {
				cancel()
				return addItem(9)(w)
			})
			return err
		},
		"MergeWishlist": func(ctx context.Context, lists turns[port.Wishlists]) error {
			return lists().MergeWishlist(ctx, "guest:a", "user:a")
		},
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			lists := open(t)
			changeWishlist(t, lists, "guest:a", addItem(1))
			changeWishlist(t, lists, "user:a", addItem(2))
			require.Error(t, call(cancelled(t), lists))
			assert.Equal(t, []domain.WishlistItem{anItem(1)}, itemsOf(t, lists, "guest:a"))
			assert.Equal(t, []domain.WishlistItem{anItem(2)}, itemsOf(t, lists, "user:a"))
		})
	}
}

// anItem is for product number n.
func anItem(n int) domain.WishlistItem {
	return domain.WishlistItem{ID: domain.WishlistItemID(fmt.Sprint("item-", n)), Product: aProduct(n, 0).ID, AddedAt: noon.Add(time.Duration(n) * time.Minute)}
}

func addItem(n int) func(*domain.Wishlist) error {
	return func(w *domain.Wishlist) error {
		giveWay()
		return w.Add(anItem(n))
	}
}

func changeWishlist(t *testing.T, lists turns[port.Wishlists], owner domain.OwnerID, change func(*domain.Wishlist) error) []domain.WishlistItem {
	t.Helper()
	list, err := lists().UpdateWishlist(t.Context(), owner, change)
	require.NoError(t, err)
	return itemsInUTC(list)
}

func itemsOf(t *testing.T, lists turns[port.Wishlists], owner domain.OwnerID) []domain.WishlistItem {
	t.Helper()
	list, err := lists().Wishlist(t.Context(), owner)
	require.NoError(t, err)
	return itemsInUTC(list)
}

// itemsInUTC changes the list in place: a copy would hide that it is shared.
func itemsInUTC(list domain.Wishlist) []domain.WishlistItem {
	for i := range list.Items {
		list.Items[i].AddedAt = list.Items[i].AddedAt.UTC()
	}
	return list.Items
}
