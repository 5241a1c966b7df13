package usecase

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"eshop/domain"
	"eshop/port"
)

// attemptLimits is what may be tried without being paid, counted by owner, card and address.
type attemptLimits struct {
	name                 string
	owner, card, address port.Limit
}

// Attempts that are paid are not counted: who pays is never told to wait, however much
// they buy.
var (
	// The owner's is one of the shop's Rates.
	declinedLimits = attemptLimits{
		name: "declined",
		// A card has a thousand security codes or more: at this pace trying them takes a week,
		// from however many sessions and addresses.
		card: port.Limit{Burst: 10, Every: 10 * time.Minute},
		// A whole town may share an address, and a few in a hundred of its cards are declined.
		address: port.Limit{Burst: 100, Every: 30 * time.Second},
	}
	// A pending order holds its stock until the gateway has said what became of it, which is the
	// fault of the gateway and hardly ever of the shopper: only who does nothing else is stopped.
	pendingLimits = attemptLimits{
		name:    "pending",
		owner:   port.Limit{Burst: 60, Every: 10 * time.Second},
		card:    port.Limit{Burst: 600, Every: time.Second},
		address: port.Limit{Burst: 1200, Every: time.Second},
	}
)

func (c *Checkout) declinedLimits() attemptLimits {
	limits := declinedLimits
	limits.owner = c.deps.Rates.Declined
	return limits
}

// attempt is who tries to pay, and with what.
type attempt struct {
	owner domain.OwnerID
	card  string // a keyed hash, which does not tell the number
	from  string
}

func (c *Checkout) attemptOf(owner domain.OwnerID, p domain.Purchase) attempt {
	return attempt{owner, c.deps.SecretKey.derive("number of a card", p.Card.Number), p.ClientAddress}
}

// limited fails with ErrLimited when too many attempts like a were not paid. Nobody is
// kept from buying because nobody counts.
func (c *Checkout) limited(ctx context.Context, a attempt) error {
	err := c.count(ctx, c.deps.Limits.Peek, a, c.declinedLimits(), pendingLimits)
	if errors.Is(err, domain.ErrLimited) {
		return err
	}
	return nil
}

// countUnpaid counts an attempt that was not paid. It fails with ErrLimited when there are
// more than are allowed, as when many are made at once.
func (c *Checkout) countUnpaid(ctx context.Context, limits attemptLimits, a attempt) error {
	return c.count(context.WithoutCancel(ctx), c.deps.Limits.Take, a, limits)
}

// countTimeout bounds what anybody waits for whoever counts: they are slow or away, and there is to be an order.
const countTimeout = 300 * time.Millisecond

// count fails with ErrLimited when ask tells to wait for one of the limits of a. What others
// have used up of an address is no matter of an owner who has paid an order. All limits are
// asked at once, so that a slow store is waited for once.
func (c *Checkout) count(ctx context.Context, ask func(context.Context, string, port.Limit) (time.Duration, error), a attempt, all ...attemptLimits) error {
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	own, ofAddress := make([]time.Duration, 2*len(all)), make([]time.Duration, len(all))
	errs := make([]error, 3*len(all))
	var asking sync.WaitGroup
	one := func(wait *time.Duration, err *error, key string, limit port.Limit) {
		asking.Go(func() { *wait, *err = ask(ctx, digest(key), limit) })
	}
	for i, limits := range all {
		one(&own[2*i], &errs[3*i], limits.name+" of owner:"+string(a.owner), limits.owner)
		one(&own[2*i+1], &errs[3*i+1], limits.name+" of card:"+a.card, limits.card)
		one(&ofAddress[i], &errs[3*i+2], limits.name+" of address:"+a.from, limits.address)
	}
	asking.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	wait, crowded := slices.Max(own), slices.Max(ofAddress)
	if crowded > wait {
		_, paid, err := c.Orders(ctx, a.owner, domain.Page{Number: 1, Size: 1})
		if err != nil {
			return err
		}
		if paid == 0 {
			wait = crowded
		}
	}
	if wait > 0 {
		return tooManyUnpaid(wait)
	}
	return nil
}

func tooManyUnpaid(wait time.Duration) error {
	err := domain.TooOften(wait)
	err.Text = "too many payments were declined or are not known yet, and nothing was charged; wait a little and try again"
	return err
}
