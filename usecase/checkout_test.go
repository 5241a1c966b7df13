package usecase_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/port"
	testshop "eshop/test/shop"
	"eshop/usecase"
)

// world is the use cases of a shop in memory.
type world struct {
	*usecase.Shop
	store   *memory.Store
	gateway port.Payments
}

func utcNow() time.Time { return time.Now().UTC() }

// useCases makes those of a shop on store, by the bubble's clock where there is one.
func useCases(t *testing.T, store *memory.Store, changes ...func(*testshop.Parts)) *usecase.Shop {
	t.Helper()
	p := testshop.PartsOf(store)
	p.Clock = utcNow
	for _, change := range changes {
		change(&p)
	}
	return p.UseCases(t)
}

func newWorld(t *testing.T) world {
	return newWorldPaidBy(t, demopay.New(demopay.NewMemoryLedger(utcNow)))
}

func newWorldPaidBy(t *testing.T, gateway port.Payments) world {
	store := memory.NewStore()
	shop := useCases(t, store, func(p *testshop.Parts) { p.Payments = gateway })
	w := world{shop, store, gateway}
	require.NoError(t, store.PutProducts(t.Context(), []domain.Product{product("tea", 5), product("pot", 3)}))
	return w
}

func product(name string, stock int) domain.Product {
	kind := domain.Category{Slug: "things", Name: "Things"}
	return domain.Product{
		ID: domain.ProductID(name), Slug: name, Name: name, Category: kind, Subcategory: kind,
		Price: domain.Dollars(1000), Stock: stock, AddedAt: utcNow(),
	}
}

func purchase(number string) domain.Purchase {
	return domain.Purchase{
		Email:           "ann@example.com",
		ShippingAddress: domain.Address{Name: "Ann", Line1: "1 Main St", City: "Springfield", PostalCode: "12345", Country: "US"},
		Method:          domain.DemoCard,
		Card:            domain.NewCard(number, "12/39", "123"),
	}
}

const good = "4242 4242 4242 4242"

func (w world) fill(t *testing.T, owner domain.OwnerID, id domain.ProductID, n int) {
	t.Helper()
	_, err := w.Cart.Add(t.Context(), owner, id, n, "")
	require.NoError(t, err)
}

func (w world) stock(t *testing.T, id domain.ProductID) int {
	t.Helper()
	p, err := w.store.Product(t.Context(), string(id))
	require.NoError(t, err)
	return p.Stock
}

