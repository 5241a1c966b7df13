package porttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Carts holds an adapter to the promises of port.Carts. open gives a store
// without a cart, in which no product need be for a cart to have it.
func Carts(t *testing.T, open func(*testing.T) (a, b port.Carts)) {
	run(t, open, inTurns, keepingCarts, mergingCarts, cancellingCarts)
}

func keepingCarts(t *testing.T, open func(t *testing.T) turns[port.Carts]) {
	t.Run("a cart that was never kept is empty", func(t *testing.T) {
		assertCart(t, domain.Cart{}, cartOf(t, open(t), "guest:a"))
	})
	t.Run("a cart is kept as it was left, its lines in the order they were added", func(t *testing.T) {
		carts := open(t)
		want := domain.Cart{}
		for _, n := range []int{7, 3, 9, 1, 8} {
			line := cartLine(n, n)
			kept := changeCart(t, carts, "guest:a", addOnce(fmt.Sprint("key ", n), line))
			want.Lines, want.Keys, want.Version = append(want.Lines, line), append(want.Keys, fmt.Sprint("key ", n)), want.Version+1
			assertCart(t, want, kept)
			assertCart(t, want, cartOf(t, carts, "guest:a"))
		}
		got := changeCart(t, carts, "guest:a", func(c *domain.Cart) error {
			c.Lines[1].Quantity = 44
			return c.Remove("line-7")
		})
		want.Lines = slices.Delete(want.Lines, 0, 1)
		want.Lines[0].Quantity = 44
		assertCart(t, want, got)
		assertCart(t, want, cartOf(t, carts, "guest:a"))
		got = changeCart(t, carts, "guest:a", addOnce("", cartLine(7, 1)))
		want.Lines, want.Version = append(want.Lines, cartLine(7, 1)), want.Version+1
		assertCart(t, want, got)
		assertCart(t, want, cartOf(t, carts, "guest:a"))
	})
	t.Run("each field is changed by itself, and back again", func(t *testing.T) {
		carts := open(t)
		cart := changeCart(t, carts, "guest:a", addOnce("one", cartLine(1, 2)))
		eachField(t, cart, nil, func(t *testing.T, changed domain.Cart) {
			for _, want := range []domain.Cart{changed, cart} {
				assertCart(t, want, changeCart(t, carts, "guest:a", func(c *domain.Cart) error {
					*c = want.Clone()
					return nil
				}))
				assertCart(t, want, cartOf(t, carts, "guest:a"))
			}
		})
	})
	t.Run("a cart that is emptied keeps its version and its keys", func(t *testing.T) {
		carts := open(t)
		changeCart(t, carts, "guest:a", addOnce("one", cartLine(1, 1)))
		changeCart(t, carts, "guest:a", func(c *domain.Cart) error {
			return c.Once("two", func(c *domain.Cart) error { return c.Remove("line-1") })
		})
		assertCart(t, domain.Cart{Version: 2, Keys: []string{"one", "two"}}, cartOf(t, carts, "guest:a"))
	})
	t.Run("the change sees the cart as it was kept last", func(t *testing.T) {
		carts := open(t)
		want := domain.Cart{}
		for n := range 4 {
			changeCart(t, carts, "guest:a", func(c *domain.Cart) error {
				assertCart(t, want, *c)
				return addOnce(fmt.Sprint(n), cartLine(n, 1))(c)
			})
			want = cartOf(t, carts, "guest:a")
		}
		assert.Len(t, want.Lines, 4)
	})
	t.Run("a cart belongs to one owner", func(t *testing.T) {
		carts := open(t)
		owners := []domain.OwnerID{"guest:a", "user:a", "guest:A", "a", "guest:a "}
		for n, owner := range owners {
			changeCart(t, carts, owner, addOnce("same key", cartLine(n, 1)))
		}
		for n, owner := range owners {
			assertCart(t, domain.Cart{Lines: []domain.Line{cartLine(n, 1)}, Version: 1, Keys: []string{"same key"}}, cartOf(t, carts, owner))
		}
	})
	t.Run("a change that fails keeps nothing, and its very error comes back", func(t *testing.T) {
		carts := open(t)
		for _, want := range []domain.Cart{{}, {Lines: []domain.Line{cartLine(1, 2)}, Version: 1, Keys: []string{"one"}}} {
			broken := errors.New("broken")
			for _, failure := range []error{broken, fmt.Errorf("wrapped: %w", broken), domain.OutOfStock(domain.Shortage{Product: "p", Wanted: 2, Available: 1})} {
				_, err := carts().UpdateCart(t.Context(), "guest:a", func(c *domain.Cart) error {
					if len(c.Lines) > 0 {
						c.Lines[0].Quantity, c.Keys[0] = 50, "spoilt"
					}
					if err := addOnce("lost", cartLine(9, 9))(c); err != nil {
						return err
					}
					return failure
				})
				require.ErrorIs(t, err, failure)
				assertCart(t, want, cartOf(t, carts, "guest:a"))
			}
			changeCart(t, carts, "guest:a", addOnce("one", cartLine(1, 2)))
		}
		_, err := carts().UpdateCart(t.Context(), "guest:a", func(c *domain.Cart) error { return c.Remove("line-77") })
		requireCode(t, err, domain.ErrNotFound, domain.CodeNotFound)
	})
	t.Run("changing what went in or came out changes nothing that is kept", func(t *testing.T) {
		carts := open(t)
		want := domain.Cart{Lines: []domain.Line{cartLine(1, 1), cartLine(2, 2)}, Version: 1, Keys: []string{"one", "two"}}
		spoil := func(c *domain.Cart) {
			c.Lines[0].Quantity, c.Lines[1].Product, c.Keys[0] = 98, "spoilt", "spoilt"
			_, _ = append(c.Lines[:1], cartLine(7, 7)), append(c.Keys[:1], "spoilt")
		}
		var held *domain.Cart
		lines, keys := slices.Clone(want.Lines), slices.Clone(want.Keys)
		kept := changeCart(t, carts, "guest:a", func(c *domain.Cart) error {
			c.Lines, c.Keys, c.Version = lines, keys, 1
			held = c
			return nil
		})
		spoil(held)
		lines[1].Quantity, keys[1] = 97, "spoilt"
		assertCart(t, want, kept)
		assertCart(t, want, cartOf(t, carts, "guest:a"))
		spoil(&kept)
		assertCart(t, want, cartOf(t, carts, "guest:a"))
		read := cartOf(t, carts, "guest:a")
		spoil(&read)
		assertCart(t, want, cartOf(t, carts, "guest:a"))

		require.NoError(t, carts().MergeCart(t.Context(), "guest:a", "user:a"))
		spoil(held)
		merged := cartOf(t, carts, "user:a")
		merged.Lines[0].Quantity = 96
		assert.Equal(t, want.Lines, cartOf(t, carts, "user:a").Lines)
	})
	t.Run("changes of many at once happen one after another", func(t *testing.T) {
		carts := open(t)
		errs := make([]error, 50)
		atOnce(len(errs), func(i int) {
			_, errs[i] = carts().UpdateCart(t.Context(), "guest:a", addOnce(fmt.Sprint("key ", i), cartLine(i%10, 1)))
		})
		require.NoError(t, errors.Join(errs...))
		cart := cartOf(t, carts, "guest:a")
		assert.EqualValues(t, 50, cart.Version)
		assert.Equal(t, 50, cart.ItemCount())
		assert.Len(t, cart.Lines, 10)
		assert.Len(t, cart.Keys, 50)
	})
	t.Run("who reads a cart while it changes sees each change wholly or not at all", func(t *testing.T) {
		carts := open(t)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			if i%2 == 0 {
				_, errs[i] = carts().UpdateCart(t.Context(), "guest:a", addOnce("", cartLine(i, 1)))
				return
			}
			for range 10 {
				cart, err := carts().Cart(t.Context(), "guest:a")
				if err == nil && cart.ItemCount() != int(cart.Version) {
					err = fmt.Errorf("%d in the cart after %d changes", cart.ItemCount(), cart.Version)
				}
				errs[i] = errors.Join(errs[i], err)
			}
		})
		require.NoError(t, errors.Join(errs...))
	})
	t.Run("each change of many at once is told the cart that it left", func(t *testing.T) {
		carts := open(t)
		versions, errs := make([]int64, 20), make([]error, 20)
		atOnce(len(errs), func(i int) {
			cart, err := carts().UpdateCart(t.Context(), "guest:a", addOnce("", cartLine(1, 1)))
			versions[i], errs[i] = cart.Version, err
		})
		require.NoError(t, errors.Join(errs...))
		slices.Sort(versions)
		for i, version := range versions {
			assert.EqualValues(t, i+1, version)
		}
	})
	t.Run("a repeat with the same key adds nothing, even at once", func(t *testing.T) {
		carts := open(t)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			_, errs[i] = carts().UpdateCart(t.Context(), "guest:a", addOnce("the key", cartLine(1, 3)))
		})
		require.NoError(t, errors.Join(errs...))
		want := domain.Cart{Lines: []domain.Line{cartLine(1, 3)}, Version: 1, Keys: []string{"the key"}}
		assertCart(t, want, cartOf(t, carts, "guest:a"))
		assertCart(t, want, changeCart(t, carts, "guest:a", addOnce("the key", cartLine(1, 3))))
	})
}

