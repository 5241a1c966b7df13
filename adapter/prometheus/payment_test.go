package prometheus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	"eshop/adapter/prometheus"
	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestPayments(t *testing.T) {
	porttest.Payments(t, func(*testing.T) (a, b port.Payments) {
		ledger, log := demopay.NewMemoryLedger(time.Now), slog.New(slog.DiscardHandler)
		server := func() port.Payments {
			return prometheus.CountPayments(demopay.New(ledger), client.NewRegistry(), log)
		}
		return server(), server()
	})
}

// brokenGateway answers with an error, whatever it is asked.
type brokenGateway struct{ err error }

func (g brokenGateway) Charge(context.Context, domain.OrderID, domain.Money, domain.Card) (port.ChargeStatus, error) {
	return "", g.err
}

func (g brokenGateway) SettleOrVoid(context.Context, domain.OrderID) (port.ChargeStatus, error) {
	return "", g.err
}

func (g brokenGateway) Refund(context.Context, domain.OrderID) error { return g.err }

func TestPayments_Counts(t *testing.T) {
	for name, c := range map[string]struct {
		gateway port.Payments
		want    map[string]float64
		logged  int
	}{
		"answers": {demopay.New(demopay.NewMemoryLedger(time.Now)), map[string]float64{
			"eshop_payments_total charge charged": 2, "eshop_payments_total charge refused": 1,
			"eshop_payments_total settle charged": 1, "eshop_payments_total refund refunded": 1, "eshop_payments_total refund not_charged": 1,
		}, 0},
		"a gateway that is away": {brokenGateway{domain.ErrUnavailable.Errorf(domain.CodePaymentUnavailable, "away")}, map[string]float64{
			"eshop_payment_failures_total charge payment_unavailable": 3, "eshop_payment_failures_total settle payment_unavailable": 1,
			"eshop_payment_failures_total refund payment_unavailable": 2,
		}, 6},
		"a gateway that takes too long": {brokenGateway{fmt.Errorf("asking: %w", context.DeadlineExceeded)}, map[string]float64{
			"eshop_payment_failures_total charge timeout": 3, "eshop_payment_failures_total settle timeout": 1, "eshop_payment_failures_total refund timeout": 2,
		}, 6},
		"a gateway that fails in its own words": {brokenGateway{errors.New("HTTP 500")}, map[string]float64{
			"eshop_payment_failures_total charge internal": 3, "eshop_payment_failures_total settle internal": 1, "eshop_payment_failures_total refund internal": 2,
		}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			registry, log := client.NewRegistry(), new(strings.Builder)
			payments := prometheus.CountPayments(c.gateway, registry, slog.New(slog.NewTextHandler(log, nil)))
			const good = "4242424242424242"
			_, _ = payments.Charge(t.Context(), "a", domain.Dollars(1), domain.NewCard(good, "", ""))
			_, _ = payments.Charge(t.Context(), "a", domain.Dollars(1), domain.NewCard(good, "", ""))
			_, _ = payments.Charge(t.Context(), "b", domain.Dollars(1), domain.NewCard(demopay.Declines, "", ""))
			_, _ = payments.SettleOrVoid(t.Context(), "a")
			_, _ = payments.Refund(t.Context(), "a"), payments.Refund(t.Context(), "b")
			assert.Equal(t, c.want, gathered(t, registry))
			assert.Equal(t, c.logged, strings.Count(log.String(), "the payment gateway failed"), "each failure once: %s", log)
			assert.NotContains(t, log.String(), good)
		})
	}
}

func TestGaugePending(t *testing.T) {
	store, registry := memory.NewStore(), client.NewRegistry()
	prometheus.GaugePending(store, registry)
	const name = "eshop_orders_oldest_pending_seconds"
	assert.Zero(t, gathered(t, registry)[name])
	for i, age := range []time.Duration{time.Minute, time.Hour, time.Second} {
		id := domain.OrderID(fmt.Sprint(i))
		_, _, err := store.PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: string(id)},
			func(domain.Cart, map[domain.ProductID]domain.Product) (domain.Order, error) {
				return domain.Order{ID: id, Status: domain.Pending, PlacedAt: time.Now().Add(-age)}, nil
			})
		require.NoError(t, err)
	}
	assert.InDelta(t, time.Hour.Seconds(), gathered(t, registry)[name], 60)
	_, _, err := store.TransitionOrder(t.Context(), "1", func(o *domain.Order) (domain.Effects, error) { return o.MoveTo(domain.Paid, time.Now()) })
	require.NoError(t, err)
	assert.InDelta(t, time.Minute.Seconds(), gathered(t, registry)[name], 30)
}

// gathered is all that registry has, by name and labels.
func gathered(t *testing.T, registry *client.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return got
}