func TestCheckout_Buy(t *testing.T) {
	t.Run("takes the stock, empties the cart and pays", func(t *testing.T) {
		w := newWorld(t)
		w.fill(t, "ann", "tea", 2)
		order, placed, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
		require.NoError(t, err)
		assert.True(t, placed)
		assert.Equal(t, domain.Paid, order.Status)
		assert.Equal(t, domain.Dollars(2499), order.Total, "two at $10.00 and delivery")
		assert.Equal(t, "4242", order.Payment.Last4)
		assert.Equal(t, 3, w.stock(t, "tea"))
		cart, err := w.Cart.Priced(t.Context(), "ann")
		require.NoError(t, err)
		assert.Empty(t, cart.Items)
	})

	t.Run("a declined card leaves stock, cart and key as they were", func(t *testing.T) {
		w := newWorld(t)
		w.fill(t, "ann", "tea", 2)
		_, _, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(demopay.Declines))
		require.ErrorIs(t, err, domain.ErrDeclined)
		assert.Equal(t, 5, w.stock(t, "tea"))
		order, placed, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
		require.NoError(t, err)
		assert.True(t, placed)
		assert.Equal(t, domain.Paid, order.Status)
		assert.Equal(t, 3, w.stock(t, "tea"))
	})

	t.Run("a gateway that fails charges nothing and keeps nothing", func(t *testing.T) {
		w := newWorld(t)
		w.fill(t, "ann", "tea", 2)
		_, _, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(demopay.Fails))
		require.ErrorIs(t, err, domain.ErrUnavailable)
		assert.Equal(t, 5, w.stock(t, "tea"))
		cart, err := w.store.Cart(t.Context(), "ann")
		require.NoError(t, err)
		assert.Equal(t, 2, cart.ItemCount())
	})

	t.Run("the same key and purchase again is the same order", func(t *testing.T) {
		w := newWorld(t)
		w.fill(t, "ann", "tea", 2)
		first, _, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
		require.NoError(t, err)
		again, placed, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
		require.NoError(t, err)
		assert.False(t, placed)
		assert.Equal(t, first.ID, again.ID)
	})

	t.Run("the same key with another card is refused", func(t *testing.T) {
		w := newWorld(t)
		w.fill(t, "ann", "tea", 2)
		_, _, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
		require.NoError(t, err)
		_, _, err = w.Checkout.Buy(t.Context(), "ann", "k", purchase("5555555555554444"))
		var e *domain.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, domain.CodeIdempotencyKeyReused, e.Code)
	})

	t.Run("without a key the cart's version is the key", func(t *testing.T) {
		w := newWorld(t)
		w.fill(t, "ann", "tea", 2)
		first, _, err := w.Checkout.Buy(t.Context(), "ann", "", purchase(good))
		require.NoError(t, err)
		again, placed, err := w.Checkout.Buy(t.Context(), "ann", "", purchase(good))
		require.NoError(t, err)
		assert.False(t, placed)
		assert.Equal(t, first.ID, again.ID)
		_, _, err = w.Checkout.Buy(t.Context(), "ann", "", purchase("5555555555554444"))
		var e *domain.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, domain.CodeCartEmpty, e.Code)

		w.fill(t, "ann", "pot", 1)
		next, placed, err := w.Checkout.Buy(t.Context(), "ann", "", purchase(good))
		require.NoError(t, err)
		assert.True(t, placed)
		assert.NotEqual(t, first.ID, next.ID)
	})

	t.Run("all that is short is named, and nothing is taken", func(t *testing.T) {
		w := newWorld(t)
		w.fill(t, "ann", "tea", 5)
		w.fill(t, "ann", "pot", 3)
		w.fill(t, "bob", "pot", 1)
		_, _, err := w.Checkout.Buy(t.Context(), "bob", "k", purchase(good))
		require.NoError(t, err)
		_, _, err = w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
		var e *domain.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, []domain.Shortage{{Product: "pot", Name: "pot", Wanted: 3, Available: 2}}, e.Shortages)
		assert.Equal(t, 5, w.stock(t, "tea"))
	})

	t.Run("everything wrong is said at once", func(t *testing.T) {
		w := newWorld(t)
		_, _, err := w.Checkout.Buy(t.Context(), "ann", "", domain.Purchase{})
		var e *domain.Error
		require.ErrorAs(t, err, &e)
		for _, field := range []string{"email", "shipping_address.name", "shipping_address.country", "payment.card_number", "payment.expiry"} {
			assert.Contains(t, e.Fields, field)
		}
	})
}

func TestCheckout_Buy_ChargesWhatWasExpected(t *testing.T) {
	w := newWorld(t)
	_, err := w.store.ChangeStock(t.Context(), domain.StockMovement{Product: "tea", Delta: 1000, Reason: domain.StockReceived, At: utcNow()}, "")
	require.NoError(t, err)
	dear, cheap := product("tea", 0), product("tea", 0)
	dear.Price = domain.Dollars(9000)
	expected := purchase(good)
	total := domain.Dollars(1499)
	expected.ExpectedTotal = &total
	done := make(chan struct{})
	var changing sync.WaitGroup
	changing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
				assert.NoError(t, w.store.PutProducts(context.Background(), []domain.Product{[]domain.Product{dear, cheap}[i%2]}))
			}
		}
	})
	for i := range 300 {
		owner := domain.OwnerID(fmt.Sprint(i))
		w.fill(t, owner, "tea", 1)
		order, _, err := w.Checkout.Buy(t.Context(), owner, "k", expected)
		var e *domain.Error
		if errors.As(err, &e) {
			assert.Equal(t, domain.CodeTotalChanged, e.Code)
			assert.Equal(t, domain.Dollars(9000), *e.Total)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, total, order.Total)
	}
	close(done)
	changing.Wait()
}

