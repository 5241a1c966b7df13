package prometheus

import (
	"context"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"eshop/domain"
	"eshop/port"
)

// Payments counts what a payment gateway says, and counts and logs each of its failures.
type Payments struct {
	gateway port.Payments
	said    *prometheus.CounterVec
	failed  *prometheus.CounterVec
	log     *slog.Logger
}

var _ port.Payments = (*Payments)(nil)

// CountPayments returns Payments that gateway takes, counted in registry.
func CountPayments(gateway port.Payments, registry prometheus.Registerer, log *slog.Logger) *Payments {
	p := &Payments{
		gateway: gateway, log: log,
		said: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "eshop_payments_total",
			Help: "Answers of the payment gateway, by call (charge, settle, refund) and what it said."}, []string{"call", "status"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "eshop_payment_failures_total",
			Help: "Calls of the payment gateway without an answer, by call and the code of the failure."}, []string{"call", "code"}),
	}
	registry.MustRegister(p.said, p.failed)
	return p
}

// Charge counts the answers to Charge, and logs its failures.
func (p *Payments) Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (port.ChargeStatus, error) {
	status, err := p.gateway.Charge(ctx, order, amount, card)
	p.note("charge", order, string(status), err)
	return status, err
}

// SettleOrVoid counts the answers to SettleOrVoid, and logs its failures.
func (p *Payments) SettleOrVoid(ctx context.Context, order domain.OrderID) (port.ChargeStatus, error) {
	status, err := p.gateway.SettleOrVoid(ctx, order)
	p.note("settle", order, string(status), err)
	return status, err
}

// Refund counts the answers to Refund, and logs its failures.
func (p *Payments) Refund(ctx context.Context, order domain.OrderID) error {
	err := p.gateway.Refund(ctx, order)
	p.note("refund", order, "refunded", err)
	return err
}

// note counts a call. A conflict is an answer, too: the gateway works, and refuses.
func (p *Payments) note(call string, order domain.OrderID, status string, err error) {
	code := string(domain.CodeOf(err))
	switch {
	case err == nil:
		p.said.WithLabelValues(call, status).Inc()
		return
	case errors.Is(err, domain.ErrConflict):
		p.said.WithLabelValues(call, code).Inc()
		return
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		code = "timeout"
	}
	p.failed.WithLabelValues(call, code).Inc()
	p.log.Warn("the payment gateway failed", "call", call, "order", order, "code", code, "error", err)
}
