package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// userRow is an account as its table has it.
type userRow struct {
	ID           domain.UserID `bun:"id"`
	Username     string        `bun:"username"`
	Email        string        `bun:"email"`
	Role         domain.Role   `bun:"role"`
	PasswordHash string        `bun:"password_hash"`
	CreatedAt    time.Time     `bun:"created_at"`
}

// AddUser is repeated when its answer was lost: an id that is kept already is its own.
func (s *Store) AddUser(ctx context.Context, u domain.User) error {
	return s.retry(ctx, func(ctx context.Context) error {
		_, err := s.db.NewRaw(`INSERT INTO users (id, username, email, login_name, login_email, role, password_hash, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			u.ID, u.Username, u.Email, domain.LoginName(u.Username), domain.LoginName(u.Email),
			u.Role, u.PasswordHash, u.CreatedAt).Exec(ctx)
		switch constraint(err) {
		case "users_login_name":
			return domain.UsernameTaken()
		case "users_login_email":
			return domain.EmailTaken()
		}
		return err
	})
}

func (s *Store) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	return s.user(ctx, `id = ?`, id)
}

func (s *Store) UserByLogin(ctx context.Context, login string) (domain.User, error) {
	name := domain.LoginName(login)
	return s.user(ctx, `login_name = ? OR login_email = ?`, name, name)
}

func (s *Store) user(ctx context.Context, which string, args ...any) (domain.User, error) {
	var row userRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		err := db.NewRaw(`SELECT id, username, email, role, password_hash, created_at FROM users WHERE `+which, args...).Scan(ctx, &row)
		if errors.Is(err, sql.ErrNoRows) {
			return domain.NotFound("account")
		}
		return err
	})
	if err != nil {
		return domain.User{}, err
	}
	row.CreatedAt = row.CreatedAt.UTC()
	return domain.User(row), nil
}
