package memory

import (
	"context"

	"eshop/domain"
)

func (s *Store) AddUser(ctx context.Context, u domain.User) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	name, email := domain.LoginName(u.Username), domain.LoginName(u.Email)
	if _, ok := s.byLogin[name]; ok {
		return domain.UsernameTaken()
	}
	if _, ok := s.byLogin[email]; ok {
		return domain.EmailTaken()
	}
	s.users[u.ID] = u
	s.byLogin[name] = u.ID
	s.byLogin[email] = u.ID
	return nil
}

func (s *Store) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.User{}, err
	}
	return s.user(id)
}

func (s *Store) UserByLogin(ctx context.Context, login string) (domain.User, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.User{}, err
	}
	return s.user(s.byLogin[domain.LoginName(login)])
}

func (s *Store) user(id domain.UserID) (domain.User, error) {
	u, ok := s.users[id]
	if !ok {
		return domain.User{}, domain.NotFound("account")
	}
	return u, nil
}
