package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"eshop/domain"
	"eshop/port"
)

func (s *Store) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Session{}, err
	}
	s.sawTime(now)
	session, ok := s.sessions[key]
	if !ok || session.ExpiresAt.Before(now) {
		return domain.Session{}, domain.NotFound("session")
	}
	return session, nil
}

func (s *Store) PutSession(ctx context.Context, session domain.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.putSession(session)
	return nil
}

func (s *Store) ReplaceSession(ctx context.Context, old domain.SessionKey, next domain.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	delete(s.sessions, old)
	s.putSession(next)
	return nil
}

func (s *Store) MarkSessionMerged(ctx context.Context, key domain.SessionKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if session, ok := s.sessions[key]; ok {
		session.Unmerged = false
		s.sessions[key] = session
	}
	return nil
}

func (s *Store) TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	session, ok := s.sessions[key]
	if ok && session.ExpiresAt.Before(expires) {
		session.ExpiresAt = expires
		s.sessions[key] = session
	}
	return nil
}

func (s *Store) ConfirmSession(ctx context.Context, key domain.SessionKey, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if session, ok := s.sessions[key]; ok {
		session.ConfirmedAt = at
		s.sessions[key] = session
	}
	return nil
}

func (s *Store) DeleteSession(ctx context.Context, key domain.SessionKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	delete(s.sessions, key)
	return nil
}

func (s *Store) SessionsOf(ctx context.Context, user domain.UserID, now time.Time) ([]domain.Session, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var all []domain.Session
	for _, session := range s.sessions {
		if user != "" && session.User == user && !session.ExpiresAt.Before(now) {
			all = append(all, session)
		}
	}
	slices.SortFunc(all, func(a, b domain.Session) int {
		return cmp.Or(b.ExpiresAt.Compare(a.ExpiresAt), cmp.Compare(a.Key, b.Key))
	})
	return all[:min(len(all), port.MostSessions)], nil
}

func (s *Store) EndSessions(ctx context.Context, user domain.UserID, except domain.SessionKey) ([]domain.SessionKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var ended []domain.SessionKey
	for key, session := range s.sessions {
		if user != "" && session.User == user && key != except {
			delete(s.sessions, key)
			ended = append(ended, key)
		}
	}
	return ended, nil
}

func (s *Store) putSession(session domain.Session) {
	if s.sessionSweeper.due(len(s.sessions)) {
		maps.DeleteFunc(s.sessions, func(_ domain.SessionKey, old domain.Session) bool {
			return old.ExpiresAt.Before(s.latestTime())
		})
		s.sessionSweeper.swept(len(s.sessions))
	}
	s.sessions[session.Key] = session
}
