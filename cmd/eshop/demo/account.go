package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"eshop/domain"
)

// account is a demo account, whose password everybody may know.
type account struct {
	domain.User
	password string
}

var accounts = []account{
	newAccount("admin", "admin@eshop.example", domain.Staff, "admin123"),
	newAccount("john_doe", "john.doe@example.com", domain.Customer, "password123"),
	newAccount("jane_smith", "jane.smith@example.com", domain.Customer, "password123"),
}

func newAccount(name, email string, role domain.Role, password string) account {
	created := time.Date(2024, time.January, 8, 9, 0, 0, 0, time.UTC)
	return account{domain.User{ID: idOf(name), Username: name, Email: email, Role: role, CreatedAt: created}, password}
}

func idOf(name string) domain.UserID { return domain.UserID("demo-" + name) }

// LoadAccounts adds the demo accounts that are not there yet.
func (l *Loader) LoadAccounts(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	for _, a := range accounts {
		all.Go(func() error {
			if err := l.addAccount(ctx, a); err != nil {
				return fmt.Errorf("account %s: %w", a.Username, err)
			}
			return nil
		})
	}
	return all.Wait()
}

func (l *Loader) addAccount(ctx context.Context, a account) error {
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
