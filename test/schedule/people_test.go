package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"eshop/domain"
	"eshop/test/history"
	"eshop/test/shop"
	"eshop/usecase"
)

// counting is one of the staff who counts what is in stock.
func counting(w *world) func() {
	p := w.enter("counter")
	return func() {
		for n := range 4 {
			p.wait(500 * time.Millisecond)
			product, delta := p.product(), p.chance.IntN(6)-2
			if delta == 0 {
				continue
			}
			key := domain.IdempotencyKey(fmt.Sprintf("count-%d", n))
			stock := 0
			a := p.until(func(ctx context.Context) (err error) {
				stock, err = w.shop.Inventory.ChangeStock(ctx, w.staff, product, delta, key)
				return err
			})
			switch {
			case a.err != nil && domain.CodeOf(a.err) == domain.CodeStockBounds:
				p.record(a.last, stockOf(product), history.Count{Delta: delta}).Refuse()
			case a.err != nil:
				w.complain("counting %+d of %s failed: %v", delta, product, a.err)
			case a.repeated(): // and is answered by what there is now
				p.record(a.first, stockOf(product), history.Count{Delta: delta}).Answer(nil)
				p.record(a.last, stockOf(product), history.Look{}).Answer(stock)
			default:
				p.record(a.last, stockOf(product), history.Count{Delta: delta}).Answer(stock)
			}
		}
	}
}

// pricing is one of the staff who changes what things cost.
func pricing(w *world) func() {
	p := w.enter("pricer")
	return func() {
		for range 3 {
			p.wait(500 * time.Millisecond)
			product, price := p.product(), domain.Dollars(1000+100*p.chance.Int64N(3))
			if a := p.until(func(ctx context.Context) error { return w.shop.Inventory.SetPrice(ctx, w.staff, product, price) }); a.err != nil {
				w.complain("the price of %s could not be set: %v", product, a.err)
			}
		}
	}
}

// refunding is one of the staff who gives money back.
func refunding(w *world) func() {
	p := w.enter(fmt.Sprintf("refunder-%d", w.clients))
	return func() {
		for n := range 3 {
			p.wait(2 * time.Second)
			orders := p.list(domain.Paid)
			if len(orders) == 0 {
				continue
			}
			order, key := orders[p.chance.IntN(len(orders))], domain.IdempotencyKey(fmt.Sprintf("%s-%d", p.name, n))
			w.mu.Lock()
			from, ok := w.refunded[order.ID]
			if !ok {
				from = p.now()
				w.refunded[order.ID] = from
			}
			w.mu.Unlock()
			for order.Status != domain.Refunded {
				a := p.until(func(ctx context.Context) (err error) {
					var now domain.Order
					if now, err = w.shop.Fulfillment.Move(ctx, w.staff, order.Number, domain.Refunded, key); err == nil {
						order = now
					}
					return err
				})
				if a.err != nil {
					w.complain("refunding %s failed: %v", order.ID, a.err)
					break
				}
				if p.forever(from) {
					break
				}
				p.wait(time.Second)
			}
			if ok { // the other one tells when its stock is back
				continue
			}
			for _, line := range order.Lines {
				p.record(from, stockOf(line.Product), history.Give{N: line.Quantity}).Answer(nil)
			}
		}
	}
}

// list returns the orders of a status.
func (p *person) list(status domain.OrderStatus) []domain.Order {
	var orders []domain.Order
	p.until(func(ctx context.Context) (err error) {
		orders, _, err = p.shop.Fulfillment.Orders(ctx, p.staff, status, domain.Page{Number: 1, Size: 10})
		return err
	})
	return orders
}

// shipping is one of the staff who ships what is paid, and asks about what is not.
func shipping(w *world) func() {
	p := w.enter("shipper")
	return func() {
		for range 4 {
			p.wait(time.Second)
			for _, order := range p.list(domain.Pending) {
				// Somebody else may be asking, or the order may have moved on.
				p.until(func(ctx context.Context) error {
					_, err := w.shop.Fulfillment.Settle(ctx, w.staff, domain.OrderNumber(order.ID))
					return err
				})
			}
			for _, order := range p.list(domain.Paid) {
				a := p.until(func(ctx context.Context) error {
					_, err := w.shop.Fulfillment.Move(ctx, w.staff, order.Number, domain.Shipped, "")
					return err
				})
				if a.err != nil && domain.CodeOf(a.err) != domain.CodeOrderState {
					w.complain("shipping %s failed: %v", order.ID, a.err)
				}
				break
			}
		}
	}
}

