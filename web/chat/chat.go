// Package chat is the JSON of a conversation, which is the same in the calls of package api and in
// the frames of package live.
package chat

import (
	"time"

	"eshop/domain"
)

// Party is the sender of a message.
type Party struct {
	Role domain.Side `json:"role"`
	Name string      `json:"name"`
}

// Message is a message to either side.
type Message struct {
	Type         string                `json:"type"`
	Conversation domain.ConversationID `json:"conversation"`
	Seq          int64                 `json:"seq"`
	ClientID     string                `json:"client_id"`
	From         Party                 `json:"from"`
	Body         string                `json:"body"`
	At           time.Time             `json:"at"`
}

// MessageOf returns the JSON of m.
func MessageOf(m domain.Message) Message {
	return Message{"message", m.Conversation, m.Seq, m.ClientID, Party{m.From.Side, m.From.Name}, m.Body, m.At.UTC()}
}

// Conversation is a conversation to staff.
type Conversation struct {
	ID             domain.ConversationID    `json:"id"`
	Name           string                   `json:"name"`
	State          domain.ConversationState `json:"state"`
	Agent          string                   `json:"agent"`
	Last           int64                    `json:"last"`
	Unread         int64                    `json:"unread"`
	ReadByCustomer int64                    `json:"read_by_customer"`
	ReadByAgent    int64                    `json:"read_by_agent"`
	WaitingSince   *time.Time               `json:"waiting_since"`
	ChangedAt      time.Time                `json:"changed_at"`
}

// ConversationOf returns the JSON of c.
func ConversationOf(c domain.Conversation) Conversation {
	out := Conversation{
		ID: c.ID, Name: c.Name, State: c.State, Agent: c.AgentName, Last: c.Last, Unread: c.UnreadByAgent,
		ReadByCustomer: c.ReadByCustomer, ReadByAgent: c.ReadByAgent, ChangedAt: c.ChangedAt.UTC(),
	}
	if !c.WaitingSince.IsZero() {
		since := c.WaitingSince.UTC()
		out.WaitingSince = &since
	}
	return out
}