func mergingCarts(t *testing.T, open func(t *testing.T) turns[port.Carts]) {
	t.Run("merging moves the lines, and merging again changes nothing", func(t *testing.T) {
		carts := open(t)
		changeCart(t, carts, "guest:a", addOnce("g1", cartLine(1, 2)))
		changeCart(t, carts, "guest:a", addOnce("g2", cartLine(2, 3)))
		changeCart(t, carts, "user:a", addOnce("u1", cartLine(5, 1)))
		theirs := cartLine(2, 4)
		theirs.ID = "their-line"
		changeCart(t, carts, "user:a", addOnce("u2", theirs))
		theirs.Quantity = 7
		want := []domain.Line{cartLine(5, 1), theirs, cartLine(1, 2)}
		for range 3 {
			require.NoError(t, carts().MergeCart(t.Context(), "guest:a", "user:a"))
			into := cartOf(t, carts, "user:a")
			assert.Equal(t, want, into.Lines)
			assert.EqualValues(t, 3, into.Version, "one change more")
			assert.Equal(t, []string{"u1", "u2", "g1", "g2"}, into.Keys, "a change sent again after signing in is not made again")
			from := cartOf(t, carts, "guest:a")
			assert.Empty(t, from.Lines)
			assert.GreaterOrEqual(t, from.Version, int64(2), "a version never comes again: an order may be known by it")
		}
		assert.Equal(t, []domain.Line{cartLine(8, 1)}, changeCart(t, carts, "guest:a", addOnce("g3", cartLine(8, 1))).Lines, "the first may be filled again")
		require.NoError(t, carts().MergeCart(t.Context(), "guest:a", "user:a"))
		assert.Equal(t, append(want, cartLine(8, 1)), cartOf(t, carts, "user:a").Lines)
		assert.Empty(t, cartOf(t, carts, "guest:a").Lines)
	})
	t.Run("merging into a cart that was never kept makes it", func(t *testing.T) {
		carts := open(t)
		changeCart(t, carts, "guest:a", addOnce("g1", cartLine(1, 2)))
		require.NoError(t, carts().MergeCart(t.Context(), "guest:a", "user:a"))
		assert.Equal(t, []domain.Line{cartLine(1, 2)}, cartOf(t, carts, "user:a").Lines)
		assert.Empty(t, cartOf(t, carts, "guest:a").Lines)
	})
	t.Run("merging an empty cart changes nothing", func(t *testing.T) {
		carts := open(t)
		require.NoError(t, carts().MergeCart(t.Context(), "guest:none", "user:none"))
		assertCart(t, domain.Cart{}, cartOf(t, carts, "user:none"))
		want := changeCart(t, carts, "user:a", addOnce("u1", cartLine(1, 2)))
		require.NoError(t, carts().MergeCart(t.Context(), "guest:none", "user:a"))
		assertCart(t, want, cartOf(t, carts, "user:a"))
		changeCart(t, carts, "guest:a", addOnce("g1", cartLine(1, 2)))
		changeCart(t, carts, "guest:a", func(c *domain.Cart) error { return c.Remove("line-1") })
		require.NoError(t, carts().MergeCart(t.Context(), "guest:a", "user:a"))
		assertCart(t, want, cartOf(t, carts, "user:a"))
	})
	t.Run("merging a cart into itself changes nothing", func(t *testing.T) {
		carts := open(t)
		want := changeCart(t, carts, "user:a", addOnce("u1", cartLine(1, 2)))
		require.NoError(t, carts().MergeCart(t.Context(), "user:a", "user:a"))
		assertCart(t, want, cartOf(t, carts, "user:a"))
	})
	t.Run("no more is merged than a cart may hold, and the first is empty all the same", func(t *testing.T) {
		carts := open(t)
		fill := func(owner domain.OwnerID, from, quantity int) {
			changeCart(t, carts, owner, func(c *domain.Cart) error {
				for n := range domain.MaxCartLines {
					c.Lines = append(c.Lines, cartLine(from+n, quantity))
				}
				return nil
			})
		}
		fill("guest:a", domain.MaxCartLines/2, 60)
		fill("user:a", 0, 60)
		require.NoError(t, carts().MergeCart(t.Context(), "guest:a", "user:a"))
		var want []domain.Line
		for n := range domain.MaxCartLines {
			quantity := 60
			if n >= domain.MaxCartLines/2 {
				quantity = domain.MaxQuantity
			}
			want = append(want, cartLine(n, quantity))
		}
		assert.Equal(t, want, cartOf(t, carts, "user:a").Lines)
		assert.Empty(t, cartOf(t, carts, "guest:a").Lines)
	})
	t.Run("merging many times at once adds once", func(t *testing.T) {
		carts := open(t)
		changeCart(t, carts, "guest:a", addOnce("g1", cartLine(1, 2)))
		changeCart(t, carts, "user:a", addOnce("u1", cartLine(1, 1)))
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) { errs[i] = carts().MergeCart(t.Context(), "guest:a", "user:a") })
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, []domain.Line{cartLine(1, 3)}, cartOf(t, carts, "user:a").Lines)
		assert.Empty(t, cartOf(t, carts, "guest:a").Lines)
	})
	t.Run("two carts merged into each other at once lose and double nothing", func(t *testing.T) {
		carts := open(t)
		changeCart(t, carts, "user:a", addOnce("a", cartLine(1, 2)))
		changeCart(t, carts, "user:b", addOnce("b", cartLine(2, 3)))
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			from, into := domain.OwnerID("user:a"), domain.OwnerID("user:b")
			if i%2 == 0 {
				from, into = into, from
			}
			errs[i] = carts().MergeCart(t.Context(), from, into)
		})
		require.NoError(t, errors.Join(errs...))
		lines := append(cartOf(t, carts, "user:a").Lines, cartOf(t, carts, "user:b").Lines...)
		assert.ElementsMatch(t, []domain.Line{cartLine(1, 2), cartLine(2, 3)}, lines)
	})
	t.Run("what is added while carts are merged is not lost", func(t *testing.T) {
		carts := open(t)
		errs := make([]error, 30)
		atOnce(len(errs), func(i int) {
			if i%3 == 0 {
				errs[i] = carts().MergeCart(t.Context(), "guest:a", "user:a")
				return
			}
			_, errs[i] = carts().UpdateCart(t.Context(), []domain.OwnerID{"", "guest:a", "user:a"}[i%3], addOnce("", cartLine(1, 1)))
		})
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, 20, cartOf(t, carts, "guest:a").ItemCount()+cartOf(t, carts, "user:a").ItemCount())
	})
}