func TestCheckout_Settle_AsksASilentGatewayUntilItSays(t *testing.T) {
	for _, c := range []struct {
		card  string
		want  domain.OrderStatus
		stock int
	}{{demopay.HangsThenPays, domain.Paid, 3}, {demopay.HangsThenDenies, domain.Cancelled, 5}} {
		t.Run(string(c.want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.fill(t, "ann", "tea", 2)
				order, placed, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(c.card))
				require.NoError(t, err)
				assert.True(t, placed)
				assert.Equal(t, domain.Pending, order.Status)

				settled, err := w.Checkout.Settle(t.Context())
				require.NoError(t, err)
				assert.Zero(t, settled, "who placed it may still be at work")

				time.Sleep(2 * demopay.Silence)
				settled, err = w.Checkout.Settle(t.Context())
				require.NoError(t, err)
				assert.Equal(t, 1, settled)
				order, err = w.Checkout.Order(t.Context(), "ann", order.ID)
				require.NoError(t, err)
				assert.Equal(t, c.want, order.Status)
				assert.Equal(t, c.stock, w.stock(t, "tea"))
			})
		})
	}
}

// slowGateway answers after a while, and counts what it charged.
type slowGateway struct {
	port.Payments
	charged atomic.Int64
}

func (g *slowGateway) Charge(ctx context.Context, o domain.OrderID, m domain.Money, c domain.Card) (port.ChargeStatus, error) {
	g.charged.Add(1)
	time.Sleep(time.Second)
	return g.Payments.Charge(ctx, o, m, c)
}

func TestCheckout_Buy_ARepeatWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := &slowGateway{Payments: demopay.New(demopay.NewMemoryLedger(utcNow))}
		w := newWorldPaidBy(t, gateway)
		w.fill(t, "ann", "tea", 2)
		var (
			all    sync.WaitGroup
			mu     sync.Mutex
			placed int
			ids    = map[domain.OrderID]bool{}
		)
		for range 50 {
			all.Go(func() {
				order, first, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
				assert.NoError(t, err)
				assert.Equal(t, domain.Paid, order.Status)
				mu.Lock()
				defer mu.Unlock()
				ids[order.ID] = true
				if first {
					placed++
				}
			})
		}
		all.Wait()
		assert.Equal(t, 1, placed)
		assert.Len(t, ids, 1)
		assert.EqualValues(t, 1, gateway.charged.Load())
	})
}

func TestCheckout_Buy_ARepeatIsToldWhatTheFirstIsTold(t *testing.T) {
	for card, want := range map[string]domain.Kind{demopay.Declines: domain.ErrDeclined, demopay.Fails: domain.ErrUnavailable} {
		t.Run(string(want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldPaidBy(t, &slowGateway{Payments: demopay.New(demopay.NewMemoryLedger(utcNow))})
				w.fill(t, "ann", "tea", 2)
				var all sync.WaitGroup
				for range 5 {
					all.Go(func() {
						_, _, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(card))
						assert.ErrorIs(t, err, want)
					})
				}
				all.Wait()
				assert.Equal(t, 5, w.stock(t, "tea"))
			})
		})
	}
}

// dyingGateway never answers the first charge: its caller is as good as dead.
type dyingGateway struct {
	port.Payments
	first atomic.Bool
}

func (g *dyingGateway) Charge(ctx context.Context, o domain.OrderID, m domain.Money, c domain.Card) (port.ChargeStatus, error) {
	if g.first.CompareAndSwap(false, true) {
		time.Sleep(time.Hour)
	}
	return g.Payments.Charge(ctx, o, m, c)
}

func TestCheckout_Buy_ARepeatFinishesForOneThatDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldPaidBy(t, &dyingGateway{Payments: demopay.New(demopay.NewMemoryLedger(utcNow))})
		w.fill(t, "ann", "tea", 2)
		go func() { _, _, _ = w.Checkout.Buy(t.Context(), "ann", "k", purchase(good)) }()
		time.Sleep(time.Millisecond)
		begin := time.Now()
		// Settling goes on beside the repeats, which come first: they know the card.
		done := make(chan struct{})
		go func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(50 * time.Millisecond):
					_, err := w.Checkout.Settle(t.Context())
					assert.NoError(t, err)
				}
			}
		}()
		status := domain.Pending
		for repeats := 1; status == domain.Pending; repeats++ {
			order, placed, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
			require.NoError(t, err)
			assert.False(t, placed)
			assert.LessOrEqual(t, repeats, 2)
			status = order.Status
		}
		close(done)
		assert.Equal(t, domain.Paid, status)
		assert.Less(t, time.Since(begin), 10*time.Second)
		time.Sleep(2 * time.Hour) // until the one that died has ended too
	})
}