// looking is somebody who looks at products.
func looking(w *world) func() {
	p := w.enter("looker")
	return func() {
		for range 6 {
			p.wait(300 * time.Millisecond)
			from := p.now()
			ctx, request := p.ask()
			var found []domain.Product
			if p.chance.IntN(2) == 0 {
				page, err := w.shop.Catalog.Search(ctx, domain.Query{})
				if err == nil {
					found = page.Products
				}
			} else if product, err := w.shop.Catalog.Product(ctx, string(p.product())); err == nil {
				found = []domain.Product{product}
			}
			if request.Ended() {
				continue
			}
			for _, product := range found {
				p.record(from, stockOf(product.ID), history.Look{}).Answer(product.Stock)
			}
		}
	}
}

// browsing is bob of the staff, who fills a guest's cart, signs in on two tabs, and out again.
func browsing(w *world) func() {
	p, phone := w.enter("bob"), &shopper{person: w.enter("bobs-phone"), owner: domain.UserID("u-bob").Owner()}
	return func() {
		var devices sync.WaitGroup
		devices.Go(phone.beside)
		for n := range 2 {
			p.visit(n, phone.owner)
		}
		devices.Wait()
		bob := usecase.Visitor{Session: domain.Session{Key: "bob", User: "u-bob"}, User: domain.User{ID: "u-bob", Username: "bob"}}
		home, desk := &reader{person: w.enter("bob-at-home"), of: &w.bobs}, &reader{person: w.enter("sam-of-bob"), of: &w.bobs}
		home.tell(bob, "bye")
		home.leave(w.mine(bob))
		desk.leave(w.theirs(phone.owner))
	}
}

func (p *person) visit(n int, account domain.OwnerID) {
	guest := p.shop.Account.NewGuest()
	p.until(func(ctx context.Context) error { return p.shop.Account.Keep(ctx, guest) })
	things := &shopper{person: p, owner: guest.Session.Guest, keys: 100 * n}
	things.fill()
	var brought domain.Cart
	p.until(func(ctx context.Context) (err error) {
		brought, err = p.shop.Cart.Of(ctx, things.owner)
		return err
	})
	talker := &reader{person: p, of: &p.bobs}
	told := talker.tell(guest.Visitor, fmt.Sprintf("%d as a guest", n))
	var pass usecase.Credential
	begun := p.now()
	var in atomic.Pointer[usecase.Credential]
	buyer := &shopper{person: p.enter(fmt.Sprintf("bob-who-buys-%d", n)), owner: things.owner}
	buyer.identify = func(ctx context.Context) (usecase.Visitor, error) {
		if pass := in.Load(); pass != nil {
			return p.shop.Account.Identify(ctx, pass.Secret)
		}
		return guest.Visitor, nil
	}
	bought := false
	var buying sync.WaitGroup
	if n == 1 {
		buying.Go(func() { bought = buyer.buy() })
	}
	signedIn := p.until(func(ctx context.Context) (err error) {
		pass, err = p.shop.Account.SignIn(ctx, guest.Visitor, "bob", shop.Password, "192.0.2.1")
		return err
	})
	if signedIn.err != nil {
		p.complain("bob could not sign in: %v", signedIn.err)
		return
	}
	in.Store(&pass)
	var merged atomic.Bool
	merged.Store(!pass.Session.Unmerged)
	session := history.Object{Kind: history.Session, ID: fmt.Sprintf("bob %d", n)}
	p.history.Begin(session, "bob")
	look := func(p *person) {
		from := p.now()
		ctx, request := p.ask()
		visitor, err := p.shop.Account.Identify(ctx, pass.Secret)
		if request.Ended() || err != nil && !errors.Is(err, domain.ErrNotFound) {
			return
		}
		p.record(from, session, history.Look{}).Answer(visitor.User.Username)
		if err == nil && !visitor.Session.Unmerged {
			merged.Store(true)
		}
	}
	if p.chance.IntN(2) == 0 {
		p.wait(3 * domain.StaffTouch) // so that it is written down that the session was seen
	}
	other := p.enter(fmt.Sprintf("bob-on-another-tab-%d", n))
	var tabs sync.WaitGroup
	tabs.Go(func() {
		for range 4 {
			other.wait(50 * time.Millisecond)
			look(other)
		}
	})
	look(p)
	buying.Wait()
	p.wait(100 * time.Millisecond)
	out := p.until(func(ctx context.Context) error { return p.shop.Account.SignOut(ctx, pass.Visitor) })
	p.record(out.first, session, history.SignOut{}).Answer(nil)
	look(p)
	tabs.Wait()
	look(p)
	p.mu.Lock()
	if merged.Load() {
		p.bobs.moved = append(p.bobs.moved, told)
	} else { // it is there or not
		p.bobs.said[told] = history.Message{ClientID: told, Body: p.bobs.said[told].Body}
	}
	p.mu.Unlock()
	lines := linesOf(brought)
	if len(lines) == 0 || bought {
		return // nothing is left that could be brought
	}
	brings := p.record(begun, cartOf(account), history.Fill{Lines: lines})
	if merged.Load() {
		brings.Answer(nil)
	} // else it was brought or not, or will be
}

