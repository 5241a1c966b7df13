package memory

import (
	"context"
	"slices"
	"strings"

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

func (s *Store) UpdateUser(ctx context.Context, id domain.UserID, change func(*domain.User) error) (domain.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.User{}, err
	}
	u, err := s.user(id)
	if err == nil {
		err = change(&u)
	}
	if err != nil {
		return domain.User{}, err
	}
	s.users[id] = u
	return u, nil
}

func (s *Store) Staff(ctx context.Context) ([]domain.User, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var staff []domain.User
	for _, u := range s.users {
		if u.Role == domain.Staff {
			staff = append(staff, u)
		}
	}
	slices.SortFunc(staff, func(a, b domain.User) int { return strings.Compare(a.Username, b.Username) })
	return staff, nil
}

func (s *Store) user(id domain.UserID) (domain.User, error) {
	u, ok := s.users[id]
	if !ok {
		return domain.User{}, domain.NotFound("account")
	}
	return u, nil
}
