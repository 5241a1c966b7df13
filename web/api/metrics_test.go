package api_test

import (
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMetrics_CountEveryRequestByTheTemplateOfItsRoute(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.get("/api/products/" + string(lamp.ID)).is(http.StatusOK)
	v.get("/api/products/" + string(desk.ID)).is(http.StatusOK)
	v.get("/api/products/nothing-of-that-name").is(http.StatusNotFound)
	v.get("/api/no/such/address")
	v.send("BREW", "/api/products/"+string(lamp.ID), nil).is(http.StatusMethodNotAllowed)

	counted := map[string]uint64{}
	families, err := s.Metrics.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != "eshop_http_request_seconds" {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := prometheus.Labels{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			counted[labels["method"]+" "+labels["route"]+" "+labels["status"]] = metric.GetHistogram().GetSampleCount()
		}
	}
	assert.Equal(t, map[string]uint64{
		"GET /api/products/{id} 200": 2, "GET /api/products/{id} 404": 1, "GET none 404": 1, "other /api/products/{id} 405": 1,
	}, counted)
}
