package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"eshop/domain"
	"eshop/test/gateway"
	"eshop/test/history"
	"eshop/test/schedule"
	"eshop/usecase"
)

// shopper fills a cart and buys what is in it.
type shopper struct {
	*person
	owner domain.OwnerID
	keys  int
	// careful shoppers send no key, and what they were told to pay. The cart is their key, so they have no other tab.
	careful bool
	// identify is of a guest who signs in meanwhile: whose request it is. What is in the guest's cart then is for
	// whoever signs in to say.
	identify func(ctx context.Context) (usecase.Visitor, error)
}

func (s *shopper) stroll() {
	for range 2 {
		s.fill()
		s.wait(200 * time.Millisecond)
		s.fill()
		s.buy()
	}
	s.look()
}

// beside is what a shopper does on another tab.
func (s *shopper) beside() {
	for range 3 {
		s.wait(500 * time.Millisecond)
		s.fill()
	}
	s.look()
}

func (s *shopper) key() domain.IdempotencyKey {
	s.keys++
	return domain.IdempotencyKey(fmt.Sprintf("%s-%d", s.name, s.keys))
}

// fill changes the cart.
func (s *shopper) fill() {
	switch s.chance.IntN(5) {
	case 0:
		cart, ok := s.look()
		if !ok || len(cart.Lines) == 0 {
			return
		}
		line, key := cart.Lines[s.chance.IntN(len(cart.Lines))], s.key()
		n := s.chance.IntN(3)
		a := s.until(func(ctx context.Context) (err error) {
			if n == 0 {
				cart, err = s.shop.Cart.Remove(ctx, s.owner, line.ID, key)
			} else {
				cart, err = s.shop.Cart.SetQuantity(ctx, s.owner, line.ID, n, key)
			}
			return err
		})
		s.changed(a, history.Put{Product: string(line.Product), N: n}, cart)
	default:
		product, n, key := s.product(), 1+s.chance.IntN(2), s.key()
		var cart domain.Cart
		a := s.until(func(ctx context.Context) (err error) {
			cart, err = s.shop.Cart.Add(ctx, s.owner, product, n, key)
			return err
		})
		s.changed(a, history.Add{Product: string(product), N: n}, cart)
	}
}

// changed records a change of the cart. One that was repeated is answered by the cart as it is, and not
// as the change left it.
func (s *shopper) changed(a answer, what any, cart domain.Cart) {
	switch {
	case a.err != nil:
		s.short(a.last, a.err)
	case a.repeated():
		s.record(a.first, cartOf(s.owner), what).Answer(nil)
		s.record(a.last, cartOf(s.owner), history.Look{}).Answer(linesOf(cart))
	default:
		s.record(a.last, cartOf(s.owner), what).Answer(linesOf(cart))
	}
}

// short records what a refusal says of stock.
func (s *shopper) short(from time.Duration, err error) {
	var refusal *domain.Error
	if !errors.As(err, &refusal) {
		return
	}
	for _, short := range refusal.Shortages {
		s.record(from, stockOf(short.Product), history.Look{}).Answer(short.Available)
		if short.Available >= short.Wanted {
			s.complain("%s was refused %d of %s, of which there are %d", s.name, short.Wanted, short.Product, short.Available)
		}
	}
}

func (s *shopper) look() (domain.Cart, bool) {
	ctx, request := s.ask()
	from := s.now()
	cart, err := s.shop.Cart.Of(ctx, s.owner)
	if err != nil || request.Ended() {
		return domain.Cart{}, false
	}
	s.record(from, cartOf(s.owner), history.Look{}).Answer(linesOf(cart))
	return cart, true
}

// attempt is one of the calls by which something is bought.
type attempt struct {
	owner   domain.OwnerID
	from    time.Duration
	request *schedule.Request
	order   domain.Order
	err     error
}

func (a *attempt) answered() bool { return !a.request.Ended() && !unanswered(a.err) }

// buy buys what is in the cart, by a key, until it is known what came of it. Now and then it does so twice at
// once. It reports whether it did.
func (s *shopper) buy() bool {
	key, from := s.key(), s.now()
	p := domain.Purchase{
		Email:           string(key) + "@mail.example",
		ShippingAddress: domain.Address{Name: "Ann", Line1: "1 Main St", City: "Springfield", PostalCode: "12345", Country: "US"},
		Method:          domain.DemoCard, Card: domain.NewCard("4242424242424242", "12/39", "123"),
	}
	if s.chance.IntN(4) == 0 {
		p.Card.Number = gateway.Declined
	}
	sent := key
	if s.careful {
		sent = ""
		priced := usecase.PricedCart{}
		s.until(func(ctx context.Context) (err error) {
			priced, err = s.shop.Cart.Priced(ctx, s.owner)
			return err
		})
		p.ExpectedTotal = &priced.Total
	}
	var last *attempt
	for last == nil {
		attempts := make([]attempt, 1+s.chance.IntN(4)/3)
		var clicks sync.WaitGroup
		for i := range attempts {
			a := &attempts[i]
			var ctx context.Context
			ctx, a.request = s.ask()
			later := time.Duration(i) * time.Duration(s.chance.Int64N(int64(50*time.Millisecond)))
			clicks.Go(func() {
				time.Sleep(later)
				a.from, a.owner = s.now(), s.owner
				p := p
				if s.identify != nil {
					var visitor usecase.Visitor
					visitor, a.err = s.identify(ctx)
					a.owner, p.Guest = visitor.Session.Owner(), visitor.Session.UnmergedGuest()
				}
				if a.err == nil {
					a.order, _, a.err = s.shop.Checkout.Buy(ctx, a.owner, sent, p)
				}
				s.heardOf(key, a)
			})
		}
		clicks.Wait()
		last = decisive(attempts)
		if last == nil && s.forever(from) {
			return false
		}
		s.wait(time.Second)
	}
	return s.bought(from, key, p, last)
}

