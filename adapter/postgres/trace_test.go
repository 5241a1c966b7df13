package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	traces "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"eshop/adapter/postgres"
	"eshop/domain"
)

func TestStore_Traces(t *testing.T) {
	ended := tracetest.NewSpanRecorder()
	tracer := traces.NewTracerProvider(traces.WithSpanProcessor(ended)).Tracer("test")
	store, closeStore, err := postgres.Open(t.Context(), postgres.Config{URL: migrated(t), Tracer: tracer})
	require.NoError(t, err)
	t.Cleanup(closeStore)
	require.NoError(t, store.PutProducts(t.Context(), []domain.Product{{ID: "lamp", Name: "a secret lamp", Price: domain.Dollars(1)}}))
	assert.Empty(t, ended.Ended(), "what nobody traces has no span")

	before := store.Stats().Statements
	ctx, request := tracer.Start(t.Context(), "request")
	_, err = store.Product(ctx, "lamp")
	require.NoError(t, err)
	statements := ended.Ended()
	require.NotEmpty(t, statements)
	assert.EqualValues(t, len(statements), store.Stats().Statements-before, "each statement is counted, and has a span")
	for _, span := range statements {
		assert.Equal(t, request.SpanContext().SpanID(), span.Parent().SpanID())
		assert.Contains(t, []string{"PostgreSQL SELECT", "PostgreSQL BEGIN", "PostgreSQL COMMIT"}, span.Name())
		assert.ElementsMatch(t, []attribute.KeyValue{attribute.String("db.system.name", "postgresql"), attribute.String("db.operation.name", span.Name()[len("PostgreSQL "):])},
			span.Attributes(), "the text of a statement has values in it")
	}

	require.ErrorContains(t, store.FailWith(ctx, "secret"), "secret")
	last := ended.Ended()[len(ended.Ended())-1]
	assert.Equal(t, traces.Status{Code: codes.Error, Description: "SQLSTATE 22P02"}, last.Status(), "nor is the text of an error told")
}
