package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"eshop/domain"
	"eshop/port"
)

// order is an order, its place in the sequence, and what placed it.
type order struct {
	domain.Order
	sequence  int
	placement placement
}

// placement is what a caller's key is unique by. It stays when the order is adopted.
type placement struct {
	owner domain.OwnerID
	key   string
}

type placed struct {
	fingerprint string
	order       *order
}

func (s *Store) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Order{}, false, err
	}
	name := placement{p.Owner, p.Key}
	if before, kept := s.placements[name]; kept {
		if before.fingerprint != p.Fingerprint {
			return domain.Order{}, false, domain.KeyReused()
		}
		return before.order.Clone(), false, nil
	}
	cart := s.carts[p.Owner]
	made, err := build(cart.Clone(), s.productsOf(cart))
	if err != nil {
		return domain.Order{}, false, err
	}
	// The caller may have gone away while it built the order.
	if err := ctx.Err(); err != nil {
		return domain.Order{}, false, err
	}
	if short := s.shortages(made.Lines); len(short) > 0 {
		return domain.Order{}, false, domain.OutOfStock(short...)
	}
	o := &order{Order: made.Clone(), placement: name}
	s.addOrder(o)
	s.placements[name] = placed{p.Fingerprint, o}
	s.sell(o.Order)
	cart.Lines = nil
	s.carts[p.Owner] = cart
	return o.Clone(), true, nil
}

func (s *Store) productsOf(cart domain.Cart) map[domain.ProductID]domain.Product {
	products := make(map[domain.ProductID]domain.Product, len(cart.Lines))
	for _, line := range cart.Lines {
		if p, ok := s.products[line.Product]; ok {
			products[p.ID] = cloneProduct(p.Product)
		}
	}
	return products
}

func (s *Store) addOrder(o *order) {
	s.lastOrderNo++
	o.sequence = s.lastOrderNo
	o.Number = domain.OrderNumber(fmt.Sprintf("E-%d", o.sequence))
	s.orders[o.ID] = o
	s.byNumber[o.Number] = o
	s.allOrders = insertOrder(s.allOrders, o)
	s.ordersOf[o.Owner] = insertOrder(s.ordersOf[o.Owner], o)
	if o.Status == domain.Pending {
		s.pending[o.ID] = o
	}
}

// insertOrder puts o in its place among orders, which nearly always is the end.
func insertOrder(orders []*order, o *order) []*order {
	at, _ := slices.BinarySearchFunc(orders, o, compareAge)
	return slices.Insert(orders, at, o)
}

func compareAge(a, b *order) int {
	return cmp.Or(a.PlacedAt.Compare(b.PlacedAt), cmp.Compare(a.sequence, b.sequence))
}

func (s *Store) Order(ctx context.Context, id domain.OrderID) (domain.Order, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Order{}, err
	}
	o, ok := s.orders[id]
	if !ok {
		return domain.Order{}, domain.NotFound("order")
	}
	return o.Clone(), nil
}

func (s *Store) OrderByNumber(ctx context.Context, number domain.OrderNumber) (domain.Order, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Order{}, err
	}
	o, ok := s.byNumber[number]
	if !ok {
		return domain.Order{}, domain.NotFound("order")
	}
	return o.Clone(), nil
}

func (s *Store) Orders(ctx context.Context, filter port.OrderFilter, page domain.Page) ([]domain.Order, int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	candidates := s.allOrders
	if filter.Owner != "" {
		candidates = s.ordersOf[filter.Owner]
	}
	total := 0
	var found []domain.Order
	for _, o := range slices.Backward(candidates) {
		if filter.Status != "" && o.Status != filter.Status {
			continue
		}
		if total >= page.Offset() && len(found) < page.Size {
			found = append(found, o.Clone())
		}
		total++
	}
	return found, total, nil
}

func (s *Store) UpdateOrder(ctx context.Context, id domain.OrderID, change func(*domain.Order) error) (domain.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Order{}, err
	}
	o, ok := s.orders[id]
	if !ok {
		return domain.Order{}, domain.NotFound("order")
	}
	changed := o.Clone()
	if err := change(&changed); err != nil {
		return domain.Order{}, err
	}
	// The caller may have gone away while it made the change.
	if err := ctx.Err(); err != nil {
		return domain.Order{}, err
	}
	before := o.Status
	o.Status, o.Payment, o.ClaimedUntil = changed.Status, changed.Payment, changed.ClaimedUntil
	o.History = slices.Clone(changed.History)
	s.follow(o, before)
	return o.Clone(), nil
}

// follow does what the order's new status asks for.
func (s *Store) follow(o *order, before domain.OrderStatus) {
	delete(s.pending, o.ID)
	if o.Status == domain.Pending {
		s.pending[o.ID] = o
	}
	if !o.Status.ReturnsStock() || before.ReturnsStock() {
		return
	}
	at := o.PlacedAt
	if n := len(o.History); n > 0 {
		at = o.History[n-1].At
	}
	s.giveBack(o.Order, at)
	if o.Status != domain.Cancelled {
		return
	}
	delete(s.placements, o.placement)
	s.mergeIntoCart(o.Owner, cartOf(o.Order))
}

// cartOf is the cart that the order was made of. A cart has one line a product,
// so the product names the line as well as its own name did.
func cartOf(o domain.Order) domain.Cart {
	var cart domain.Cart
	for _, line := range o.Lines {
		cart.Lines = append(cart.Lines, domain.Line{ID: domain.LineID(line.Product), Product: line.Product, Quantity: line.Quantity})
	}
	return cart
}

func (s *Store) ClaimOrders(ctx context.Context, now, until time.Time, limit int) ([]domain.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var free []*order
	for _, o := range s.pending {
		if o.ClaimedUntil.Before(now) {
			free = append(free, o)
		}
	}
	slices.SortFunc(free, compareAge)
	claimed := make([]domain.Order, 0, min(max(limit, 0), len(free)))
	for _, o := range free[:cap(claimed)] {
		o.ClaimedUntil = until
		claimed = append(claimed, o.Clone())
	}
	return claimed, nil
}

func (s *Store) AdoptOrders(ctx context.Context, from, into domain.OwnerID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if from == into {
		return nil
	}
	for _, o := range s.ordersOf[from] {
		o.Owner = into
		s.ordersOf[into] = insertOrder(s.ordersOf[into], o)
	}
	delete(s.ordersOf, from)
	return nil
}