// slowOrders are Orders that take their time, or never end.
type slowOrders struct {
	orders
	placing, moving time.Duration
}

func (o slowOrders) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	if err := sleep(ctx, o.placing); err != nil {
		return domain.Order{}, false, err
	}
	return o.orders.PlaceOrder(ctx, p, build)
}

func (o slowOrders) TransitionOrder(ctx context.Context, id domain.OrderID, change func(*domain.Order) (domain.Effects, error)) (domain.Order, domain.Effects, error) {
	if err := sleep(ctx, o.moving); err != nil {
		return domain.Order{}, domain.Effects{}, err
	}
	return o.orders.TransitionOrder(ctx, id, change)
}

// sleep is a call of a store that takes d: it fails as stores do when ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return domain.ErrUnavailable.Errorf(domain.CodeStoreUnavailable, "away")
	}
}

func TestCheckout_Buy_EndsInTime(t *testing.T) {
	// patience is what nginx waits for a checkout, less what a request takes besides.
	const patience, told = 5500 * time.Millisecond, 2 * time.Second
	for name, c := range map[string]struct {
		placing, moving time.Duration
		card            string
		want            domain.OrderStatus
		within          time.Duration
	}{
		"a gateway that hangs":                         {0, 0, demopay.HangsThenPays, domain.Pending, patience},
		"a gateway that hangs behind a slow store":     {1400 * time.Millisecond, 900 * time.Millisecond, demopay.HangsThenPays, domain.Pending, patience},
		"a store that hangs while the order is placed": {time.Hour, 0, good, "", told},
		"a store that hangs after the money was taken": {0, time.Hour, good, domain.Pending, patience},
		"a store that hangs after a gateway that hung": {0, time.Hour, demopay.HangsThenDenies, domain.Pending, patience},
		"a slow store": {1400 * time.Millisecond, 900 * time.Millisecond, good, domain.Paid, patience},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memory.NewStore()
				require.NoError(t, store.PutProducts(t.Context(), []domain.Product{product("tea", 5)}))
				shop := useCases(t, store, func(p *testshop.Parts) { p.Orders = slowOrders{store, c.placing, c.moving} })
				w := world{Shop: shop, store: store}
				w.fill(t, "ann", "tea", 2)
				var all sync.WaitGroup
				for range 3 {
					all.Go(func() {
						begin := time.Now()
						order, _, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(c.card))
						assert.Less(t, time.Since(begin), c.within)
						assert.Equal(t, c.want, order.Status)
						if c.want == "" {
							assert.ErrorIs(t, err, domain.ErrUnavailable)
						} else {
							assert.NoError(t, err)
						}
					})
				}
				all.Wait()
			})
		})
	}
}

func TestCheckout_Buy_TellsLaterWhatBecameOfAPendingOrder(t *testing.T) {
	for card, want := range map[string]domain.OrderStatus{demopay.HangsThenPays: domain.Paid, demopay.HangsThenDenies: domain.Cancelled} {
		t.Run(string(want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.fill(t, "ann", "tea", 2)
				first, placed, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(card))
				require.NoError(t, err)
				assert.True(t, placed)
				again, placed, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(card))
				require.NoError(t, err)
				assert.False(t, placed)
				assert.Equal(t, first.ID, again.ID)
				assert.Equal(t, domain.Pending, again.Status)
				time.Sleep(2 * demopay.Silence)
				_, err = w.Checkout.Settle(t.Context())
				require.NoError(t, err)
				for range 3 {
					order, placed, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(card))
					assert.False(t, placed)
					if want == domain.Cancelled {
						assert.ErrorIs(t, err, domain.ErrDeclined)
						assert.Equal(t, 5, w.stock(t, "tea"), "a repeat asks for no second charge")
						continue
					}
					require.NoError(t, err)
					assert.Equal(t, first.ID, order.ID)
					assert.Equal(t, domain.Paid, order.Status)
				}
				_, _, err = w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
				assert.Equal(t, domain.CodeIdempotencyKeyReused, domain.CodeOf(err))
				if want == domain.Cancelled {
					order, placed, err := w.Checkout.Buy(t.Context(), "ann", "next", purchase(good))
					require.NoError(t, err)
					assert.True(t, placed, "what was not paid is in the cart again")
					assert.Equal(t, first.Total, order.Total)
				}
			})
		})
	}
}

