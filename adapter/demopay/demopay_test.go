package demopay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/demopay"
	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestPayments(t *testing.T) {
	porttest.Payments(t, func(*testing.T) (a, b port.Payments) {
		ledger := demopay.NewMemoryLedger(time.Now)
		return demopay.New(ledger), demopay.New(ledger)
	})
}

func TestACardThatHangs(t *testing.T) {
	for number, want := range map[string]port.ChargeStatus{
		demopay.HangsThenPays: port.Charged, demopay.HangsThenDenies: port.NotCharged,
	} {
		t.Run(string(want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gateway := demopay.New(demopay.NewMemoryLedger(time.Now))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := gateway.Charge(ctx, "o", domain.Dollars(100), domain.NewCard(number, "", ""))
				require.ErrorIs(t, err, domain.ErrUnavailable)
				_, err = gateway.SettleOrVoid(t.Context(), "o")
				require.ErrorIs(t, err, domain.ErrUnavailable)
				time.Sleep(demopay.Silence)
				status, err := gateway.SettleOrVoid(t.Context(), "o")
				require.NoError(t, err)
				assert.Equal(t, want, status)
			})
		})
	}
}
