package porttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

func addingMessages(t *testing.T, open func(t *testing.T) turns[port.Conversations]) {
	t.Run("messages are kept as they were said, numbered from 1", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		var want []domain.Message
		for n, m := range []domain.Message{
			aMessage("a", 1), aReply("sue", "a", 2), aMessage("b", 3), aReply("sue", "c", 4),
			{ClientID: "long", From: aMessage("", 0).From, Body: "Zoë \"Z\" O'Neil\n\t<b>50%</b> 茶壺🙂\\n" + strings.Repeat("x", 3900), At: noon.Add(5 * time.Microsecond)},
		} {
			kept := say(t, conversations, c.ID, m)
			m.Conversation, m.Seq = c.ID, int64(n+1)
			assert.Equal(t, m, kept)
			want = append(want, m)
		}
		assert.Equal(t, want, messages(t, conversations, c.ID, 0, 100))
		got := conversation(t, conversations, c.ID)
		assert.EqualValues(t, len(want), got.Last)
		assert.Equal(t, domain.ConversationOpen, got.State)
		assert.Equal(t, domain.UserID("sue"), got.Agent)
		assert.Equal(t, noon.Add(5*time.Microsecond), got.WaitingSince)
		assert.Equal(t, noon.Add(5*time.Microsecond), got.ChangedAt)
		assert.Empty(t, got.Added)
	})
	t.Run("the same client id of the same speaker again is the same message, whatever it says", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		first := say(t, conversations, c.ID, aMessage("a", 1))
		say(t, conversations, c.ID, aMessage("b", 2))
		reply := say(t, conversations, c.ID, aReply("sue", "a", 3))
		before := conversation(t, conversations, c.ID)
		for _, again := range []domain.Message{aMessage("a", 1), aMessage("a", 9)} {
			kept, added, err := conversations().AddMessage(t.Context(), c.ID, again)
			require.NoError(t, err)
			assert.False(t, added)
			assert.Equal(t, first, messageInUTC(kept))
		}
		signedIn := aMessage("a", 8)
		signedIn.From.User, signedIn.From.Name = "u-ann", "ann"
		kept, added, err := conversations().AddMessage(t.Context(), c.ID, signedIn)
		require.NoError(t, err)
		assert.False(t, added, "signing in makes nobody another speaker")
		assert.Equal(t, first, messageInUTC(kept))
		kept, added, err = conversations().AddMessage(t.Context(), c.ID, aReply("sue", "a", 9))
		require.NoError(t, err)
		assert.False(t, added)
		assert.Equal(t, reply, messageInUTC(kept))
		assert.Equal(t, before, conversation(t, conversations, c.ID), "a repeat changes nothing")

		other := start(t, conversations, aConversation(2))
		assert.EqualValues(t, 1, say(t, conversations, other.ID, aMessage("a", 1)).Seq, "another conversation knows nothing of it")
	})
	t.Run("messages without a client id are all kept", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		for n := range 3 {
			assert.EqualValues(t, n+1, say(t, conversations, c.ID, aMessage("", n)).Seq)
		}
		assert.Len(t, messages(t, conversations, c.ID, 0, 10), 3)
	})
	t.Run("a message that may not be said keeps nothing, its client id neither", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		_, _, err := conversations().AddMessage(t.Context(), c.ID, aReply("sue", "a", 1))
		requireCode(t, err, domain.ErrConflict, domain.CodeConversationClosed)
		assert.Equal(t, c, conversation(t, conversations, c.ID))
		say(t, conversations, c.ID, aMessage("a", 2))
		assert.EqualValues(t, 2, say(t, conversations, c.ID, aReply("sue", "a", 3)).Seq)
		_, _, err = conversations().AddMessage(t.Context(), c.ID, aReply("tom", "a", 4))
		requireCode(t, err, domain.ErrConflict, domain.CodeConversationTaken)
		assert.EqualValues(t, 2, conversation(t, conversations, c.ID).Last)
	})
	t.Run("many that speak at once get each the next number", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		say(t, conversations, c.ID, aMessage("first", 0))
		const each = 5
		seqs, errs := make([][]int64, 20), make([]error, 20)
		atOnce(len(errs), func(i int) {
			for n := range each {
				m := aMessage(fmt.Sprint(i, "-", n), n)
				if i%2 == 1 {
					m = aReply("sue", m.ClientID, n)
				}
				kept, added, err := conversations().AddMessage(t.Context(), c.ID, m)
				if err == nil && !added {
					err = errors.New("taken for a repeat")
				}
				seqs[i], errs[i] = append(seqs[i], kept.Seq), errors.Join(errs[i], err)
			}
		})
		require.NoError(t, errors.Join(errs...))
		all := messages(t, conversations, c.ID, 0, 1000)
		requireGapless(t, all, 1+each*len(errs))
		for i := range seqs {
			for n, seq := range seqs[i] {
				assert.Equal(t, fmt.Sprint(i, "-", n), all[seq-1].ClientID)
				assert.True(t, n == 0 || seqs[i][n-1] < seq, "one speaker's messages stay in order")
			}
		}
		assert.EqualValues(t, len(all), conversation(t, conversations, c.ID).Last)
	})
	t.Run("one message that comes from many at once is kept once", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		seqs, added, errs := make([]int64, 20), make([]bool, 20), make([]error, 20)
		atOnce(len(errs), func(i int) {
			var kept domain.Message
			kept, added[i], errs[i] = conversations().AddMessage(t.Context(), c.ID, aMessage("a", 1))
			seqs[i] = kept.Seq
		})
		require.NoError(t, errors.Join(errs...))
		first := 0
		for i := range errs {
			assert.EqualValues(t, 1, seqs[i])
			if added[i] {
				first++
			}
		}
		assert.Equal(t, 1, first, "for one of them it was new")
		requireGapless(t, messages(t, conversations, c.ID, 0, 100), 1)
	})
}

