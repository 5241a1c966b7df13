package redis_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	traces "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"eshop/adapter/memory"
	"eshop/adapter/redis"
	"eshop/domain"
	"eshop/test/container"
)

func TestClient_Traces(t *testing.T) {
	ended := tracetest.NewSpanRecorder()
	tracer := traces.NewTracerProvider(traces.WithSpanProcessor(ended)).Tracer("test")
	client, end, err := redis.Open(redis.Config{URL: container.Redis(t), Tracer: tracer})
	require.NoError(t, err)
	t.Cleanup(end)
	server{client}.waitUntilReady(t)
	store := memory.NewStore()
	require.NoError(t, store.PutProducts(t.Context(), []domain.Product{{ID: "lamp", Slug: "a-secret", Name: "Lamp", Price: domain.Dollars(1)}}))
	products := redis.NewProducts(client, store)

	_, err = products.Products(t.Context(), []domain.ProductID{"nobody"})
	require.NoError(t, err)
	assert.Empty(t, ended.Ended(), "what nobody traces has no span")

	ctx, request := tracer.Start(t.Context(), "request")
	before := client.Stats().RoundTrips
	_, err = products.Products(ctx, []domain.ProductID{"lamp"})
	require.NoError(t, err)
	spans := ended.Ended()
	require.EqualValues(t, client.Stats().RoundTrips-before, len(spans), "each round trip is counted, and has a span")
	var names []string
	for _, span := range spans {
		names = append(names, span.Name())
		assert.Equal(t, request.SpanContext().SpanID(), span.Parent().SpanID())
		assert.ElementsMatch(t, []attribute.KeyValue{attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", span.Name()[len("Redis "):])},
			span.Attributes(), "keys tell who somebody is")
		assert.True(t, span.EndTime().After(span.StartTime()))
	}
	assert.Equal(t, []string{"Redis GET", "Redis SET", "Redis EVAL"}, names)

	require.Eventually(t, func() bool {
		local := client.Stats().Local
		_, err = products.Products(t.Context(), []domain.ProductID{"lamp"})
		return err == nil && client.Stats().Local > local
	}, 10*time.Second, 10*time.Millisecond)
	_, err = products.Products(ctx, []domain.ProductID{"lamp"})
	require.NoError(t, err)
	assert.Len(t, ended.Ended(), len(spans), "what lies in the server's memory is no round trip")
}