// cancellingCarts cancel an order after each merge, unless it is cancelled.
type cancellingCarts struct {
	port.Carts
	after func()
}

func (c cancellingCarts) MergeCart(ctx context.Context, from, into domain.OwnerID) error {
	err := c.Carts.MergeCart(ctx, from, into)
	c.after()
	return err
}

func TestAccount_AnOrderThatIsCancelledWhileItsShopperSignsIn(t *testing.T) {
	w := newWorldPaidBy(t, &stuckGateway{nil, func(domain.OrderID) bool { return true }})
	synctest.Test(t, func(t *testing.T) {
		guest := w.Account.NewGuest()
		w.fill(t, guest.Session.Owner(), "tea", 2)
		order, _, err := w.Checkout.Buy(t.Context(), guest.Session.Owner(), "k", purchase(good))
		require.NoError(t, err)
		require.Equal(t, domain.Pending, order.Status)
		account := useCases(t, w.store, func(p *testshop.Parts) {
			p.Carts = cancellingCarts{w.store, func() {
				_, _, err := w.store.TransitionOrder(t.Context(), order.ID, func(o *domain.Order) (domain.Effects, error) {
					return o.MoveOnce(domain.StatusChange{Status: domain.Cancelled, At: utcNow()})
				})
				assert.NoError(t, err)
			}}
		}).Account
		pass, err := account.Register(t.Context(), guest.Visitor, ann, "here")
		require.NoError(t, err)
		cart, err := w.store.Cart(t.Context(), pass.Session.Owner())
		require.NoError(t, err)
		assert.Equal(t, 2, cart.ItemCount(), "what was not paid is in the account's cart")
	})
}

// countingOrders counts how often an order is read.
type countingOrders struct {
	orders
	read *atomic.Int64
}

func (o countingOrders) Order(ctx context.Context, id domain.OrderID) (domain.Order, error) {
	o.read.Add(1)
	return o.orders.Order(ctx, id)
}

func TestCheckout_Buy_ARepeatWatchesItsOwnOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, read := memory.NewStore(), new(atomic.Int64)
		require.NoError(t, store.PutProducts(t.Context(), []domain.Product{product("tea", 5)}))
		gateway := &slowGateway{Payments: demopay.New(demopay.NewMemoryLedger(utcNow))}
		shop := useCases(t, store, func(p *testshop.Parts) { p.Orders, p.Payments = countingOrders{store, read}, gateway })
		w := world{Shop: shop, store: store}
		w.fill(t, "ann", "tea", 2)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				order, _, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
				assert.NoError(t, err)
				assert.Equal(t, domain.Paid, order.Status)
			})
		}
		for i := range 300 {
			time.Sleep(3 * time.Millisecond)
			require.NoError(t, store.Publish(t.Context(), domain.Event{Topic: domain.OrderChanged, Key: fmt.Sprint("other-", i)}))
		}
		all.Wait()
		assert.LessOrEqual(t, read.Load(), int64(10), "reads of the one order")
	})
}

