package porttest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Conversations holds an adapter to the promises of port.Conversations. open gives a store without a conversation.
func Conversations(t *testing.T, open func(*testing.T) (a, b port.Conversations)) {
	run(t, open, inTurns,
		missingConversations, startingConversations, addingMessages, readingMessages,
		updatingConversations, listingConversations, adoptingConversations, cancellingConversations)
}

func missingConversations(t *testing.T, open func(t *testing.T) turns[port.Conversations]) {
	t.Run("what was never started is not there", func(t *testing.T) {
		conversations := open(t)
		_, err := conversations().Conversation(t.Context(), "conversation-1")
		require.ErrorIs(t, err, domain.ErrNotFound)
		_, err = conversations().ConversationOf(t.Context(), "guest:a")
		require.ErrorIs(t, err, domain.ErrNotFound)
		_, err = conversations().Messages(t.Context(), "conversation-1", 0, 10)
		require.ErrorIs(t, err, domain.ErrNotFound)
		_, _, err = conversations().AddMessage(t.Context(), "conversation-1", aMessage("a", 1))
		require.ErrorIs(t, err, domain.ErrNotFound)
		_, err = conversations().UpdateConversation(t.Context(), "conversation-1", func(*domain.Conversation) error { return nil })
		require.ErrorIs(t, err, domain.ErrNotFound)
		revisions, err := conversations().Revisions(t.Context(), []domain.ConversationID{"conversation-1"})
		require.NoError(t, err)
		assert.Empty(t, revisions)
	})
}

func startingConversations(t *testing.T, open func(t *testing.T) turns[port.Conversations]) {
	t.Run("a conversation is kept as it was started", func(t *testing.T) {
		conversations := open(t)
		want := aConversation(1)
		started := start(t, conversations, want)
		assert.Positive(t, started.Revision)
		want.Revision = started.Revision
		assert.Equal(t, want, started)
		assert.Equal(t, want, conversation(t, conversations, want.ID))
		got, err := conversations().ConversationOf(t.Context(), want.Owner)
		require.NoError(t, err)
		assert.Equal(t, want, conversationInUTC(got))
		assert.Empty(t, messages(t, conversations, want.ID, 0, 10))
	})
	t.Run("an owner has one conversation, and another owner another", func(t *testing.T) {
		conversations := open(t)
		first := start(t, conversations, aConversation(1))
		again := aConversation(2)
		again.Owner = first.Owner
		assert.Equal(t, first, start(t, conversations, again))
		_, err := conversations().Conversation(t.Context(), again.ID)
		require.ErrorIs(t, err, domain.ErrNotFound)
		assert.Equal(t, aConversation(3).ID, start(t, conversations, aConversation(3)).ID)
	})
	t.Run("of many that start one at once one is kept, for all of them", func(t *testing.T) {
		conversations := open(t)
		ids, errs := make([]domain.ConversationID, 20), make([]error, 20)
		atOnce(len(errs), func(i int) {
			c := aConversation(i)
			c.Owner = "guest:a"
			got, err := conversations().StartConversation(t.Context(), c)
			ids[i], errs[i] = got.ID, err
		})
		require.NoError(t, errors.Join(errs...))
		for _, id := range ids {
			assert.Equal(t, ids[0], id)
		}
		got, err := conversations().ConversationOf(t.Context(), "guest:a")
		require.NoError(t, err)
		assert.Equal(t, ids[0], got.ID)
	})
}

