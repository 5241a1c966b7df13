package usecase

import (
	"time"

	"eshop/port"
)

// Rates are how often may be tried what each shop may want to allow more or less of than others.
type Rates struct {
	SignIn   port.Limit // with a wrong password, for an account from one address
	Register port.Limit // from one address
	Contact  port.Limit // messages from one address
	Chat     port.Limit // messages of one shopper
	Declined port.Limit // payments of one shopper that were declined
}

// DefaultRates returns those of a shop that says nothing of them.
func DefaultRates() Rates {
	return Rates{
		SignIn:   port.Limit{Burst: 10, Every: 30 * time.Second},
		Register: port.Limit{Burst: 60, Every: 10 * time.Second},
		Contact:  port.Limit{Burst: 5, Every: time.Minute},
		Chat:     port.Limit{Burst: 30, Every: time.Second},
		// People try each of their cards a few times. Who goes on does not know the card.
		Declined: port.Limit{Burst: 10, Every: time.Minute},
	}
}

// OrDefaults returns r with the default of each rate that is not set.
func (r Rates) OrDefaults() Rates {
	defaults := DefaultRates()
	for _, rate := range []struct{ set, otherwise *port.Limit }{
		{&r.SignIn, &defaults.SignIn}, {&r.Register, &defaults.Register}, {&r.Contact, &defaults.Contact},
		{&r.Chat, &defaults.Chat}, {&r.Declined, &defaults.Declined},
	} {
		if *rate.set == (port.Limit{}) {
			*rate.set = *rate.otherwise
		}
	}
	return r
}