func readingMessages(t *testing.T, open func(t *testing.T) turns[port.Conversations]) {
	t.Run("what comes after a number is read in parts", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		for n := range 7 {
			say(t, conversations, c.ID, aMessage(fmt.Sprint(n), n))
		}
		for _, part := range []struct {
			after int64
			limit int
			seqs  []int64
		}{
			{0, 3, []int64{1, 2, 3}}, {3, 3, []int64{4, 5, 6}}, {6, 3, []int64{7}}, {7, 3, nil}, {99, 3, nil}, {0, 7, []int64{1, 2, 3, 4, 5, 6, 7}}, {-4, 1, []int64{1}},
		} {
			var seqs []int64
			for _, m := range messages(t, conversations, c.ID, part.after, part.limit) {
				seqs = append(seqs, m.Seq)
			}
			assert.Equal(t, part.seqs, seqs, part)
		}
	})
	t.Run("who reads while messages come sees no gap, and all that the conversation tells of", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			for n := range 5 {
				if i%2 == 0 {
					_, _, err := conversations().AddMessage(t.Context(), c.ID, aMessage(fmt.Sprint(i, "-", n), n))
					errs[i] = errors.Join(errs[i], err)
					continue
				}
				told, err := conversations().Conversation(t.Context(), c.ID)
				errs[i] = errors.Join(errs[i], err)
				all, err := conversations().Messages(t.Context(), c.ID, 0, 1000)
				errs[i] = errors.Join(errs[i], err)
				if int64(len(all)) < told.Last {
					errs[i] = fmt.Errorf("%d messages of %d", len(all), told.Last)
				}
				for at, m := range all {
					if m.Seq != int64(at+1) {
						errs[i] = fmt.Errorf("message %d has number %d", at+1, m.Seq)
					}
				}
			}
		})
		require.NoError(t, errors.Join(errs...))
	})
	t.Run("changing what came out changes nothing that is kept", func(t *testing.T) {
		conversations := open(t)
		c := start(t, conversations, aConversation(1))
		say(t, conversations, c.ID, aMessage("a", 1))
		say(t, conversations, c.ID, aMessage("b", 2))
		want := slices.Clone(messages(t, conversations, c.ID, 0, 10))
		for _, limit := range []int{1, 2, 10} {
			got, err := conversations().Messages(t.Context(), c.ID, 0, limit)
			require.NoError(t, err)
			got[0].Body = "spoilt"
			_ = append(got[:1], aMessage("z", 9))
			assert.Equal(t, want, messages(t, conversations, c.ID, 0, 10))
		}
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

func adoptingConversations(t *testing.T, open func(t *testing.T) turns[port.Conversations]) {
	adopt := func(t *testing.T, conversations turns[port.Conversations]) {
		t.Helper()
		require.NoError(t, conversations().AdoptConversation(t.Context(), "guest:a", "user:a"))
	}
	t.Run("who has no conversation takes the other's as it is", func(t *testing.T) {
		conversations := open(t)
		adopt(t, conversations)
		c := startFor(t, conversations, 1, "guest:a")
		say(t, conversations, c.ID, aMessage("a", 1))
		before := conversation(t, conversations, c.ID)
		for range 3 {
			adopt(t, conversations)
			got, err := conversations().ConversationOf(t.Context(), "user:a")
			require.NoError(t, err)
			assert.Equal(t, c.ID, got.ID)
			assert.EqualValues(t, "user:a", got.Owner)
			assert.EqualValues(t, 1, got.Last)
			assert.Greater(t, got.Revision, before.Revision, "it changed hands, which is a change")
			old, err := conversations().ConversationOf(t.Context(), "guest:a")
			require.NoError(t, err)
			assert.Equal(t, got, old, "what was asked for the old owner just before comes to the new one")
		}
		assert.Equal(t, listed(t, conversations, domain.ConversationOpen, 1), []domain.ConversationID{c.ID})
		kept, added, err := conversations().AddMessage(t.Context(), c.ID, aMessage("a", 1))
		require.NoError(t, err)
		assert.False(t, added)
		assert.EqualValues(t, 1, kept.Seq)
	})
	t.Run("who has one goes on with the other's messages, and the other is no more", func(t *testing.T) {
		conversations := open(t)
		theirs, mine := startFor(t, conversations, 1, "guest:a"), startFor(t, conversations, 2, "user:a")
		say(t, conversations, mine.ID, aMessage("old", 1))
		change(t, conversations, mine.ID, func(c *domain.Conversation) error { c.Close(noon.Add(time.Microsecond)); return nil })
		say(t, conversations, theirs.ID, aMessage("a", 5))
		say(t, conversations, theirs.ID, aReply("sue", "a", 6))
		say(t, conversations, theirs.ID, aMessage("b", 7))
		moved := messages(t, conversations, theirs.ID, 0, 10)
		for i := range moved {
			moved[i].Conversation, moved[i].Seq = mine.ID, moved[i].Seq+2
		}
		before := max(conversation(t, conversations, mine.ID).Revision, conversation(t, conversations, theirs.ID).Revision)
		for range 3 {
			adopt(t, conversations)
			for _, id := range []domain.ConversationID{mine.ID, theirs.ID} {
				got := conversation(t, conversations, id)
				assert.Equal(t, mine.ID, got.ID)
				assert.EqualValues(t, "user:a", got.Owner)
				assert.EqualValues(t, 5, got.Last)
				assert.Equal(t, domain.ConversationOpen, got.State)
				assert.Equal(t, noon.Add(7*time.Microsecond), got.WaitingSince)
				assert.Greater(t, got.Revision, before)
				all := messages(t, conversations, id, 0, 10)
				requireGapless(t, all, 5)
				assert.Equal(t, moved, all[2:])
			}
			for _, owner := range []domain.OwnerID{"guest:a", "user:a"} {
				got, err := conversations().ConversationOf(t.Context(), owner)
				require.NoError(t, err)
				assert.Equal(t, mine.ID, got.ID)
			}
		}
		assert.Equal(t, []domain.ConversationID{mine.ID}, listed(t, conversations, domain.ConversationOpen, 1))
		revisions, err := conversations().Revisions(t.Context(), []domain.ConversationID{theirs.ID, mine.ID})
		require.NoError(t, err)
		assert.Len(t, revisions, 2)
		assert.Equal(t, revisions[mine.ID], revisions[theirs.ID])
	})
	t.Run("a message that was sent again after signing in is there once", func(t *testing.T) {
		conversations := open(t)
		theirs, mine := startFor(t, conversations, 1, "guest:a"), startFor(t, conversations, 2, "user:a")
		say(t, conversations, theirs.ID, aMessage("both", 1))
		say(t, conversations, theirs.ID, aMessage("one", 2))
		say(t, conversations, mine.ID, aMessage("both", 3))
		adopt(t, conversations)
		all := messages(t, conversations, mine.ID, 0, 10)
		requireGapless(t, all, 2)
		assert.Equal(t, "both", all[0].ClientID)
		assert.Equal(t, "one", all[1].ClientID)
		for _, id := range []domain.ConversationID{mine.ID, theirs.ID} {
			kept, added, err := conversations().AddMessage(t.Context(), id, aMessage("one", 9))
			require.NoError(t, err)
			assert.False(t, added, "its client id came along")
			assert.EqualValues(t, 2, kept.Seq)
		}
		assert.EqualValues(t, 3, say(t, conversations, theirs.ID, aReply("sue", "late", 9)).Seq, "an reply to the old id arrives")
	})
	t.Run("messages that come while it is adopted are all there, without a gap", func(t *testing.T) {
		conversations := open(t)
		theirs, mine := startFor(t, conversations, 1, "guest:a"), startFor(t, conversations, 2, "user:a")
		say(t, conversations, mine.ID, aMessage("first", 0))
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			switch i % 5 {
			case 0:
				errs[i] = conversations().AdoptConversation(t.Context(), "guest:a", "user:a")
			default:
				_, added, err := conversations().AddMessage(t.Context(), []domain.ConversationID{theirs.ID, mine.ID}[i%2], aMessage(fmt.Sprint(i), i))
				if err == nil && !added {
					err = errors.New("taken for a repeat")
				}
				errs[i] = err
			}
		})
		require.NoError(t, errors.Join(errs...))
		adopt(t, conversations)
		requireGapless(t, messages(t, conversations, mine.ID, 0, 100), 17)
	})
	t.Run("nobody else's is touched", func(t *testing.T) {
		conversations := open(t)
		other := startFor(t, conversations, 3, "guest:b")
		say(t, conversations, other.ID, aMessage("a", 1))
		want := conversation(t, conversations, other.ID)
		startFor(t, conversations, 1, "guest:a")
		adopt(t, conversations)
		assert.Equal(t, want, conversation(t, conversations, other.ID))
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
		ID: domain.ConversationID(fmt.Sprint("conversation-", n)), Owner: domain.GuestOwner(fmt.Sprint("talker-", n)), Name: "Guest",
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
