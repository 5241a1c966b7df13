package memory

import (
	"context"

	"eshop/domain"
)

func (s *Store) Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Cart{}, err
	}
	return s.carts[owner].Clone(), nil
}

func (s *Store) UpdateCart(ctx context.Context, owner domain.OwnerID, change func(*domain.Cart) error) (domain.Cart, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Cart{}, err
	}
	cart := s.carts[owner].Clone()
	if err := change(&cart); err != nil {
		return domain.Cart{}, err
	}
	// The caller may have gone away while it made the change.
	if err := ctx.Err(); err != nil {
		return domain.Cart{}, err
	}
	s.carts[owner] = cart.Clone()
	return cart.Clone(), nil
}

func (s *Store) MergeCart(ctx context.Context, from, into domain.OwnerID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	source := s.carts[from]
	if from == into || len(source.Lines) == 0 {
		return nil
	}
	s.mergeIntoCart(into, source)
	// Its version stays: it must not come again, for an order may be kept by it.
	source.Lines = nil
	s.carts[from] = source
	return nil
}

func (s *Store) mergeIntoCart(owner domain.OwnerID, other domain.Cart) {
	cart := s.carts[owner].Clone()
	cart.Merge(other)
	s.carts[owner] = cart
}
