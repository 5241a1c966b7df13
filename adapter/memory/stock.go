package memory

import (
	"context"
	"slices"
	"time"

	"eshop/domain"
)

// stockChange is what a key has changed.
type stockChange struct {
	product domain.ProductID
	delta   int
}

func (s *Store) ChangeStock(ctx context.Context, change domain.StockMovement, key domain.IdempotencyKey) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p, ok := s.products[change.Product]
	if !ok {
		return 0, domain.NotFound("product")
	}
	if before, ok := s.stockKeys[key]; ok {
		if before != (stockChange{change.Product, change.Delta}) {
			return 0, domain.KeyReused()
		}
		return p.Stock, nil
	}
	// The first two comparisons keep the sum from overflowing.
	if delta := change.Delta; delta < -domain.MaxStock || delta > domain.MaxStock || p.Stock+delta < 0 || p.Stock+delta > domain.MaxStock {
		return 0, domain.StockBounds(p.Stock)
	}
	s.move(p, change)
	if key != "" {
		s.stockKeys[key] = stockChange{change.Product, change.Delta}
	}
	return p.Stock, nil
}

func (s *Store) Movements(ctx context.Context, id domain.ProductID) ([]domain.StockMovement, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return slices.Clone(s.movements[id]), nil
}

func (s *Store) LastMovements(ctx context.Context, id domain.ProductID, limit int) ([]domain.StockMovement, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all := s.movements[id]
	last := slices.Clone(all[max(0, len(all)-limit):])
	slices.Reverse(last)
	return last, nil
}

// move changes the stock of p by a movement.
func (s *Store) move(p *product, m domain.StockMovement) {
	p.Stock += m.Delta
	s.changes.add(p.ID)
	s.index.setInStock(p)
	s.addMovement(m)
}

func (s *Store) addMovement(m domain.StockMovement) {
	if m.Delta != 0 {
		s.movements[m.Product] = append(s.movements[m.Product], m)
	}
}

// sell takes the lines of an order from stock.
func (s *Store) sell(o domain.Order) {
	for _, line := range o.Lines {
		p := s.products[line.Product]
		s.move(p, domain.StockMovement{Product: p.ID, Delta: -line.Quantity, Reason: domain.StockSold, Order: o.ID, At: o.PlacedAt})
		s.index.setSold(p, p.Sold+line.Quantity)
	}
}

// mayReturn fails when lines that go back into stock would pass the most that is counted.
func (s *Store) mayReturn(lines []domain.OrderLine) error {
	back := map[domain.ProductID]int{}
	for _, line := range lines {
		back[line.Product] += line.Quantity
		if p, ok := s.products[line.Product]; ok && p.Stock+back[line.Product] > domain.MaxStock {
			return domain.StockBounds(p.Stock)
		}
	}
	return nil
}

// returnStock puts lines of an order back into stock.
func (s *Store) returnStock(order domain.OrderID, lines []domain.OrderLine, at time.Time) {
	for _, line := range lines {
		p, ok := s.products[line.Product]
		if !ok {
			continue
		}
		s.move(p, domain.StockMovement{Product: p.ID, Delta: line.Quantity, Reason: domain.StockReturned, Order: order, At: at})
		s.index.setSold(p, max(0, p.Sold-line.Quantity))
	}
}

// shortages are the lines that stock does not suffice for.
func (s *Store) shortages(lines []domain.OrderLine) []domain.Shortage {
	var short []domain.Shortage
	taken := map[domain.ProductID]int{}
	for _, line := range lines {
		left := 0
		if p, ok := s.products[line.Product]; ok {
			left = p.Stock - taken[line.Product]
		}
		if left < line.Quantity {
			short = append(short, domain.Shortage{Product: line.Product, Name: line.Name, Wanted: line.Quantity, Available: left})
			continue
		}
		taken[line.Product] += line.Quantity
	}
	return short
}
