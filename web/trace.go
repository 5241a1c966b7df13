package web

import (
	"context"
	"net/http"

	"github.com/felixge/httpsnoop"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"eshop/web/problem"
)

// traced gives each request a span of tracer's, which bears the template of its route and never its
// path, and the request's id, by which it is found in the logs. Without a tracer it is next.
// Sockets have no span, which would last as long as somebody stays, and balancers' looks have none.
func traced(tracer trace.Tracer, next http.Handler) http.Handler {
	if tracer == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route, ok := r.Context().Value(routeKey{}).(*string)
		if !ok || r.URL.Path == "/health" || r.URL.Path == "/ready" {
			next.ServeHTTP(w, r)
			return
		}
		method := methodLabel(r.Method)
		ctx, span := tracer.Start(parentOf(r), method, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		took := httpsnoop.CaptureMetrics(next, w, r.WithContext(ctx))
		if !span.IsRecording() {
			return
		}
		span.SetName(method + " " + *route)
		span.SetAttributes(
			attribute.String("http.request.method", method), attribute.String("http.route", *route),
			attribute.Int("http.response.status_code", took.Code), attribute.String("request_id", w.Header().Get("X-Request-ID")),
		)
		if took.Code >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	})
}

// parentOf returns the context of r with the span that a balancer made of it. Anybody else who names
// one is not believed: it would decide what is traced, and whose trace it is.
func parentOf(r *http.Request) context.Context {
	if !problem.IsBehindBalancer(r.Context()) {
		return r.Context()
	}
	return propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
}
