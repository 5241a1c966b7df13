package redis

import (
	"context"

	"eshop/domain"
	"eshop/port"
)

// Users keeps accounts close at hand in front of the durable ones, without their passwords' hashes.
type Users struct {
	port.Users
	client *Client
}

var _ port.Users = (*Users)(nil)

// NewUsers has durable keep the accounts, and asks it who signs in.
func NewUsers(client *Client, durable port.Users) *Users { return &Users{durable, client} }

var users = kind{name: "user", used: usedFor, kept: usedFor}

func (u *Users) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	return read(ctx, u.client, users, string(id), func(ctx context.Context) (domain.User, error) {
		user, err := u.Users.User(ctx, id)
		user.PasswordHash = ""
		return user, err
	})
}
