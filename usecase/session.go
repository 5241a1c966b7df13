package usecase

import (
	"context"
	"errors"
	"slices"
	"time"

	"eshop/domain"
)

// Identify returns who has the secret; ErrNotFound when nobody has. A session
// that is in use lives on.
func (a *Account) Identify(ctx context.Context, secret string) (Visitor, error) {
	v, err := a.Recall(ctx, secret)
	if now := a.deps.Clock(); err == nil && v.Session.Stale(v.User.Role, now) {
		err = a.touch(ctx, &v.Session, now.Add(domain.SessionIdle))
	}
	if err != nil {
		return Visitor{}, err
	}
	if v.Session.Unmerged {
		ctx, cancel := context.WithTimeout(ctx, tendTime)
		defer cancel()
		v.Session = a.merge(ctx, v.Session)
	}
	return v, nil
}

// tendTime bounds what Identify does for a session beside looking it up. The next request tries again.
const tendTime = 200 * time.Millisecond

// touch makes a session that is in use end later, unless the store is slow or away.
func (a *Account) touch(ctx context.Context, s *domain.Session, expires time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, tendTime)
	defer cancel()
	switch err := a.deps.Sessions.TouchSession(ctx, s.Key, expires); {
	case err == nil:
		s.ExpiresAt = expires
	case !errors.Is(err, domain.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return nil
}

// Recall is Identify for a server that asks by itself, which is no use of the session.
func (a *Account) Recall(ctx context.Context, secret string) (Visitor, error) {
	now := a.deps.Clock()
	session, err := a.deps.Sessions.Session(ctx, keyOf(secret), now)
	if err != nil {
		return Visitor{}, err
	}
	if session.User == "" {
		if a.ended(session, domain.User{}, now) {
			return Visitor{}, domain.NotFound("session")
		}
		return Visitor{Session: session}, nil
	}
	user, err := a.deps.Users.User(ctx, session.User)
	if err != nil {
		return Visitor{}, err
	}
	if a.ended(session, user, now) {
		return Visitor{}, domain.NotFound("session")
	}
	return Visitor{Session: session, User: user}, nil
}

// ended reports whether a session that is kept has ended all the same: one of staff's, or where sessions live shorter.
func (a *Account) ended(s domain.Session, user domain.User, now time.Time) bool {
	if user.Role == domain.Staff {
		return a.deps.StaffSessions.Ended(s, now)
	}
	return now.Sub(s.UsedAt()) > a.deps.SessionIdle
}

// Sessions returns the sessions of the visitor's account, the last used first.
func (a *Account) Sessions(ctx context.Context, v Visitor) ([]domain.Session, error) {
	if !v.SignedIn() {
		return nil, domain.SignInFirst()
	}
	now := a.deps.Clock()
	all, err := a.deps.Sessions.SessionsOf(ctx, v.User.ID, now)
	return slices.DeleteFunc(all, func(s domain.Session) bool { return a.ended(s, v.User, now) }), err
}

// Confirmed reports whether the visitor gave the password so lately that what cannot be
// undone may be done.
func (a *Account) Confirmed(v Visitor) bool { return v.Session.Confirmed(a.deps.Clock()) }

// Confirm notes that the visitor gave the password again. ErrUnauthenticated
// `invalid_credentials` when it is another.
func (a *Account) Confirm(ctx context.Context, v Visitor, password string) error {
	if !v.SignedIn() {
		return domain.SignInFirst()
	}
	if err := checkTyped(map[string]string{"password": password}); err != nil {
		return err
	}
	user, err := a.confirm(ctx, v, password)
	if err != nil {
		return err
	}
	if err := a.deps.Sessions.ConfirmSession(ctx, v.Session.Key, a.deps.Clock()); err != nil {
		return err
	}
	a.deps.Note(ctx, Act{What: ActConfirmed, By: user, On: user.Username})
	return nil
}

// SignOut ends the visitor's session.
func (a *Account) SignOut(ctx context.Context, v Visitor) error {
	if err := a.deps.Sessions.DeleteSession(ctx, v.Session.Key); err != nil {
		return err
	}
	a.publishEnd(ctx, v.Session.Owner())
	if v.SignedIn() {
		a.deps.Note(ctx, Act{What: ActSignedOut, By: v.User, On: v.User.Username})
	}
	return nil
}

// EndSession ends a session of the visitor's account. One that has ended is no error;
// ErrNotFound for anybody else's.
func (a *Account) EndSession(ctx context.Context, v Visitor, key domain.SessionKey) error {
	if !v.SignedIn() {
		return domain.SignInFirst()
	}
	if !key.Valid() {
		return domain.NotFound("session")
	}
	session, err := a.deps.Sessions.Session(ctx, key, a.deps.Clock())
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return nil
	case err != nil:
		return err
	case session.User != v.User.ID:
		return domain.NotFound("session")
	}
	return a.SignOut(ctx, Visitor{Session: session, User: v.User})
}

// EndOtherSessions ends all sessions of the visitor's account but the visitor's own.
func (a *Account) EndOtherSessions(ctx context.Context, v Visitor) error {
	if !v.SignedIn() {
		return domain.SignInFirst()
	}
	if err := a.endSessions(ctx, v.User.ID, v.Session.Key); err != nil {
		return err
	}
	a.deps.Note(ctx, Act{What: ActSessionsEnded, By: v.User, On: v.User.Username})
	return nil
}

func (a *Account) endSessions(ctx context.Context, user domain.UserID, except domain.SessionKey) error {
	_, err := a.deps.Sessions.EndSessions(ctx, user, except)
	a.publishEnd(ctx, user.Owner())
	return err
}

// SubscribeEnds returns the owners whose sessions ended, until ctx ends.
func (a *Account) SubscribeEnds(ctx context.Context) (<-chan domain.Event, error) {
	return a.deps.Events.Subscribe(ctx, domain.SessionsEnded)
}

// publishEnd tells every server that sessions of the owner ended. A connection whose
// server does not hear of it lives until it is looked after once more.
func (a *Account) publishEnd(ctx context.Context, owner domain.OwnerID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wakeTime)
	defer cancel()
	_ = a.deps.Events.Publish(ctx, domain.Event{Topic: domain.SessionsEnded, Key: string(owner)})
}

func keyOf(secret string) domain.SessionKey { return domain.SessionKey(digest(secret)) }
