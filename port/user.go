package port

import (
	"context"

	"eshop/domain"
)

// Users keeps accounts.
type Users interface {
	// AddUser keeps a new account. ErrConflict `username_taken` or `email_taken`
	// when another has the name or the address, without regard to case.
	AddUser(ctx context.Context, u domain.User) error

	// User returns the account, with or without its PasswordHash; ErrNotFound when there is none.
	User(ctx context.Context, id domain.UserID) (domain.User, error)

	// UserByLogin returns the account whose username or e-mail address is login,
	// without regard to case; ErrNotFound when there is none.
	UserByLogin(ctx context.Context, login string) (domain.User, error)
}
