package postgres_test

import (
	"testing"
	"time"

	"eshop/adapter/demopay"
	"eshop/port"
	"eshop/port/porttest"
)

func TestPayments(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		porttest.Payments(t, func(t *testing.T) port.Payments { return demopay.New(time.Now, open(t)) })
	})
	t.Run("two servers", func(t *testing.T) {
		porttest.Payments(t, func(t *testing.T) port.Payments {
			a, b := openTwo(t)
			return porttest.PaymentsInTurns(demopay.New(time.Now, a), demopay.New(time.Now, b))
		})
	})
}
