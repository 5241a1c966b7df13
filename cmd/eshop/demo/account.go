package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"eshop/domain"
)

// account is an account whose password everybody may know, and where its orders go.
type account struct {
	domain.User
	password string
	address  domain.Address
}

var opened = time.Date(2024, time.January, 8, 9, 0, 0, 0, time.UTC)

var (
	admin = account{
		User: domain.User{
			ID: "demo-admin", Username: "admin", Email: "admin@eshop.example", Role: domain.Staff, CreatedAt: opened,
		},
		password: "admin123",
	}
	john = account{
		User: domain.User{
			ID: "demo-john", Username: "john_doe", Email: "john.doe@example.com", Role: domain.Customer, CreatedAt: opened,
		},
		password: "password123",
		address: domain.Address{
			Name: "John Doe", Line1: "12 Elm Street", City: "Springfield", Region: "IL", PostalCode: "62701", Country: "US",
			Phone: "+1 555 010 0142",
		},
	}
	jane = account{
		User: domain.User{
			ID: "demo-jane", Username: "jane_smith", Email: "jane.smith@example.com", Role: domain.Customer, CreatedAt: opened,
		},
		password: "password123",
		address: domain.Address{
			Name: "Jane Smith", Line1: "8 Harbour Road", Line2: "Flat 3", City: "Bristol", PostalCode: "BS1 5TY", Country: "GB",
			Phone: "+44 117 496 0018",
		},
	}
)

// loadAccounts adds the accounts that are not there yet, one after another: a password that waits for
// its turn behind others is refused on a machine with much else to do.
func (l *Loader) loadAccounts(ctx context.Context) error {
	for _, a := range []account{admin, john, jane} {
		if err := l.addAccount(ctx, a); err != nil {
			return fmt.Errorf("account %s: %w", a.Username, err)
		}
	}
	return nil
}

func (l *Loader) addAccount(ctx context.Context, a account) error {
	// Looked up first, since hashing takes long.
	switch _, err := l.Users.User(ctx, a.ID); {
	case err == nil:
		return nil
	case !errors.Is(err, domain.ErrNotFound):
		return err
	}
	hash, err := l.Passwords.Hash(ctx, a.password)
	if err != nil {
		return err
	}
	a.PasswordHash = hash
	if err := l.Users.AddUser(ctx, a.User); err != nil && !errors.Is(err, domain.ErrConflict) {
		return err
	}
	return nil
}
