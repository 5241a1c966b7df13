package redis

import (
	"context"
	"slices"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Sessions caches durable sessions.
type Sessions struct {
	client  *Client
	durable port.Sessions
}

var _ port.Sessions = (*Sessions)(nil)

// NewSessions returns a cache of the sessions that durable keeps, however long Redis is away.
func NewSessions(client *Client, durable port.Sessions) *Sessions { return &Sessions{client, durable} }

var sessions = keyspace{name: "session", fresh: freshFor, ttl: maxTTL}

func (s *Sessions) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	always := func(domain.Session) bool { return true }
	session, err := readThrough(ctx, s.client, sessions, string(key), always, func(ctx context.Context) (domain.Session, error) {
		return s.durable.Session(ctx, key, now)
	})
	if err == nil && session.ExpiresAt.Before(now) {
		return domain.Session{}, domain.NotFound("session")
	}
	return session, err
}

func (s *Sessions) PutSession(ctx context.Context, session domain.Session) error {
	return s.client.change(ctx, []string{sessions.key(string(session.Key))}, func() error {
		return s.durable.PutSession(ctx, session)
	})
}

func (s *Sessions) ReplaceSession(ctx context.Context, old domain.SessionKey, next domain.Session) error {
	return s.client.change(ctx, []string{sessions.key(string(old)), sessions.key(string(next.Key))}, func() error {
		return s.durable.ReplaceSession(ctx, old, next)
	})
}

func (s *Sessions) MarkSessionMerged(ctx context.Context, key domain.SessionKey) error {
	return s.client.change(ctx, []string{sessions.key(string(key))}, func() error {
		return s.durable.MarkSessionMerged(ctx, key)
	})
}

func (s *Sessions) TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error {
	// No tombstone: a touch that fails while the durable store is away must not take away
	// the session that is cached, and whoever sees the old end only touches again.
	err := s.durable.TouchSession(ctx, key, expires)
	if err == nil {
		s.client.invalidate(ctx, []string{sessions.key(string(key))})
	}
	return err
}

func (s *Sessions) ConfirmSession(ctx context.Context, key domain.SessionKey, at time.Time) error {
	return s.client.change(ctx, []string{sessions.key(string(key))}, func() error {
		return s.durable.ConfirmSession(ctx, key, at)
	})
}

func (s *Sessions) DeleteSession(ctx context.Context, key domain.SessionKey) error {
	return s.client.change(ctx, []string{sessions.key(string(key))}, func() error {
		return s.durable.DeleteSession(ctx, key)
	})
}

func (s *Sessions) SessionsOf(ctx context.Context, user domain.UserID, now time.Time) ([]domain.Session, error) {
	return s.durable.SessionsOf(ctx, user, now)
}

// EndSessions sets tombstones for those that can be known beforehand, and invalidates all that were ended.
func (s *Sessions) EndSessions(ctx context.Context, user domain.UserID, except domain.SessionKey) ([]domain.SessionKey, error) {
	open, err := s.durable.SessionsOf(ctx, user, time.Time{})
	if err != nil {
		return nil, err
	}
	var known []string
	for _, session := range open {
		if session.Key != except {
			known = append(known, sessions.key(string(session.Key)))
		}
	}
	var ended []domain.SessionKey
	err = s.client.change(ctx, known, func() error {
		ended, err = s.durable.EndSessions(ctx, user, except)
		return err
	})
	var others []string
	for _, key := range ended {
		if key := sessions.key(string(key)); !slices.Contains(known, key) {
			others = append(others, key)
		}
	}
	if len(others) > 0 {
		s.client.invalidate(ctx, others)
	}
	return ended, err
}
