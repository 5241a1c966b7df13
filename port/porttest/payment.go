package porttest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// The cards that the API names: one that is charged, and one that is declined.
var (
	goodCard = domain.NewCard("4242 4242 4242 4242", "12/30", "123")
	badCard  = domain.NewCard("4000 0000 0000 0002", "12/30", "123")
)

// Payments holds an adapter to the promises of port.Payments. open gives a
// gateway that was asked for nothing, and knows the cards of the demo payment.
func Payments(t *testing.T, open func(*testing.T) (a, b port.Payments)) {
	run(t, open, inTurns, charging, cancellingPayments)
}

func charging(t *testing.T, open func(t *testing.T) turns[port.Payments]) {
	t.Run("a charge is made, and its status stays", func(t *testing.T) {
		payments := open(t)
		assert.Equal(t, port.Charged, charge(t, payments, "o-1", goodCard))
		for range 3 {
			assert.Equal(t, port.Charged, statusOf(t, payments, "o-1"))
		}
	})
	t.Run("a card that is declined is refused, and its status stays", func(t *testing.T) {
		payments := open(t)
		assert.Equal(t, port.Refused, charge(t, payments, "o-1", badCard))
		for range 3 {
			assert.Equal(t, port.Refused, statusOf(t, payments, "o-1"))
		}
	})
	t.Run("charging an order again returns the first status, whatever is asked for", func(t *testing.T) {
		for first, want := range map[domain.Card]port.ChargeStatus{goodCard: port.Charged, badCard: port.Refused} {
			payments := open(t)
			require.Equal(t, want, charge(t, payments, "o-1", first))
			for _, card := range []domain.Card{first, goodCard, badCard} {
				for _, amount := range []domain.Money{domain.Dollars(1999), domain.Dollars(5)} {
					again, err := payments().Charge(t.Context(), "o-1", amount, card)
					require.NoError(t, err)
					assert.Equal(t, want, again)
				}
			}
			assert.Equal(t, want, statusOf(t, payments, "o-1"))
		}
	})
	t.Run("each order is charged apart", func(t *testing.T) {
		payments := open(t)
		assert.Equal(t, port.Charged, charge(t, payments, "o-1", goodCard))
		assert.Equal(t, port.Refused, charge(t, payments, "o-2", badCard))
		assert.Equal(t, port.Charged, charge(t, payments, "O-1", goodCard))
		assert.Equal(t, port.NotCharged, statusOf(t, payments, "o-3"))
		require.NoError(t, payments().Refund(t.Context(), "o-1"))
		assert.Equal(t, port.Charged, statusOf(t, payments, "O-1"))
		assert.Equal(t, port.Refused, statusOf(t, payments, "o-2"))
		assert.Equal(t, port.NotCharged, statusOf(t, payments, "o-3"))
	})
	t.Run("one order that is charged many times at once has one status", func(t *testing.T) {
		payments := open(t)
		for round := range 20 {
			order := domain.OrderID(fmt.Sprint("o-", round))
			statuses, errs := make([]port.ChargeStatus, 20), make([]error, 20)
			atOnce(len(statuses), func(i int) {
				card := goodCard
				if i%2 == 0 {
					card = badCard
				}
				statuses[i], errs[i] = payments().Charge(t.Context(), order, domain.Dollars(1999), card)
			})
			require.NoError(t, errors.Join(errs...))
			want := statusOf(t, payments, order)
			assert.Contains(t, []port.ChargeStatus{port.Charged, port.Refused}, want)
			for _, got := range statuses {
				assert.Equal(t, want, got)
			}
		}
	})
	t.Run("many orders that are charged at once are all charged", func(t *testing.T) {
		payments := open(t)
		statuses, errs := make([]port.ChargeStatus, 20), make([]error, 20)
		atOnce(len(statuses), func(i int) {
			statuses[i], errs[i] = payments().Charge(t.Context(), domain.OrderID(fmt.Sprint("o-", i)), domain.Dollars(1999), goodCard)
		})
		require.NoError(t, errors.Join(errs...))
		for i, status := range statuses {
			assert.Equal(t, port.Charged, status)
			assert.Equal(t, port.Charged, statusOf(t, payments, domain.OrderID(fmt.Sprint("o-", i))))
		}
	})
	t.Run("an order that was not charged when it was asked about never is", func(t *testing.T) {
		payments := open(t)
		for range 2 {
			assert.Equal(t, port.NotCharged, statusOf(t, payments, "o-1"))
		}
		for range 2 {
			assert.Equal(t, port.Refused, charge(t, payments, "o-1", goodCard))
			assert.NotEqual(t, port.Charged, statusOf(t, payments, "o-1"))
		}
		requireCode(t, payments().Refund(t.Context(), "o-1"), domain.ErrConflict, domain.CodeNotCharged)
	})
	t.Run("a charge and the question about it at once agree", func(t *testing.T) {
		payments := open(t)
		for round := range 60 {
			order := domain.OrderID(fmt.Sprint("o-", round))
			statuses, errs := make([]port.ChargeStatus, 4), make([]error, 4)
			atOnce(len(statuses), func(i int) {
				if i == 0 {
					statuses[i], errs[i] = payments().Charge(t.Context(), order, domain.Dollars(1999), goodCard)
					return
				}
				statuses[i], errs[i] = payments().SettleOrVoid(t.Context(), order)
			})
			require.NoError(t, errors.Join(errs...))
			if statuses[0] == port.Charged {
				assert.Equal(t, []port.ChargeStatus{port.Charged, port.Charged, port.Charged}, statuses[1:])
				assert.Equal(t, port.Charged, statusOf(t, payments, order))
				continue
			}
			assert.Equal(t, port.Refused, statuses[0])
			assert.NotContains(t, statuses, port.Charged)
			assert.NotEqual(t, port.Charged, statusOf(t, payments, order))
		}
	})
	t.Run("what was charged may be given back, however often it is asked for", func(t *testing.T) {
		payments := open(t)
		charge(t, payments, "o-1", goodCard)
		for range 3 {
			require.NoError(t, payments().Refund(t.Context(), "o-1"))
		}
		errs := make([]error, 20)
		charge(t, payments, "o-2", goodCard)
		atOnce(len(errs), func(i int) { errs[i] = payments().Refund(t.Context(), "o-2") })
		require.NoError(t, errors.Join(errs...))
	})
	t.Run("an order whose money was given back is not charged anew: its status is the first", func(t *testing.T) {
		payments := open(t)
		charge(t, payments, "o-1", goodCard)
		require.NoError(t, payments().Refund(t.Context(), "o-1"))
		assert.Equal(t, port.Charged, charge(t, payments, "o-1", badCard))
		assert.Equal(t, port.Charged, charge(t, payments, "o-1", goodCard))
		require.NoError(t, payments().Refund(t.Context(), "o-1"))
	})
	t.Run("what was not charged cannot be given back", func(t *testing.T) {
		payments := open(t)
		charge(t, payments, "refused", badCard)
		require.Equal(t, port.NotCharged, statusOf(t, payments, "not charged"))
		for _, order := range []domain.OrderID{"refused", "not charged", "never heard of"} {
			for range 2 {
				requireCode(t, payments().Refund(t.Context(), order), domain.ErrConflict, domain.CodeNotCharged)
			}
		}
		assert.Equal(t, port.Refused, statusOf(t, payments, "refused"))
	})
	t.Run("asking for a refund of what was never charged does not void it", func(t *testing.T) {
		payments := open(t)
		requireCode(t, payments().Refund(t.Context(), "o-1"), domain.ErrConflict, domain.CodeNotCharged)
		assert.Equal(t, port.Charged, charge(t, payments, "o-1", goodCard))
		require.NoError(t, payments().Refund(t.Context(), "o-1"))
	})
}

