package redis

import (
	"context"

	"eshop/domain"
	"eshop/port"
)

// Users caches durable accounts, without the hashes of their passwords.
type Users struct {
	port.Users
	client *Client
}

var _ port.Users = (*Users)(nil)

// NewUsers returns a cache of the accounts that durable keeps. Signing in reads durable itself.
func NewUsers(client *Client, durable port.Users) *Users { return &Users{durable, client} }

var users = keyspace{name: "user", fresh: freshFor, ttl: maxTTL}

func (u *Users) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	// What the staff do needs the durable store, and their rights end in a minute though Redis did not hear of it.
	customer := func(user domain.User) bool { return user.Role != domain.Staff }
	return readThrough(ctx, u.client, users, string(id), customer, func(ctx context.Context) (domain.User, error) {
		user, err := u.Users.User(ctx, id)
		user.PasswordHash = ""
		return user, err
	})
}

func (u *Users) UpdateUser(ctx context.Context, id domain.UserID, change func(*domain.User) error) (domain.User, error) {
	var kept domain.User
	err := u.client.change(ctx, []string{users.key(string(id))}, func() error {
		var err error
		kept, err = u.Users.UpdateUser(ctx, id, change)
		return err
	})
	return kept, err
}
