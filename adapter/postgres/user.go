package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// userRow is an account as its table has it, with the logins in the form by which they are told apart.
type userRow struct {
	bun.BaseModel `bun:"table:users"`
	userColumns

	LoginName  string `bun:"login_name"`
	LoginEmail string `bun:"login_email"`
}

type userColumns struct {
	ID           domain.UserID `bun:"id,pk"`
	Username     string        `bun:"username"`
	Email        string        `bun:"email"`
	Role         domain.Role   `bun:"role"`
	PasswordHash string        `bun:"password_hash"`
	CreatedAt    time.Time     `bun:"created_at"`
	DisplayName  string        `bun:"display_name"`
}

func (c userColumns) user() domain.User {
	c.CreatedAt = c.CreatedAt.UTC()
	return domain.User(c)
}

// AddUser is repeated when its answer was lost: an id that is kept already is its own.
func (s *Store) AddUser(ctx context.Context, u domain.User) error {
	row := &userRow{userColumns: userColumns(u), LoginName: domain.LoginName(u.Username), LoginEmail: domain.LoginName(u.Email)}
	err := s.exec(ctx, s.db.NewInsert().Model(row).On("CONFLICT (id) DO NOTHING"))
	switch constraint(err) {
	case "users_login_name":
		return domain.UsernameTaken()
	case "users_login_email":
		return domain.EmailTaken()
	}
	return err
}

func (s *Store) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	return s.user(ctx, "id = $1", id)
}

func (s *Store) UserByLogin(ctx context.Context, login string) (domain.User, error) {
	return s.user(ctx, "login_name = $1 OR login_email = $1", domain.LoginName(login))
}

func (s *Store) UpdateUser(ctx context.Context, id domain.UserID, change func(*domain.User) error) (domain.User, error) {
	var kept domain.User
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var row userRow
		err := tx.NewSelect().Model(&row).Where("id = ?", id).For("UPDATE").Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return domain.NotFound("account")
		}
		if err != nil {
			return err
		}
		kept = row.user()
		if err := change(&kept); err != nil {
			return err
		}
		row.userColumns = userColumns(kept)
		return keepRow(ctx, tx, &row)
	}, "account "+string(id))
	if err != nil {
		return domain.User{}, err
	}
	return kept, nil
}

func (s *Store) Staff(ctx context.Context) ([]domain.User, error) {
	var rows []userRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		return db.NewSelect().Model(&rows).Where("role = ?", domain.Staff).OrderExpr(`username COLLATE "C"`).Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	staff := make([]domain.User, len(rows))
	for i, row := range rows {
		staff[i] = row.user()
	}
	return staff, nil
}

func (s *Store) user(ctx context.Context, where string, arg any) (domain.User, error) {
	var row userRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		err := db.NewSelect().Model(&row).Where(where).Conn(bind(db, arg)).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return domain.NotFound("account")
		}
		return err
	})
	if err != nil {
		return domain.User{}, err
	}
	return row.user(), nil
}
