package gateway_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
	"eshop/test/gateway"
	"eshop/test/history"
	"eshop/test/schedule"
	"eshop/test/shop"
	"eshop/usecase"
)

// A hundred, which is what rapid plays unless -rapid.checks says otherwise, take a tenth of a second.
func init() { _ = flag.Set("rapid.checks", "1000") }

func TestPayments(t *testing.T) {
	porttest.Payments(t, func(*testing.T) (a, b port.Payments) {
		g := gateway.New(nil)
		return g, g
	})
}

// plan is what befalls the shop. Once the moods of a method are used up, the gateway is prompt.
type plan struct {
	Seed      uint64
	Fails     int // of a thousand calls of the stores
	Purchases []purchase
	Moods     map[gateway.Method][]gateway.Mood
}

// purchase is bought with one key by as many calls at once.
type purchase struct {
	Quantity, Calls  int
	Declined, Refund bool
}

var plans = rapid.Custom(func(t *rapid.T) plan {
	moods := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, gateway.Moods-1), func(n int) gateway.Mood { return gateway.Mood(n) }), 0, 8)
	return plan{
		Seed:  rapid.Uint64().Draw(t, "seed"),
		Fails: rapid.SampledFrom([]int{0, 0, 30}).Draw(t, "fails"),
		Purchases: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) purchase {
			return purchase{
				rapid.IntRange(1, 3).Draw(t, "quantity"), rapid.IntRange(1, 3).Draw(t, "calls"),
				rapid.IntRange(0, 4).Draw(t, "declined") == 4, rapid.Bool().Draw(t, "refund"),
			}
		}), 1, 3).Draw(t, "purchases"),
		Moods: map[gateway.Method][]gateway.Mood{
			gateway.Charge: moods.Draw(t, "charges"), gateway.Settle: moods.Draw(t, "questions"), gateway.Refund: moods.Draw(t, "refunds"),
		},
	}
})

const (
	stock = 5
	// patience is nginx's for a checkout.
	patience = 6 * time.Second
	// settled is when all is known: each mood is one of a few that each cost a lease.
	settled = 10 * time.Minute
)

// play plays a plan, and returns what was broken.
func play(t *testing.T, p plan, mutate func(port.Payments) port.Payments) []string {
	var wrong []string
	synctest.Test(t, func(t *testing.T) { wrong = playInBubble(t, p, mutate) })
	return wrong
}

func playInBubble(t *testing.T, p plan, mutate func(port.Payments) port.Payments) []string {
	g := gateway.New(func(method gateway.Method, n int) gateway.Mood {
		if moods := p.Moods[method]; n < len(moods) {
			return moods[n]
		}
		return gateway.Prompt
	})
	store, wire := memory.NewStore(), schedule.NewWire(p.Seed, p.Fails, 10*time.Millisecond)
	parts := shop.PartsOf(store)
	parts.Stores = schedule.Around(parts.Stores, wire.Through)
	// The gateway has moods of its own.
	parts.Payments = g
	if mutate != nil {
		parts.Payments = mutate(g)
	}
	s := &scene{shop: parts.UseCases(t), store: store}
	kind := domain.Category{Slug: "things", Name: "Things"}
	require.NoError(t, store.PutProducts(context.Background(), []domain.Product{{
		ID: "lamp", Slug: "lamp", Name: "lamp", Category: kind, Subcategory: kind, Price: domain.Dollars(1000), Stock: stock, AddedAt: time.Now(),
	}}))
	ended := make(chan struct{})
	var servers, people sync.WaitGroup
	servers.Go(func() { s.serve(ended) })
	for n, one := range p.Purchases {
		people.Go(func() { s.buy(n, one) })
	}
	people.Wait()
	wire.Calm()
	for begun := time.Now(); s.waiting(); time.Sleep(time.Second) {
		if time.Since(begun) > settled {
			s.complain("orders wait for ever")
			break
		}
	}
	close(ended)
	servers.Wait()
	wire.Wait()
	g.Wait()
	return append(s.wrong, s.audit(g)...)
}

// scene is a shop and what was found wrong with it.
type scene struct {
	shop  *usecase.Shop
	store *memory.Store

	mu    sync.Mutex
	wrong []string
}