func updatingConversations(t *testing.T, open func(t *testing.T) turns[port.Conversations]) {
	t.Run("a change is kept with the messages that it added", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		say(t, conversations, c.ID, aMessage("a", 1))
		changed := change(t, conversations, c.ID, func(c *domain.Conversation) error {
			c.Read(domain.AgentSide, 1)
			return c.TakeOver(domain.User{ID: "sue", Username: "sue", DisplayName: "Sue"}, noon.Add(time.Second))
		})
		assert.EqualValues(t, 2, changed.Last)
		assert.EqualValues(t, 1, changed.ReadByAgent)
		assert.Zero(t, changed.UnreadByAgent)
		assert.Equal(t, "Sue", changed.AgentName)
		assert.Empty(t, changed.Added)
		assert.Equal(t, changed, conversation(t, conversations, c.ID))
		all := messages(t, conversations, c.ID, 0, 10)
		requireGapless(t, all, 2)
		assert.Equal(t, domain.SystemSide, all[1].From.Side)
		closed := change(t, conversations, c.ID, func(c *domain.Conversation) error {
			assert.Equal(t, changed, conversationInUTC(*c), "the change sees what was kept last")
			c.Close(noon.Add(time.Minute))
			return nil
		})
		assert.Equal(t, domain.ConversationClosed, closed.State)
		assert.True(t, closed.WaitingSince.IsZero())
		requireGapless(t, messages(t, conversations, c.ID, 0, 10), 3)
	})
	t.Run("each field is changed by itself, and back again", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		say(t, conversations, c.ID, aMessage("a", 1))
		c = conversation(t, conversations, c.ID)
		to := map[string]any{"ID": nil, "Owner": nil, "State": domain.ConversationClosed, "Last": nil, "StartedAt": nil, "Revision": nil, "Added": nil}
		eachField(t, c, to, func(t *testing.T, changed domain.Conversation) {
			for _, want := range []domain.Conversation{changed, c} {
				want.Revision = change(t, conversations, c.ID, func(c *domain.Conversation) error {
					revision := c.Revision
					*c = want
					c.Revision = revision
					return nil
				}).Revision
				assert.Equal(t, want, conversation(t, conversations, c.ID))
			}
		})
	})
	t.Run("a change that fails keeps nothing, and its very error comes back", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		say(t, conversations, c.ID, aMessage("a", 1))
		before, broken := conversation(t, conversations, c.ID), errors.New("broken")
		_, err := conversations().UpdateConversation(t.Context(), c.ID, func(c *domain.Conversation) error {
			c.Close(noon)
			return broken
		})
		require.ErrorIs(t, err, broken)
		assert.Equal(t, before, conversation(t, conversations, c.ID))
		requireGapless(t, messages(t, conversations, c.ID, 0, 10), 1)
	})
	t.Run("of many that take a conversation one has it last, and all said so", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		say(t, conversations, c.ID, aMessage("a", 1))
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			_, errs[i] = conversations().UpdateConversation(t.Context(), c.ID, func(c *domain.Conversation) error {
				giveWay()
				return c.TakeOver(domain.User{ID: domain.UserID(fmt.Sprint(i)), Username: fmt.Sprint("agent", i)}, noon)
			})
		})
		require.NoError(t, errors.Join(errs...))
		all := messages(t, conversations, c.ID, 0, 100)
		requireGapless(t, all, 1+len(errs))
		assert.Contains(t, all[len(errs)].Body, conversation(t, conversations, c.ID).AgentName+" has joined")
	})
	t.Run("every change raises the revision, and nothing else does", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		other := start(t, conversations, aConversation(2))
		revision := func(id domain.ConversationID) int64 {
			revisions, err := conversations().Revisions(t.Context(), []domain.ConversationID{c.ID, other.ID, "conversation-none"})
			require.NoError(t, err)
			assert.Len(t, revisions, 2)
			return revisions[id]
		}
		assert.Equal(t, c.Revision, revision(c.ID))
		last := c.Revision
		for _, step := range []func(){
			func() { say(t, conversations, c.ID, aMessage("a", 1)) },
			func() {
				change(t, conversations, c.ID, func(c *domain.Conversation) error { c.Read(domain.AgentSide, 1); return nil })
			},
			func() {
				change(t, conversations, c.ID, func(c *domain.Conversation) error { c.Close(noon); return nil })
			},
		} {
			step()
			assert.Greater(t, revision(c.ID), last)
			last = revision(c.ID)
			assert.Equal(t, last, conversation(t, conversations, c.ID).Revision)
		}
		_, _, err := conversations().AddMessage(t.Context(), c.ID, aMessage("a", 1))
		require.NoError(t, err)
		assert.Equal(t, last, revision(c.ID), "a repeat is no change")
		assert.Equal(t, other.Revision, revision(other.ID), "another conversation did not change")
		revisions, err := conversations().Revisions(t.Context(), nil)
		require.NoError(t, err)
		assert.Empty(t, revisions)
	})
}