// renewing is eve, who changes her password while somebody who knows the old one signs in.
func renewing(w *world) func() {
	eve, thief := w.enter("eve"), w.enter("thief")
	return func() {
		var before usecase.Credential
		eve.until(func(ctx context.Context) (err error) {
			before, err = w.shop.Account.SignIn(ctx, usecase.Visitor{}, "eve", shop.Password, "192.0.2.3")
			return err
		})
		var thieves sync.WaitGroup
		var passes []usecase.Credential
		thieves.Go(func() {
			for range 4 {
				thief.wait(200 * time.Millisecond)
				var pass usecase.Credential
				a := thief.until(func(ctx context.Context) (err error) {
					pass, err = w.shop.Account.SignIn(ctx, usecase.Visitor{}, "eve", shop.Password, "192.0.2.4")
					return err
				})
				if a.err == nil {
					passes = append(passes, pass)
				}
			}
		})
		eve.wait(300 * time.Millisecond)
		var after usecase.Credential
		a := eve.until(func(ctx context.Context) (err error) {
			after, err = w.shop.Account.ChangePassword(ctx, before.Visitor, shop.Password, "another "+shop.Password, "192.0.2.3")
			return err
		})
		if a.err != nil {
			w.complain("eve could not change her password: %v", a.err)
			return
		}
		changed := eve.now()
		thieves.Wait()
		for n, pass := range append(passes, before, after) {
			session := history.Object{Kind: history.Session, ID: fmt.Sprintf("eve %d", n)}
			w.history.Begin(session, "eve")
			if n <= len(passes) {
				eve.record(changed, session, history.SignOut{}).Answer(nil)
			}
			var visitor usecase.Visitor
			a := eve.until(func(ctx context.Context) (err error) {
				visitor, err = w.shop.Account.Identify(ctx, pass.Secret)
				return err
			})
			eve.record(a.last, session, history.Look{}).Answer(visitor.User.Username)
		}
	}
}

// reader is one end of a conversation. It reads on from the last message that it has.
type reader struct {
	*person
	of    *talk
	heard []history.Message
}

// read reads on, and reports whether there was more.
func (r *reader) read(messages func(ctx context.Context, after int64) ([]domain.Message, error)) bool {
	after := int64(0)
	if n := len(r.heard); n > 0 {
		after = r.heard[n-1].Seq
	}
	ctx, request := r.ask()
	more, err := messages(ctx, after)
	if err != nil || request.Ended() {
		return true
	}
	for _, m := range more {
		r.heard = append(r.heard, history.Message{Seq: m.Seq, ClientID: m.ClientID, Body: m.Body})
	}
	return len(more) > 0
}

