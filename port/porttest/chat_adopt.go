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
