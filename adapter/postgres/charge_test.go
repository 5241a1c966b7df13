package postgres_test

import (
	"testing"
	"time"

	"eshop/adapter/demopay"
	"eshop/port"
	"eshop/port/porttest"
)

func TestPayments(t *testing.T) {
	porttest.Payments(t, func(t *testing.T) (port.Payments, port.Payments) {
		a, b := openTwo(t)
		return demopay.New(time.Now, a), demopay.New(time.Now, b)
	})
}
