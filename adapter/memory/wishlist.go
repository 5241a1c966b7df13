package memory

import (
	"context"

	"eshop/domain"
)

func (s *Store) Wishlist(ctx context.Context, owner domain.OwnerID) (domain.Wishlist, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Wishlist{}, err
	}
	return s.wishlists[owner].Clone(), nil
}

func (s *Store) UpdateWishlist(ctx context.Context, owner domain.OwnerID, change func(*domain.Wishlist) error) (domain.Wishlist, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Wishlist{}, err
	}
	list := s.wishlists[owner].Clone()
	if err := change(&list); err != nil {
		return domain.Wishlist{}, err
	}
	// The caller may have gone away while it made the change.
	if err := ctx.Err(); err != nil {
		return domain.Wishlist{}, err
	}
	s.wishlists[owner] = list.Clone()
	return list.Clone(), nil
}

func (s *Store) MergeWishlist(ctx context.Context, from, into domain.OwnerID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if from == into {
		return nil
	}
	list := s.wishlists[into].Clone()
	list.Merge(s.wishlists[from])
	s.wishlists[into] = list
	delete(s.wishlists, from)
	return nil
}
