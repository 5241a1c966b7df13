package domain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

var (
	chatStart = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)
	sue       = domain.User{ID: "u-sue", Username: "sue.m", DisplayName: "sue", Role: domain.Staff}
	tom       = domain.User{ID: "u-tom", Username: "tom.b", DisplayName: "tom", Role: domain.Staff}
)

func fromCustomer(body string, at time.Time) domain.Message {
	return domain.Message{ClientID: body, From: domain.Party{Side: domain.CustomerSide, Name: "Guest"}, Body: body, At: at}
}

func fromAgent(u domain.User, body string, at time.Time) domain.Message {
	return domain.Message{ClientID: body, From: domain.Party{Side: domain.AgentSide, User: u.ID, Name: u.Shown()}, Body: body, At: at}
}

func bodies(c domain.Conversation) []string {
	var said []string
	for _, m := range c.Added {
		said = append(said, m.Body)
	}
	return said
}

func TestConversation(t *testing.T) {
	later := chatStart.Add(time.Minute)
	t.Run("no message is earlier than the one before, whatever the servers' clocks say", func(t *testing.T) {
		c := domain.Conversation{ID: "c", State: domain.ConversationClosed, ChangedAt: chatStart}
		require.NoError(t, c.Say(fromCustomer("by a clock that is ahead", later)))
		require.NoError(t, c.TakeOver(sue, chatStart))
		require.NoError(t, c.Say(fromAgent(sue, "by a clock that is behind", chatStart)))
		require.NoError(t, c.Say(fromCustomer("later", later.Add(time.Second))))
		for i, want := range []time.Time{later, later, later, later.Add(time.Second)} {
			assert.Equal(t, want, c.Added[i].At, c.Added[i].Body)
		}
	})
	t.Run("what the shopper says opens it, and waits since the first of it", func(t *testing.T) {
		c := domain.Conversation{ID: "c", State: domain.ConversationClosed}
		require.NoError(t, c.Say(fromCustomer("one", chatStart)))
		require.NoError(t, c.Say(fromCustomer("two", later)))
		assert.Equal(t, domain.ConversationOpen, c.State)
		assert.Equal(t, "Guest", c.Name)
		assert.Equal(t, chatStart, c.WaitingSince)
		assert.Equal(t, later, c.ChangedAt)
		assert.EqualValues(t, 2, c.UnreadByAgent)
		assert.EqualValues(t, []int64{1, 2}, []int64{c.Added[0].Seq, c.Added[1].Seq})
		assert.Equal(t, domain.ConversationID("c"), c.Added[1].Conversation)
	})
	t.Run("an answer ends the waiting, and takes what nobody has", func(t *testing.T) {
		c := domain.Conversation{State: domain.ConversationClosed}
		require.NoError(t, c.Say(fromCustomer("one", chatStart)))
		require.NoError(t, c.Say(fromAgent(sue, "yes", later)))
		assert.Equal(t, sue.ID, c.Agent)
		assert.Equal(t, "sue", c.AgentName)
		assert.Zero(t, c.WaitingSince)
		assert.EqualValues(t, 1, c.UnreadByCustomer)
		assert.Zero(t, c.UnreadByAgent, "who answers has read")
		assert.EqualValues(t, 2, c.ReadByAgent)

		err := c.Say(fromAgent(tom, "no", later))
		require.ErrorIs(t, err, domain.ErrConflict)
		assert.Contains(t, err.Error(), "sue is answering")
		assert.EqualValues(t, 2, c.Last, "what fails adds nothing")
	})
	t.Run("it is taken over, handed back, closed and reopened, and says so", func(t *testing.T) {
		c := domain.Conversation{State: domain.ConversationClosed}
		require.ErrorIs(t, c.TakeOver(sue, chatStart), domain.ErrConflict, "it is closed")
		require.ErrorIs(t, c.Say(fromAgent(sue, "hello?", chatStart)), domain.ErrConflict, "it is closed")
		require.NoError(t, c.Say(fromCustomer("one", chatStart)))
		for range 2 {
			require.NoError(t, c.TakeOver(sue, later))
		}
		require.ErrorIs(t, c.HandBack(tom, later), domain.ErrConflict, "it is not his")
		require.NoError(t, c.TakeOver(tom, later))
		for range 2 {
			require.NoError(t, c.HandBack(tom, later))
		}
		assert.Empty(t, c.Agent)
		assert.Equal(t, chatStart, c.WaitingSince, "notes are no answers")
		for range 2 {
			c.Close(later)
		}
		assert.Equal(t, domain.ConversationClosed, c.State)
		assert.Zero(t, c.WaitingSince)
		for range 2 {
			c.Reopen(sue, later)
		}
		assert.Equal(t, domain.ConversationOpen, c.State)
		assert.Equal(t, sue.ID, c.Agent)
		assert.Equal(t, []string{"one", "sue has joined the conversation.", "tom has joined the conversation.",
			"tom has left; somebody else will go on.", "The conversation was closed. Write again whenever you like.",
			"sue has reopened the conversation."}, bodies(c))
	})
	t.Run("read marks go forward only, and not past the end", func(t *testing.T) {
		c := domain.Conversation{State: domain.ConversationClosed}
		for _, body := range []string{"one", "two", "three"} {
			require.NoError(t, c.Say(fromCustomer(body, chatStart)))
		}
		for _, step := range []struct{ read, mark, unread int64 }{{0, 0, 3}, {1, 1, 2}, {-5, 1, 2}, {99, 3, 0}, {2, 3, 0}} {
			c.Read(domain.AgentSide, step.read)
			assert.Equal(t, step.mark, c.ReadBy(domain.AgentSide))
			assert.Equal(t, step.unread, c.UnreadByAgent)
		}
		assert.Zero(t, c.ReadBy(domain.CustomerSide))
		require.NoError(t, c.Say(fromAgent(sue, "four", chatStart)))
		assert.EqualValues(t, 1, c.UnreadByCustomer)
		c.Read(domain.CustomerSide, 4)
		assert.Zero(t, c.UnreadByCustomer)
	})
	t.Run("adopting goes on after the last message, and keeps the earlier of both", func(t *testing.T) {
		mine := domain.Conversation{ID: "mine", State: domain.ConversationClosed, Last: 4, ReadByCustomer: 4, StartedAt: later, ChangedAt: later, Revision: 3}
		other := domain.Conversation{ID: "other", State: domain.ConversationClosed, StartedAt: chatStart, Revision: 9}
		require.NoError(t, other.Say(fromCustomer("one", chatStart)))
		require.NoError(t, other.TakeOver(sue, chatStart))
		mine.Adopt(other, other.Added)
		assert.EqualValues(t, 6, mine.Last)
		assert.EqualValues(t, []int64{5, 6}, []int64{mine.Added[0].Seq, mine.Added[1].Seq})
		assert.Equal(t, domain.ConversationID("mine"), mine.Added[0].Conversation)
		assert.Equal(t, chatStart, mine.Added[0].At, "when it was said stays")
		assert.Equal(t, domain.ConversationOpen, mine.State)
		assert.Equal(t, sue.ID, mine.Agent)
		assert.Equal(t, chatStart, mine.WaitingSince)
		assert.Equal(t, chatStart, mine.StartedAt)
		assert.Equal(t, later, mine.ChangedAt)
		assert.EqualValues(t, 1, mine.UnreadByAgent)
		assert.EqualValues(t, 9, mine.Revision)
	})
}

