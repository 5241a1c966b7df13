package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// spans counts statements, and makes a span of each whose call is traced. It tells what
// kind of statement that is and never its text, in which bun writes the values.
type spans struct {
	*counter
	tracer trace.Tracer
}

func (s spans) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	ctx = s.counter.TraceQueryStart(ctx, conn, data)
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	operation := operationOf(data.SQL)
	ctx, _ = s.tracer.Start(ctx, "PostgreSQL "+operation, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.system.name", "postgresql"), attribute.String("db.operation.name", operation)))
	return ctx
}

// TraceQueryEnd ends the span of TraceQueryStart. Where that began none, the span of ctx records nothing, and to end it does nothing.
func (s spans) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	if data.Err != nil && !errors.Is(data.Err, pgx.ErrNoRows) {
		span.SetStatus(codes.Error, stateOf(data.Err))
	}
	span.End()
}

// stateOf is what may be told of err: an error's text has values in it.
func stateOf(err error) string {
	if told := (*pgconn.PgError)(nil); errors.As(err, &told) {
		return "SQLSTATE " + told.Code
	}
	return "no answer"
}

// operationOf is the word that a statement begins with, among those that the store uses.
func operationOf(statement string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(statement), " ")
	switch word = strings.ToUpper(word); word {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK":
		return word
	}
	return "other"
}
