package postgres

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// contactRow is a message as its table has it.
type contactRow struct {
	bun.BaseModel `bun:"table:contacts"`
	contactColumns

	Total int `bun:"total,scanonly"`
}

type contactColumns struct {
	ID       domain.ContactID `bun:"id,pk"`
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
	return s.exec(ctx, s.db.NewInsert().Model(&contactRow{contactColumns: contactColumns(c)}).
		ExcludeColumn("done_at", "done_by").On("CONFLICT (id) DO NOTHING"))
}

func (s *Store) Contacts(ctx context.Context, page domain.Page) ([]domain.Contact, int, error) {
	var rows []contactRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		return scanPage(ctx, db, &rows, db.NewSelect().Model((*contactRow)(nil)), "sent_at DESC, id DESC", page)
	})
	if err != nil {
		return nil, 0, err
	}
	var found []domain.Contact
	for _, row := range rows {
		if row.ID != "" {
			row.SentAt, row.DoneAt = row.SentAt.UTC(), row.DoneAt.UTC()
			found = append(found, domain.Contact(row.contactColumns))
		}
	}
	return found, rows[0].Total, nil
}

// FinishContact tells a message that is done already from one that does not exist.
func (s *Store) FinishContact(ctx context.Context, id domain.ContactID, by string, at time.Time) error {
	return s.retry(ctx, func(ctx context.Context) error {
		var exists bool
		err := s.db.NewRaw(`WITH done AS (UPDATE contacts SET done_at = ?, done_by = ? WHERE id = ? AND done_at IS NULL RETURNING id)
			SELECT EXISTS (SELECT FROM contacts WHERE id = ?)`, at, by, id, id).Scan(ctx, &exists)
		if err == nil && !exists {
			err = domain.NotFound("message")
		}
		return err
	})
}
