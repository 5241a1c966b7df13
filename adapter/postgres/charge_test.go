package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/demopay"
	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestPayments(t *testing.T) {
	porttest.Payments(t, func(t *testing.T) (port.Payments, port.Payments) {
		a, b := openTwo(t)
		return demopay.New(a), demopay.New(b)
	})
}

func TestCharges_AreSilentByTheClockOfTheStore(t *testing.T) {
	a, b := openTwo(t)
	for order, silence := range map[domain.OrderID]time.Duration{"silent": 10 * time.Second, "told": 0} {
		status, left, err := a.KeepCharge(t.Context(), order, domain.Dollars(499), port.Charged, silence)
		require.NoError(t, err)
		assert.Equal(t, port.Charged, status)
		assert.Equal(t, silence > 0, left > 0)
		assert.LessOrEqual(t, left, silence)
		_, again, err := b.KeepCharge(t.Context(), order, domain.Dollars(499), port.Refused, time.Hour)
		require.NoError(t, err)
		assert.LessOrEqual(t, again, left, "what is kept stays")
		status, later, err := b.ChargeOf(t.Context(), order)
		require.NoError(t, err)
		assert.Equal(t, port.Charged, status)
		assert.LessOrEqual(t, later, again)
		assert.Equal(t, silence > 0, later > 0)
	}
	status, left, err := b.ChargeOf(t.Context(), "none")
	require.NoError(t, err)
	assert.Equal(t, port.NotCharged, status)
	assert.Zero(t, left)
}
