// Package prometheus counts what happens at the ports, for operators. Its types decorate
// an adapter: they count and pass every call on.
package prometheus

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"eshop/domain"
	"eshop/port"
)

// orders embeds port.Orders under a name that its method Orders leaves free.
type orders = port.Orders

// Orders counts orders placed, refused and moved to another status.
type Orders struct {
	orders
	placed  prometheus.Counter
	refused *prometheus.CounterVec
	moved   *prometheus.CounterVec
}

// CountOrders returns Orders that are kept by durable and counted in registry.
func CountOrders(durable port.Orders, registry prometheus.Registerer) *Orders {
	o := &Orders{
		orders:  durable,
		placed:  prometheus.NewCounter(prometheus.CounterOpts{Name: "eshop_orders_placed_total", Help: "Orders placed and paid; a repeat is not one, nor is an attempt that was not paid."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "eshop_orders_refused_total", Help: "Orders that were not placed, by the code of the reason."}, []string{"code"}),
		moved:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "eshop_orders_moved_total", Help: "Orders that came into a status after they were placed."}, []string{"status"}),
	}
	registry.MustRegister(o.placed, o.refused, o.moved)
	return o
}

// PlaceOrder counts orders refused.
func (o *Orders) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	order, placed, err := o.orders.PlaceOrder(ctx, p, build)
	if err != nil {
		o.refused.WithLabelValues(string(domain.CodeOf(err))).Inc()
	}
	return order, placed, err
}

// TransitionOrder counts the statuses that orders come into, and those that are paid as placed.
func (o *Orders) TransitionOrder(ctx context.Context, id domain.OrderID,
	change func(*domain.Order) (domain.Effects, error)) (domain.Order, domain.Effects, error) {
	order, effects, err := o.orders.TransitionOrder(ctx, id, change)
	if err == nil && effects.MovedTo != "" {
		o.moved.WithLabelValues(string(effects.MovedTo)).Inc()
	}
	if err == nil && effects.MovedTo == domain.Paid {
		o.placed.Inc()
	}
	return order, effects, err
}

// gaugeTimeout keeps a store that hangs from holding up what else is scraped.
const gaugeTimeout = time.Second

// GaugePending registers the age of the oldest pending order of orders, which is read when
// it is asked for: it grows while the payment gateway says nothing.
func GaugePending(orders port.Orders, registry prometheus.Registerer) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "eshop_orders_oldest_pending_seconds",
		Help: "Age of the oldest order whose payment is not known yet; 0 without one, NaN while it cannot be read."}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), gaugeTimeout)
		defer cancel()
		pending := port.OrderFilter{Status: domain.Pending}
		oldest, total, err := orders.Orders(ctx, pending, domain.Page{Number: 1, Size: 1})
		if err == nil && total > 1 {
			oldest, _, err = orders.Orders(ctx, pending, domain.Page{Number: total, Size: 1})
		}
		switch {
		case err != nil:
			return math.NaN()
		case len(oldest) == 0:
			return 0
		}
		return max(0, time.Since(oldest[0].PlacedAt).Seconds())
	}))
}