func TestSpeaker(t *testing.T) {
	guest := domain.Party{Side: domain.CustomerSide, Name: "Guest"}
	member := domain.Party{Side: domain.CustomerSide, User: "u-ann", Name: "ann"}
	assert.Equal(t, guest.Speaker(), member.Speaker(), "signing in makes nobody another speaker")
	one, two := domain.Party{Side: domain.AgentSide, User: "1"}, domain.Party{Side: domain.AgentSide, User: "2"}
	assert.NotEqual(t, one.Speaker(), two.Speaker())
	assert.NotEqual(t, one.Speaker(), guest.Speaker())
}

func TestCheckMessage(t *testing.T) {
	const id = "0198c1de-0000-7000-8000-00000000000f"
	for name, c := range map[string]struct{ id, body, field string }{
		"a word":               {id, "hello", ""},
		"several lines":        {id, "hello\n\tthere 🙂", ""},
		"the longest":          {id, strings.Repeat("茶", domain.MaxMessageBody), ""},
		"markup is text":       {id, "<script>alert(1)</script>", ""},
		"nothing":              {id, "", "body"},
		"nothing to see":       {id, " \n\t ", "body"},
		"one too many":         {id, strings.Repeat("x", domain.MaxMessageBody+1), "body"},
		"a control character":  {id, "a\x00b", "body"},
		"what is no text":      {id, "a\xff", "body"},
		"no client id":         {"", "hello", "client_id"},
		"a long client id":     {strings.Repeat("x", 65), "hello", "client_id"},
		"a client id of words": {"a b", "hello", "client_id"},
	} {
		t.Run(name, func(t *testing.T) {
			err := domain.CheckMessage(c.id, c.body)
			if c.field == "" {
				require.NoError(t, err)
				return
			}
			var wrong *domain.Error
			require.ErrorAs(t, err, &wrong)
			assert.Len(t, wrong.Fields, 1)
			assert.NotEmpty(t, wrong.Fields[c.field])
		})
	}
}
