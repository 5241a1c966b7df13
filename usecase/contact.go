package usecase

import (
	"context"
	"fmt"

	"eshop/domain"
	"eshop/port"
)

// Contact takes messages to the shop and requests to be called back.
type Contact struct{ deps ContactDeps }

// ContactDeps is what Contact needs; every field must be set.
type ContactDeps struct {
	Contacts port.Contacts
	Limits   port.Limits
	Rates    Rates
	Note     NoteAct
	Clock    Clock
	NewID    NewID
}

// NewContact returns Contact on deps.
func NewContact(deps ContactDeps) *Contact { return &Contact{deps} }

// Send keeps a message and returns its id. The same message with the same key again is kept once.
func (c *Contact) Send(ctx context.Context, message domain.Contact, key domain.IdempotencyKey, address string) (domain.ContactID, error) {
	if err := message.Check(); err != nil {
		return "", err
	}
	message.ID = domain.ContactID(c.deps.NewID())
	if key != "" {
		message.ID = domain.ContactID(digest(fmt.Sprintf("%q %+v", key, domain.Contact{
			Name: message.Name, Email: message.Email, Subject: message.Subject, Message: message.Message,
			Phone: message.Phone, CallBack: message.CallBack,
		}))[:32])
	}
	message.SentAt = c.deps.Clock()
	if err := takeOne(ctx, c.deps.Limits, "contact:"+address, c.deps.Rates.Contact); err != nil {
		return "", err
	}
	return message.ID, c.deps.Contacts.AddContact(ctx, message)
}

// Messages returns a page of the messages, the newest first, for staff.
func (c *Contact) Messages(ctx context.Context, by domain.User, page domain.Page) ([]domain.Contact, int, error) {
	if err := staffOnly(by); err != nil {
		return nil, 0, err
	}
	return c.deps.Contacts.Contacts(ctx, page)
}

// Finish notes that a message was seen to by somebody of the staff. Again, nothing changes.
func (c *Contact) Finish(ctx context.Context, by domain.User, id domain.ContactID) error {
	if err := staffOnly(by); err != nil {
		return err
	}
	if !id.Valid() {
		return domain.NotFound("message")
	}
	if err := c.deps.Contacts.FinishContact(ctx, id, by.Username, c.deps.Clock()); err != nil {
		return err
	}
	c.deps.Note(ctx, Act{What: ActMessageFinished, By: by, On: string(id)})
	return nil
}
