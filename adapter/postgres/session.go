package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
	"eshop/port"
)

// sessionRow is a session as its table has it.
type sessionRow struct {
	bun.BaseModel `bun:"table:sessions"`
	sessionColumns
}

type sessionColumns struct {
	Key       domain.SessionKey `bun:"key,pk"`
	Guest     domain.OwnerID    `bun:"guest"`
	User      domain.UserID     `bun:"user_id"`
	Unmerged  bool              `bun:"unmerged"`
	CreatedAt time.Time         `bun:"created_at"`
	ExpiresAt time.Time         `bun:"expires_at"`
	Device    string            `bun:"device"`
	Address   string            `bun:"address"`

	ConfirmedAt time.Time `bun:"confirmed_at,nullzero"`
}

func (c sessionColumns) session() domain.Session {
	c.CreatedAt, c.ExpiresAt, c.ConfirmedAt = c.CreatedAt.UTC(), c.ExpiresAt.UTC(), c.ConfirmedAt.UTC()
	return domain.Session(c)
}

func (s *Store) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	var row sessionRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		err := db.NewSelect().Model(&row).Where("key = $1").Where("expires_at >= $2").Conn(bind(db, key, now)).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return domain.NotFound("session")
		}
		return err
	})
	if err != nil {
		return domain.Session{}, err
	}
	return row.session(), nil
}

func (s *Store) PutSession(ctx context.Context, session domain.Session) error {
	return s.ReplaceSession(ctx, session.Key, session)
}

// ReplaceSession updates the old row when the next session has the same key.
func (s *Store) ReplaceSession(ctx context.Context, old domain.SessionKey, next domain.Session) error {
	row := &sessionRow{sessionColumns: sessionColumns(next)}
	replaced := s.db.NewDelete().Model(row).Where("key = ?", old).Where("key <> ?", next.Key)
	return s.exec(ctx, s.db.NewInsert().With("replaced", replaced).Model(row).On("CONFLICT (key) DO UPDATE"))
}

func (s *Store) MarkSessionMerged(ctx context.Context, key domain.SessionKey) error {
	return s.exec(ctx, s.db.NewUpdate().Model((*sessionRow)(nil)).Set("unmerged = false").Where("key = ?", key))
}

func (s *Store) TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error {
	return s.exec(ctx, s.db.NewUpdate().Model((*sessionRow)(nil)).Set("expires_at = $1").
		Where("key = $2").Where("expires_at < $1").Conn(bind(s.db, expires, key)))
}

func (s *Store) ConfirmSession(ctx context.Context, key domain.SessionKey, at time.Time) error {
	return s.exec(ctx, s.db.NewUpdate().Model((*sessionRow)(nil)).Set("confirmed_at = ?", at).Where("key = ?", key))
}

func (s *Store) DeleteSession(ctx context.Context, key domain.SessionKey) error {
	return s.exec(ctx, s.db.NewDelete().Model((*sessionRow)(nil)).Where("key = ?", key))
}

func (s *Store) SessionsOf(ctx context.Context, user domain.UserID, now time.Time) ([]domain.Session, error) {
	var rows []sessionRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		// The index has no guests.
		return db.NewSelect().Model(&rows).Where("user_id = ?", user).Where("user_id <> ''").Where("expires_at >= ?", now).
			OrderExpr("expires_at DESC, key").Limit(port.MostSessions).Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	all := make([]domain.Session, len(rows))
	for i, row := range rows {
		all[i] = row.session()
	}
	return all, nil
}

// EndSessions returns fewer keys when it is made again because its answer was lost.
func (s *Store) EndSessions(ctx context.Context, user domain.UserID, except domain.SessionKey) ([]domain.SessionKey, error) {
	var ended []domain.SessionKey
	err := s.retry(ctx, func(ctx context.Context) error {
		return s.db.NewDelete().Model((*sessionRow)(nil)).Where("user_id = ?", user).Where("user_id <> ''").Where("key <> ?", except).
			Returning("key").Scan(ctx, &ended)
	})
	return ended, err
}

// exec makes one statement that may be made again, for it then changes nothing more.
func (s *Store) exec(ctx context.Context, query interface {
	Exec(ctx context.Context, dest ...any) (sql.Result, error)
}) error {
	return s.retry(ctx, func(ctx context.Context) error {
		_, err := query.Exec(ctx)
		return err
	})
}

// repeat runs one statement that may be run again, for it then changes nothing more.
func (s *Store) repeat(ctx context.Context, statement string, args ...any) error {
	return s.retry(ctx, func(ctx context.Context) error {
		_, err := s.db.NewRaw(statement, args...).Exec(ctx)
		return err
	})
}