func cancellingCarts(t *testing.T, open func(t *testing.T) turns[port.Carts]) {
	for name, call := range map[string]func(context.Context, turns[port.Carts]) error{
		"Cart": func(ctx context.Context, carts turns[port.Carts]) error {
			_, err := carts().Cart(ctx, "guest:a")
			return err
		},
		"UpdateCart": func(ctx context.Context, carts turns[port.Carts]) error {
			_, err := carts().UpdateCart(ctx, "guest:a", addOnce("lost", cartLine(9, 1)))
			return err
		},
		"UpdateCart, while the change is made,": func(ctx context.Context, carts turns[port.Carts]) error {
			ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
			defer cancel()
			_, err := carts().UpdateCart(ctx, "guest:a", func(c *domain.Cart) error {
				cancel()
				return addOnce("lost", cartLine(9, 1))(c)
			})
			return err
		},
		"MergeCart": func(ctx context.Context, carts turns[port.Carts]) error {
			return carts().MergeCart(ctx, "guest:a", "user:a")
		},
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			carts := open(t)
			mine := changeCart(t, carts, "guest:a", addOnce("one", cartLine(1, 2)))
			theirs := changeCart(t, carts, "user:a", addOnce("two", cartLine(2, 2)))
			require.Error(t, call(cancelled(t), carts))
			assertCart(t, mine, cartOf(t, carts, "guest:a"))
			assertCart(t, theirs, cartOf(t, carts, "user:a"))
		})
	}
}

