package domain

import (
	"fmt"
	"regexp"
	"time"
)

// ConversationID names a conversation.
type ConversationID string

// MaxMessageBody is how many characters a message may have.
const MaxMessageBody = 4000

// Side is from where somebody speaks in a conversation.
type Side string

// The sides.
const (
	CustomerSide Side = "customer"
	AgentSide    Side = "agent"
	SystemSide   Side = "system"
)

// Party is who speaks. User is "" for a guest and for the system.
type Party struct {
	Side Side
	User UserID
	Name string
}

// Speaker is what a repeat of a message is told apart by, besides its client id: all
// of the shopper's devices are one speaker, before and after signing in; each agent is another.
func (p Party) Speaker() string {
	if p.Side == AgentSide {
		return string(p.Side) + ":" + string(p.User)
	}
	return string(p.Side)
}

// Message is what was said. It never changes, and a conversation's messages are
// numbered from 1 without a gap.
type Message struct {
	Conversation ConversationID
	Seq          int64
	ClientID     string // the speaker's own name for it; "" for the system's
	From         Party
	Body         string
	At           time.Time
}

var clientID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CheckMessage says what is wrong with a message that somebody wants to send, by field.
func CheckMessage(id, body string) error {
	wrong := fieldErrors{}
	if !clientID.MatchString(id) {
		wrong.add("client_id", "must be a UUID, or 1 to 64 letters, digits, hyphens or underscores")
	}
	if text := paragraph(body, 1, MaxMessageBody); text != "" {
		wrong.add("body", text)
	}
	return wrong.err()
}

// ConversationState tells whether a conversation waits for anything.
type ConversationState string

// The states of a conversation.
const (
	ConversationOpen   ConversationState = "open"
	ConversationClosed ConversationState = "closed" // until the shopper writes again, or staff reopens it
)

// Conversation is all that a shopper and the shop's staff say to each other: one a
// shopper. It starts closed and without a message.
type Conversation struct {
	ID    ConversationID
	Owner OwnerID
	Name  string // of the shopper, as staff sees it
	State ConversationState
	// Agent is who answers; "" for nobody in particular.
	Agent     UserID
	AgentName string
	// Last is the number of the last message, 0 before the first.
	Last int64
	// How far each side has read, and at most how many of the other side's messages it has not.
	ReadByCustomer   int64
	ReadByAgent      int64
	UnreadByCustomer int64
	UnreadByAgent    int64
	// WaitingSince is since when the shopper waits for an answer; zero when nobody waits.
	WaitingSince time.Time
	StartedAt    time.Time
	ChangedAt    time.Time // when the last message was sent, or the state changed
	// Revision grows with each change that is kept. Two equal ones are the same conversation.
	Revision int64
	// Added are the messages of a change that is not kept yet. What a store returns has none.
	Added []Message
}

// Say adds m as the next message. What the shopper says opens the conversation;
// an agent answers in an open one, has read it then, takes it when nobody has it, and
// leaves it to another agent who has. m is not earlier than what was said before, whatever
// the clock of its server says.
func (c *Conversation) Say(m Message) error {
	m.At = later(m.At, c.ChangedAt)
	switch m.From.Side {
	case CustomerSide:
		c.State, c.Name = ConversationOpen, m.From.Name
		c.UnreadByAgent++
		if c.WaitingSince.IsZero() {
			c.WaitingSince = m.At
		}
	case AgentSide:
		if c.State != ConversationOpen {
			return ErrConflict.Errorf(CodeConversationClosed, "that conversation is closed; reopen it to answer")
		}
		if c.Agent == "" {
			c.Agent, c.AgentName = m.From.User, m.From.Name
		}
		if c.Agent != m.From.User {
			return ErrConflict.Errorf(CodeConversationTaken, "%s is answering; take over first", c.AgentName)
		}
		c.UnreadByCustomer++
		c.WaitingSince = time.Time{}
	}
	c.add(m)
	if m.From.Side == AgentSide {
		// Who answers has the whole conversation before them.
		c.Read(AgentSide, c.Last)
	}
	return nil
}

