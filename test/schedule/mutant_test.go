package schedule_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"eshop"
	"eshop/domain"
	"eshop/port"
)

// mutants are shops that break a promise now and then, each with how what refuses it begins.
var mutants = map[string]struct {
	refusal string
	mutate  mutant
}{
	"a stock read outside the lock": {"stock ", func(s eshop.Stores) eshop.Stores {
		s.Stock = unlockedStock{s.Stock, s.Products}
		return s
	}},
	"a lost commit": {"cart ", func(s eshop.Stores) eshop.Stores {
		s.Carts = &lossyCarts{Carts: s.Carts}
		return s
	}},
	"a doubled order": {"key ", func(s eshop.Stores) eshop.Stores {
		s.Orders = &unlockedOrders{someOrders: s.Orders, carts: s.Carts, products: s.Products, placed: map[string]domain.OrderID{}}
		return s
	}},
	"an answer of the past": {"stock ", func(s eshop.Stores) eshop.Stores {
		s.Products = &pastProducts{someProducts: s.Products, known: map[string]pastProduct{}}
		return s
	}},
	"a cart merged twice": {"cart ", func(s eshop.Stores) eshop.Stores {
		s.Carts = keepingCarts{s.Carts}
		return s
	}},
	"a change of a cart whose key is forgotten": {"cart ", func(s eshop.Stores) eshop.Stores {
		s.Carts = forgetfulCarts{s.Carts}
		return s
	}},
	"a sign-out that comes back": {"session ", func(s eshop.Stores) eshop.Stores {
		s.Sessions = unlockedSessions{s.Sessions}
		return s
	}},
	"a charge without its order": {"for order ", func(s eshop.Stores) eshop.Stores {
		s.Payments = unvoidingPayments{s.Payments}
		return s
	}},
	"an order without its charge": {"for order ", func(s eshop.Stores) eshop.Stores {
		s.Payments = &lossyPayments{Payments: s.Payments}
		return s
	}},
	"a message renumbered": {"end ", func(s eshop.Stores) eshop.Stores {
		s.Conversations = unlockedConversations{s.Conversations}
		return s
	}},
	"a message left out": {"end ", func(s eshop.Stores) eshop.Stores {
		s.Conversations = &lossyConversations{someConversations: s.Conversations}
		return s
	}},
	"a conversation left behind": {"end ", func(s eshop.Stores) eshop.Stores {
		s.Conversations = keepingConversations{s.Conversations}
		return s
	}},
	"stock that comes back twice": {"stock ", func(s eshop.Stores) eshop.Stores {
		s.Orders = returningOrders{s.Orders, s.Stock}
		return s
	}},
}

// caughtWithin is how many schedules a mutant may survive.
const caughtWithin = 200

func TestMutants(t *testing.T) {
	for name, one := range mutants {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= caughtWithin; seed++ {
				w := run(t, seed, one.mutate)
				w.wrong = nil // what the history does not show, does not count
				for _, wrong := range w.judge() {
					if strings.HasPrefix(wrong, one.refusal) {
						t.Logf("caught by schedule %d", seed)
						return
					}
				}
			}
			assert.Fail(t, "it survived")
		})
	}
}

// Fields that are not called as a method of theirs is.
type (
	someOrders        = port.Orders
	someProducts      = port.Products
	someConversations = port.Conversations
)

// meanwhile is long enough for others to come in between.
const meanwhile = 300 * time.Millisecond

type unlockedStock struct {
	port.Stock
	products port.Products
}

func (s unlockedStock) ChangeStock(ctx context.Context, change domain.StockMovement, _ domain.IdempotencyKey) (int, error) {
	before, err := s.products.Product(ctx, string(change.Product))
	if err != nil {
		return 0, err
	}
	time.Sleep(meanwhile)
	now, err := s.products.Product(ctx, string(change.Product))
	if err != nil {
		return 0, err
	}
	change.Delta += before.Stock - now.Stock
	return s.Stock.ChangeStock(ctx, change, "")
}

type lossyCarts struct {
	port.Carts
	changes atomic.Int64
}

func (c *lossyCarts) UpdateCart(ctx context.Context, owner domain.OwnerID, change func(*domain.Cart) error) (domain.Cart, error) {
	if c.changes.Add(1)%10 != 0 {
		return c.Carts.UpdateCart(ctx, owner, change)
	}
	cart, err := c.Cart(ctx, owner)
	if err == nil {
		err = change(&cart)
	}
	return cart, err
}

// unlockedOrders look for the key and read the cart before they take the lock.
type unlockedOrders struct {
	someOrders
	carts    port.Carts
	products port.Products

	mu     sync.Mutex
	placed map[string]domain.OrderID
}

