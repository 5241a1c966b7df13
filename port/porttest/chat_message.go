package porttest

import (
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
