package domain_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"eshop/domain"
)

func TestMoney_String(t *testing.T) {
	for amount, want := range map[int64]string{
		0: "$0.00", 5: "$0.05", 1999: "$19.99", 123450: "$1,234.50", 100000000: "$1,000,000.00", -1999: "-$19.99",
	} {
		assert.Equal(t, want, domain.Dollars(amount).String())
	}
}

func TestMoney_NeverOverflowsSilently(t *testing.T) {
	most := domain.Dollars(math.MaxInt64)
	assert.Panics(t, func() { most.Plus(domain.Dollars(1)) })
	assert.Panics(t, func() { most.Times(2) })
	assert.Panics(t, func() { domain.Dollars(-1).Times(2) })
	assert.Panics(t, func() { domain.Dollars(1).Plus(domain.Money{Amount: 1, Currency: "EUR"}) })
	assert.NotPanics(t, func() {
		domain.Dollars(domain.MaxAmount / 1000).Times(domain.MaxQuantity).Times(domain.MaxCartLines)
	}, "the dearest cart there can be")
}

func TestRating_Average(t *testing.T) {
	for _, c := range []struct {
		sum, count int
		want       float64
	}{{0, 0, 0}, {5, 1, 5}, {9, 2, 4.5}, {13, 3, 4.3}, {14, 3, 4.7}, {4350, 1000, 4.4}} {
		assert.Equal(t, c.want, domain.Rating{Sum: c.sum, Count: c.count}.Average(), "%d stars by %d", c.sum, c.count)
	}
}