func TestCheckout_ByTheStoresClock(t *testing.T) {
	set := func(clock func() time.Time) func(*testshop.Parts) {
		return func(p *testshop.Parts) { p.Clock = clock }
	}
	setBack := func() func() time.Time {
		var asked atomic.Int64
		return func() time.Time { return utcNow().Add(-time.Duration(min(asked.Add(1), 2)-1) * 10 * time.Minute) }
	}
	off := func(d time.Duration) func() time.Time { return func() time.Time { return utcNow().Add(d) } }
	for name, c := range map[string]struct{ buying, other func() time.Time }{
		"the other server's clock is ahead":                  {utcNow, off(10 * time.Minute)},
		"the other server's clock is behind":                 {utcNow, off(-10 * time.Minute)},
		"the buying server's clock is ahead":                 {off(10 * time.Minute), utcNow},
		"the buying server's clock is behind":                {off(-10 * time.Minute), utcNow},
		"the buying server's clock is set back as it places": {setBack(), off(10 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memory.NewStore()
				gateway := &slowGateway{Payments: demopay.New(demopay.NewMemoryLedger(utcNow))}
				paidBy := func(p *testshop.Parts) {
					p.Payments, p.Orders = gateway, slowOrders{store, 1400 * time.Millisecond, 900 * time.Millisecond}
				}
				require.NoError(t, store.PutProducts(t.Context(), []domain.Product{product("tea", 5)}))
				buying, other := useCases(t, store, paidBy, set(c.buying)), useCases(t, store, paidBy, set(c.other))
				world{Shop: buying, store: store}.fill(t, "ann", "tea", 2)
				var all sync.WaitGroup
				bought := make(chan struct{})
				all.Go(func() {
					defer close(bought)
					order, _, err := buying.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
					assert.NoError(t, err)
					assert.Equal(t, domain.Paid, order.Status)
				})
				all.Go(func() {
					order, _, err := other.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
					assert.NoError(t, err)
					assert.Equal(t, domain.Paid, order.Status)
				})
				for waiting := true; waiting; {
					settled, err := other.Checkout.Settle(t.Context())
					require.NoError(t, err)
					assert.Zero(t, settled, "the order is being paid")
					select {
					case <-bought:
						waiting = false
					case <-time.After(50 * time.Millisecond):
					}
				}
				all.Wait()
				assert.EqualValues(t, 1, gateway.charged.Load())
			})
		})
	}
	t.Run("an order whose server died is settled in time by a server whose clock is behind", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store := memory.NewStore()
			require.NoError(t, store.PutProducts(t.Context(), []domain.Product{product("tea", 5)}))
			ahead, behind := useCases(t, store, set(off(10*time.Minute))), useCases(t, store, set(off(-10*time.Minute)))
			world{Shop: ahead, store: store}.fill(t, "ann", "tea", 2)
			order, _, err := ahead.Checkout.Buy(t.Context(), "ann", "k", purchase(demopay.HangsThenDenies))
			require.NoError(t, err)
			require.Equal(t, domain.Pending, order.Status)
			time.Sleep(demopay.Silence)
			settled, err := behind.Checkout.Settle(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 1, settled)
		})
	})
}

// stuckGateway says nothing of the orders that it is stuck at.
type stuckGateway struct {
	port.Payments
	stuck func(domain.OrderID) bool
}

func (g *stuckGateway) Charge(ctx context.Context, o domain.OrderID, m domain.Money, c domain.Card) (port.ChargeStatus, error) {
	if g.stuck(o) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return g.Payments.Charge(ctx, o, m, c)
}

func (g *stuckGateway) SettleOrVoid(ctx context.Context, o domain.OrderID) (port.ChargeStatus, error) {
	if g.stuck(o) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return g.Payments.SettleOrVoid(ctx, o)
}

func TestCheckout_Settle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := &stuckGateway{demopay.New(demopay.NewMemoryLedger(utcNow)), func(domain.OrderID) bool { return true }}
		w := newWorldPaidBy(t, gateway)
		var last domain.Order
		for _, owner := range []domain.OwnerID{"ann", "bob", "cid"} {
			w.fill(t, owner, "tea", 1)
			order, _, err := w.Checkout.Buy(t.Context(), owner, "k", purchase(good))
			require.NoError(t, err)
			require.Equal(t, domain.Pending, order.Status)
			last = order
		}
		time.Sleep(time.Minute)
		gateway.stuck = func(id domain.OrderID) bool { return id != last.ID }
		settled, err := w.Checkout.Settle(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, settled, "the orders before it keep it waiting")
		last, err = w.Checkout.Order(t.Context(), "cid", last.ID)
		require.NoError(t, err)
		assert.Equal(t, domain.Cancelled, last.Status)
	})
}

// lockedOrders are Orders of which one cannot be written.
type lockedOrders struct {
	orders
	locked domain.OrderID
}

func (o *lockedOrders) TransitionOrder(ctx context.Context, id domain.OrderID, change func(*domain.Order) (domain.Effects, error)) (domain.Order, domain.Effects, error) {
	if id == o.locked {
		return domain.Order{}, domain.Effects{}, domain.ErrUnavailable.Errorf(domain.CodeUnavailable, "locked")
	}
	return o.orders.TransitionOrder(ctx, id, change)
}

