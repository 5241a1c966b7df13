package domain

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
)

// Currency is an ISO 4217 code.
type Currency string

// USD is the currency of a shop that names none.
const USD Currency = "USD"

// symbols are the currencies that a shop may sell in and what stands before a sum. Each
// has a hundred minor units, as prices are read and written with two decimals.
var symbols = map[Currency]string{
	USD: "$", "AUD": "A$", "BRL": "R$", "CAD": "CA$", "CHF": "CHF ", "CZK": "CZK ", "DKK": "DKK ", "EUR": "€", "GBP": "£", "HKD": "HK$",
	"ILS": "₪", "INR": "₹", "MXN": "MX$", "NOK": "NOK ", "NZD": "NZ$", "PLN": "PLN ", "RON": "RON ", "SEK": "SEK ", "SGD": "S$", "THB": "THB ",
	"TRY": "TRY ", "ZAR": "ZAR ",
}

// Currencies returns the codes of all currencies that a shop may sell in.
func Currencies() []Currency { return slices.Sorted(maps.Keys(symbols)) }

// Valid reports whether a shop may sell in c.
func (c Currency) Valid() bool { return c.Symbol() != "" }

// Symbol returns what stands before a sum, "" for a currency that no shop may sell in.
func (c Currency) Symbol() string { return symbols[c] }

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
	return fmt.Sprintf("%s%s%s.%02d", sign, cmp.Or(m.Currency.Symbol(), string(m.Currency)+" "), whole, amount%100)
}
