package usecase

import (
	"context"
	"fmt"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Contacting is writing to the shop, or asking it to call back.
type Contact struct {
	contacts port.Contacts
	limits   port.Limits
	clock    Clock
	newID    NewID
}

// NewContacting keeps messages in contacts.
func NewContact(contacts port.Contacts, limits port.Limits, clock Clock, newID NewID) *Contact {
	return &Contact{contacts, limits, clock, newID}
}

var contactLimit = port.Limit{Burst: 5, Every: time.Minute}

// Send keeps a message and returns its id. The same message with the same key again is kept once.
func (c *Contact) Send(ctx context.Context, message domain.Contact, key domain.IdempotencyKey, address string) (domain.ContactID, error) {
	if err := message.Check(); err != nil {
		return "", err
	}
	message.ID = domain.ContactID(c.newID())
	if key != "" {
		message.ID = domain.ContactID(digest(fmt.Sprintf("%q %+v", key, domain.Contact{
			Name: message.Name, Email: message.Email, Subject: message.Subject, Message: message.Message,
			Phone: message.Phone, CallBack: message.CallBack,
		}))[:32])
	}
	message.SentAt = c.clock()
	if err := takeOne(ctx, c.limits, "contact:"+address, contactLimit, message.SentAt); err != nil {
		return "", err
	}
	return message.ID, c.contacts.AddContact(ctx, message)
}

// Messages returns a page of the messages, the newest first, for staff.
func (c *Contact) Messages(ctx context.Context, by domain.User, page domain.Page) ([]domain.Contact, int, error) {
	if err := staffOnly(by); err != nil {
		return nil, 0, err
	}
	return c.contacts.Contacts(ctx, page)
}

// Finish notes that a message was seen to by somebody of the staff. Again, nothing changes.
func (c *Contact) Finish(ctx context.Context, by domain.User, id domain.ContactID) error {
	if err := staffOnly(by); err != nil {
		return err
	}
	if !id.Valid() {
		return domain.NotFound("message")
	}
	return c.contacts.FinishContact(ctx, id, by.Username, c.clock())
}
