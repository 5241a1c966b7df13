package usecase_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/port"
	"eshop/usecase"
)

var (
	sue   = domain.User{ID: "u-sue", Username: "sue", Role: domain.Staff}
	tom   = domain.User{ID: "u-tom", Username: "tom", Role: domain.Staff}
	buyer = domain.User{ID: "u-ann", Username: "ann", Role: domain.Customer}
)

func newTalking(store *memory.Store) *usecase.Chat {
	return usecase.NewChat(store, store, store, store, utcNow, counter("talk"))
}

func guest(name string) usecase.Visitor {
	return usecase.Visitor{Session: domain.Session{Key: domain.SessionKey(name), Guest: domain.GuestOwner(name)}}
}

func TestTalking(t *testing.T) {
	t.Run("a guest asks, staff answers, both read it in order", func(t *testing.T) {
		store := memory.NewStore()
		talking, ann := newTalking(store), guest("ann")
		for _, who := range []usecase.Visitor{{}, ann} {
			c, messages, err := talking.Messages(t.Context(), who, 0)
			require.NoError(t, err)
			assert.Empty(t, messages)
			assert.Zero(t, c)
			require.NoError(t, talking.Read(t.Context(), who, 5), "there is nothing to read yet")
		}
		asked, said, err := talking.Say(t.Context(), ann, "m-1", "Does it pour?", "here")
		require.NoError(t, err)
		assert.True(t, said)
		assert.EqualValues(t, 1, asked.Seq)
		assert.Equal(t, domain.Party{Side: domain.CustomerSide, Name: "Guest"}, asked.From)
		again, said, err := talking.Say(t.Context(), ann, "m-1", "Does it pour?", "here")
		require.NoError(t, err)
		assert.False(t, said)
		assert.Equal(t, asked, again)

		open, total, err := talking.Conversations(t.Context(), sue, domain.ConversationOpen, domain.Page{Number: 1, Size: 10})
		require.NoError(t, err)
		assert.Equal(t, 1, total)
		require.Len(t, open, 1)
		assert.EqualValues(t, 1, open[0].UnreadByAgent)
		answered, said, err := talking.Answer(t.Context(), sue, open[0].ID, "m-1", "It does.")
		require.NoError(t, err)
		assert.True(t, said, "an agent's ids are no shopper's")
		assert.EqualValues(t, 2, answered.Seq)

		c, messages, err := talking.Messages(t.Context(), ann, 1)
		require.NoError(t, err)
		assert.Equal(t, []domain.Message{answered}, messages)
		assert.EqualValues(t, 1, c.UnreadByCustomer)
		require.NoError(t, talking.Read(t.Context(), ann, 2))
		require.NoError(t, talking.MarkRead(t.Context(), sue, c.ID, 1))
		c, err = talking.Mine(t.Context(), ann)
		require.NoError(t, err)
		assert.Zero(t, c.UnreadByCustomer)
		assert.EqualValues(t, 2, c.ReadByAgent)
		require.NoError(t, talking.Read(t.Context(), ann, 2))
		unchanged, err := talking.Mine(t.Context(), ann)
		require.NoError(t, err)
		assert.Equal(t, c.Revision, unchanged.Revision, "reading again writes nothing")
	})
	t.Run("nobody else's conversation is found, and staff's calls are for staff", func(t *testing.T) {
		talking := newTalking(memory.NewStore())
		asked, _, err := talking.Say(t.Context(), guest("ann"), "m-1", "mine", "here")
		require.NoError(t, err)
		_, messages, err := talking.Messages(t.Context(), guest("ben"), 0)
		require.NoError(t, err)
		assert.Empty(t, messages)
		for name, call := range map[string]func(by domain.User) error{
			"Conversations": func(by domain.User) error {
				_, _, err := talking.Conversations(t.Context(), by, domain.ConversationOpen, domain.Page{Number: 1, Size: 1})
				return err
			},
			"Conversation": func(by domain.User) error {
				_, err := talking.Conversation(t.Context(), by, asked.Conversation)
				return err
			},
			"Orders": func(by domain.User) error {
				_, err := talking.Orders(t.Context(), by, domain.Conversation{})
				return err
			},
			"Answer": func(by domain.User) error {
				_, _, err := talking.Answer(t.Context(), by, asked.Conversation, "m-2", "x")
				return err
			},
			"MarkRead": func(by domain.User) error { return talking.MarkRead(t.Context(), by, asked.Conversation, 1) },
			"Move": func(by domain.User) error {
				_, err := talking.Move(t.Context(), by, asked.Conversation, usecase.CloseIt)
				return err
			},
		} {
			for _, by := range []domain.User{{}, buyer} {
				require.ErrorIs(t, call(by), domain.ErrDenied, name)
			}
		}
		for _, id := range []domain.ConversationID{"", "none", "\x00", domain.ConversationID(strings.Repeat("x", 200))} {
			_, err := talking.Conversation(t.Context(), sue, id)
			require.ErrorIs(t, err, domain.ErrNotFound)
			_, _, err = talking.Answer(t.Context(), sue, id, "m-2", "x")
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
		_, _, err = talking.Conversations(t.Context(), sue, "lost", domain.Page{Number: 1, Size: 1})
		require.ErrorIs(t, err, domain.ErrInvalid)
	})
	t.Run("staff takes over, hands back, closes and reopens", func(t *testing.T) {
		talking := newTalking(memory.NewStore())
		asked, _, err := talking.Say(t.Context(), guest("ann"), "m-1", "hello", "here")
		require.NoError(t, err)
		for _, step := range []struct {
			by    domain.User
			move  usecase.Move
			agent string
			state domain.ConversationState
		}{
			{sue, usecase.TakeOver, "sue", domain.ConversationOpen}, {tom, usecase.TakeOver, "tom", domain.ConversationOpen},
			{tom, usecase.HandBack, "", domain.ConversationOpen}, {sue, usecase.CloseIt, "", domain.ConversationClosed}, {tom, usecase.Reopen, "tom", domain.ConversationOpen},
		} {
			for range 2 {
				c, err := talking.Move(t.Context(), step.by, asked.Conversation, step.move)
				require.NoError(t, err)
				assert.Equal(t, step.agent, c.AgentName, step.move)
				assert.Equal(t, step.state, c.State, step.move)
			}
		}
		_, _, err = talking.Answer(t.Context(), sue, asked.Conversation, "m-2", "mine?")
		require.ErrorIs(t, err, domain.ErrConflict)
		_, err = talking.Move(t.Context(), sue, asked.Conversation, "dance")
		require.ErrorIs(t, err, domain.ErrInvalid)
		c, err := talking.Look(t.Context(), asked.Conversation)
		require.NoError(t, err)
		assert.EqualValues(t, 6, c.Last, "each change said so once")
	})
	t.Run("the shopper's orders are beside the talk", func(t *testing.T) {
		w := newWorld(t)
		talking, ann := newTalking(w.store), guest("ann")
		w.fill(t, ann.Session.Owner(), "tea", 1)
		order, _, err := w.checkout.Buy(t.Context(), ann.Session.Owner(), "k", purchase(good))
		require.NoError(t, err)
		_, _, err = talking.Say(t.Context(), ann, "m-1", "where is it?", "here")
		require.NoError(t, err)
		c, err := talking.Mine(t.Context(), ann)
		require.NoError(t, err)
		orders, err := talking.Orders(t.Context(), sue, c)
		require.NoError(t, err)
		require.Len(t, orders, 1)
		assert.Equal(t, order.ID, orders[0].ID)
	})
	t.Run("a guest's conversation goes along into the account", func(t *testing.T) {
		store := memory.NewStore()
		talking, account := newTalking(store), newAccount(store, store)
		guest := account.NewGuest()
		require.NoError(t, account.Keep(t.Context(), guest))
		asked, _, err := talking.Say(t.Context(), guest.Visitor, "m-1", "hello", "here")
		require.NoError(t, err)
		pass, err := account.Register(t.Context(), guest.Visitor, ann, "here")
		require.NoError(t, err)
		again, said, err := talking.Say(t.Context(), pass.Visitor, "m-1", "hello", "here")
		require.NoError(t, err)
		assert.False(t, said, "what was sent again while signing in is there once")
		assert.Equal(t, asked, again)
		_, _, err = talking.Say(t.Context(), guest.Visitor, "m-2", "with the old secret", "here")
		require.ErrorIs(t, err, domain.ErrUnauthenticated, "who has the guest's secret alone has nothing of the account's")
		_, _, err = talking.Messages(t.Context(), guest.Visitor, 0)
		require.ErrorIs(t, err, domain.ErrUnauthenticated)

		second := account.NewGuest()
		require.NoError(t, account.Keep(t.Context(), second))
		_, _, err = talking.Say(t.Context(), second.Visitor, "m-3", "from my telephone", "here")
		require.NoError(t, err)
		pass, err = account.SignIn(t.Context(), second.Visitor, "ann", "password123", "here")
		require.NoError(t, err)
		c, messages, err := talking.Messages(t.Context(), pass.Visitor, 0)
		require.NoError(t, err)
		assert.Equal(t, asked.Conversation, c.ID)
		require.Len(t, messages, 2)
		assert.Equal(t, "from my telephone", messages[1].Body)
	})
}

func TestTalking_limits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		talking := newTalking(memory.NewStore())
		sendMany := func(who usecase.Visitor, n int) (sent int) {
			for i := range n {
				_, _, err := talking.Say(t.Context(), who, fmt.Sprint("m", time.Now().UnixNano(), "-", i), "hi", "here")
				if err == nil {
					sent++
					continue
				}
				require.ErrorIs(t, err, domain.ErrLimited)
			}
			return sent
		}
		assert.Equal(t, 30, sendMany(guest("ann"), 50))
		assert.Equal(t, 30, sendMany(guest("ben"), 50), "each has a measure of their own")
		time.Sleep(3 * time.Second)
		assert.Equal(t, 3, sendMany(guest("ann"), 50))
		_, _, err := talking.Say(t.Context(), guest("cas"), "m", "", "here")
		require.ErrorIs(t, err, domain.ErrInvalid)
	})
	synctest.Test(t, func(t *testing.T) {
		talking := newTalking(memory.NewStore())
		started := 0
		for i := range 300 {
			if _, _, err := talking.Say(t.Context(), guest(fmt.Sprint("g", i)), "m", "hi", "here"); err == nil {
				started++
			}
		}
		assert.Equal(t, 200, started, "fresh sessions from one address are no way round")
		_, _, err := talking.Say(t.Context(), guest("elsewhere"), "m", "hi", "there")
		require.NoError(t, err)
	})
}

