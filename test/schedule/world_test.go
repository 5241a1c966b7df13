package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"eshop"
	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/port"
	"eshop/test/gateway"
	"eshop/test/history"
	"eshop/test/schedule"
	"eshop/test/shop"
	"eshop/usecase"
)

// world is a shop and the people in it, under one schedule. What it keeps is complete once run returns.
type world struct {
	seed    uint64
	wire    *schedule.Wire
	history *history.History
	store   *memory.Store
	gateway *gateway.Gateway
	shop    *usecase.Shop
	staff   domain.User

	mu       sync.Mutex
	begun    time.Time
	clients  int
	wrong    []string                          // promises that were broken before anybody had to judge
	placers  map[domain.OrderID]domain.OwnerID // who placed the orders, some of which are another's by now
	paid     map[domain.OrderID]string         // the orders that shoppers were told are paid, by their keys
	refunded map[domain.OrderID]time.Duration  // since when somebody asked for it
	cats     talk
	bobs     talk
	last     []func() // what people do once nothing fails any more
}

// talk is a conversation, as those know it who speak in it.
type talk struct {
	said  map[string]history.Message
	heard [][]history.Message // by each end
	// moved are those that were said in another, which was joined into it, and so bear other numbers by now.
	moved []string
}

func (t talk) judge() []string {
	for _, id := range t.moved {
		for _, m := range t.heard[0] {
			if m.ClientID == id {
				t.said[id] = m
			}
		}
	}
	return history.Conversation(t.said, t.heard...)
}

// goods are what the shop has of each product. They are scarce: most of what is asked for is not there.
var goods = map[domain.ProductID]int{"lamp": 3, "cup": 5, "pen": 2}

// mutant puts something in place of stores that does not keep their promises.
type mutant func(eshop.Stores) eshop.Stores

// run plays the schedule of a seed.
func run(t *testing.T, seed uint64, mutate mutant) *world {
	w := &world{
		seed: seed, placers: map[domain.OrderID]domain.OwnerID{}, paid: map[domain.OrderID]string{}, refunded: map[domain.OrderID]time.Duration{}, cats: talk{said: map[string]history.Message{}}, bobs: talk{said: map[string]history.Message{}},
		// A third of all seeds only bring things out of order; stores are so slow with a quarter that some answers come late.
		wire: schedule.NewWire(seed, []int{0, 20, 80}[seed%3], []time.Duration{10, 10, 10, 250}[seed/3%4]*time.Millisecond),
	}
	synctest.Test(t, func(t *testing.T) { w.run(t, mutate) })
	return w
}

func (w *world) run(t *testing.T, mutate mutant) {
	w.begun = time.Now()
	w.history = history.New(w.now)
	w.store, w.gateway = memory.NewStore(), gateway.New(w.mood)
	parts := shop.PartsOf(w.store)
	parts.Payments, parts.Orders = w.gateway, seenOrders{w.store, w}
	if mutate != nil {
		parts.Stores = mutate(parts.Stores)
	}
	parts.Stores = schedule.Around(parts.Stores, w.wire.Through)
	w.shop = parts.UseCases(t)
	w.open(t)

	servers, stop := context.WithCancel(context.Background())
	var people, background sync.WaitGroup
	for n := range 2 {
		server := w.enter(fmt.Sprintf("server-%d", n))
		background.Go(func() { w.serve(servers, server) })
	}
	for n := range 3 {
		name := fmt.Sprintf("shopper-%d", n)
		one := &shopper{person: w.enter(name), owner: domain.GuestOwner(name), careful: n == 2}
		other := &shopper{person: w.enter(name + "-on-another-tab"), owner: one.owner}
		people.Go(one.stroll)
		if !one.careful {
			people.Go(other.beside)
		}
	}
	for _, play := range []func(*world) func(){counting, pricing, refunding, refunding, shipping, looking, browsing, renewing, chatting, answering} {
		people.Go(play(w))
	}
	people.Wait()
	w.wire.Calm()
	w.settle()
	for _, do := range w.last {
		do()
	}
	stop()
	background.Wait()
	w.wire.Wait()
	w.gateway.Wait()
	w.lookAtAll()
}

