package usecase_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	testshop "eshop/test/shop"
	"eshop/usecase"
)

// signedIn returns what n devices have that signed in to ann's account.
func signedIn(t *testing.T, account *usecase.Account, n int) []usecase.Credential {
	t.Helper()
	var all []usecase.Credential
	for range n {
		pass, err := account.SignIn(t.Context(), usecase.Visitor{Device: "Firefox on Linux"}, "ann", ann.Password, "192.0.2.7")
		require.NoError(t, err)
		all = append(all, pass)
	}
	return all
}

func isIn(t *testing.T, account *usecase.Account, c usecase.Credential) bool {
	t.Helper()
	who, err := account.Identify(t.Context(), c.Secret)
	if err != nil {
		require.ErrorIs(t, err, domain.ErrNotFound)
		return false
	}
	return who.SignedIn()
}

func TestAccount_Sessions(t *testing.T) {
	w := newWorld(t)
	_, err := w.Account.Register(t.Context(), usecase.Visitor{}, ann, "here")
	require.NoError(t, err)
	all := signedIn(t, w.Account, 2)
	other, err := w.Account.Register(t.Context(), usecase.Visitor{}, domain.Registration{Username: "ben", Email: "ben@example.com", Password: ann.Password}, "here")
	require.NoError(t, err)

	sessions, err := w.Account.Sessions(t.Context(), all[0].Visitor)
	require.NoError(t, err)
	require.Len(t, sessions, 3)
	for _, c := range all {
		assert.Contains(t, sessions, c.Session)
	}
	assert.Equal(t, "Firefox on Linux", all[0].Session.Device)
	assert.Equal(t, "192.0.2.7", all[0].Session.Address)

	t.Run("nobody ends another's", func(t *testing.T) {
		require.ErrorIs(t, w.Account.EndSession(t.Context(), other.Visitor, all[0].Session.Key), domain.ErrNotFound)
		require.ErrorIs(t, w.Account.EndSession(t.Context(), other.Visitor, "others"), domain.ErrNotFound)
		require.NoError(t, w.Account.EndOtherSessions(t.Context(), other.Visitor))
		assert.True(t, isIn(t, w.Account, all[0]))
	})
	t.Run("a guest has none to see or end", func(t *testing.T) {
		guest := w.Account.NewGuest()
		_, err := w.Account.Sessions(t.Context(), guest.Visitor)
		require.ErrorIs(t, err, domain.ErrUnauthenticated)
		require.ErrorIs(t, w.Account.EndSession(t.Context(), guest.Visitor, all[0].Session.Key), domain.ErrUnauthenticated)
		require.ErrorIs(t, w.Account.EndOtherSessions(t.Context(), guest.Visitor), domain.ErrUnauthenticated)
		_, err = w.Account.ChangePassword(t.Context(), guest.Visitor, ann.Password, "battery staple", "here")
		require.ErrorIs(t, err, domain.ErrUnauthenticated)
	})
	t.Run("one ends alone, and again that is no error", func(t *testing.T) {
		for range 2 {
			require.NoError(t, w.Account.EndSession(t.Context(), all[0].Visitor, all[1].Session.Key))
		}
		assert.False(t, isIn(t, w.Account, all[1]))
		assert.True(t, isIn(t, w.Account, all[0]))
	})
	t.Run("all others end", func(t *testing.T) {
		more := signedIn(t, w.Account, 3)
		require.NoError(t, w.Account.EndOtherSessions(t.Context(), more[1].Visitor))
		for i, c := range append(more, all...) {
			assert.Equal(t, i == 1, isIn(t, w.Account, c))
		}
		assert.True(t, isIn(t, w.Account, other))
	})
}

