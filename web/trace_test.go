package web_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	traces "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"eshop/domain"
	"eshop/port"
	"eshop/test/shop"
	"eshop/web"
)

// brokenPictures fail, or panic.
type brokenPictures struct {
	port.Pictures
	panics bool
}

func (p brokenPictures) Picture(context.Context, domain.PictureName) (domain.Picture, error) {
	if p.panics {
		panic("broken")
	}
	return domain.Picture{}, errors.New("broken")
}

// tracedShop is a shop behind the proxies 10.0.0.0/8, and the spans that it has ended.
func tracedShop(t *testing.T, changes ...func(*shop.Parts)) (http.Handler, *tracetest.SpanRecorder) {
	t.Helper()
	ended := tracetest.NewSpanRecorder()
	provider := traces.NewTracerProvider(traces.WithSpanProcessor(ended))
	s := shop.Open(t, []domain.Product{{ID: "lamp", Name: "Lamp", Price: domain.Dollars(10), Stock: 3}},
		append(changes, func(p *shop.Parts) { p.Options.Tracer = provider.Tracer("eshop") })...)
	return web.Proxies{netip.MustParsePrefix("10.0.0.0/8")}.Believe(s.Handler), ended
}

// ask asks from an address, with headers by name and value in turn.
func ask(t testing.TB, handler http.Handler, from, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	r.RemoteAddr = from
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestServer_Traces(t *testing.T) {
	const client, nginx = "192.0.2.1:4000", "10.0.0.7:4000"
	t.Run("a span has the route, the status and the request's id, and nothing of who asks for what", func(t *testing.T) {
		handler, ended := tracedShop(t)
		answer := ask(t, handler, client, "/api/products/lamp?note=secret", "Cookie", "session=secret", "User-Agent", "secret")
		require.Equal(t, http.StatusOK, answer.Code)
		require.Len(t, ended.Ended(), 1)
		span := ended.Ended()[0]
		assert.Equal(t, "GET /api/products/{id}", span.Name())
		assert.Equal(t, trace.SpanKindServer, span.SpanKind())
		assert.ElementsMatch(t, []attribute.KeyValue{
			attribute.String("http.request.method", "GET"), attribute.String("http.route", "/api/products/{id}"),
			attribute.Int("http.response.status_code", 200), attribute.String("request_id", answer.Header().Get("X-Request-ID")),
		}, span.Attributes())
		assert.Equal(t, codes.Unset, span.Status().Code)
	})
	t.Run("nginx's id of the request is the span's", func(t *testing.T) {
		handler, ended := tracedShop(t)
		ask(t, handler, nginx, "/products", "X-Forwarded-For", "192.0.2.9", "X-Request-ID", "0123456789abcdef")
		assert.Contains(t, ended.Ended()[0].Attributes(), attribute.String("request_id", "0123456789abcdef"))
	})
	t.Run("what no route answers has no name that clients make up", func(t *testing.T) {
		handler, ended := tracedShop(t)
		ask(t, handler, client, "/nothing/secret")
		assert.Equal(t, "GET none", ended.Ended()[0].Name())
	})
	t.Run("looks of balancers are not traced", func(t *testing.T) {
		handler, ended := tracedShop(t)
		ask(t, handler, client, "/health")
		ask(t, handler, client, "/ready")
		assert.Empty(t, ended.Started())
	})
	for _, panics := range []bool{false, true} {
		t.Run(fmt.Sprintf("a failure of ours is an error of the span; by a panic: %v", panics), func(t *testing.T) {
			handler, ended := tracedShop(t, func(p *shop.Parts) { p.Pictures = brokenPictures{p.Pictures, panics} })
			ask(t, handler, client, "/media/p/"+strings.Repeat("0123456789abcdef", 4)+".png")
			require.Len(t, ended.Ended(), 1)
			assert.Equal(t, codes.Error, ended.Ended()[0].Status().Code)
			assert.Empty(t, ended.Ended()[0].Events(), "what failed is in the log")
		})
	}
}

func TestServer_TracesParents(t *testing.T) {
	const id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for name, c := range map[string]struct {
		from, traceparent string
		headers           []string
		believed          bool
	}{
		"of a proxy":                      {"10.0.0.7:80", parent, []string{"X-Forwarded-For", "192.0.2.9"}, true},
		"of anybody else":                 {"192.0.2.1:80", parent, []string{"X-Forwarded-For", "192.0.2.9"}, false},
		"of somebody at a proxy":          {"10.0.0.7:80", parent, nil, false},
		"of a proxy, and no parent":       {"10.0.0.7:80", "nonsense", []string{"X-Forwarded-For", "192.0.2.9"}, false},
		"of a proxy, with an empty trace": {"10.0.0.7:80", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", []string{"X-Forwarded-For", "192.0.2.9"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			handler, ended := tracedShop(t)
			assert.Equal(t, http.StatusOK, ask(t, handler, c.from, "/products", append(c.headers, "Traceparent", c.traceparent)...).Code)
			require.Len(t, ended.Ended(), 1)
			assert.Equal(t, c.believed, ended.Ended()[0].SpanContext().TraceID().String() == id)
			assert.Equal(t, c.believed, ended.Ended()[0].Parent().IsValid())
		})
	}
}

// perRequest is how many allocations a request to a shop with tracer costs.
func perRequest(t *testing.T, tracer trace.Tracer, headers ...string) float64 {
	t.Helper()
	s := shop.Open(t, nil, func(p *shop.Parts) { p.Options.Tracer, p.Options.Log = tracer, slog.New(slog.DiscardHandler) })
	handler := web.Proxies{netip.MustParsePrefix("10.0.0.0/8")}.Believe(s.Handler)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/cart/", nil)
	r.Header.Set("X-Forwarded-For", "192.0.2.9")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return testing.AllocsPerRun(500, func() {
		r.RemoteAddr = "10.0.0.7:80"
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, http.StatusOK, w.Code)
	})
}

func TestServer_WithoutTracerAllocatesNothingForTraces(t *testing.T) {
	plain := perRequest(t, nil)
	// A parent that is read costs two and more. One more is a pool that forgets under the race detector.
	assert.InDelta(t, plain, perRequest(t, nil, "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), 1.5, "a parent is not even read")
	assert.Greater(t, perRequest(t, traces.NewTracerProvider().Tracer("eshop")), plain+5, "which would be noticed")
}
