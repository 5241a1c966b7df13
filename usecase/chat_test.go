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
	testshop "eshop/test/shop"
	"eshop/usecase"
)

var (
	sue   = domain.User{ID: "u-sue", Username: "sue.m", DisplayName: "sue", Role: domain.Staff}
	tom   = domain.User{ID: "u-tom", Username: "tom.b", DisplayName: "tom", Role: domain.Staff}
	buyer = domain.User{ID: "u-ann", Username: "ann", Role: domain.Customer}
)

func guest(name string) usecase.Visitor {
	return usecase.Visitor{Session: domain.Session{Key: domain.SessionKey(name), Guest: domain.GuestOwner(name)}}
}

// readAfter returns a visitor's thread and its messages after a number.
func readAfter(t *testing.T, chat *usecase.Chat, who usecase.Visitor, after int64) (usecase.Thread, []domain.Message) {
	t.Helper()
	thread, err := chat.Mine(t.Context(), who)
	require.NoError(t, err)
	messages, err := thread.Messages(t.Context(), after)
	require.NoError(t, err)
	return thread, messages
}

func TestChat(t *testing.T) {
	t.Run("a guest asks, staff answers, both read it in order", func(t *testing.T) {
		store := memory.NewStore()
		chat, ann := useCases(t, store).Chat, guest("ann")
		for _, who := range []usecase.Visitor{{}, ann} {
			thread, messages := readAfter(t, chat, who, 0)
			assert.Empty(t, messages)
			assert.Zero(t, thread)
			require.NoError(t, thread.MarkRead(t.Context(), 5), "there is nothing to read yet")
		}
		asked, said, err := chat.Say(t.Context(), ann, "m-1", "Does it pour?", "here")
		require.NoError(t, err)
		assert.True(t, said)
		assert.EqualValues(t, 1, asked.Seq)
		assert.Equal(t, domain.Party{Side: domain.CustomerSide, Name: "Guest"}, asked.From)
		again, said, err := chat.Say(t.Context(), ann, "m-1", "Does it pour?", "here")
		require.NoError(t, err)
		assert.False(t, said)
		assert.Equal(t, asked, again)

		open, total, err := chat.Conversations(t.Context(), sue, domain.ConversationOpen, domain.Page{Number: 1, Size: 10})
		require.NoError(t, err)
		assert.Equal(t, 1, total)
		require.Len(t, open, 1)
		assert.EqualValues(t, 1, open[0].UnreadByAgent)
		answered, said, err := chat.Answer(t.Context(), sue, open[0].ID, "m-1", "It does.")
		require.NoError(t, err)
		assert.True(t, said, "an agent's ids are no shopper's")
		assert.EqualValues(t, 2, answered.Seq)

		mine, messages := readAfter(t, chat, ann, 1)
		assert.Equal(t, []domain.Message{answered}, messages)
		assert.EqualValues(t, 1, mine.Conversation().UnreadByCustomer)
		require.NoError(t, mine.MarkRead(t.Context(), 2))
		staffs, err := chat.Conversation(t.Context(), sue, open[0].ID)
		require.NoError(t, err)
		require.NoError(t, staffs.MarkRead(t.Context(), 1))
		mine, err = chat.Mine(t.Context(), ann)
		require.NoError(t, err)
		c := mine.Conversation()
		assert.Zero(t, c.UnreadByCustomer)
		assert.EqualValues(t, 2, c.ReadByAgent)
		require.NoError(t, mine.MarkRead(t.Context(), 2))
		revisions, err := chat.Revisions(t.Context(), []usecase.Thread{mine})
		require.NoError(t, err)
		assert.Equal(t, map[domain.ConversationID]int64{c.ID: c.Revision}, revisions, "reading again writes nothing")
	})
	t.Run("nobody else's conversation is found, and staff's calls are for staff", func(t *testing.T) {
		chat := useCases(t, memory.NewStore()).Chat
		asked, _, err := chat.Say(t.Context(), guest("ann"), "m-1", "mine", "here")
		require.NoError(t, err)
		thread, messages := readAfter(t, chat, guest("ben"), 0)
		assert.Zero(t, thread)
		assert.Empty(t, messages)
		for name, call := range map[string]func(by domain.User) error{
			"Conversations": func(by domain.User) error {
				_, _, err := chat.Conversations(t.Context(), by, domain.ConversationOpen, domain.Page{Number: 1, Size: 1})
				return err
			},
			"Conversation": func(by domain.User) error {
				_, err := chat.Conversation(t.Context(), by, asked.Conversation)
				return err
			},
			"Answer": func(by domain.User) error {
				_, _, err := chat.Answer(t.Context(), by, asked.Conversation, "m-2", "x")
				return err
			},
			"Move": func(by domain.User) error {
				_, err := chat.Move(t.Context(), by, asked.Conversation, usecase.CloseIt)
				return err
			},
		} {
			for _, by := range []domain.User{{}, buyer} {
				require.ErrorIs(t, call(by), domain.ErrDenied, name)
			}
		}
		for _, id := range []domain.ConversationID{"", "none", "\x00", domain.ConversationID(strings.Repeat("x", 200))} {
			_, err := chat.Conversation(t.Context(), sue, id)
			require.ErrorIs(t, err, domain.ErrNotFound)
			_, _, err = chat.Answer(t.Context(), sue, id, "m-2", "x")
			require.ErrorIs(t, err, domain.ErrNotFound)
		}
		_, _, err = chat.Conversations(t.Context(), sue, "lost", domain.Page{Number: 1, Size: 1})
		require.ErrorIs(t, err, domain.ErrInvalid)
	})
	t.Run("what was found is opened by its shopper and by staff alone", func(t *testing.T) {
		chat := useCases(t, memory.NewStore()).Chat
		asked, _, err := chat.Say(t.Context(), guest("ann"), "m-1", "mine", "here")
		require.NoError(t, err)
		found, err := chat.Find(t.Context(), asked.Conversation)
		require.NoError(t, err)
		assert.Equal(t, asked.Conversation, found.ID)
		assert.Equal(t, guest("ann").Session.Owner(), found.Owner)
		for _, who := range []usecase.Visitor{guest("ann"), {User: sue}} {
			thread, err := found.Open(who)
			require.NoError(t, err)
			messages, err := thread.Messages(t.Context(), 0)
			require.NoError(t, err)
			assert.Equal(t, []domain.Message{asked}, messages)
		}
		for _, who := range []usecase.Visitor{{}, guest("ben"), {User: buyer}} {
			_, err := found.Open(who)
			require.ErrorIs(t, err, domain.ErrUnauthenticated)
		}
		_, err = chat.Find(t.Context(), "none")
		require.ErrorIs(t, err, domain.ErrNotFound)
	})
	t.Run("staff takes over, hands back, closes and reopens", func(t *testing.T) {
		chat := useCases(t, memory.NewStore()).Chat
		asked, _, err := chat.Say(t.Context(), guest("ann"), "m-1", "hello", "here")
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
				c, err := chat.Move(t.Context(), step.by, asked.Conversation, step.move)
				require.NoError(t, err)
				assert.Equal(t, step.agent, c.AgentName, step.move)
				assert.Equal(t, step.state, c.State, step.move)
			}
		}
		_, _, err = chat.Answer(t.Context(), sue, asked.Conversation, "m-2", "mine?")
		require.ErrorIs(t, err, domain.ErrConflict)
		_, err = chat.Move(t.Context(), sue, asked.Conversation, "dance")
		require.ErrorIs(t, err, domain.ErrInvalid)
		thread, err := chat.Conversation(t.Context(), sue, asked.Conversation)
		require.NoError(t, err)
		assert.EqualValues(t, 6, thread.Conversation().Last, "each change said so once")
	})
	t.Run("the shopper's orders are beside the conversation", func(t *testing.T) {
		w := newWorld(t)
		chat, ann := w.Chat, guest("ann")
		w.fill(t, ann.Session.Owner(), "tea", 1)
		order, _, err := w.Checkout.Buy(t.Context(), ann.Session.Owner(), "k", purchase(good))
		require.NoError(t, err)
		asked, _, err := chat.Say(t.Context(), ann, "m-1", "where is it?", "here")
		require.NoError(t, err)
		thread, err := chat.Conversation(t.Context(), sue, asked.Conversation)
		require.NoError(t, err)
		orders, err := thread.Orders(t.Context())
		require.NoError(t, err)
		require.Len(t, orders, 1)
		assert.Equal(t, order.ID, orders[0].ID)
	})
	t.Run("a guest's conversation goes along into the account", func(t *testing.T) {
		store := memory.NewStore()
		chat, account := useCases(t, store).Chat, useCases(t, store).Account
		guest := account.NewGuest()
		require.NoError(t, account.Keep(t.Context(), guest))
		asked, _, err := chat.Say(t.Context(), guest.Visitor, "m-1", "hello", "here")
		require.NoError(t, err)
		pass, err := account.Register(t.Context(), guest.Visitor, ann, "here")
		require.NoError(t, err)
		again, said, err := chat.Say(t.Context(), pass.Visitor, "m-1", "hello", "here")
		require.NoError(t, err)
		assert.False(t, said, "what was sent again while signing in is there once")
		assert.Equal(t, asked, again)
		_, _, err = chat.Say(t.Context(), guest.Visitor, "m-2", "with the old secret", "here")
		require.ErrorIs(t, err, domain.ErrUnauthenticated, "who has the guest's secret alone has nothing of the account's")
		_, err = chat.Mine(t.Context(), guest.Visitor)
		require.ErrorIs(t, err, domain.ErrUnauthenticated)
		found, err := chat.Find(t.Context(), asked.Conversation)
		require.NoError(t, err)
		_, err = found.Open(guest.Visitor)
		require.ErrorIs(t, err, domain.ErrUnauthenticated)

		second := account.NewGuest()
		require.NoError(t, account.Keep(t.Context(), second))
		_, _, err = chat.Say(t.Context(), second.Visitor, "m-3", "from my telephone", "here")
		require.NoError(t, err)
		pass, err = account.SignIn(t.Context(), second.Visitor, "ann", "tulips and rain", "here")
		require.NoError(t, err)
		thread, messages := readAfter(t, chat, pass.Visitor, 0)
		assert.Equal(t, asked.Conversation, thread.Conversation().ID)
		require.Len(t, messages, 2)
		assert.Equal(t, "from my telephone", messages[1].Body)
	})
}

