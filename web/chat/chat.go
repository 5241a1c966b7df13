// Package chat is a conversation as JSON: the same in the calls of package api as in the
// frames of package live.
package chat

import (
	"time"

	"eshop/domain"
)

// Party is who speaks.
type Party struct {
	Role domain.Side `json:"role"`
	Name string      `json:"name"`
}

// Message is what was said.
type Message struct {
	Type         string                `json:"type"`
	Conversation domain.ConversationID `json:"conversation"`
	Seq          int64                 `json:"seq"`
	ClientID     string                `json:"client_id"`
	From         Party                 `json:"from"`
	Body         string                `json:"body"`
	At           time.Time             `json:"at"`
}

// MessageOf is m as JSON.
func MessageOf(m domain.Message) Message {
	return Message{"message", m.Conversation, m.Seq, m.ClientID, Party{m.From.Side, m.From.Name}, m.Body, m.At.UTC()}
}

// Conversation is a conversation as staff sees it.
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

// ConversationOf is c as JSON.
func ConversationOf(c domain.Conversation) Conversation {
	made := Conversation{
		ID: c.ID, Name: c.Name, State: c.State, Agent: c.AgentName, Last: c.Last, Unread: c.UnreadByAgent,
		ReadByCustomer: c.ReadByCustomer, ReadByAgent: c.ReadByAgent, ChangedAt: c.ChangedAt.UTC(),
	}
	if !c.WaitingSince.IsZero() {
		since := c.WaitingSince.UTC()
		made.WaitingSince = &since
	}
	return made
}