func listingConversations(t *testing.T, open func(t *testing.T) turns[port.Conversations]) {
	t.Run("who waits longest is first, then what changed last", func(t *testing.T) {
		conversations := open(t)
		for n := range 6 {
			start(t, conversations, aConversation(n))
		}
		say(t, conversations, aConversation(1).ID, aMessage("a", 10))
		say(t, conversations, aConversation(2).ID, aMessage("a", 5))
		say(t, conversations, aConversation(2).ID, aMessage("b", 90)) // waits since the first
		say(t, conversations, aConversation(3).ID, aMessage("a", 1))
		say(t, conversations, aConversation(3).ID, aReply("sue", "a", 20))
		say(t, conversations, aConversation(4).ID, aMessage("a", 2))
		say(t, conversations, aConversation(4).ID, aReply("sue", "a", 30))
		say(t, conversations, aConversation(5).ID, aMessage("a", 3))
		change(t, conversations, aConversation(5).ID, func(c *domain.Conversation) error { c.Close(noon); return nil })

		assert.Equal(t, []domain.ConversationID{"conversation-2", "conversation-1", "conversation-4", "conversation-3"}, listed(t, conversations, domain.ConversationOpen, 4))
		assert.Equal(t, []domain.ConversationID{"conversation-5"}, listed(t, conversations, domain.ConversationClosed, 1), "what has no message is not listed")
	})
	t.Run("each page is its part of the list, and tells of all", func(t *testing.T) {
		conversations := open(t)
		var all []domain.ConversationID
		for n := range 7 {
			c := start(t, conversations, aConversation(n))
			say(t, conversations, c.ID, aMessage("a", n))
			all = append(all, c.ID)
		}
		for _, c := range []struct {
			page     domain.Page
			from, to int
		}{
			{domain.Page{Number: 1, Size: 3}, 0, 3}, {domain.Page{Number: 3, Size: 3}, 6, 7},
			{domain.Page{Number: 4, Size: 3}, 7, 7}, {domain.Page{Number: 1_000_000, Size: 100}, 7, 7},
		} {
			got, total, err := conversations().Conversations(t.Context(), domain.ConversationOpen, c.page)
			require.NoError(t, err)
			assert.Equal(t, 7, total)
			ids := []domain.ConversationID{}
			for _, one := range got {
				ids = append(ids, one.ID)
				assert.Equal(t, conversation(t, conversations, one.ID), conversationInUTC(one))
			}
			assert.Equal(t, all[c.from:c.to], ids)
		}
	})
}

func cancellingConversations(t *testing.T, open func(t *testing.T) turns[port.Conversations]) {
	for name, call := range map[string]func(context.Context, turns[port.Conversations]) error{
		"StartConversation": func(ctx context.Context, conversations turns[port.Conversations]) error {
			_, err := conversations().StartConversation(ctx, aConversation(5))
			return err
		},
		"Conversation": func(ctx context.Context, conversations turns[port.Conversations]) error {
			_, err := conversations().Conversation(ctx, aConversation(1).ID)
			return err
		},
		"ConversationOf": func(ctx context.Context, conversations turns[port.Conversations]) error {
			_, err := conversations().ConversationOf(ctx, aConversation(1).Owner)
			return err
		},
		"Conversations": func(ctx context.Context, conversations turns[port.Conversations]) error {
			_, _, err := conversations().Conversations(ctx, domain.ConversationOpen, domain.Page{Number: 1, Size: 10})
			return err
		},
		"Revisions": func(ctx context.Context, conversations turns[port.Conversations]) error {
			_, err := conversations().Revisions(ctx, []domain.ConversationID{aConversation(1).ID})
			return err
		},
		"AddMessage": func(ctx context.Context, conversations turns[port.Conversations]) error {
			_, _, err := conversations().AddMessage(ctx, aConversation(1).ID, aMessage("new", 9))
			return err
		},
		"UpdateConversation": func(ctx context.Context, conversations turns[port.Conversations]) error {
			_, err := conversations().UpdateConversation(ctx, aConversation(1).ID, func(c *domain.Conversation) error { c.Close(noon); return nil })
			return err
		},
		"UpdateConversation, while the change is made,": func(ctx context.Context, conversations turns[port.Conversations]) error {
			ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
			defer cancel()
			_, err := conversations().UpdateConversation(ctx, aConversation(1).ID, func(c *domain.Conversation) error {
				cancel()
				c.Close(noon)
				return nil
			})
			return err
		},
		"Messages": func(ctx context.Context, conversations turns[port.Conversations]) error {
			_, err := conversations().Messages(ctx, aConversation(1).ID, 0, 10)
			return err
		},
		"AdoptConversation": func(ctx context.Context, conversations turns[port.Conversations]) error {
			return conversations().AdoptConversation(ctx, aConversation(1).Owner, aConversation(2).Owner)
		},
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			conversations := open(t)
			var want []domain.Conversation
			for n := 1; n <= 2; n++ {
				say(t, conversations, start(t, conversations, aConversation(n)).ID, aMessage("a", n))
				want = append(want, conversation(t, conversations, aConversation(n).ID))
			}
			require.Error(t, call(cancelled(t), conversations))
			for _, c := range want {
				assert.Equal(t, c, conversation(t, conversations, c.ID))
				requireGapless(t, messages(t, conversations, c.ID, 0, 10), 1)
			}
			_, err := conversations().Conversation(t.Context(), aConversation(5).ID)
			require.ErrorIs(t, err, domain.ErrNotFound)
			assert.EqualValues(t, 2, say(t, conversations, aConversation(1).ID, aMessage("new", 9)).Seq, "the client id was not used up")
		})
	}
}

