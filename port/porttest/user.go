package porttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Users holds an adapter to the promises of port.Users. open gives a store without an account.
func Users(t *testing.T, open func(*testing.T) (a, b port.Users)) {
	run(t, open, inTurns, keepingUsers, updatingUsers, cancellingUsers)
}

func keepingUsers(t *testing.T, open func(t *testing.T) turns[port.Users]) {
	t.Run("an account is kept as it was given", func(t *testing.T) {
		users := open(t)
		all := []domain.User{aUser("Anna"), aUser("ben"), {
			ID: "0198c1de-0000-7000-8000-00000000000f", Username: "c.d-e_f", Email: "Zoë.O'Neil+shop@mail.example.org",
			Role: domain.Staff, PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", CreatedAt: noon.Add(-1234567 * 1000),
			DisplayName: "Zoë from the shop",
		}}
		for _, u := range all {
			require.NoError(t, users().AddUser(t.Context(), u))
		}
		for _, u := range all {
			assertUser(t, users, u)
		}
	})
	t.Run("an account is found by its username and by its e-mail address, without regard to case", func(t *testing.T) {
		users := open(t)
		anna, zoe := aUser("Anna"), aUser("Zoe")
		zoe.Email = "Zoë.Ünal@Example.com"
		addUsers(t, users, anna, zoe)
		for _, u := range []domain.User{anna, zoe} {
			for _, login := range []string{u.Username, u.Email} {
				for _, typed := range []string{login, strings.ToLower(login), strings.ToUpper(login)} {
					got, err := users().UserByLogin(t.Context(), typed)
					require.NoError(t, err, typed)
					assert.Equal(t, u, userInUTC(got), typed)
				}
			}
		}
	})
	t.Run("an account that is not there is not found", func(t *testing.T) {
		users := open(t)
		under := aUser("ann_lee")
		look := func(ids []domain.UserID, logins ...string) {
			for _, id := range ids {
				_, err := users().User(t.Context(), id)
				require.ErrorIs(t, err, domain.ErrNotFound, "id %q", id)
			}
			for _, login := range logins {
				_, err := users().UserByLogin(t.Context(), login)
				require.ErrorIs(t, err, domain.ErrNotFound, "login %q", login)
			}
		}
		look([]domain.UserID{"", under.ID}, "", under.Username, under.Email)
		addUsers(t, users, under, aUser("bob"))
		look([]domain.UserID{"", "user", domain.UserID(under.Username), "%", domain.UserID(strings.ToUpper(string(under.ID)))},
			"", "%", "ann%", "_nn_lee", "annxlee", "ann_le", "ann_lee@", "@example.com", "example.com", string(under.ID))
	})
	t.Run("a username or an address with a sign that a search might mean something by is taken as it is", func(t *testing.T) {
		users := open(t)
		addUsers(t, users, aUser("annxlee"), aUser("ann_lee"), aUser("ann.lee"), aUser("ann-lee"))
		for _, name := range []string{"annxlee", "ann_lee", "ann.lee", "ann-lee"} {
			got, err := users().UserByLogin(t.Context(), strings.ToUpper(name))
			require.NoError(t, err)
			assert.Equal(t, aUser(name), userInUTC(got))
		}
	})
	for _, c := range []struct {
		what  string
		code  domain.Code
		clash func(u *domain.User)
	}{
		{"username", domain.CodeUsernameTaken, func(u *domain.User) { u.Username = "Anna" }},
		{"username in other case", domain.CodeUsernameTaken, func(u *domain.User) { u.Username = "aNNA" }},
		{"e-mail address", domain.CodeEmailTaken, func(u *domain.User) { u.Email = "Anna@example.com" }},
		{"e-mail address in other case", domain.CodeEmailTaken, func(u *domain.User) { u.Email = "aNNA@EXAMPLE.com" }},
	} {
		t.Run("a second account with the same "+c.what+" is a conflict, and nothing of it is kept", func(t *testing.T) {
			users := open(t)
			anna, free := aUser("Anna"), aUser("second")
			addUsers(t, users, anna)
			second := free
			c.clash(&second)
			for range 2 {
				requireCode(t, users().AddUser(t.Context(), second), domain.ErrConflict, c.code)
			}
			_, err := users().User(t.Context(), second.ID)
			require.ErrorIs(t, err, domain.ErrNotFound)
			for _, login := range []string{free.Username, free.Email} {
				_, err := users().UserByLogin(t.Context(), login)
				require.ErrorIs(t, err, domain.ErrNotFound, login)
			}
			assertUser(t, users, anna)
			addUsers(t, users, free)
			assertUser(t, users, free)
		})
	}
	t.Run("an account of which all is taken is a conflict", func(t *testing.T) {
		users := open(t)
		anna, ben := aUser("Anna"), aUser("Ben")
		addUsers(t, users, anna, ben)
		both := aUser("both")
		both.Username, both.Email = "anna", "ben@example.com"
		err := users().AddUser(t.Context(), both)
		require.ErrorIs(t, err, domain.ErrConflict)
		var known *domain.Error
		require.ErrorAs(t, err, &known)
		assert.Contains(t, []domain.Code{domain.CodeUsernameTaken, domain.CodeEmailTaken}, known.Code)
		_, err = users().User(t.Context(), both.ID)
		require.ErrorIs(t, err, domain.ErrNotFound)
		assertUser(t, users, anna)
		assertUser(t, users, ben)
	})
	for _, c := range []struct {
		what  string
		code  domain.Code
		clash func(u *domain.User, i int)
	}{
		{"username", domain.CodeUsernameTaken, func(u *domain.User, i int) { u.Username = inSomeCase("wanted", i) }},
		{"e-mail address", domain.CodeEmailTaken, func(u *domain.User, i int) { u.Email = inSomeCase("wanted@example.com", i) }},
	} {
		t.Run("of many who want one "+c.what+" at once one gets it, and nothing of the others is kept", func(t *testing.T) {
			users := open(t)
			all, errs := make([]domain.User, 20), make([]error, 20)
			for i := range all {
				all[i] = aUser(fmt.Sprint("user", i))
				c.clash(&all[i], i)
			}
			atOnce(len(all), func(i int) { errs[i] = users().AddUser(t.Context(), all[i]) })
			won := 0
			for i, err := range errs {
				if err == nil {
					won++
					assertUser(t, users, all[i])
					continue
				}
				requireCode(t, err, domain.ErrConflict, c.code)
				_, err := users().User(t.Context(), all[i].ID)
				require.ErrorIs(t, err, domain.ErrNotFound)
				addUsers(t, users, aUser(fmt.Sprint("user", i)))
			}
			assert.Equal(t, 1, won)
		})
	}
	t.Run("many who want nothing that another has all get an account at once", func(t *testing.T) {
		users := open(t)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) { errs[i] = users().AddUser(t.Context(), aUser(fmt.Sprint("user", i))) })
		require.NoError(t, errors.Join(errs...))
		for i := range errs {
			assertUser(t, users, aUser(fmt.Sprint("user", i)))
		}
	})
}

