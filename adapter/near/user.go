package near

import (
	"context"
	"time"

	"eshop/domain"
	"eshop/port"
)

// userBytes bounds the accounts that are kept, some fifteen thousand.
const userBytes = 8 << 20

// Users knows the customers that durable keeps, also while it is away, without the hashes
// of their passwords. The staff it does not: another process may take their rights, and
// what they do needs durable. It is for a shop of one server, as Sessions is.
type Users struct {
	port.Users
	shelf *shelf[domain.User]
}

var _ port.Users = (*Users)(nil)

// NewUsers returns the accounts of durable.
func NewUsers(durable port.Users) *Users {
	return &Users{durable, newShelf(new(pace), userBytes, freshFor, identity, sizeOfUser)}
}

func (u *Users) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	return u.shelf.read(ctx, string(id),
		func(ctx context.Context) (domain.User, error) {
			user, err := u.Users.User(ctx, id)
			user.PasswordHash = ""
			return user, err
		},
		func(v domain.User, at time.Time, changes int64) {
			if v.Role != domain.Staff {
				u.shelf.keepUnchanged(string(id), v, at, changes)
			}
		})
}

func (u *Users) UpdateUser(ctx context.Context, id domain.UserID, change func(*domain.User) error) (domain.User, error) {
	defer u.shelf.forget(string(id))
	return u.Users.UpdateUser(ctx, id, change)
}

func sizeOfUser(u domain.User) int { return 200 + len(u.ID) + len(u.Username) + len(u.Email) }
