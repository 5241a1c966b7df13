package memory

import (
	"context"
	"slices"
	"strings"
	"time"

	"eshop/domain"
)

func (s *Store) AddContact(ctx context.Context, c domain.Contact) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.contactIDs[c.ID] {
		return nil
	}
	at, _ := slices.BinarySearchFunc(s.contacts, c, func(a, b domain.Contact) int {
		if newest := b.SentAt.Compare(a.SentAt); newest != 0 {
			return newest
		}
		return strings.Compare(string(b.ID), string(a.ID))
	})
	s.contacts = slices.Insert(s.contacts, at, c)
	s.contactIDs[c.ID] = true
	return nil
}

func (s *Store) Contacts(ctx context.Context, page domain.Page) ([]domain.Contact, int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	return pageOf(s.contacts, page), len(s.contacts), nil
}

func (s *Store) FinishContact(ctx context.Context, id domain.ContactID, by string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	i := slices.IndexFunc(s.contacts, func(c domain.Contact) bool { return c.ID == id })
	if i < 0 {
		return domain.NotFound("message")
	}
	if c := &s.contacts[i]; !c.Done() {
		c.DoneBy, c.DoneAt = by, at
	}
	return nil
}
