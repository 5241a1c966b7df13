package port

import (
	"context"

	"eshop/domain"
)

// Conversations keeps what shoppers and the shop's staff say to each other.
//
// A conversation that was adopted is found by its old owner too. When it was joined
// into another it is that other from then on: by its old id and owner the other is found, whose ID tells.
type Conversations interface {
	// StartConversation keeps c, unless its owner has a conversation already, and
	// returns the owner's. Of any number of calls at once for one owner, one keeps.
	StartConversation(ctx context.Context, c domain.Conversation) (domain.Conversation, error)

	// Conversation returns the conversation; ErrNotFound when there is none.
	Conversation(ctx context.Context, id domain.ConversationID) (domain.Conversation, error)

	// ConversationOf returns the owner's conversation; ErrNotFound when there is none.
	ConversationOf(ctx context.Context, owner domain.OwnerID) (domain.Conversation, error)

	// Conversations returns a page of those in a state that have a message, and how many
	// there are in all: those where the shopper waits first, the longest waiting
	// before all, then the others, the last changed first.
	Conversations(ctx context.Context, state domain.ConversationState, page domain.Page) ([]domain.Conversation, int, error)

	// Revisions returns the revisions of those of the conversations named that there
	// are, each by the id that it was asked by. Every change that is kept raises the revision.
	Revisions(ctx context.Context, ids []domain.ConversationID) (map[domain.ConversationID]int64, error)

	// AddMessage adds m by domain.Conversation.Say, and returns it with the number
	// that it got: one more than the last, whichever server asks. When the same
	// speaker's client id is kept in the conversation already, the message that it
	// was kept as comes back, and added is false. When Say fails nothing is kept and its
	// error comes back. ErrNotFound when there is no such conversation.
	AddMessage(ctx context.Context, id domain.ConversationID, m domain.Message) (kept domain.Message, added bool, err error)

	// UpdateConversation passes the conversation to change, keeps the result with
	// the messages that the change added, and returns it. Updates of one
	// conversation happen one after another. When change fails nothing is kept and its error
	// comes back. change may run more than once and must not call the store.
	UpdateConversation(ctx context.Context, id domain.ConversationID, change func(*domain.Conversation) error) (domain.Conversation, error)

	// Messages returns at most limit messages whose number is greater than after, in
	// order and without a gap; ErrNotFound when there is no such conversation.
	Messages(ctx context.Context, id domain.ConversationID, after int64, limit int) ([]domain.Message, error)

	// AdoptConversation makes the conversation of one owner another's: when the other
	// has none it changes hands, else its messages come after the other's by
	// domain.Conversation.Adopt, those that the other has by speaker and client
	// id left out. Adopting again changes nothing.
	AdoptConversation(ctx context.Context, from, into domain.OwnerID) error
}