func (s *scene) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

func ask(name string, n int) (context.Context, *schedule.Request) {
	return schedule.Begin(context.Background(), fmt.Sprintf("%s/%d", name, n))
}

// serve settles and refunds, as a server does, until ended is closed.
func (s *scene) serve(ended <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-ended:
			return
		case <-time.After(time.Second + time.Millisecond):
		}
		if !s.waiting() {
			continue
		}
		// What fails is tried again with the next pass.
		ctx, _ := ask("settler", n)
		_, _ = s.shop.Checkout.Settle(ctx)
		ctx, _ = ask("refunder", n)
		_, _ = s.shop.Fulfillment.FinishRefunds(ctx)
	}
}

func (s *scene) orders(status domain.OrderStatus) []domain.Order {
	orders, _, _ := s.store.Orders(context.Background(), port.OrderFilter{Status: status}, domain.Page{Number: 1, Size: 100})
	return orders
}

func (s *scene) waiting() bool {
	return len(s.orders(domain.Pending))+len(s.orders(domain.Refunding)) > 0
}

// buy makes a purchase until it is known what came of it, and may have it refunded then.
func (s *scene) buy(n int, of purchase) {
	name := fmt.Sprintf("shopper-%d", n)
	owner, card := domain.GuestOwner(name), "4242424242424242"
	if of.Declined {
		card = gateway.Declined
	}
	if _, err := s.store.UpdateCart(context.Background(), owner, func(c *domain.Cart) error {
		c.Lines = []domain.Line{{ID: "l", Product: "lamp", Quantity: of.Quantity}}
		return nil
	}); err != nil {
		s.complain("%s has no cart: %v", name, err)
	}
	p := domain.Purchase{
		Email:           name + "@mail.example",
		ShippingAddress: domain.Address{Name: "Ann", Line1: "1 Main St", City: "Springfield", PostalCode: "12345", Country: "US"},
		Method:          domain.DemoCard, Card: domain.NewCard(card, "12/39", "123"),
	}
	var mu sync.Mutex
	tries := 0
	for begun := time.Now(); ; time.Sleep(time.Second) {
		var calls sync.WaitGroup
		known, paid := of.Calls, domain.Order{}
		for range of.Calls {
			tries++
			ctx, request := ask(name, tries)
			calls.Go(func() {
				from := time.Now()
				order, _, err := s.shop.Checkout.Buy(ctx, owner, "k", p)
				if took := time.Since(from); took > patience {
					s.complain("%s was answered after %v", name, took)
				}
				mu.Lock()
				defer mu.Unlock()
				switch {
				case request.Ended(), err != nil && (errors.Is(err, domain.ErrUnavailable) || errors.Is(err, domain.ErrLimited)), err == nil && order.Status == domain.Pending:
					known--
				case err == nil:
					paid = order
				case !errors.Is(err, domain.ErrDeclined) && domain.CodeOf(err) != domain.CodeOutOfStock:
					s.complain("%s was answered %v", name, err)
				}
			})
		}
		calls.Wait()
		if paid.ID != "" && of.Refund {
			s.refund(name, paid)
		}
		if paid.ID != "" || known == of.Calls {
			return
		}
		if time.Since(begun) > settled {
			s.complain("%s waits for ever", name)
			return
		}
	}
}

func (s *scene) refund(name string, order domain.Order) {
	staff := domain.User{ID: "u-staff", Username: "sam", Role: domain.Staff}
	for n := 1; order.Status != domain.Refunded; n++ {
		ctx, _ := ask(name+"-refund", n)
		now, err := s.shop.Fulfillment.Move(ctx, staff, order.Number, domain.Refunded, "k")
		if err != nil && !errors.Is(err, domain.ErrUnavailable) || n > 600 {
			s.complain("%s is %s and not refunded: %v", order.ID, order.Status, err)
			return
		}
		if err == nil {
			order = now
		}
		time.Sleep(time.Second)
	}
}