func (w *world) open(t *testing.T) {
	ctx := context.Background()
	var products []domain.Product
	for _, id := range slices.Sorted(maps.Keys(goods)) {
		products = append(products, domain.Product{
			ID: id, Slug: string(id), Name: string(id), Price: domain.Dollars(1000), Stock: goods[id], AddedAt: w.begun,
			Category: domain.Category{Slug: "home", Name: "Home"}, Subcategory: domain.Category{Slug: "things", Name: "Things"},
		})
		w.history.Begin(stockOf(id), goods[id])
	}
	hash, _ := shop.Passwords{}.Hash(ctx, shop.Password)
	w.staff = domain.User{ID: "u-staff", Username: "sam", Email: "sam@mail.example", Role: domain.Staff, PasswordHash: hash}
	eve := domain.User{ID: "u-eve", Username: "eve", Email: "eve@mail.example", Role: domain.Customer, PasswordHash: hash}
	bob := domain.User{ID: "u-bob", Username: "bob", Email: "bob@mail.example", Role: domain.Staff, PasswordHash: hash}
	for _, err := range []error{w.store.PutProducts(ctx, products), w.store.AddUser(ctx, w.staff), w.store.AddUser(ctx, bob), w.store.AddUser(ctx, eve)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) now() time.Duration { return time.Since(w.begun) }

func (w *world) complain(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// mood is how the gateway takes a call: one in ten otherwise than promptly, unless the seed only brings things out of order.
func (w *world) mood(method gateway.Method, n int) gateway.Mood {
	if w.seed%3 == 0 {
		return gateway.Prompt
	}
	chance := rand.New(rand.NewPCG(w.seed, uint64(n)<<8+uint64(method[0])))
	if chance.IntN(10) > 0 {
		return gateway.Prompt
	}
	return gateway.Mood(chance.IntN(gateway.Moods))
}

// serve is what a server does besides answering.
func (w *world) serve(ctx context.Context, p *person) {
	for ctx.Err() == nil {
		p.wait(time.Second)
		if !w.waiting() {
			continue // a pass would find nothing
		}
		// What fails is tried again with the next pass.
		settling, _ := p.ask()
		_, _ = w.shop.Checkout.Settle(settling)
		refunding, _ := p.ask()
		_, _ = w.shop.Fulfillment.FinishRefunds(refunding)
	}
}

// patience is longer than anything takes once nothing fails any more.
const patience = 2 * time.Minute

// atLast has something done once nothing fails any more.
func (w *world) atLast(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = append(w.last, do)
}

// settle waits until no order waits for the gateway.
func (w *world) settle() {
	for until := w.now() + patience; w.waiting(); time.Sleep(time.Second) {
		if w.now() > until {
			w.complain("orders wait for ever")
			return
		}
	}
}

// waiting reports whether an order waits for the gateway.
func (w *world) waiting() bool {
	return len(w.orders(domain.Pending))+len(w.orders(domain.Refunding)) > 0
}

func (w *world) orders(status domain.OrderStatus) []domain.Order {
	orders, _, _ := w.store.Orders(context.Background(), port.OrderFilter{Status: status}, domain.Page{Number: 1, Size: 1000})
	return orders
}

// lookAtAll reads what there is in the end.
func (w *world) lookAtAll() {
	p := w.enter("audit")
	ctx := context.Background()
	for _, id := range slices.Sorted(maps.Keys(goods)) {
		product, _ := w.store.Product(ctx, string(id))
		p.record(w.now(), stockOf(id), history.Look{}).Answer(product.Stock)
		sum := 0
		movements, _ := w.store.Movements(ctx, id)
		for _, m := range movements {
			sum += m.Delta
		}
		if sum != product.Stock {
			w.complain("of %s %d are in stock, and its movements add up to %d", id, product.Stock, sum)
		}
	}
}

// judge returns what no shop that keeps its promises would have answered.
func (w *world) judge() []string {
	wrong := slices.Clone(w.wrong)
	wrong = append(wrong, w.history.Check(5*time.Second)...)
	var orders []history.Order
	kept := map[domain.OrderID]domain.OrderStatus{}
	for _, o := range append(w.orders(""), w.orders(domain.Cancelled)...) {
		kept[o.ID] = o.Status
		paid := o.Status == domain.Paid || o.Status == domain.Shipped || o.Status == domain.Delivered
		key := o.Email
		if o.Status == domain.Cancelled {
			key = "" // it is free
		}
		orders = append(orders, history.Order{ID: string(o.ID), Key: key, Total: o.Total.Amount, Paid: paid})
	}
	var charges []history.Charge
	for _, e := range w.gateway.Ledger() {
		charges = append(charges, history.Charge{Order: string(e.Order), Amount: e.Amount})
	}
	wrong = append(wrong, history.Money(orders, charges)...)
	for id, key := range w.paid {
		if status, ok := kept[id]; !ok || status == domain.Cancelled {
			wrong = append(wrong, fmt.Sprintf("the order %s, which %s was told is paid, is %q", id, key, status))
		}
	}
	return slices.Concat(wrong, w.cats.judge(), w.bobs.judge())
}

func stockOf(id domain.ProductID) history.Object {
	return history.Object{Kind: history.Stock, ID: string(id)}
}

func cartOf(owner domain.OwnerID) history.Object {
	return history.Object{Kind: history.Cart, ID: string(owner)}
}

// person is somebody who does one thing after another.
type person struct {
	*world
	name   string
	client int
	chance *rand.Rand
	asked  atomic.Int64
}

// enter returns a person, whose chances depend on the name alone.
func (w *world) enter(name string) *person {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clients++
	seed := uint64(0)
	for _, letter := range name {
		seed = seed*31 + uint64(letter)
	}
	return &person{world: w, name: name, client: w.clients, chance: rand.New(rand.NewPCG(w.seed, seed))}
}

// ask begins a request.
func (p *person) ask() (context.Context, *schedule.Request) {
	return schedule.Begin(context.Background(), fmt.Sprintf("%s/%d", p.name, p.asked.Add(1)))
}

// wait sleeps for about as long as d.
func (p *person) wait(d time.Duration) { time.Sleep(d/2 + time.Duration(p.chance.Int64N(int64(d)))) }

// record keeps that the person asked something at a time, and ends now.
func (p *person) record(from time.Duration, object history.Object, what any) *history.Call {
	return p.history.CallSince(p.now()-from, p.client, object, what)
}

// answer is how what was repeated until it was answered ended.
type answer struct {
	first, last time.Duration // when it was asked for the first and for the last time
	err         error
}

func (a answer) repeated() bool { return a.first != a.last }

// until does what is harmless to repeat until it is answered.
func (p *person) until(do func(ctx context.Context) error) answer {
	a := answer{first: p.now()}
	for n := 0; ; n++ {
		a.last = p.now()
		ctx, request := p.ask()
		a.err = do(ctx)
		switch {
		case errors.Is(a.err, domain.ErrLimited):
			p.wait(time.Minute)
		case !request.Ended() && !unanswered(a.err):
			return a
		}
		if p.forever(a.first) {
			return a
		}
		p.wait(time.Duration(min(n, 10)+1) * 100 * time.Millisecond)
	}
}

// mostPatience is longer than anything takes while calls fail.
const mostPatience = 30 * time.Minute

// forever reports whether the person has waited for so long that nothing will come any more, which is complained of.
func (p *person) forever(since time.Duration) bool {
	if p.now()-since < mostPatience {
		return false
	}
	p.complain("%s waits for ever", p.name)
	return true
}

func unanswered(err error) bool {
	return errors.Is(err, domain.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (p *person) product() domain.ProductID {
	return slices.Sorted(maps.Keys(goods))[p.chance.IntN(len(goods))]
}

func linesOf(cart domain.Cart) history.Lines {
	lines := history.Lines{}
	for _, line := range cart.Lines {
		lines[string(line.Product)] += line.Quantity
	}
	return lines
}

func orderLines(order domain.Order) history.Lines {
	lines := history.Lines{}
	for _, line := range order.Lines {
		lines[string(line.Product)] += line.Quantity
	}
	return lines
}

// seenOrders tell the world who places them.
type seenOrders struct {
	*memory.Store
	world *world
}

func (o seenOrders) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	order, placed, err := o.Store.PlaceOrder(ctx, p, build)
	if placed {
		o.world.mu.Lock()
		defer o.world.mu.Unlock()
		o.world.placers[order.ID] = p.Owner
	}
	return order, placed, err
}

func (w *world) placedBy(order domain.Order) domain.OwnerID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.placers[order.ID]
}