func TestChat_IsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chat := useCases(t, memory.NewStore()).Chat
		sendMany := func(who usecase.Visitor, n int) (sent int) {
			for i := range n {
				_, _, err := chat.Say(t.Context(), who, fmt.Sprint("m", time.Now().UnixNano(), "-", i), "hi", "here")
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
		_, _, err := chat.Say(t.Context(), guest("cas"), "m", "", "here")
		require.ErrorIs(t, err, domain.ErrInvalid)
	})
	synctest.Test(t, func(t *testing.T) {
		chat := useCases(t, memory.NewStore()).Chat
		started := 0
		for i := range 300 {
			if _, _, err := chat.Say(t.Context(), guest(fmt.Sprint("g", i)), "m", "hi", "here"); err == nil {
				started++
			}
		}
		assert.Equal(t, 200, started, "fresh sessions from one address are no way round")
		_, _, err := chat.Say(t.Context(), guest("elsewhere"), "m", "hi", "there")
		require.NoError(t, err)
	})
}

// away is what is not there for now.
type away struct {
	port.Limits
	port.Events
}

func (away) Take(context.Context, string, port.Limit) (time.Duration, error) {
	return 0, domain.ErrUnavailable.Errorf(domain.CodeUnavailable, "nobody counts")
}

func (away) Publish(ctx context.Context, _ domain.Event) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestChat_GoesOnWhenNobodyCountsOrWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		chat := useCases(t, store, func(p *testshop.Parts) { p.Events, p.Limits = away{Events: store}, away{} }).Chat
		before := time.Now()
		for i := range 3 {
			_, said, err := chat.Say(t.Context(), guest("ann"), fmt.Sprint("m", i), "hi", "here")
			require.NoError(t, err)
			assert.True(t, said)
		}
		assert.Less(t, time.Since(before), 2*time.Second, "a wake-up that cannot be sent is not waited for")
	})
}