// audit compares the ledger with the orders, and the orders with the stock.
func (s *scene) audit(g *gateway.Gateway) []string {
	var orders []history.Order
	var charges []history.Charge
	sold := 0
	for _, o := range slices.Concat(s.orders(""), s.orders(domain.Cancelled)) {
		paid := o.Status == domain.Paid
		key := o.Email
		if o.Status == domain.Cancelled {
			key = "" // it is free
		}
		orders = append(orders, history.Order{ID: string(o.ID), Key: key, Total: o.Total.Amount, Paid: paid})
		if paid {
			sold += o.Lines[0].Quantity
		}
	}
	for _, e := range g.Ledger() {
		charges = append(charges, history.Charge{Order: string(e.Order), Amount: e.Amount})
	}
	wrong := history.Money(orders, charges)
	product, _ := s.store.Product(context.Background(), "lamp")
	if product.Stock+sold != stock {
		wrong = append(wrong, fmt.Sprintf("%d lamps are in stock and %d sold, of %d", product.Stock, sold, stock))
	}
	return wrong
}

func TestCheckout_HoweverTheGatewayBehaves(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := plans.Draw(r, "plan")
		if wrong := play(t, p, nil); len(wrong) > 0 {
			r.Fatalf("%s", strings.Join(wrong, "\n"))
		}
	})
}

// mutants are gateways that break a promise of port.Payments, each with what then must be found.
var mutants = map[string]struct {
	refusal string
	mutate  func(port.Payments) port.Payments
}{
	"a question that voids nothing": {"is due", func(p port.Payments) port.Payments { return unvoiding{p} }},
	"a charge that was never made":  {"is due", func(p port.Payments) port.Payments { return &credulous{Payments: p} }},
	"a charge that is called refused": {"is due", func(p port.Payments) port.Payments {
		return &gloomy{Payments: p}
	}},
	"a refund that was never made":        {"is due", func(p port.Payments) port.Payments { return generous{p} }},
	"a refund of what is not to be given": {"is due", func(p port.Payments) port.Payments { return hasty{p} }},
	"a gateway that never says":           {"for ever", func(p port.Payments) port.Payments { return mute{p} }},
}

// caughtWithin is how many plans a mutant may survive.
const caughtWithin = 200

func TestMutants(t *testing.T) {
	for name, one := range mutants {
		t.Run(name, func(t *testing.T) {
			for n := range caughtWithin {
				for _, wrong := range play(t, plans.Example(n), one.mutate) {
					if strings.Contains(wrong, one.refusal) {
						t.Logf("caught by plan %d: %s", n+1, wrong)
						return
					}
				}
			}
			assert.Fail(t, "it survived")
		})
	}
}

type unvoiding struct{ port.Payments }

func (p unvoiding) SettleOrVoid(ctx context.Context, _ domain.OrderID) (port.ChargeStatus, error) {
	return port.NotCharged, ctx.Err()
}

type credulous struct {
	port.Payments
	mu sync.Mutex
	n  int
}

func (p *credulous) Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (port.ChargeStatus, error) {
	p.mu.Lock()
	p.n++
	odd := p.n%2 == 1
	p.mu.Unlock()
	if odd {
		return port.Charged, nil
	}
	return p.Payments.Charge(ctx, order, amount, card)
}

// gloomy takes silence for a refusal.
type gloomy struct{ port.Payments }

func (p *gloomy) Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (port.ChargeStatus, error) {
	status, err := p.Payments.Charge(ctx, order, amount, card)
	if err != nil {
		return port.Refused, nil //nolint:nilerr // which is the mistake
	}
	return status, nil
}

type generous struct{ port.Payments }

func (generous) Refund(context.Context, domain.OrderID) error { return nil }

// hasty gives back what it has just taken.
type hasty struct{ port.Payments }

func (p hasty) Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (port.ChargeStatus, error) {
	status, err := p.Payments.Charge(ctx, order, amount, card)
	if err == nil && status == port.Charged {
		_ = p.Refund(ctx, order)
	}
	return status, err
}

// mute never says what became of a charge.
type mute struct{ port.Payments }

func (mute) Charge(context.Context, domain.OrderID, domain.Money, domain.Card) (port.ChargeStatus, error) {
	return "", domain.ErrUnavailable
}

func (mute) SettleOrVoid(context.Context, domain.OrderID) (port.ChargeStatus, error) {
	return "", domain.ErrUnavailable
}
