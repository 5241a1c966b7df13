package postgres

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// contactRow is a message as its table has it.
type contactRow struct {
	ID       domain.ContactID `bun:"id"`
	Name     string           `bun:"name"`
	Email    string           `bun:"email"`
	Subject  string           `bun:"subject"`
	Message  string           `bun:"message"`
	Phone    string           `bun:"phone"`
	CallBack bool             `bun:"call_back"`
	SentAt   time.Time        `bun:"sent_at"`
	DoneAt   time.Time        `bun:"done_at"`
	DoneBy   string           `bun:"done_by"`
}

func (s *Store) AddContact(ctx context.Context, c domain.Contact) error {
	return s.repeat(ctx, `INSERT INTO contacts (id, name, email, subject, message, phone, call_back, sent_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		c.ID, c.Name, c.Email, c.Subject, c.Message, c.Phone, c.CallBack, c.SentAt)
}

func (s *Store) Contacts(ctx context.Context, page domain.Page) ([]domain.Contact, int, error) {
	var rows []struct {
		Total int `bun:"total"`
		contactRow
	}
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		rows = nil
		// The total comes in one row at least, though the page be empty.
		return db.NewRaw(`SELECT n.total, c.id, c.name, c.email, c.subject, c.message, c.phone, c.call_back, c.sent_at, c.done_at, c.done_by
			FROM (SELECT count(*) AS total FROM contacts) n LEFT JOIN LATERAL (
				SELECT id, name, email, subject, message, phone, call_back, sent_at, done_at, done_by
				FROM contacts ORDER BY sent_at DESC, id DESC LIMIT ? OFFSET ?
			) c ON true ORDER BY c.sent_at DESC, c.id DESC`, page.Size, page.Offset()).Scan(ctx, &rows)
	})
	if err != nil {
		return nil, 0, err
	}
	var found []domain.Contact
	for _, row := range rows {
		if row.ID != "" {
			row.SentAt, row.DoneAt = row.SentAt.UTC(), row.DoneAt.UTC()
			found = append(found, domain.Contact(row.contactRow))
		}
	}
	return found, rows[0].Total, nil
}

// FinishContact tells a message that somebody saw to already from one that is not there.
func (s *Store) FinishContact(ctx context.Context, id domain.ContactID, by string, at time.Time) error {
	return s.retry(ctx, func(ctx context.Context) error {
		var there bool
		err := s.db.NewRaw(`WITH done AS (UPDATE contacts SET done_at = ?, done_by = ? WHERE id = ? AND done_at IS NULL RETURNING id)
			SELECT EXISTS (SELECT FROM contacts WHERE id = ?)`, at, by, id, id).Scan(ctx, &there)
		if err == nil && !there {
			err = domain.NotFound("message")
		}
		return err
	})
}
