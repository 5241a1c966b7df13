package near

import (
	"context"
	"time"

	"eshop/domain"
	"eshop/port"
)

// sessionBytes bounds the sessions that are kept, some thirty thousand.
const sessionBytes = 16 << 20

// Sessions knows the sessions that durable keeps, also while it is away. It is for a shop
// of one server: it does not hear of what another server ended.
type Sessions struct {
	port.Sessions
	shelf *shelf[domain.Session]
}

var _ port.Sessions = (*Sessions)(nil)

// NewSessions returns the sessions of durable.
func NewSessions(durable port.Sessions) *Sessions {
	return &Sessions{durable, newShelf(new(pace), sessionBytes, freshFor, identity, sizeOfSession)}
}

func (s *Sessions) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	session, err := s.shelf.read(ctx, string(key),
		func(ctx context.Context) (domain.Session, error) { return s.Sessions.Session(ctx, key, now) },
		func(v domain.Session, at time.Time, changes int64) {
			// A session that ended since it was asked for must not come back.
			s.shelf.keepUnchanged(string(key), v, at, changes)
		})
	if err == nil && session.ExpiresAt.Before(now) {
		return domain.Session{}, domain.NotFound("session")
	}
	return session, err
}

func (s *Sessions) PutSession(ctx context.Context, session domain.Session) error {
	defer s.shelf.forget(string(session.Key))
	return s.Sessions.PutSession(ctx, session)
}

func (s *Sessions) ReplaceSession(ctx context.Context, old domain.SessionKey, next domain.Session) error {
	defer s.shelf.forget(string(old), string(next.Key))
	return s.Sessions.ReplaceSession(ctx, old, next)
}

func (s *Sessions) MarkSessionMerged(ctx context.Context, key domain.SessionKey) error {
	defer s.shelf.forget(string(key))
	return s.Sessions.MarkSessionMerged(ctx, key)
}

// TouchSession leaves what is kept when it fails: whoever sees the old end only touches again.
func (s *Sessions) TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error {
	err := s.Sessions.TouchSession(ctx, key, expires)
	if err == nil {
		s.shelf.forget(string(key))
	}
	return err
}

func (s *Sessions) ConfirmSession(ctx context.Context, key domain.SessionKey, at time.Time) error {
	defer s.shelf.forget(string(key))
	return s.Sessions.ConfirmSession(ctx, key, at)
}

func (s *Sessions) DeleteSession(ctx context.Context, key domain.SessionKey) error {
	defer s.shelf.forget(string(key))
	return s.Sessions.DeleteSession(ctx, key)
}

func (s *Sessions) EndSessions(ctx context.Context, user domain.UserID, except domain.SessionKey) ([]domain.SessionKey, error) {
	defer s.shelf.forgetIf(func(session domain.Session) bool { return session.User == user && session.Key != except })
	return s.Sessions.EndSessions(ctx, user, except)
}

func identity[T any](v T) T { return v }

func sizeOfSession(s domain.Session) int {
	return 100 + len(s.Key) + len(s.Guest) + len(s.User) + len(s.Device) + len(s.Address)
}
