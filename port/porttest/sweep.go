package porttest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Swept is a store that sweeps what it keeps for these ports.
type Swept interface {
	port.Sweeper
	port.Sessions
	port.Carts
	port.Wishlists
	port.Conversations
	port.Contacts
	port.Pictures
	port.Products
}

// Sweeper holds an adapter to the promises of port.Sweeper. open gives a store with nothing
// in it. The suite's time is that of the process, for a store may date records itself.
func Sweeper(t *testing.T, open func(*testing.T) (a, b Swept)) {
	run(t, open, inTurns, sweepingSessions, sweepingGuests, sweepingConversations, sweepingContacts, sweepingPictures, sweepingMuch)
}

// sweepAt sweeps as of days from now, twice, since a second time must change nothing.
func sweepAt(t *testing.T, store turns[Swept], now time.Time, days int) {
	t.Helper()
	for range 2 {
		require.NoError(t, store().Sweep(t.Context(), now.AddDate(0, 0, days)))
	}
}

func sweepingSessions(t *testing.T, open func(t *testing.T) turns[Swept]) {
	t.Run("a session is there until a day after its end", func(t *testing.T) {
		store, now := open(t), today()
		for i, ends := range []time.Duration{-25 * time.Hour, -23 * time.Hour, time.Hour} {
			require.NoError(t, store().PutSession(t.Context(), sessionUntil(i, now.Add(ends))))
		}
		sweepAt(t, store, now, 0)
		for i, kept := range []bool{false, true, true} {
			_, err := store().Session(t.Context(), sessionUntil(i, now).Key, now.Add(-26*time.Hour))
			assert.Equal(t, kept, err == nil, "session %d: %v", i, err)
		}
	})
}

func sweepingGuests(t *testing.T, open func(t *testing.T) turns[Swept]) {
	const owner = domain.OwnerID("guest:0")
	fill := func(t *testing.T, store turns[Swept], owner domain.OwnerID) {
		t.Helper()
		_, err := store().UpdateCart(t.Context(), owner, func(c *domain.Cart) error {
			c.Lines = []domain.Line{{ID: "line", Product: "tea", Quantity: 1}}
			return nil
		})
		require.NoError(t, err)
		_, err = store().UpdateWishlist(t.Context(), owner, func(w *domain.Wishlist) error {
			return w.Add(domain.WishlistItem{ID: "item", Product: "tea", AddedAt: noon})
		})
		require.NoError(t, err)
	}
	assertKept := func(t *testing.T, store turns[Swept], owner domain.OwnerID, kept bool) {
		t.Helper()
		cart, err := store().Cart(t.Context(), owner)
		require.NoError(t, err)
		assert.Equal(t, kept, len(cart.Lines) == 1, "the cart of %s", owner)
		list, err := store().Wishlist(t.Context(), owner)
		require.NoError(t, err)
		assert.Equal(t, kept, len(list.Items) == 1, "the wishlist of %s", owner)
	}
	t.Run("a cart and a wishlist of a guest without a session are kept for a month, those of an account for ever", func(t *testing.T) {
		store, now := open(t), today()
		fill(t, store, owner)
		fill(t, store, "user:0")
		for _, day := range []int{0, 15, 29} {
			sweepAt(t, store, now, day)
			assertKept(t, store, owner, true)
		}
		sweepAt(t, store, now, 34)
		assertKept(t, store, owner, false)
		sweepAt(t, store, now, 1000)
		assertKept(t, store, "user:0", true)
	})
	t.Run("those of a guest who is still about are kept for as long, however long ago they changed", func(t *testing.T) {
		store, now := open(t), today()
		fill(t, store, owner)
		for day := 0; day < 200; day += 20 {
			require.NoError(t, store().PutSession(t.Context(), sessionUntil(0, now.AddDate(0, 0, day).Add(domain.SessionIdle))))
			sweepAt(t, store, now, day)
			assertKept(t, store, owner, true)
		}
		sweepAt(t, store, now, 212) // after the session's end
		sweepAt(t, store, now, 246)
		assertKept(t, store, owner, false)
	})
	t.Run("those of a guest who signed in are kept while the session is", func(t *testing.T) {
		store, now := open(t), today()
		fill(t, store, owner)
		session := sessionUntil(0, now.AddDate(0, 0, 100))
		session.User, session.Unmerged = "user-1", true
		require.NoError(t, store().PutSession(t.Context(), session))
		for _, day := range []int{0, 50, 100} {
			sweepAt(t, store, now, day)
		}
		assertKept(t, store, owner, true)
	})
}

