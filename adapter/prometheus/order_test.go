package prometheus_test

import (
	"errors"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"

	"eshop/adapter/memory"
	"eshop/adapter/prometheus"
	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

func TestOrders(t *testing.T) {
	porttest.Orders(t, func(*testing.T) (a, b porttest.Shop) {
		s := memory.NewStore()
		server := func() porttest.Shop {
			return porttest.Shop{Orders: prometheus.CountOrders(s, client.NewRegistry()), Products: s, Stock: s, Carts: s, Catalog: s}
		}
		return server(), server()
	})
}

func TestOrders_Counts(t *testing.T) {
	registry := client.NewRegistry()
	orders := prometheus.CountOrders(memory.NewStore(), registry)
	place := func(key string, err error) {
		_, _, _ = orders.PlaceOrder(t.Context(), port.Placement{Owner: "guest:a", Key: key},
			func(domain.Cart, map[domain.ProductID]domain.Product) (domain.Order, error) {
				return domain.Order{ID: "order-1", Status: domain.Pending}, err
			})
	}
	move := func(next domain.OrderStatus, err error) {
		_, _, _ = orders.TransitionOrder(t.Context(), "order-1", func(o *domain.Order) (domain.Effects, error) {
			if o.Status == next {
				return domain.Effects{}, nil
			}
			effects, impossible := o.MoveTo(next, time.Now())
			return effects, errors.Join(err, impossible)
		})
	}
	place("k", nil)
	place("k", nil)
	place("another", domain.CartEmpty())
	move(domain.Cancelled, errors.New("broken"))
	move(domain.Paid, nil)
	move(domain.Paid, nil)
	move(domain.Pending, nil)

	assert.Equal(t, map[string]float64{
		"eshop_orders_placed_total": 1, "eshop_orders_refused_total cart_empty": 1, "eshop_orders_moved_total paid": 1,
	}, gathered(t, registry), "a repeat, a failure and a transition that moves nothing do not count")
}
