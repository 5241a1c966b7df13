package usecase_test

import (
	"context"
	"errors"
	"fmt"
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

// declinesAll is a gateway that refuses every card but good.
type declinesAll struct{ port.Payments }

func (g declinesAll) Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (port.ChargeStatus, error) {
	if card.Number != domain.NewCard(good, "", "").Number {
		card.Number = demopay.Declines
	}
	return g.Payments.Charge(ctx, order, amount, card)
}

// worldOfTesters is a shop with plenty of sugar, where good alone is a good card.
func worldOfTesters(t *testing.T) world {
	w := newWorldPaidBy(t, declinesAll{demopay.New(demopay.NewMemoryLedger(utcNow))})
	plenty := product("sugar", 100_000)
	require.NoError(t, w.store.PutProducts(t.Context(), []domain.Product{plenty}))
	return w
}

// cardNumber returns a number that passes the check of its last digit; each n another one.
func cardNumber(n int) string {
	for last := range 10 {
		p := purchase(fmt.Sprintf("400%011d0%d", n, last))
		if p.Check(utcNow(), domain.USD) == nil {
			return p.Card.Number
		}
	}
	panic("every number has a last digit that passes")
}

// tryToBuy puts sugar in the cart and tries to pay with a card.
func (w world) tryToBuy(t *testing.T, owner domain.OwnerID, key domain.IdempotencyKey, number, address string) error {
	t.Helper()
	if cart, err := w.store.Cart(t.Context(), owner); err == nil && cart.ItemCount() == 0 {
		w.fill(t, owner, "sugar", 1)
	}
	p := purchase(number)
	p.ClientAddress = address
	_, _, err := w.Checkout.Buy(t.Context(), owner, key, p)
	return err
}

// wait returns how long a limited call is told to wait.
func wait(t *testing.T, err error) time.Duration {
	t.Helper()
	var limited *domain.Error
	require.ErrorAs(t, err, &limited)
	require.ErrorIs(t, err, domain.ErrLimited)
	require.Equal(t, domain.CodeRateLimited, limited.Code)
	return limited.RetryAfter
}

func TestBuy_LimitsTestersOfCards(t *testing.T) {
	for name, as := range map[string]struct {
		owner, card, address func(n int) string
		declines             int
	}{
		"one session":                {fixed("ann"), cardNumber, each("address"), 10},
		"one card":                   {each("owner"), fixed(cardNumber(0)), each("address"), 10},
		"one address":                {each("owner"), cardNumber, fixed("192.0.2.7"), 100},
		"one session, card, address": {fixed("ann"), fixed(cardNumber(0)), fixed("192.0.2.7"), 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := worldOfTesters(t)
				told := map[error]int{}
				var last error
				for n := range 300 {
					err := w.tryToBuy(t, domain.OwnerID(as.owner(n)), "", as.card(n), as.address(n))
					told[kindOf(err)]++
					last = err
				}
				assert.Equal(t, map[error]int{domain.ErrDeclined: as.declines, domain.ErrLimited: 300 - as.declines}, told)
				assert.Equal(t, 100_000, w.stock(t, "sugar"))
				attempts, _, err := w.store.Orders(t.Context(), port.OrderFilter{Status: domain.Cancelled}, domain.Page{Number: 1, Size: 1000})
				require.NoError(t, err)
				assert.Len(t, attempts, as.declines, "who is told to wait leaves nothing in the tables")

				time.Sleep(wait(t, last))
				require.ErrorIs(t, w.tryToBuy(t, domain.OwnerID(as.owner(299)), "", as.card(299), as.address(299)), domain.ErrDeclined, "who waited as long as was said may try once more")
				require.ErrorIs(t, w.tryToBuy(t, domain.OwnerID(as.owner(299)), "", as.card(299), as.address(299)), domain.ErrLimited)
			})
		})
	}
}

func fixed(text string) func(int) string { return func(int) string { return text } }

func each(text string) func(int) string { return func(n int) string { return fmt.Sprint(text, n) } }

func kindOf(err error) error {
	var kind domain.Kind
	if errors.As(err, &kind) {
		return kind
	}
	return err
}