func TestChat_WakesWhoListens(t *testing.T) {
	store := memory.NewStore()
	chat := useCases(t, store).Chat
	ctx, cancel := context.WithCancel(t.Context())
	changes, signals, err := chat.Subscribe(ctx)
	require.NoError(t, err)
	asked, _, err := chat.Say(t.Context(), guest("ann"), "m-1", "hi", "here")
	require.NoError(t, err)
	assert.Equal(t, string(asked.Conversation), (<-changes).Key)
	_, err = chat.Move(t.Context(), sue, asked.Conversation, usecase.TakeOver)
	require.NoError(t, err)
	assert.Equal(t, string(asked.Conversation), (<-changes).Key)
	for _, signal := range []domain.ChatSignal{
		{Kind: domain.SignalTyping, Conversation: asked.Conversation, From: domain.Party{Side: domain.CustomerSide, Name: "Ann of the  hill"}},
		{Kind: domain.SignalHere, From: domain.Party{Side: domain.AgentSide}},
	} {
		chat.Signal(t.Context(), signal)
		got, ok := usecase.ParseSignal(<-signals)
		assert.True(t, ok)
		assert.Equal(t, signal, got)
	}
	_, ok := usecase.ParseSignal(domain.Event{Topic: domain.ChatSignalled, Key: "nonsense"})
	assert.False(t, ok)
	cancel()
	_, more := <-changes
	assert.False(t, more)
}

func TestChat_AnswersManyAtOnce(t *testing.T) {
	chat := useCases(t, memory.NewStore()).Chat
	var all sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		all.Go(func() {
			_, _, errs[i] = chat.Say(t.Context(), guest("ann"), fmt.Sprint("m", i), "hi", "here")
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	thread, messages := readAfter(t, chat, guest("ann"), 0)
	assert.EqualValues(t, len(errs), thread.Conversation().Last, "one conversation, however many devices begin it")
	assert.Len(t, messages, len(errs))
}