func TestAccount_ChangePassword(t *testing.T) {
	const next = "battery staple"
	open := func(t *testing.T) (*usecase.Account, []usecase.Credential) {
		w := newWorld(t)
		_, err := w.Account.Register(t.Context(), usecase.Visitor{}, ann, "here")
		require.NoError(t, err)
		return w.Account, signedIn(t, w.Account, 3)
	}
	t.Run("every old session ends, and the one that changed it goes on by a new secret", func(t *testing.T) {
		account, all := open(t)
		pass, err := account.ChangePassword(t.Context(), all[0].Visitor, ann.Password, next, "here")
		require.NoError(t, err)
		for _, c := range all {
			assert.False(t, isIn(t, account, c))
		}
		assert.True(t, isIn(t, account, pass))
		assert.Equal(t, all[0].Session.Owner(), pass.Session.Owner())
		_, err = account.SignIn(t.Context(), usecase.Visitor{}, "ann", ann.Password, "here")
		require.ErrorIs(t, err, domain.ErrUnauthenticated)
		_, err = account.SignIn(t.Context(), usecase.Visitor{}, "ann", next, "here")
		require.NoError(t, err)
	})
	t.Run("a wrong password changes nothing", func(t *testing.T) {
		account, all := open(t)
		_, err := account.ChangePassword(t.Context(), all[0].Visitor, "wrong", next, "here")
		require.ErrorIs(t, err, domain.ErrUnauthenticated)
		assert.Equal(t, domain.CodeInvalidCredentials, domain.CodeOf(err))
		for _, c := range all {
			assert.True(t, isIn(t, account, c))
		}
		signedIn(t, account, 1)
	})
	t.Run("a password that cannot be taken is named, and changes nothing", func(t *testing.T) {
		account, all := open(t)
		_, err := account.ChangePassword(t.Context(), all[0].Visitor, "", "short", "here")
		var wrong *domain.Error
		require.ErrorAs(t, err, &wrong)
		assert.Len(t, wrong.Fields, 2)
		assert.True(t, isIn(t, account, all[1]))
	})
	t.Run("the same change once more succeeds", func(t *testing.T) {
		account, all := open(t)
		for range 2 {
			pass, err := account.ChangePassword(t.Context(), all[0].Visitor, ann.Password, next, "here")
			require.NoError(t, err)
			assert.True(t, isIn(t, account, pass))
		}
	})
	t.Run("wrong ones are counted", func(t *testing.T) {
		account, all := open(t)
		var err error
		for range 11 {
			_, err = account.ChangePassword(t.Context(), all[0].Visitor, "wrong", next, "here")
		}
		require.ErrorIs(t, err, domain.ErrLimited)
		signedIn(t, account, 1)
	})
}

// meanwhile runs do once, after a password was compared.
type meanwhile struct {
	testshop.Passwords
	do func()
}

func (m *meanwhile) Matches(ctx context.Context, hash, password string) (bool, error) {
	matches, err := m.Passwords.Matches(ctx, hash, password)
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return matches, err
}

func TestAccount_SignIn_WhileThePasswordChanges(t *testing.T) {
	w, passwords := newWorld(t), &meanwhile{}
	account := useCases(t, w.store, func(p *testshop.Parts) { p.Passwords = passwords }).Account
	owner, err := account.Register(t.Context(), usecase.Visitor{}, ann, "here")
	require.NoError(t, err)
	passwords.do = func() {
		_, err := account.ChangePassword(t.Context(), owner.Visitor, ann.Password, "battery staple", "here")
		require.NoError(t, err)
	}
	_, err = account.SignIn(t.Context(), usecase.Visitor{}, "ann", ann.Password, "there")
	require.ErrorIs(t, err, domain.ErrUnauthenticated, "who has the old password gets no session from it")
	sessions, err := w.store.SessionsOf(t.Context(), owner.User.ID, time.Time{})
	require.NoError(t, err)
	assert.Len(t, sessions, 1)
}

