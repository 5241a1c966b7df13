package domain

import (
	"fmt"
	"math"
	"math/bits"
)

// Currency is an ISO 4217 code.
type Currency string

// USD is the one currency that the shop sells in.
const USD Currency = "USD"

// Money is an exact sum: Amount counts the currency's minor unit, cents for USD.
type Money struct {
	Amount   int64
	Currency Currency
}

// MaxAmount is the most that a filter may name, in minor units. A product costs at
// most a thousandth of it, so that the fullest cart, ten times as much, stays far from overflow.
const MaxAmount = 1_000_000_000_00

// Dollars is amount cents.
func Dollars(amount int64) Money { return Money{Amount: amount, Currency: USD} }

// Plus adds two sums of the same currency. It panics on overflow or on two
// currencies: the bounds on prices and quantities make either a fault of ours.
func (m Money) Plus(n Money) Money {
	if m.Currency != n.Currency {
		panic(fmt.Sprintf("adding %s to %s", n.Currency, m.Currency))
	}
	if n.Amount > 0 && m.Amount > math.MaxInt64-n.Amount || n.Amount < 0 && m.Amount < math.MinInt64-n.Amount {
		panic("money overflows")
	}
	return Money{m.Amount + n.Amount, m.Currency}
}

// Times is n of m, for m and n not below zero. It panics on overflow.
func (m Money) Times(n int) Money {
	if m.Amount < 0 || n < 0 {
		panic("money times a negative")
	}
	high, low := bits.Mul64(uint64(m.Amount), uint64(n))
	if high != 0 || low > math.MaxInt64 {
		panic("money overflows")
	}
	return Money{int64(low), m.Currency}
}

// String shows the sum as a shopper reads it: $1,234.50.
func (m Money) String() string {
	sign, amount := "", m.Amount
	if amount < 0 {
		sign, amount = "-", -amount
	}
	whole := fmt.Sprint(amount / 100)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	symbol := "$"
	if m.Currency != USD {
		symbol = string(m.Currency) + " "
	}
	return fmt.Sprintf("%s%s%s.%02d", sign, symbol, whole, amount%100)
}
