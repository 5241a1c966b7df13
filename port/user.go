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

	// UpdateUser passes the account to change, with its PasswordHash, and returns what
	// was kept. Updates of one account happen one after another, whichever server
	// makes them. When change fails nothing is kept, and its error comes back.
	// change leaves ID, Username, Email and CreatedAt as they are, and may run more
	// than once. ErrNotFound when there is no such account.
	//
	// Other servers go by the account as it was for as long as Sessions says.
	UpdateUser(ctx context.Context, id domain.UserID, change func(*domain.User) error) (domain.User, error)

	// Staff returns all accounts whose Role is Staff, by Username, with or without
	// their PasswordHash.
	Staff(ctx context.Context) ([]domain.User, error)
}