func TestAccount_Recall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := useCases(t, memory.NewStore()).Account
		pass, err := account.Register(t.Context(), usecase.Visitor{}, ann, "here")
		require.NoError(t, err)
		for range 3 {
			time.Sleep(domain.SessionIdle/3 - time.Second)
			who, err := account.Recall(t.Context(), pass.Secret)
			require.NoError(t, err)
			assert.Equal(t, "Ann", who.User.Username)
		}
		time.Sleep(time.Minute)
		_, err = account.Recall(t.Context(), pass.Secret)
		require.ErrorIs(t, err, domain.ErrNotFound, "a server that asks keeps no session alive")
	})
}

func TestAccount_RemoveStaff(t *testing.T) {
	w := newWorld(t)
	_, err := w.Account.AddStaff(t.Context(), domain.Registration{Username: "sue", Email: "sue@shop.example", Password: ann.Password})
	require.NoError(t, err)
	_, err = w.Account.Register(t.Context(), usecase.Visitor{}, ann, "here")
	require.NoError(t, err)
	enter := func(name, password string) (usecase.Credential, error) {
		return w.Account.SignIn(t.Context(), usecase.Visitor{}, name, password, "here")
	}
	for _, login := range []string{"nobody", "ann", "", "%"} {
		_, err := w.Account.RemoveStaff(t.Context(), login)
		require.ErrorIs(t, err, domain.ErrNotFound, login)
		_, err = w.Account.SetStaffPassword(t.Context(), login, "battery staple")
		require.ErrorIs(t, err, domain.ErrNotFound, login)
	}
	sue, err := enter("sue", ann.Password)
	require.NoError(t, err)

	_, err = w.Account.SetStaffPassword(t.Context(), "sue", "short")
	require.ErrorIs(t, err, domain.ErrInvalid)
	assert.True(t, isIn(t, w.Account, sue))
	_, err = w.Account.SetStaffPassword(t.Context(), "SUE", "battery staple")
	require.NoError(t, err)
	assert.False(t, isIn(t, w.Account, sue))
	_, err = enter("sue", ann.Password)
	require.ErrorIs(t, err, domain.ErrUnauthenticated)
	sue, err = enter("sue", "battery staple")
	require.NoError(t, err)

	staff, err := w.Account.Staff(t.Context())
	require.NoError(t, err)
	require.Len(t, staff, 1)
	removed, err := w.Account.RemoveStaff(t.Context(), "sue@shop.example")
	require.NoError(t, err)
	assert.Equal(t, "sue", removed.Username)
	assert.False(t, isIn(t, w.Account, sue))
	staff, err = w.Account.Staff(t.Context())
	require.NoError(t, err)
	assert.Empty(t, staff)
	sue, err = enter("sue", "battery staple")
	require.NoError(t, err)
	assert.Equal(t, domain.Customer, sue.User.Role)
	_, err = w.Account.RemoveStaff(t.Context(), "sue")
	require.ErrorIs(t, err, domain.ErrNotFound)
}

