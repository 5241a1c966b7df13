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

// order is an order, its place among all that were placed, and what placed it.
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
	if before, ok := s.placedBefore(p); ok {
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
	o.LeasedUntil = s.Clock().UTC().Add(p.Lease)
	s.addOrder(o)
	s.placements[name] = placed{p.Fingerprint, o}
	s.sell(o.Order)
	cart.Lines = nil
	s.carts[p.Owner] = cart
	return o.Clone(), true, nil
}

// placedBefore returns what the key of p has placed.
func (s *Store) placedBefore(p port.Placement) (placed, bool) {
	before, ok := s.placements[placement{p.Owner, p.Key}]
	if ok || !p.Adopted {
		return before, ok
	}
	for _, o := range slices.Backward(s.ordersOf[p.Owner]) {
		if before := s.placements[o.placement]; o.placement.key == p.Key && before.order == o {
			return before, true
		}
	}
	return placed{}, false
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
	s.placedOrders++
	o.sequence, o.Number = s.placedOrders, ""
	s.orders[o.ID] = o
	s.allOrders = insertOrder(s.allOrders, o)
	s.ordersOf[o.Owner] = insertOrder(s.ordersOf[o.Owner], o)
	s.setLeasable(o)
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
		if chosen := o.Status == filter.Status || filter.Status == "" && o.Status != domain.Cancelled; !chosen {
			continue
		}
		if total >= page.Offset() && len(found) < page.Size {
			found = append(found, o.Clone())
		}
		total++
	}
	return found, total, nil
}

func (s *Store) TransitionOrder(ctx context.Context, id domain.OrderID,
	change func(*domain.Order) (domain.Effects, error)) (domain.Order, domain.Effects, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Order{}, domain.Effects{}, err
	}
	o, ok := s.orders[id]
	if !ok {
		return domain.Order{}, domain.Effects{}, domain.NotFound("order")
	}
	changed := o.Clone()
	effects, err := change(&changed)
	if err != nil {
		return domain.Order{}, domain.Effects{}, err
	}
	// The caller may have gone away while it made the change.
	if err := ctx.Err(); err != nil {
		return domain.Order{}, domain.Effects{}, err
	}
	if err := s.mayReturn(effects.ReturnStock); err != nil {
		return domain.Order{}, domain.Effects{}, err
	}
	o.Status, o.Payment, o.History = changed.Status, changed.Payment, slices.Clone(changed.History)
	s.setLeasable(o)
	s.returnStock(id, effects.ReturnStock, effects.At)
	s.mergeIntoCart(o.Owner, effects.RestoreCart)
	if effects.EndLease {
		o.LeasedUntil = time.Time{}
	}
	if effects.FreeKey {
		delete(s.placements, o.placement)
	}
	if effects.TakeNumber && o.Number == "" {
		s.numberedOrders++
		o.Number = domain.OrderNumber(fmt.Sprintf("E-%d", s.numberedOrders))
		s.byNumber[o.Number] = o
	}
	return o.Clone(), effects, nil
}

func (s *Store) LeaseOrder(ctx context.Context, lease port.Lease) (domain.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Order{}, err
	}
	now := s.Clock().UTC()
	var first *order
	for _, o := range s.leasable {
		if o.Status != cmp.Or(lease.Status, domain.Pending) {
			continue
		}
		free := (lease.Order == "" || lease.Order == o.ID) && !o.LeasedUntil.Add(lease.EndedFor).After(now)
		if free && (first == nil || compareLease(o, first) < 0) {
			first = o
		}
	}
	if first == nil {
		return domain.Order{}, domain.NotFound("order")
	}
	first.LeasedUntil = now.Add(lease.For)
	return first.Clone(), nil
}

// setLeasable lists the order among those that wait for the gateway, or no longer.
func (s *Store) setLeasable(o *order) {
	if o.Status == domain.Pending || o.Status == domain.Refunding {
		s.leasable[o.ID] = o
		return
	}
	delete(s.leasable, o.ID)
}

func compareLease(a, b *order) int {
	return cmp.Or(a.LeasedUntil.Compare(b.LeasedUntil), cmp.Compare(a.sequence, b.sequence))
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