func cancellingPayments(t *testing.T, open func(t *testing.T) turns[port.Payments]) {
	for name, call := range map[string]func(context.Context, turns[port.Payments]) error{
		"Charge": func(ctx context.Context, payments turns[port.Payments]) error {
			_, err := payments().Charge(ctx, "new", domain.Dollars(1999), badCard)
			return err
		},
		"SettleOrVoid": func(ctx context.Context, payments turns[port.Payments]) error {
			_, err := payments().SettleOrVoid(ctx, "new")
			return err
		},
		"Refund": func(ctx context.Context, payments turns[port.Payments]) error { return payments().Refund(ctx, "new") },
		"Refund of a charge": func(ctx context.Context, payments turns[port.Payments]) error {
			return payments().Refund(ctx, "charged")
		},
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			payments := open(t)
			charge(t, payments, "charged", goodCard)
			err := call(cancelled(t), payments)
			require.Error(t, err)
			require.NotErrorIs(t, err, domain.ErrConflict, "it is not known whether anything was charged")
			assert.Equal(t, port.Charged, charge(t, payments, "new", goodCard))
			assert.Equal(t, port.Charged, statusOf(t, payments, "charged"))
			require.NoError(t, payments().Refund(t.Context(), "charged"))
		})
	}
	t.Run("a charge that is cancelled leaves the order not charged", func(t *testing.T) {
		payments := open(t)
		_, err := payments().Charge(cancelled(t), "new", domain.Dollars(1999), goodCard)
		require.Error(t, err)
		assert.Equal(t, port.NotCharged, statusOf(t, payments, "new"))
	})
}

func charge(t *testing.T, payments turns[port.Payments], order domain.OrderID, card domain.Card) port.ChargeStatus {
	t.Helper()
	status, err := payments().Charge(t.Context(), order, domain.Dollars(1999), card)
	require.NoError(t, err)
	return status
}

func statusOf(t *testing.T, payments turns[port.Payments], order domain.OrderID) port.ChargeStatus {
	t.Helper()
	status, err := payments().SettleOrVoid(t.Context(), order)
	require.NoError(t, err)
	return status
}
