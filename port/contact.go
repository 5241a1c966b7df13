package port

import (
	"context"
	"time"

	"eshop/domain"
)

// Contacts keeps messages to the shop.
type Contacts interface {
	// AddContact keeps a message; one whose id is kept already changes nothing.
	AddContact(ctx context.Context, c domain.Contact) error

	// Contacts returns a page of the messages, the newest first, those of one moment in
	// an order that stays, and how many there are in all. A page past the end is empty.
	Contacts(ctx context.Context, page domain.Page) ([]domain.Contact, int, error)

	// FinishContact notes when and by whom a message was seen to. The first time
	// counts: again, nothing changes. ErrNotFound when there is no such message.
	FinishContact(ctx context.Context, id domain.ContactID, by string, at time.Time) error
}