func TestBuy_TellsNoMoreDeclinesToManyAtOnce(t *testing.T) {
	w := worldOfTesters(t)
	told := make(chan error, 200)
	for n := range cap(told) {
		w.fill(t, domain.OwnerID(fmt.Sprint("owner", n)), "sugar", 1)
	}
	for n := range cap(told) {
		go func() {
			told <- w.tryToBuy(t, domain.OwnerID(fmt.Sprint("owner", n)), "", cardNumber(0), fmt.Sprint("address", n))
		}()
	}
	declined := 0
	for range cap(told) {
		if err := <-told; errors.Is(err, domain.ErrDeclined) {
			declined++
		} else {
			require.ErrorIs(t, err, domain.ErrLimited)
		}
	}
	assert.Equal(t, 10, declined)
	assert.Equal(t, 100_000, w.stock(t, "sugar"))
}

func TestBuy_LimitsNobodyWhoPays(t *testing.T) {
	t.Run("however much they buy", func(t *testing.T) {
		w := worldOfTesters(t)
		for range 200 {
			require.NoError(t, w.tryToBuy(t, "ann", "", good, "192.0.2.7"))
		}
	})
	t.Run("behind an address from which one session tries cards", func(t *testing.T) {
		w := worldOfTesters(t)
		for n := range 300 {
			_ = w.tryToBuy(t, "tester", "", cardNumber(n), "192.0.2.7")
		}
		for n := range 50 {
			require.NoError(t, w.tryToBuy(t, domain.OwnerID(fmt.Sprint("pupil", n)), "", good, "192.0.2.7"))
		}
	})
	t.Run("behind an address that fresh sessions have used up, when they have paid before", func(t *testing.T) {
		w := worldOfTesters(t)
		require.NoError(t, w.tryToBuy(t, "ann", "", good, "192.0.2.7"))
		for n := range 300 {
			_ = w.tryToBuy(t, domain.OwnerID(fmt.Sprint("tester", n)), "", cardNumber(n), "192.0.2.7")
		}
		require.ErrorIs(t, w.tryToBuy(t, "new", "", good, "192.0.2.7"), domain.ErrLimited)
		require.NoError(t, w.tryToBuy(t, "new", "", good, "192.0.2.8"), "from elsewhere")
		for range 20 {
			require.NoError(t, w.tryToBuy(t, "ann", "", good, "192.0.2.7"))
		}
	})
	t.Run("and a shopper who mistypes a card some times", func(t *testing.T) {
		w := worldOfTesters(t)
		for range 9 {
			require.ErrorIs(t, w.tryToBuy(t, "ann", "", cardNumber(1), "192.0.2.7"), domain.ErrDeclined)
		}
		require.NoError(t, w.tryToBuy(t, "ann", "", good, "192.0.2.7"))
	})
}

func TestBuy_ARepeatMeetsNoLimit(t *testing.T) {
	w := worldOfTesters(t)
	require.NoError(t, w.tryToBuy(t, "ann", "paid", good, "192.0.2.7"))
	for n := range 20 {
		_ = w.tryToBuy(t, "ann", "", cardNumber(n), "192.0.2.7")
	}
	require.ErrorIs(t, w.tryToBuy(t, "ann", "", good, "192.0.2.7"), domain.ErrLimited)
	p := purchase(good)
	p.ClientAddress = "192.0.2.7"
	order, placed, err := w.Checkout.Buy(t.Context(), "ann", "paid", p)
	require.NoError(t, err)
	assert.False(t, placed)
	assert.Equal(t, domain.Paid, order.Status)
}

func TestBuy_LimitsOrdersThatStayPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		require.NoError(t, w.store.PutProducts(t.Context(), []domain.Product{product("sugar", 1000)}))
		pending := 0
		var last error
		for n := range 300 {
			if last = w.tryToBuy(t, "ann", domain.IdempotencyKey(fmt.Sprint("k", n)), demopay.HangsThenPays, "192.0.2.7"); last == nil {
				pending++
			}
		}
		// One comes back each ten seconds, of which an attempt takes four.
		assert.InDelta(t, 90, pending, 15)
		wait(t, last)
		order, placed, err := w.Checkout.Buy(t.Context(), "ann", "k0", purchase(demopay.HangsThenPays))
		require.NoError(t, err)
		assert.False(t, placed)
		assert.Equal(t, domain.Paid, order.Status, "a repeat finds out what became of its order")
	})
}

// uncounted is limits that nobody counts.
type uncounted struct{ port.Limits }

func (uncounted) Peek(context.Context, string, port.Limit) (time.Duration, error) {
	return 0, domain.ErrUnavailable.Errorf(domain.CodeUnavailable, "nobody counts")
}