func updatingUsers(t *testing.T, open func(t *testing.T) turns[port.Users]) {
	t.Run("each field is changed by itself, and back again", func(t *testing.T) {
		users, anna := open(t), aUser("Anna")
		addUsers(t, users, anna)
		to := map[string]any{"ID": nil, "Username": nil, "Email": nil, "CreatedAt": nil, "Role": domain.Staff}
		eachField(t, anna, to, func(t *testing.T, changed domain.User) {
			for _, want := range []domain.User{changed, anna} {
				_, err := users().UpdateUser(t.Context(), anna.ID, func(u *domain.User) error {
					*u = want
					return nil
				})
				require.NoError(t, err)
				assertUser(t, users, want)
			}
		})
	})
	t.Run("an account is updated as it is then, and seen so by all who ask later", func(t *testing.T) {
		users := open(t)
		anna, ben := aUser("Anna"), aUser("Ben")
		addUsers(t, users, anna, ben)
		assertUser(t, users, anna)
		for _, change := range []func(u *domain.User){
			func(u *domain.User) { u.PasswordHash = "the hash of another" },
			func(u *domain.User) { u.Role, u.DisplayName = domain.Staff, "Anna of the shop" },
			func(u *domain.User) { u.Role, u.DisplayName = domain.Customer, "" },
		} {
			was := anna
			change(&anna)
			kept, err := users().UpdateUser(t.Context(), anna.ID, func(u *domain.User) error {
				assert.Equal(t, was, userInUTC(*u))
				change(u)
				return nil
			})
			require.NoError(t, err)
			assert.Equal(t, anna, userInUTC(kept))
			assertUser(t, users, anna)
		}
		assertUser(t, users, ben)
	})
	t.Run("a change that fails keeps nothing, and its error comes back", func(t *testing.T) {
		users := open(t)
		addUsers(t, users, aUser("Anna"))
		refused := errors.New("no")
		_, err := users().UpdateUser(t.Context(), aUser("Anna").ID, func(u *domain.User) error {
			u.Role = domain.Staff
			return refused
		})
		require.ErrorIs(t, err, refused)
		assertUser(t, users, aUser("Anna"))
	})
	t.Run("an account that is not there cannot be updated", func(t *testing.T) {
		users := open(t)
		addUsers(t, users, aUser("Anna"))
		for _, id := range []domain.UserID{"", "Anna", "%"} {
			_, err := users().UpdateUser(t.Context(), id, func(*domain.User) error { t.Error("it is changed"); return nil })
			require.ErrorIs(t, err, domain.ErrNotFound, "id %q", id)
		}
	})
	t.Run("of many updates at once none is lost", func(t *testing.T) {
		users := open(t)
		addUsers(t, users, aUser("Anna"))
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			_, errs[i] = users().UpdateUser(t.Context(), aUser("Anna").ID, func(u *domain.User) error {
				u.DisplayName += "+"
				return nil
			})
		})
		require.NoError(t, errors.Join(errs...))
		want := aUser("Anna")
		want.DisplayName = strings.Repeat("+", len(errs))
		assertUser(t, users, want)
	})
	t.Run("the staff are all who have the role now, by name", func(t *testing.T) {
		users := open(t)
		names := func() []string {
			staff, err := users().Staff(t.Context())
			require.NoError(t, err)
			all := make([]string, len(staff))
			for i, u := range staff {
				assert.Equal(t, domain.Staff, u.Role)
				all[i] = u.Username
			}
			return all
		}
		assert.Empty(t, names())
		zoe, anna := aUser("zoe"), aUser("anna")
		zoe.Role, anna.Role = domain.Staff, domain.Staff
		addUsers(t, users, aUser("Ben"), zoe, anna)
		assert.Equal(t, []string{"anna", "zoe"}, names())
		for _, role := range []domain.Role{domain.Customer, domain.Staff} {
			_, err := users().UpdateUser(t.Context(), anna.ID, func(u *domain.User) error { u.Role = role; return nil })
			require.NoError(t, err)
			assert.Equal(t, role == domain.Staff, len(names()) == 2)
		}
	})
}