// cartLine is how many there are of product number n.
func cartLine(n, quantity int) domain.Line {
	return domain.Line{ID: domain.LineID(fmt.Sprint("line-", n)), Product: aProduct(n, 0).ID, Quantity: quantity}
}

// addOnce adds a line as a shopper does.
func addOnce(key string, line domain.Line) func(*domain.Cart) error {
	return func(c *domain.Cart) error {
		giveWay()
		return c.Once(domain.IdempotencyKey(key), func(c *domain.Cart) error {
			return c.Add(line.ID, domain.Product{ID: line.Product, Stock: domain.MaxStock}, line.Quantity)
		})
	}
}

func changeCart(t *testing.T, carts turns[port.Carts], owner domain.OwnerID, change func(*domain.Cart) error) domain.Cart {
	t.Helper()
	cart, err := carts().UpdateCart(t.Context(), owner, change)
	require.NoError(t, err)
	return cart
}

func cartOf(t *testing.T, carts turns[port.Carts], owner domain.OwnerID) domain.Cart {
	t.Helper()
	cart, err := carts().Cart(t.Context(), owner)
	require.NoError(t, err)
	return cart
}

// assertCart compares all of two carts, however an adapter says that there are no lines or keys.
func assertCart(t *testing.T, want, got domain.Cart) {
	t.Helper()
	for _, c := range []*domain.Cart{&want, &got} {
		if len(c.Lines) == 0 {
			c.Lines = nil
		}
		if len(c.Keys) == 0 {
			c.Keys = nil
		}
	}
	assert.Equal(t, want, got)
}