func sweepingConversations(t *testing.T, open func(t *testing.T) turns[Swept]) {
	converse := func(t *testing.T, store turns[Swept], n int, at ...time.Time) domain.Conversation {
		t.Helper()
		c := aConversation(n)
		c.StartedAt, c.ChangedAt = at[0], at[0]
		c, err := store().StartConversation(t.Context(), c)
		require.NoError(t, err)
		for i, at := range at {
			m := aMessage(fmt.Sprint("client-", n, "-", i), i)
			m.At = at
			_, _, err := store().AddMessage(t.Context(), c.ID, m)
			require.NoError(t, err)
		}
		return c
	}
	assertMessages := func(t *testing.T, store turns[Swept], id domain.ConversationID, want int) {
		t.Helper()
		found, err := store().Messages(t.Context(), id, 0, 100)
		if want == 0 {
			require.ErrorIs(t, err, domain.ErrNotFound)
			return
		}
		require.NoError(t, err)
		assert.Len(t, found, want)
	}
	t.Run("a conversation goes as a whole, a year after its last change", func(t *testing.T) {
		store, now := open(t), today()
		ended := converse(t, store, 1, now.AddDate(-3, 0, 0), now.AddDate(-2, 0, 0))
		revived := converse(t, store, 2, now.AddDate(-3, 0, 0), now.AddDate(0, 0, -363))
		empty := aConversation(3)
		empty.StartedAt, empty.ChangedAt = now.AddDate(-2, 0, 0), now.AddDate(-2, 0, 0)
		_, err := store().StartConversation(t.Context(), empty)
		require.NoError(t, err)
		sweepAt(t, store, now, 0)
		assertMessages(t, store, ended.ID, 0)
		assertMessages(t, store, revived.ID, 2)
		for _, owner := range []domain.OwnerID{ended.Owner, empty.Owner} {
			_, err := store().ConversationOf(t.Context(), owner)
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
		again := converse(t, store, 1, now)
		assertMessages(t, store, again.ID, 1)
		sweepAt(t, store, now, 3)
		assertMessages(t, store, revived.ID, 0)
		assertMessages(t, store, again.ID, 1)
	})
	t.Run("with a conversation go the names that lead to it, and none before", func(t *testing.T) {
		store, now := open(t), today()
		from, into := converse(t, store, 1, now.AddDate(-2, 0, 0)), converse(t, store, 2, now)
		require.NoError(t, store().AdoptConversation(t.Context(), from.Owner, into.Owner))
		sweepAt(t, store, now, 300)
		assertMessages(t, store, from.ID, 2)
		sweepAt(t, store, now, 370)
		for _, c := range []domain.Conversation{from, into} {
			assertMessages(t, store, c.ID, 0)
			_, err := store().ConversationOf(t.Context(), c.Owner)
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
	})
	t.Run("of a conversation that is written to while it is swept, all is there or nothing", func(t *testing.T) {
		store, now := open(t), today()
		for round := range 20 {
			c := converse(t, store, round, now.AddDate(-2, 0, 0))
			errs := make([]error, 2)
			atOnce(2, func(i int) {
				if i == 0 {
					errs[i] = store().Sweep(t.Context(), now)
					return
				}
				m := aMessage("late", 1)
				m.At = now
				_, _, errs[i] = store().AddMessage(t.Context(), c.ID, m)
			})
			require.NoError(t, errs[0])
			if errors.Is(errs[1], domain.ErrNotFound) {
				assertMessages(t, store, c.ID, 0)
				continue
			}
			require.NoError(t, errs[1])
			assertMessages(t, store, c.ID, 2)
		}
	})
}

func sweepingContacts(t *testing.T, open func(t *testing.T) turns[Swept]) {
	t.Run("a contact message is kept for a year", func(t *testing.T) {
		store, now := open(t), today()
		old, young := aContact(1), aContact(2)
		old.SentAt, young.SentAt = now.AddDate(0, 0, -367), now.AddDate(0, 0, -363)
		for _, c := range []domain.Contact{old, young} {
			require.NoError(t, store().AddContact(t.Context(), c))
		}
		sweepAt(t, store, now, 0)
		kept, total, err := store().Contacts(t.Context(), domain.Page{Number: 1, Size: 10})
		require.NoError(t, err)
		require.Len(t, kept, 1)
		assert.Equal(t, 1, total)
		assert.Equal(t, young.ID, kept[0].ID)
	})
}

func sweepingPictures(t *testing.T, open func(t *testing.T) turns[Swept]) {
	isThere := func(t *testing.T, store turns[Swept], p domain.Picture) bool {
		t.Helper()
		_, err := store().Picture(t.Context(), p.Name)
		if !errors.Is(err, domain.ErrNotFound) {
			require.NoError(t, err)
		}
		return err == nil
	}
	t.Run("a picture is kept for as long as a product shows it, and for a month after", func(t *testing.T) {
		store, now := open(t), today()
		shown, second, unshown := aPicture(1), aPicture(2), aPicture(3)
		for _, p := range []domain.Picture{shown, second, unshown} {
			require.NoError(t, store().PutPicture(t.Context(), p))
		}
		product, plain := aProduct(1, 1), aProduct(2, 1)
		product.Images = []domain.Image{{URL: shown.Name.URL(), Alt: "a pot"}, {URL: second.Name.URL(), Alt: "its lid"}}
		require.NoError(t, store().PutProducts(t.Context(), []domain.Product{product, plain}))
		for _, day := range []int{0, 28} {
			sweepAt(t, store, now, day)
			assert.True(t, isThere(t, store, unshown), "after %d days", day)
		}
		for _, day := range []int{33, 66, 99} {
			sweepAt(t, store, now, day)
			assert.False(t, isThere(t, store, unshown), "after %d days", day)
			assert.True(t, isThere(t, store, shown) && isThere(t, store, second), "after %d days", day)
		}
		require.NoError(t, store().RemoveProduct(t.Context(), product.ID))
		for _, day := range []int{100, 125} {
			sweepAt(t, store, now, day)
			assert.True(t, isThere(t, store, shown) && isThere(t, store, second), "after %d days", day)
		}
		sweepAt(t, store, now, 133)
		assert.False(t, isThere(t, store, shown) || isThere(t, store, second))
	})
	t.Run("a picture that is put again is as good as new", func(t *testing.T) {
		store, now := open(t), today()
		require.NoError(t, store().PutPicture(t.Context(), aPicture(1)))
		sweepAt(t, store, now, -20)
		require.NoError(t, store().PutPicture(t.Context(), aPicture(1)))
		sweepAt(t, store, now, 15)
		assert.True(t, isThere(t, store, aPicture(1)))
	})
}

func sweepingMuch(t *testing.T, open func(t *testing.T) turns[Swept]) {
	t.Run("one sweep deletes all that there is", func(t *testing.T) {
		const many = 2500
		store, now := open(t), today()
		atOnce(8, func(part int) {
			for i := part; i < many; i += 8 {
				assert.NoError(t, store().PutSession(t.Context(), sessionUntil(i, now.AddDate(0, 0, -2))))
			}
		})
		require.NoError(t, store().Sweep(t.Context(), now))
		for i := range many {
			_, err := store().Session(t.Context(), sessionUntil(i, now).Key, now.AddDate(0, 0, -3))
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
	})
	t.Run("a sweep that is cancelled is an error", func(t *testing.T) {
		require.Error(t, open(t)().Sweep(cancelled(t), today()))
	})
}

// today is the time of the process, as stores keep it.
func today() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// sessionUntil is the session of guest n that ends at a time.
func sessionUntil(n int, ends time.Time) domain.Session {
	return domain.Session{
		Key: domain.SessionKey(fmt.Sprint("session-", n)), Guest: domain.GuestOwner(fmt.Sprint(n)),
		CreatedAt: ends.Add(-domain.SessionIdle), ExpiresAt: ends,
	}
}
