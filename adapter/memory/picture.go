package memory

import (
	"context"

	"eshop/domain"
)

func (s *Store) PutPicture(ctx context.Context, p domain.Picture) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, ok := s.pictures[p.Name]; !ok {
		s.pictures[p.Name] = p.Clone()
	}
	delete(s.picturesUnshown, p.Name)
	return nil
}

func (s *Store) Picture(ctx context.Context, name domain.PictureName) (domain.Picture, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Picture{}, err
	}
	p, ok := s.pictures[name]
	if !ok {
		return domain.Picture{}, domain.NotFound("picture")
	}
	return p.Clone(), nil
}
