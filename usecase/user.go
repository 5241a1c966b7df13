package usecase

import (
	"context"
	"errors"
	"strings"

	"eshop/domain"
)

// AddStaff makes an account that may look after the shop. As all that is about staff
// here, it is for those who run the shop, and asks nobody's leave.
func (a *Account) AddStaff(ctx context.Context, r domain.Registration) (domain.User, error) {
	r, err := checked(r)
	if err != nil {
		return domain.User{}, err
	}
	user, err := a.add(ctx, r, domain.Staff)
	if err != nil {
		return domain.User{}, err
	}
	a.deps.Note(ctx, Act{What: ActStaffAdded, On: user.Username})
	return user, nil
}

// Staff returns all who look after the shop, by name.
func (a *Account) Staff(ctx context.Context) ([]domain.User, error) { return a.deps.Users.Staff(ctx) }

// RemoveStaff makes one of the staff a customer, and ends all sessions of the account.
// ErrNotFound when nobody of the staff has that username or e-mail address.
func (a *Account) RemoveStaff(ctx context.Context, login string) (domain.User, error) {
	user, err := a.updateStaff(ctx, login, func(u *domain.User) { u.Role = domain.Customer })
	if err != nil {
		return domain.User{}, err
	}
	a.deps.Note(ctx, Act{What: ActStaffRemoved, On: user.Username})
	return user, nil
}

// SetStaffPassword gives one of the staff another password, and ends all sessions of the account.
func (a *Account) SetStaffPassword(ctx context.Context, login, password string) (domain.User, error) {
	user, err := a.member(ctx, login)
	if err != nil {
		return domain.User{}, err
	}
	if err := user.CheckPassword("password", password); err != nil {
		return domain.User{}, err
	}
	hash, err := a.deps.Passwords.Hash(ctx, password)
	if err != nil {
		return domain.User{}, err
	}
	user, err = a.updateStaff(ctx, login, func(u *domain.User) { u.PasswordHash = hash })
	if err != nil {
		return domain.User{}, err
	}
	a.deps.Note(ctx, Act{What: ActPasswordChanged, On: user.Username})
	return user, nil
}

// SetDisplayName gives the visitor, who is staff, the name that shoppers are to see.
func (a *Account) SetDisplayName(ctx context.Context, v Visitor, name string) error {
	if err := staffOnly(v.User); err != nil {
		return err
	}
	name = strings.TrimSpace(name)
	if err := v.User.CheckDisplayName(name); err != nil {
		return err
	}
	user, err := a.deps.Users.UpdateUser(ctx, v.User.ID, func(u *domain.User) error {
		u.DisplayName = name
		return staffOnly(*u)
	})
	if err != nil {
		return err
	}
	a.deps.Note(ctx, Act{What: ActStaffNamed, By: user, On: user.Username, How: name})
	return nil
}

func (a *Account) updateStaff(ctx context.Context, login string, change func(*domain.User)) (domain.User, error) {
	user, err := a.member(ctx, login)
	if err != nil {
		return domain.User{}, err
	}
	user, err = a.deps.Users.UpdateUser(ctx, user.ID, func(u *domain.User) error {
		if u.Role != domain.Staff {
			return errNoMember()
		}
		change(u)
		return nil
	})
	if err != nil {
		return domain.User{}, err
	}
	return user, a.endSessions(ctx, user.ID, "")
}

// member returns the one of the staff who has the username or e-mail address.
func (a *Account) member(ctx context.Context, login string) (domain.User, error) {
	user, err := a.deps.Users.UserByLogin(ctx, login)
	if errors.Is(err, domain.ErrNotFound) || err == nil && user.Role != domain.Staff {
		return domain.User{}, errNoMember()
	}
	return user, err
}

func errNoMember() error { return domain.NotFound("member of staff") }