// aConversation is conversation number n of a guest of its own, without a message.
func aConversation(n int) domain.Conversation {
	return domain.Conversation{
		ID: domain.ConversationID(fmt.Sprint("conversation-", n)), Owner: domain.GuestOwner(fmt.Sprint("shopper-", n)), Name: "Guest",
		State: domain.ConversationClosed, StartedAt: noon, ChangedAt: noon,
	}
}

// aMessage is what the shopper says, n microseconds past noon.
func aMessage(clientID string, n int) domain.Message {
	return domain.Message{
		ClientID: clientID, From: domain.Party{Side: domain.CustomerSide, Name: "Guest"},
		Body: fmt.Sprint("Does pot ", n, " pour?"), At: noon.Add(time.Duration(n) * time.Microsecond),
	}
}

// aReply is what an agent says, n microseconds past noon.
func aReply(agent domain.UserID, clientID string, n int) domain.Message {
	return domain.Message{
		ClientID: clientID, From: domain.Party{Side: domain.AgentSide, User: agent, Name: "Agent " + string(agent)},
		Body: fmt.Sprint("Pot ", n, " pours."), At: noon.Add(time.Duration(n) * time.Microsecond),
	}
}

func start(t *testing.T, conversations turns[port.Conversations], c domain.Conversation) domain.Conversation {
	t.Helper()
	started, err := conversations().StartConversation(t.Context(), c)
	require.NoError(t, err)
	return conversationInUTC(started)
}

func startFor(t *testing.T, conversations turns[port.Conversations], n int, owner domain.OwnerID) domain.Conversation {
	t.Helper()
	c := aConversation(n)
	c.Owner = owner
	return start(t, conversations, c)
}

func say(t *testing.T, conversations turns[port.Conversations], id domain.ConversationID, m domain.Message) domain.Message {
	t.Helper()
	kept, added, err := conversations().AddMessage(t.Context(), id, m)
	require.NoError(t, err)
	require.True(t, added)
	return messageInUTC(kept)
}

func change(t *testing.T, conversations turns[port.Conversations], id domain.ConversationID, change func(*domain.Conversation) error) domain.Conversation {
	t.Helper()
	c, err := conversations().UpdateConversation(t.Context(), id, change)
	require.NoError(t, err)
	return conversationInUTC(c)
}

func conversation(t *testing.T, conversations turns[port.Conversations], id domain.ConversationID) domain.Conversation {
	t.Helper()
	c, err := conversations().Conversation(t.Context(), id)
	require.NoError(t, err)
	return conversationInUTC(c)
}

func messages(t *testing.T, conversations turns[port.Conversations], id domain.ConversationID, after int64, limit int) []domain.Message {
	t.Helper()
	all, err := conversations().Messages(t.Context(), id, after, limit)
	require.NoError(t, err)
	for i := range all {
		all[i] = messageInUTC(all[i])
	}
	return all
}

func listed(t *testing.T, conversations turns[port.Conversations], state domain.ConversationState, total int) []domain.ConversationID {
	t.Helper()
	all, n, err := conversations().Conversations(t.Context(), state, domain.Page{Number: 1, Size: 100})
	require.NoError(t, err)
	assert.Equal(t, total, n)
	var ids []domain.ConversationID
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	return ids
}

// requireGapless demands that all are the n messages of a conversation.
func requireGapless(t *testing.T, all []domain.Message, n int) {
	t.Helper()
	require.Len(t, all, n)
	for i, m := range all {
		require.EqualValues(t, i+1, m.Seq)
	}
}

func conversationInUTC(c domain.Conversation) domain.Conversation {
	c.StartedAt, c.ChangedAt = c.StartedAt.UTC(), c.ChangedAt.UTC()
	if c.WaitingSince = c.WaitingSince.UTC(); c.WaitingSince.IsZero() {
		c.WaitingSince = time.Time{}
	}
	return c
}

func messageInUTC(m domain.Message) domain.Message {
	m.At = m.At.UTC()
	return m
}
