package memory

import (
	"context"
	"slices"

	"eshop/domain"
)

// product is a product and its number in the index.
type product struct {
	domain.Product
	doc int32
}

func (s *Store) Product(ctx context.Context, ref string) (domain.Product, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Product{}, err
	}
	p, ok := s.products[domain.ProductID(ref)]
	if !ok {
		p, ok = s.bySlug[ref]
	}
	if !ok {
		return domain.Product{}, domain.NotFound("product")
	}
	return cloneProduct(p.Product), nil
}

func (s *Store) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all := make([]domain.Product, 0, len(ids))
	seen := make(map[domain.ProductID]bool, len(ids))
	for _, id := range ids {
		if p, ok := s.products[id]; ok && !seen[id] {
			seen[id] = true
			all = append(all, cloneProduct(p.Product))
		}
	}
	return all, nil
}

func (s *Store) PutProducts(ctx context.Context, products []domain.Product) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.checkSlugs(products); err != nil {
		return err
	}
	for _, p := range products {
		s.putProduct(cloneProduct(p))
	}
	return nil
}

func (s *Store) UpdateProduct(ctx context.Context, id domain.ProductID, change func(*domain.Product) error) (domain.Product, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Product{}, err
	}
	kept, ok := s.products[id]
	if !ok {
		return domain.Product{}, domain.NotFound("product")
	}
	p := cloneProduct(kept.Product)
	if err := change(&p); err != nil {
		return domain.Product{}, err
	}
	// The caller may have gone away while it made the change.
	if err := ctx.Err(); err != nil {
		return domain.Product{}, err
	}
	p.ID = id
	if err := s.checkSlugs([]domain.Product{p}); err != nil {
		return domain.Product{}, err
	}
	s.putProduct(cloneProduct(p))
	return cloneProduct(kept.Product), nil
}

// checkSlugs reports whether every slug will name one product when products are kept.
func (s *Store) checkSlugs(products []domain.Product) error {
	slugOf := make(map[domain.ProductID]string, len(products))
	for _, p := range products {
		slugOf[p.ID] = p.Slug
	}
	owner := make(map[string]domain.ProductID, len(products))
	for id, slug := range slugOf {
		other, ok := owner[slug]
		if kept := s.bySlug[slug]; kept != nil && !ok && slugOf[kept.ID] == "" {
			other, ok = kept.ID, true
		}
		if ok && other != id {
			return domain.ErrConflict.Errorf(domain.CodeSlugTaken, "another product has the address %q", slug)
		}
		owner[slug] = id
	}
	return nil
}

func (s *Store) putProduct(p domain.Product) {
	s.changes.add(p.ID)
	kept, ok := s.products[p.ID]
	if ok {
		// Another of the same call may have its old slug already: two products may change places.
		if s.bySlug[kept.Slug] == kept {
			delete(s.bySlug, kept.Slug)
		}
		p.Stock, p.Sold = kept.Stock, kept.Sold
		s.index.change(kept, p)
		s.bySlug[p.Slug] = kept
		return
	}
	kept = &product{Product: p}
	s.products[p.ID] = kept
	s.bySlug[p.Slug] = kept
	s.index.add(kept)
	// One that was removed comes back with movements, to which its new stock must fit.
	delta := p.Stock
	for _, m := range s.movements[p.ID] {
		delta -= m.Delta
	}
	s.addMovement(domain.StockMovement{Product: p.ID, Delta: delta, Reason: domain.StockReceived, At: p.AddedAt})
}

func (s *Store) RemoveProduct(ctx context.Context, id domain.ProductID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	p, ok := s.products[id]
	if !ok {
		return domain.NotFound("product")
	}
	s.changes.add(id)
	s.index.remove(p)
	delete(s.products, id)
	delete(s.bySlug, p.Slug)
	return nil
}

func cloneProduct(p domain.Product) domain.Product {
	p.Images = slices.Clone(p.Images)
	return p
}