// decisive is the attempt that tells what came of a purchase: one that has the order, or any when all were answered.
// Beside one that was refused, another that was not answered may have an order of its own, for the key was free.
func decisive(attempts []attempt) *attempt {
	for i := range attempts {
		if a := &attempts[i]; a.answered() && a.err == nil {
			return a
		}
	}
	for i := range attempts {
		if !attempts[i].answered() {
			return nil
		}
	}
	return &attempts[0]
}

func keyOf(key domain.IdempotencyKey) history.Object {
	return history.Object{Kind: history.Key, ID: string(key)}
}

// checkoutPatience is for how long nginx waits for a checkout.
const checkoutPatience = 6 * time.Second

// heardOf records what one call was answered.
func (s *shopper) heardOf(key domain.IdempotencyKey, a *attempt) {
	if took := s.now() - a.from; took > checkoutPatience && s.identify == nil {
		s.complain("%s was answered after %v", key, took)
	}
	switch code := domain.CodeOf(a.err); {
	case !a.answered():
	case a.err == nil && a.order.Status != domain.Pending:
		s.record(a.from, keyOf(key), history.Buy{}).Answer(string(a.order.ID))
	case a.err == nil, errors.Is(a.err, domain.ErrDeclined), errors.Is(a.err, domain.ErrLimited):
	case code == domain.CodeOutOfStock:
		s.record(a.from, keyOf(key), history.Buy{}).Refuse()
		s.short(a.from, a.err)
	case code == domain.CodeTotalChanged && s.careful:
		s.record(a.from, keyOf(key), history.Buy{}).Refuse()
	case code == domain.CodeCartEmpty:
		s.record(a.from, keyOf(key), history.Buy{}).Refuse()
		s.inCart(a.owner, a.from, history.Look{}, history.Lines{})
	default:
		s.complain("%s was answered %v", key, a.err)
	}
}

// inCart records what is known of an owner's cart since a time.
func (s *shopper) inCart(owner domain.OwnerID, from time.Duration, what, answer any) {
	if s.identify == nil || owner != s.owner {
		s.record(from, cartOf(owner), what).Answer(answer)
	}
}

// bought records what became of a purchase, which its last call was told. It reports whether it is paid, out of the
// shopper's own cart.
func (s *shopper) bought(from time.Duration, key domain.IdempotencyKey, p domain.Purchase, last *attempt) bool {
	order := last.order
	if last.err == nil && order.Status == domain.Pending {
		order = s.awaited(order)
		if order.Status == domain.Cancelled && !s.careful {
			s.repeated(key, p, order, last)
		}
	}
	// What was placed and not paid had the cart and the stock for a while.
	for _, o := range s.orders(domain.Cancelled) {
		if o.Email != p.Email {
			continue
		}
		for _, line := range o.Lines {
			s.record(from, stockOf(line.Product), history.Hold{N: line.Quantity}).Answer(nil)
		}
		s.inCart(s.placedBy(o), from, history.Empty{}, orderLines(o))
		s.inCart(s.placedBy(o), from, history.Fill{Lines: orderLines(o)}, nil)
	}
	if last.err != nil || order.Status == domain.Cancelled {
		return false
	}
	if p.ExpectedTotal != nil && *p.ExpectedTotal != order.Total {
		s.complain("%s was told to pay %v, and paid %v", key, *p.ExpectedTotal, order.Total)
	}
	for _, line := range order.Lines {
		s.record(from, stockOf(line.Product), history.Take{N: line.Quantity}).Answer(nil)
	}
	s.inCart(s.placedBy(order), from, history.Empty{}, orderLines(order))
	own := s.placedBy(order) == s.owner
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paid[order.ID] = string(key)
	return own
}

// awaited waits until it is known what became of an order.
func (s *shopper) awaited(order domain.Order) domain.Order {
	for begun := s.now(); order.Status == domain.Pending && !s.forever(begun); s.wait(time.Second) {
		order, _ = s.store.Order(context.Background(), order.ID)
	}
	return order
}

// repeated asks again for an order that came back pending and was cancelled then: its key stays its own.
func (s *shopper) repeated(key domain.IdempotencyKey, p domain.Purchase, order domain.Order, last *attempt) {
	if !order.Payment.Awaited {
		// When that cannot be kept, the key is free.
		if last.request.Faults() == 0 {
			s.complain("%s was told that the order %s is pending, which is not kept", key, order.ID)
		}
		return
	}
	a := s.until(func(ctx context.Context) error {
		_, _, err := s.shop.Checkout.Buy(ctx, last.owner, key, p)
		return err
	})
	if !errors.Is(a.err, domain.ErrDeclined) {
		s.complain("%s was told that the order %s is pending, and then %v", key, order.ID, a.err)
	}
}
