// Package gateway is a payment gateway that can do what gateways do: decline, fail, hang, answer late or not at
// all, take what arrives when nobody waits for it any more, and get a call twice. Its ledger is the truth about
// the money.
package gateway

import (
	"context"
	"sync"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Mood is how the gateway takes a call.
type Mood int

// The moods. Whoever is not answered in time is told that the gateway is away.
const (
	Prompt   Mood = iota
	Declines      // refuses a charge for good; any other call is Prompt
	Fails         // does nothing and says that it is away: it may say so of a charge for a while, which is then unknown
	Hangs         // does nothing and says nothing
	Silent        // does it and says nothing
	Drops         // does it and says that it is away
	Late          // does it and answers after Lateness
	Lagging       // says nothing, and does it after Lateness
	Doubled       // gets the call twice
	moods
)

// Moods is how many moods there are.
const Moods = int(moods)

// Lateness is how late an answer is that is late: longer than a checkout asks for a charge, shorter than the lease
// of its order and what comes after.
const Lateness = 4 * time.Second

// Declined is the number of a card that is declined in any mood.
const Declined = "4000000000000002"

// Method is one of a gateway's calls.
type Method string

// The calls.
const (
	Charge Method = "charge"
	Settle Method = "settle"
	Refund Method = "refund"
)

// Entry is money that was taken for an order, or given back when below zero.
type Entry struct {
	Order  domain.OrderID
	Amount int64
}

// Gateway answers port.Payments. Its methods may be called at once.
type Gateway struct {
	moodOf func(method Method, n int) Mood

	mu     sync.Mutex
	calls  map[Method]int
	status map[domain.OrderID]port.ChargeStatus
	ledger []Entry
	late   sync.WaitGroup
}

var _ port.Payments = (*Gateway)(nil)

// New returns a gateway without a charge. moodOf tells how it takes the n-th call of a method, from 0; nil is Prompt.
func New(moodOf func(method Method, n int) Mood) *Gateway {
	if moodOf == nil {
		moodOf = func(Method, int) Mood { return Prompt }
	}
	return &Gateway{moodOf: moodOf, calls: map[Method]int{}, status: map[domain.OrderID]port.ChargeStatus{}}
}

// Ledger returns what was taken and given back, in order.
func (g *Gateway) Ledger() []Entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Entry(nil), g.ledger...)
}

// Wait waits until all is done that the gateway does later.
func (g *Gateway) Wait() { g.late.Wait() }

func (g *Gateway) Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (port.ChargeStatus, error) {
	var status port.ChargeStatus
	err := g.take(ctx, Charge, func(mood Mood) error {
		first, ok := g.status[order]
		if !ok {
			first = port.Charged
			if mood == Declines || card.Number == Declined {
				first = port.Refused
			} else {
				g.ledger = append(g.ledger, Entry{order, amount.Amount})
			}
			g.status[order] = first
		}
		status = first
		if first == port.NotCharged { // it is void
			status = port.Refused
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return status, nil
}

func (g *Gateway) SettleOrVoid(ctx context.Context, order domain.OrderID) (port.ChargeStatus, error) {
	var status port.ChargeStatus
	err := g.take(ctx, Settle, func(Mood) error {
		if _, ok := g.status[order]; !ok {
			g.status[order] = port.NotCharged
		}
		status = g.status[order]
		return nil
	})
	if err != nil {
		return "", err
	}
	return status, nil
}

func (g *Gateway) Refund(ctx context.Context, order domain.OrderID) error {
	return g.take(ctx, Refund, func(Mood) error {
		if g.status[order] != port.Charged {
			return domain.ErrConflict.Errorf(domain.CodeNotCharged, "nothing was charged for that order")
		}
		sum := int64(0)
		for _, e := range g.ledger {
			if e.Order == order {
				sum += e.Amount
			}
		}
		if sum > 0 { // what is given back stays so
			g.ledger = append(g.ledger, Entry{order, -sum})
		}
		return nil
	})
}

// take does what a call asks for, as the mood is. do is called with the lock held.
func (g *Gateway) take(ctx context.Context, method Method, do func(Mood) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	mood := g.moodOf(method, g.calls[method])
	g.calls[method]++
	switch mood {
	case Fails:
		return away()
	case Hangs:
		return g.silence(ctx)
	case Lagging:
		g.late.Go(func() {
			time.Sleep(Lateness)
			g.mu.Lock()
			defer g.mu.Unlock()
			_ = do(mood)
		})
		return g.silence(ctx)
	}
	err := do(mood)
	switch mood {
	case Doubled:
		err = do(mood)
	case Silent:
		return g.silence(ctx)
	case Drops:
		return away()
	case Late:
		patient, cancel := context.WithTimeout(ctx, Lateness)
		defer cancel()
		_ = g.silence(patient)
		if ctx.Err() != nil {
			return away()
		}
	}
	return err
}

// silence waits without the lock until ctx ends.
func (g *Gateway) silence(ctx context.Context) error {
	g.mu.Unlock()
	defer g.mu.Lock()
	<-ctx.Done()
	return away()
}

func away() error {
	return domain.ErrUnavailable.Errorf(domain.CodePaymentUnavailable, "the payment service does not answer just now")
}