func (c *Conversation) add(m Message) {
	c.Last++
	m.Conversation, m.Seq = c.ID, c.Last
	c.ChangedAt = m.At
	c.Added = append(c.Added, m)
}

func (c *Conversation) note(at time.Time, format string, args ...any) {
	c.add(Message{From: Party{Side: SystemSide, Name: "eshop"}, Body: fmt.Sprintf(format, args...), At: later(at, c.ChangedAt)})
}

// TakeOver makes agent the one who answers.
func (c *Conversation) TakeOver(agent User, at time.Time) error {
	if c.State != ConversationOpen {
		return ErrConflict.Errorf(CodeConversationClosed, "that conversation is closed; reopen it to answer")
	}
	if c.Agent != agent.ID {
		c.Agent, c.AgentName = agent.ID, agent.Shown()
		c.note(at, "%s has joined the conversation.", agent.Shown())
	}
	return nil
}

// HandBack leaves the conversation to whoever of the staff takes it next. Only who
// has it can hand it back; what nobody has stays so.
func (c *Conversation) HandBack(agent User, at time.Time) error {
	if c.Agent == "" {
		return nil
	}
	if c.Agent != agent.ID {
		return ErrConflict.Errorf(CodeConversationTaken, "%s is answering; take over first", c.AgentName)
	}
	c.Agent, c.AgentName = "", ""
	c.note(at, "%s has left; somebody else will go on.", agent.Shown())
	return nil
}

// Close ends the conversation until somebody has something to say.
func (c *Conversation) Close(at time.Time) {
	if c.State == ConversationClosed {
		return
	}
	c.State, c.Agent, c.AgentName, c.WaitingSince = ConversationClosed, "", "", time.Time{}
	c.note(at, "The conversation was closed. Write again whenever you like.")
}

// Reopen makes agent go on with a closed conversation.
func (c *Conversation) Reopen(agent User, at time.Time) {
	if c.State == ConversationOpen {
		return
	}
	c.State, c.Agent, c.AgentName = ConversationOpen, agent.ID, agent.Shown()
	c.note(at, "%s has reopened the conversation.", agent.Shown())
}

// Read notes that a side has read all up to a message. It never goes back.
func (c *Conversation) Read(side Side, seq int64) {
	mark, unread := &c.ReadByCustomer, &c.UnreadByCustomer
	if side == AgentSide {
		mark, unread = &c.ReadByAgent, &c.UnreadByAgent
	}
	*mark = max(*mark, min(seq, c.Last))
	*unread = min(*unread, c.Last-*mark)
}

// ReadBy is how far a side has read.
func (c Conversation) ReadBy(side Side) int64 {
	if side == AgentSide {
		return c.ReadByAgent
	}
	return c.ReadByCustomer
}

// Adopt goes on with another conversation of the same shopper: messages, which are the other's
// own, come after c's, under c's numbers.
func (c *Conversation) Adopt(other Conversation, messages []Message) {
	changed := c.ChangedAt
	for _, m := range messages {
		c.add(m)
	}
	c.ChangedAt = changed
	if other.ChangedAt.After(changed) {
		c.ChangedAt = other.ChangedAt
	}
	if other.StartedAt.Before(c.StartedAt) {
		c.StartedAt = other.StartedAt
	}
	c.UnreadByCustomer += other.UnreadByCustomer
	c.UnreadByAgent += other.UnreadByAgent
	if other.State == ConversationOpen {
		c.State = ConversationOpen
	}
	if c.Agent == "" {
		c.Agent, c.AgentName = other.Agent, other.AgentName
	}
	if c.WaitingSince.IsZero() || !other.WaitingSince.IsZero() && other.WaitingSince.Before(c.WaitingSince) {
		c.WaitingSince = other.WaitingSince
	}
	c.Revision = max(c.Revision, other.Revision)
}