// crowdedOrders are Orders of which more calls want each one than may wait.
type crowdedOrders struct {
	orders
	crowded bool
}

func (o *crowdedOrders) TransitionOrder(ctx context.Context, id domain.OrderID, change func(*domain.Order) (domain.Effects, error)) (domain.Order, domain.Effects, error) {
	if o.crowded {
		return domain.Order{}, domain.Effects{}, domain.TooOften(time.Second)
	}
	return o.orders.TransitionOrder(ctx, id, change)
}

func TestCheckout_Buy_WhileACrowdWantsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		kept := &crowdedOrders{orders: store, crowded: true}
		require.NoError(t, store.PutProducts(t.Context(), []domain.Product{product("tea", 5)}))
		w := world{Shop: useCases(t, store, func(p *testshop.Parts) { p.Orders = kept }), store: store}
		w.fill(t, "ann", "tea", 1)
		order, placed, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(good))
		require.NoError(t, err, "nobody whose card was charged is told to try again")
		assert.True(t, placed)
		assert.Equal(t, domain.Pending, order.Status)

		kept.crowded = false
		time.Sleep(time.Minute)
		settled, err := w.Checkout.Settle(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, settled)
		order, err = w.Checkout.Order(t.Context(), "ann", order.ID)
		require.NoError(t, err)
		assert.Equal(t, domain.Paid, order.Status)
	})
}

func TestCheckout_Settle_GoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		kept := &lockedOrders{orders: store}
		require.NoError(t, store.PutProducts(t.Context(), []domain.Product{product("tea", 5)}))
		w := world{Shop: useCases(t, store, func(p *testshop.Parts) { p.Orders = kept }), store: store}
		for _, owner := range []domain.OwnerID{"ann", "bob", "cid"} {
			w.fill(t, owner, "tea", 1)
			order, _, err := w.Checkout.Buy(t.Context(), owner, "k", purchase(demopay.HangsThenPays))
			require.NoError(t, err)
			if owner == "ann" {
				kept.locked = order.ID
			}
		}
		time.Sleep(time.Minute)
		settled, err := w.Checkout.Settle(t.Context())
		require.ErrorIs(t, err, domain.ErrUnavailable)
		assert.ErrorContains(t, err, string(kept.locked))
		assert.Equal(t, 2, settled, "the oldest holds up no other")
	})
}

func TestFulfillment_Settle(t *testing.T) {
	staff, customer := domain.User{ID: "s", Role: domain.Staff}, domain.User{ID: "c", Role: domain.Customer}
	for card, want := range map[string]domain.OrderStatus{demopay.HangsThenPays: domain.Paid, demopay.HangsThenDenies: domain.Cancelled} {
		t.Run(string(want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.fill(t, "ann", "tea", 2)
				order, _, err := w.Checkout.Buy(t.Context(), "ann", "k", purchase(card))
				require.NoError(t, err)
				name := domain.OrderNumber(order.ID)
				_, err = w.Fulfillment.Settle(t.Context(), customer, name)
				require.ErrorIs(t, err, domain.ErrDenied)
				_, err = w.Fulfillment.Settle(t.Context(), staff, "E-1")
				require.ErrorIs(t, err, domain.ErrNotFound)
				_, err = w.Fulfillment.Settle(t.Context(), staff, name)
				assert.Equal(t, domain.CodeOrderState, domain.CodeOf(err), "who placed it may still be at work, and asking would void its charge")

				time.Sleep(4 * time.Second)
				_, err = w.Fulfillment.Settle(t.Context(), staff, name)
				assert.Equal(t, domain.CodePaymentUnavailable, domain.CodeOf(err), "the gateway is still silent")
				time.Sleep(demopay.Silence)
				settled, err := w.Fulfillment.Settle(t.Context(), staff, name)
				require.NoError(t, err)
				assert.Equal(t, want, settled.Status)
				again, err := w.Fulfillment.Settle(t.Context(), staff, name)
				require.NoError(t, err)
				assert.Equal(t, settled, again, "it changes nothing more")
				assert.Equal(t, map[domain.OrderStatus]int{domain.Paid: 3, domain.Cancelled: 5}[want], w.stock(t, "tea"))
			})
		})
	}
}
