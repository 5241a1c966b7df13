package web

import (
	"context"
	"net/http"
	"strconv"

	"github.com/felixge/httpsnoop"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts requests, by the template of their route and never by their
// path, so that the number of series does not grow with the catalog.
type Metrics struct {
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// NewMetrics registers what is counted.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "eshop_http_request_seconds", Help: "How long requests took, by route, method and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
		}, []string{"route", "method", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "eshop_http_requests_in_flight", Help: "Requests that are being answered now.",
		}),
	}
	registry.MustRegister(m.seconds, m.inFlight)
	return m
}

type routeKey struct{}

// count measures every request, those too that no route answers, and no socket.
func (m *Metrics) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isSocket(r.URL.Path) {
			// It lasts as long as somebody stays, which says nothing of how quick the shop is.
			next.ServeHTTP(w, r)
			return
		}
		route := "none"
		m.inFlight.Inc()
		defer m.inFlight.Dec()
		r = r.WithContext(context.WithValue(r.Context(), routeKey{}, &route))
		took := httpsnoop.CaptureMetrics(next, w, r)
		m.seconds.WithLabelValues(route, methodLabel(r.Method), strconv.Itoa(took.Code)).Observe(took.Duration.Seconds())
	})
}

// nameRoutes tells count which route answers.
func nameRoutes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nameRoute(r, mux.CurrentRoute(r))
		next.ServeHTTP(w, r)
	})
}

func nameRoute(r *http.Request, route *mux.Route) {
	name, ok := r.Context().Value(routeKey{}).(*string)
	if template, err := route.GetPathTemplate(); ok && err == nil {
		*name = template
	}
}

// methodLabel keeps what clients make up out of the labels.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete:
		return method
	}
	return "other"
}