func (u uncounted) Take(ctx context.Context, key string, limit port.Limit) (time.Duration, error) {
	return u.Peek(ctx, key, limit)
}

func TestBuy_GoesOnWhenNobodyCounts(t *testing.T) {
	store := memory.NewStore()
	w := world{useCases(t, store, func(p *testshop.Parts) { p.Limits = uncounted{} }), store, nil}
	require.NoError(t, store.PutProducts(t.Context(), []domain.Product{product("sugar", 5)}))
	require.ErrorIs(t, w.tryToBuy(t, "ann", "", demopay.Declines, "192.0.2.7"), domain.ErrDeclined)
	require.NoError(t, w.tryToBuy(t, "ann", "", good, "192.0.2.7"))
}

// slowLimits answers late, and waits for nobody who goes away.
type slowLimits struct{ port.Limits }

const slowness = 500 * time.Millisecond

func (l slowLimits) Peek(ctx context.Context, key string, limit port.Limit) (time.Duration, error) {
	time.Sleep(slowness)
	return l.Limits.Peek(ctx, key, limit)
}

func (l slowLimits) Take(ctx context.Context, key string, limit port.Limit) (time.Duration, error) {
	time.Sleep(slowness)
	return l.Limits.Take(ctx, key, limit)
}

func TestBuy_WaitsOnceForSlowLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		w := world{useCases(t, store, func(p *testshop.Parts) { p.Limits = slowLimits{store} }), store, nil}
		require.NoError(t, store.PutProducts(t.Context(), []domain.Product{product("sugar", 5)}))
		begin := time.Now()
		require.NoError(t, w.tryToBuy(t, "ann", "", good, "192.0.2.7"))
		assert.Equal(t, slowness, time.Since(begin))
		begin = time.Now()
		require.ErrorIs(t, w.tryToBuy(t, "ann", "", demopay.Declines, "192.0.2.7"), domain.ErrDeclined)
		assert.Equal(t, 2*slowness, time.Since(begin))
	})
}

// hangingLimits say nothing.
type hangingLimits struct{ port.Limits }

func (hangingLimits) Take(ctx context.Context, _ string, _ port.Limit) (time.Duration, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func (hangingLimits) Peek(ctx context.Context, _ string, _ port.Limit) (time.Duration, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestNobodyWaitsForWhoCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, err := w.Account.Register(t.Context(), usecase.Visitor{}, ann, "here")
		require.NoError(t, err)
		uncounted := useCases(t, w.store, func(p *testshop.Parts) { p.Limits = hangingLimits{} })
		for name, act := range map[string]struct {
			do   func() error
			want error
		}{
			"a guest begins": {func() error { return uncounted.Account.AdmitGuest(t.Context(), "here") }, nil},
			"a message": {func() error {
				_, _, err := uncounted.Chat.Say(t.Context(), guest("gus"), "1", "Hello?", "here")
				return err
			}, nil},
			"signing in": {func() error {
				_, err := uncounted.Account.SignIn(t.Context(), usecase.Visitor{}, ann.Email, ann.Password, "here")
				return err
			}, domain.ErrUnavailable},
			"an account": {func() error {
				_, err := uncounted.Account.Register(t.Context(), usecase.Visitor{}, domain.Registration{Username: "Ben", Email: "ben@example.com", Password: "tulips and snow"}, "here")
				return err
			}, domain.ErrUnavailable},
		} {
			begun := time.Now()
			require.ErrorIs(t, act.do(), act.want, name)
			assert.Less(t, time.Since(begun), 2*time.Second, name)
		}
	})
}

func TestCheckout_Buy_WaitsForNobodyWhoCounts(t *testing.T) {
	for card, want := range map[string]error{good: nil, demopay.Declines: domain.ErrDeclined, demopay.HangsThenPays: nil} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.fill(t, "ann", "tea", 1)
			uncounted := useCases(t, w.store, func(p *testshop.Parts) {
				p.Limits, p.Payments = hangingLimits{}, w.gateway
			})
			begun := time.Now()
			order, _, err := uncounted.Checkout.Buy(t.Context(), "ann", "k", purchase(card))
			require.ErrorIs(t, err, want)
			if want == nil {
				assert.NotEmpty(t, order.ID)
			}
			assert.Less(t, time.Since(begun), 6*time.Second, "nginx waits no longer")
		})
	}
}