func cancellingUsers(t *testing.T, open func(t *testing.T) turns[port.Users]) {
	for name, call := range map[string]func(context.Context, turns[port.Users]) error{
		"AddUser": func(ctx context.Context, users turns[port.Users]) error { return users().AddUser(ctx, aUser("Ben")) },
		"User": func(ctx context.Context, users turns[port.Users]) error {
			_, err := users().User(ctx, aUser("Anna").ID)
			return err
		},
		"UserByLogin": func(ctx context.Context, users turns[port.Users]) error {
			_, err := users().UserByLogin(ctx, "Anna")
			return err
		},
		"UpdateUser": func(ctx context.Context, users turns[port.Users]) error {
			_, err := users().UpdateUser(ctx, aUser("Anna").ID, func(u *domain.User) error { u.Role = domain.Staff; return nil })
			return err
		},
		"Staff": func(ctx context.Context, users turns[port.Users]) error {
			_, err := users().Staff(ctx)
			return err
		},
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			users := open(t)
			addUsers(t, users, aUser("Anna"))
			require.Error(t, call(cancelled(t), users))
			assertUser(t, users, aUser("Anna"))
			_, err := users().UserByLogin(t.Context(), "Ben")
			require.ErrorIs(t, err, domain.ErrNotFound)
			addUsers(t, users, aUser("Ben"))
		})
	}
}

// aUser is the account of somebody who is named so.
func aUser(name string) domain.User {
	return domain.User{
		ID: domain.UserID("id-of-" + name), Username: name, Email: name + "@example.com",
		Role: domain.Customer, PasswordHash: "the hash of " + name, CreatedAt: noon,
	}
}

// inSomeCase is name in a case that differs from one i to the next.
func inSomeCase(name string, i int) string {
	at := i % len(name)
	return name[:at] + strings.ToUpper(name[at:])
}

func addUsers(t *testing.T, users turns[port.Users], all ...domain.User) {
	t.Helper()
	for _, u := range all {
		require.NoError(t, users().AddUser(t.Context(), u), u.Username)
	}
}

// assertUser demands that the account is kept, under each of its names.
func assertUser(t *testing.T, users turns[port.Users], want domain.User) {
	t.Helper()
	got, err := users().User(t.Context(), want.ID)
	require.NoError(t, err)
	if got.PasswordHash == "" {
		got.PasswordHash = want.PasswordHash
	}
	assert.Equal(t, want, userInUTC(got))
	for _, login := range []string{want.Username, want.Email} {
		got, err := users().UserByLogin(t.Context(), login)
		require.NoError(t, err, login)
		assert.Equal(t, want, userInUTC(got), login)
	}
}

func userInUTC(u domain.User) domain.User {
	u.CreatedAt = u.CreatedAt.UTC()
	return u
}