// say says something until it is answered, and returns by what it is known.
func (r *reader) say(what string, say func(ctx context.Context, id string) (domain.Message, error)) (id string) {
	id = fmt.Sprintf("%s-%s", r.name, strings.ReplaceAll(what, " ", "-"))
	keep := func(seq int64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.of.said[id] = history.Message{Seq: seq, ClientID: id, Body: what}
	}
	keep(0)
	var m domain.Message
	if a := r.until(func(ctx context.Context) (err error) { m, err = say(ctx, id); return err }); a.err == nil {
		keep(m.Seq)
	} else {
		r.complain("%s could not say %s: %v", r.name, what, a.err)
	}
	return id
}

// leave reads all that is left once nothing fails any more.
func (r *reader) leave(messages func(ctx context.Context, after int64) ([]domain.Message, error)) {
	r.atLast(func() {
		for r.read(messages) {
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.of.heard = append(r.of.heard, r.heard)
	})
}

// tell says something to the shop.
func (r *reader) tell(who usecase.Visitor, what string) (id string) {
	return r.say(what, func(ctx context.Context, id string) (domain.Message, error) {
		m, _, err := r.shop.Chat.Say(ctx, who, id, what, "192.0.2.2")
		return m, err
	})
}

// mine reads the visitor's conversation.
func (w *world) mine(who usecase.Visitor) func(ctx context.Context, after int64) ([]domain.Message, error) {
	return func(ctx context.Context, after int64) ([]domain.Message, error) {
		thread, err := w.shop.Chat.Mine(ctx, who)
		if err != nil {
			return nil, err
		}
		return thread.Messages(ctx, after)
	}
}

// theirs reads the conversation of an owner as staff does.
func (w *world) theirs(owner domain.OwnerID) func(ctx context.Context, after int64) ([]domain.Message, error) {
	return func(ctx context.Context, after int64) ([]domain.Message, error) {
		c, err := w.store.ConversationOf(ctx, owner)
		if err != nil {
			return nil, err
		}
		thread, err := w.shop.Chat.Conversation(ctx, w.staff, c.ID)
		if err != nil {
			return nil, err
		}
		return thread.Messages(ctx, after)
	}
}

var cat = domain.GuestOwner("cat")

// chatting is a shopper who writes to the shop, on two devices.
func chatting(w *world) func() {
	who := usecase.Visitor{Session: domain.Session{Key: "cat", Guest: cat}}
	messages := w.mine(who)
	device := func(r *reader) {
		for n := range 3 {
			r.wait(200 * time.Millisecond)
			r.tell(who, fmt.Sprint(n))
			r.read(messages)
		}
		r.leave(messages)
	}
	laptop, phone := &reader{person: w.enter("cat"), of: &w.cats}, &reader{person: w.enter("cats-phone"), of: &w.cats}
	return func() {
		var devices sync.WaitGroup
		devices.Go(func() { device(phone) })
		device(laptop)
		devices.Wait()
	}
}

// answering is one of the staff who answers whoever writes.
func answering(w *world) func() {
	r := &reader{person: w.enter("sam"), of: &w.cats}
	return func() {
		var id domain.ConversationID
		for begun := w.now(); id == "" && !r.forever(begun); {
			r.wait(200 * time.Millisecond)
			r.until(func(ctx context.Context) error {
				open, _, err := w.shop.Chat.Conversations(ctx, w.staff, domain.ConversationOpen, domain.Page{Number: 1, Size: 10})
				for _, c := range open {
					if c.Owner == cat {
						id = c.ID
					}
				}
				return err
			})
		}
		messages := w.theirs(cat)
		for n := range 3 {
			r.wait(200 * time.Millisecond)
			r.read(messages)
			r.say(fmt.Sprint(n), func(ctx context.Context, client string) (domain.Message, error) {
				m, _, err := w.shop.Chat.Answer(ctx, w.staff, id, client, fmt.Sprint(n))
				return m, err
			})
		}
		r.leave(messages)
	}
}