func TestAccount_Identify_Staff(t *testing.T) {
	open := func(t *testing.T) (*usecase.Account, *memory.Store, usecase.Credential) {
		store := memory.NewStore()
		account := useCases(t, store).Account
		_, err := account.AddStaff(t.Context(), domain.Registration{Username: "sue", Email: "sue@shop.example", Password: ann.Password})
		require.NoError(t, err)
		sue, err := account.SignIn(t.Context(), usecase.Visitor{}, "sue", ann.Password, "here")
		require.NoError(t, err)
		return account, store, sue
	}
	t.Run("a session ends after half an hour without use", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			account, _, sue := open(t)
			for range 5 {
				time.Sleep(29 * time.Minute)
				assert.True(t, isIn(t, account, sue))
			}
			for range 3 {
				time.Sleep(10 * time.Minute)
				_, err := account.Recall(t.Context(), sue.Secret)
				require.NoError(t, err)
			}
			time.Sleep(time.Second)
			assert.False(t, isIn(t, account, sue))
			assert.False(t, isIn(t, account, sue), "it does not come back")
		})
	})
	t.Run("a session ends after twelve hours, however much it is used", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			account, _, sue := open(t)
			for range 12 * 3 {
				assert.True(t, isIn(t, account, sue))
				time.Sleep(20 * time.Minute)
			}
			assert.True(t, isIn(t, account, sue))
			time.Sleep(time.Second)
			assert.False(t, isIn(t, account, sue))
			sue, err := account.SignIn(t.Context(), usecase.Visitor{}, "sue", ann.Password, "here")
			require.NoError(t, err)
			sessions, err := account.Sessions(t.Context(), sue.Visitor)
			require.NoError(t, err)
			assert.Len(t, sessions, 1, "one that has ended is not listed")
		})
	})
	t.Run("a shopper's session that becomes staff's lives as long as staff's", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			account, store, _ := open(t)
			shopper, err := account.Register(t.Context(), usecase.Visitor{}, ann, "here")
			require.NoError(t, err)
			time.Sleep(13 * time.Hour)
			assert.True(t, isIn(t, account, shopper))
			_, err = store.UpdateUser(t.Context(), shopper.User.ID, func(u *domain.User) error { u.Role = domain.Staff; return nil })
			require.NoError(t, err)
			assert.False(t, isIn(t, account, shopper))
		})
	})
}

func TestAccount_Confirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := useCases(t, memory.NewStore()).Account
		pass, err := account.Register(t.Context(), usecase.Visitor{}, ann, "here")
		require.NoError(t, err)
		confirmed := func() bool {
			who, err := account.Identify(t.Context(), pass.Secret)
			require.NoError(t, err)
			return account.Confirmed(who)
		}
		assert.True(t, confirmed(), "who signed in has just given it")
		time.Sleep(domain.ConfirmedFor)
		assert.True(t, confirmed())
		time.Sleep(time.Second)
		assert.False(t, confirmed())
		require.ErrorIs(t, account.Confirm(t.Context(), pass.Visitor, "wrong"), domain.ErrUnauthenticated)
		require.ErrorIs(t, account.Confirm(t.Context(), pass.Visitor, ""), domain.ErrInvalid)
		require.ErrorIs(t, account.Confirm(t.Context(), usecase.Visitor{}, ann.Password), domain.ErrUnauthenticated)
		assert.False(t, confirmed())
		require.NoError(t, account.Confirm(t.Context(), pass.Visitor, ann.Password))
		assert.True(t, confirmed())
		time.Sleep(domain.ConfirmedFor + time.Second)
		assert.False(t, confirmed())
	})
}

func TestAccount_SetDisplayName(t *testing.T) {
	w := newWorld(t)
	_, err := w.Account.AddStaff(t.Context(), domain.Registration{Username: "sue", Email: "sue@shop.example", Password: ann.Password})
	require.NoError(t, err)
	sue, err := w.Account.SignIn(t.Context(), usecase.Visitor{}, "sue", ann.Password, "here")
	require.NoError(t, err)
	assert.NotContains(t, sue.User.Shown(), "sue")
	for _, bad := range []string{"", " ", "SUE", "sue@shop.example", "Sue\nM.", strings.Repeat("s", 41)} {
		require.ErrorIs(t, w.Account.SetDisplayName(t.Context(), sue.Visitor, bad), domain.ErrInvalid, "%q", bad)
	}
	require.NoError(t, w.Account.SetDisplayName(t.Context(), sue.Visitor, " Susan "))
	who, err := w.Account.Identify(t.Context(), sue.Secret)
	require.NoError(t, err)
	assert.Equal(t, "Susan", who.User.Shown())
	buyer, err := w.Account.Register(t.Context(), usecase.Visitor{}, ann, "here")
	require.NoError(t, err)
	require.ErrorIs(t, w.Account.SetDisplayName(t.Context(), buyer.Visitor, "Ann"), domain.ErrDenied)
}