// away is what is not there for now.
type away struct {
	port.Limits
	port.Events
}

func (away) Take(context.Context, string, port.Limit, time.Time) (time.Duration, error) {
	return 0, domain.ErrUnavailable.Errorf("unavailable", "nobody counts")
}

func (away) Publish(ctx context.Context, _ domain.Event) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestTalking_goesOnWhenNobodyCountsOrWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		talking := usecase.NewChat(store, store, away{Events: store}, away{}, utcNow, counter("talk"))
		before := time.Now()
		for i := range 3 {
			_, said, err := talking.Say(t.Context(), guest("ann"), fmt.Sprint("m", i), "hi", "here")
			require.NoError(t, err)
			assert.True(t, said)
		}
		assert.Less(t, time.Since(before), 2*time.Second, "a wake-up that cannot be sent is not waited for")
	})
}

func TestTalking_wakesWhoListens(t *testing.T) {
	store := memory.NewStore()
	talking := newTalking(store)
	ctx, cancel := context.WithCancel(t.Context())
	changes, signals, err := talking.Subscribe(ctx)
	require.NoError(t, err)
	asked, _, err := talking.Say(t.Context(), guest("ann"), "m-1", "hi", "here")
	require.NoError(t, err)
	assert.Equal(t, string(asked.Conversation), (<-changes).Key)
	_, err = talking.Move(t.Context(), sue, asked.Conversation, usecase.TakeOver)
	require.NoError(t, err)
	assert.Equal(t, string(asked.Conversation), (<-changes).Key)
	typing := domain.ChatSignal{Kind: domain.SignalTyping, Conversation: asked.Conversation, From: domain.Party{Side: domain.AgentSide, Name: "sue"}}
	talking.Signal(t.Context(), typing)
	got, ok := domain.ParseChatSignal((<-signals).Key)
	assert.True(t, ok)
	assert.Equal(t, typing, got)
	cancel()
	_, more := <-changes
	assert.False(t, more)
}

func TestTalking_manyAtOnce(t *testing.T) {
	talking := newTalking(memory.NewStore())
	var all sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		all.Go(func() {
			_, _, errs[i] = talking.Say(t.Context(), guest("ann"), fmt.Sprint("m", i), "hi", "here")
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	c, messages, err := talking.Messages(t.Context(), guest("ann"), 0)
	require.NoError(t, err)
	assert.EqualValues(t, len(errs), c.Last, "one conversation, however many devices begin it")
	assert.Len(t, messages, len(errs))
}