func (o *unlockedOrders) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	name := string(p.Owner) + p.Key
	o.mu.Lock()
	id, ok := o.placed[name]
	o.mu.Unlock()
	if ok {
		if order, err := o.Order(ctx, id); err == nil && (order.Status != domain.Cancelled || order.Payment.Awaited) {
			return order, false, nil
		}
	}
	cart, err := o.carts.Cart(ctx, p.Owner)
	if err != nil {
		return domain.Order{}, false, err
	}
	products := map[domain.ProductID]domain.Product{}
	for _, line := range cart.Lines {
		products[line.Product], _ = o.products.Product(ctx, string(line.Product))
	}
	time.Sleep(meanwhile)
	o.mu.Lock()
	p.Key = fmt.Sprint(p.Key, " ", len(o.placed), " ", time.Now().UnixNano())
	o.mu.Unlock()
	order, placed, err := o.someOrders.PlaceOrder(ctx, p, func(domain.Cart, map[domain.ProductID]domain.Product) (domain.Order, error) {
		return build(cart, products)
	})
	if err == nil {
		o.mu.Lock()
		o.placed[name] = order.ID
		o.mu.Unlock()
	}
	return order, placed, err
}

// pastProducts show what they have read for as long as nothing promises.
type pastProducts struct {
	someProducts
	mu    sync.Mutex
	known map[string]pastProduct
}

type pastProduct struct {
	domain.Product
	at time.Time
}

func (p *pastProducts) Product(ctx context.Context, ref string) (domain.Product, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.known[ref]; ok && time.Since(known.at) < time.Second {
		return known.Product, nil
	}
	product, err := p.someProducts.Product(ctx, ref)
	if err == nil {
		p.known[ref] = pastProduct{product, time.Now()}
	}
	return product, err
}

// keepingCarts leave what was merged where it was.
type keepingCarts struct{ port.Carts }

func (c keepingCarts) MergeCart(ctx context.Context, from, into domain.OwnerID) error {
	cart, err := c.Cart(ctx, from)
	if err != nil {
		return err
	}
	_, err = c.UpdateCart(ctx, into, func(into *domain.Cart) error {
		into.Merge(cart)
		return nil
	})
	return err
}

type forgetfulCarts struct{ port.Carts }

func (c forgetfulCarts) UpdateCart(ctx context.Context, owner domain.OwnerID, change func(*domain.Cart) error) (domain.Cart, error) {
	return c.Carts.UpdateCart(ctx, owner, func(cart *domain.Cart) error {
		cart.Keys = nil
		return change(cart)
	})
}

// unlockedSessions bring back what ended while they wrote.
type unlockedSessions struct{ port.Sessions }

func (s unlockedSessions) TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error {
	session, err := s.Session(ctx, key, time.Now())
	if err != nil {
		return err
	}
	time.Sleep(meanwhile)
	session.ExpiresAt = expires
	return s.PutSession(context.WithoutCancel(ctx), session)
}

// unvoidingPayments say that nothing was charged, and charge later.
type unvoidingPayments struct{ port.Payments }

func (p unvoidingPayments) SettleOrVoid(ctx context.Context, order domain.OrderID) (port.ChargeStatus, error) {
	if err := p.Refund(ctx, order); domain.CodeOf(err) == domain.CodeNotCharged {
		return port.NotCharged, nil
	}
	return port.Charged, nil
}

type lossyPayments struct {
	port.Payments
	charges atomic.Int64
}

func (p *lossyPayments) Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (port.ChargeStatus, error) {
	if p.charges.Add(1)%4 == 0 {
		return port.Charged, nil
	}
	return p.Payments.Charge(ctx, order, amount, card)
}

// unlockedConversations number a message before they add it.
type unlockedConversations struct{ someConversations }

func (c unlockedConversations) AddMessage(ctx context.Context, id domain.ConversationID, m domain.Message) (domain.Message, bool, error) {
	conversation, err := c.Conversation(ctx, id)
	if err != nil {
		return domain.Message{}, false, err
	}
	time.Sleep(meanwhile)
	kept, added, err := c.someConversations.AddMessage(ctx, id, m)
	if added {
		kept.Seq = conversation.Last + 1
	}
	return kept, added, err
}

type lossyConversations struct {
	someConversations
	reads atomic.Int64
}

func (c *lossyConversations) Messages(ctx context.Context, id domain.ConversationID, after int64, limit int) ([]domain.Message, error) {
	messages, err := c.someConversations.Messages(ctx, id, after, limit)
	if len(messages) > 1 && c.reads.Add(1)%3 == 0 {
		messages = messages[1:]
	}
	return messages, err
}

// keepingConversations stay with the guest who signed in.
type keepingConversations struct{ someConversations }

func (keepingConversations) AdoptConversation(context.Context, domain.OwnerID, domain.OwnerID) error {
	return nil
}

// returningOrders put back into stock what was put back already.
type returningOrders struct {
	someOrders
	stock port.Stock
}

func (o returningOrders) TransitionOrder(ctx context.Context, id domain.OrderID, change func(*domain.Order) (domain.Effects, error)) (domain.Order, domain.Effects, error) {
	order, effects, err := o.someOrders.TransitionOrder(ctx, id, change)
	for _, line := range effects.ReturnStock {
		_, _ = o.stock.ChangeStock(ctx, domain.StockMovement{Product: line.Product, Delta: line.Quantity, Reason: domain.StockReturned, Order: id, At: effects.At}, "")
	}
	return order, effects, err
}
