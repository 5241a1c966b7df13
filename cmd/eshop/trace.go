package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	traces "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/net/http/httpguts"
	"google.golang.org/protobuf/proto"
)

const (
	// spansKept is how many spans wait for the collector at most, some megabytes. Those that come after are dropped.
	spansKept = 2048
	// deliverTimeout bounds the delivery of a batch of spans, which is not tried again.
	deliverTimeout = 2 * time.Second
	// flushTimeout bounds the last delivery of a server that leaves. With leaveTimeout it is well below what
	// systemd and Docker give a server to end.
	flushTimeout = 3 * time.Second
	// tellTraceTrouble is how often a collector that takes nothing is told of.
	tellTraceTrouble = time.Minute
	// mostTold bounds what is told of it, in bytes.
	mostTold = 300
)

// newTracer returns what makes spans, and nil where the settings name no collector. The returned function
// delivers what is left.
func newTracer(c config, log *slog.Logger) (trace.Tracer, func(), error) {
	if c.TraceEndpoint == "" {
		return nil, func() {}, nil
	}
	ctx := context.Background() // nothing here asks anybody
	otel.SetErrorHandler(&traceTrouble{log: log})
	header, err := traceHeader(c.TraceHeaders)
	if err != nil {
		return nil, nil, err
	}
	exporter, err := otlptrace.New(ctx, &collector{
		address: strings.TrimSuffix(c.TraceEndpoint, "/") + "/v1/traces", header: header,
		client: &http.Client{
			Transport: http.DefaultTransport.(*http.Transport).Clone(),
			// A header may be a password, and is for the collector that was named alone.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
	if err != nil {
		return nil, nil, err
	}
	// What the environment says of the resource goes before what is said here.
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "eshop"), attribute.String("service.instance.id", c.ServerName)), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := traces.NewTracerProvider(traces.WithResource(about),
		traces.WithBatcher(exporter, traces.WithMaxQueueSize(spansKept), traces.WithExportTimeout(deliverTimeout)))
	return provider.Tracer("eshop"), func() {
		ending, cancel := context.WithTimeout(ctx, flushTimeout)
		defer cancel()
		if err := provider.Shutdown(ending); err != nil {
			log.Warn("the last traces were not delivered", "error", cut(err))
		}
	}, nil
}

// collector is where spans are sent, by OTLP over HTTP.
type collector struct {
	address string
	header  http.Header
	client  *http.Client
}

func (*collector) Start(context.Context) error { return nil }

func (c *collector) Stop(context.Context) error {
	c.client.CloseIdleConnections()
	return nil
}

// UploadTraces sends spans once.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// It is on the wire what a request of the collector's service is.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = c.header.Clone()
	r.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // for the connection to be used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", c.address, answer.Status)
	}
	return nil
}

// traceTrouble tells what is wrong with tracing, once in a while.
type traceTrouble struct {
	log *slog.Logger

	mu     sync.Mutex
	told   time.Time
	untold int
}

// Handle is called for each batch that was not delivered.
func (t *traceTrouble) Handle(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.told) < tellTraceTrouble {
		t.untold++
		return
	}
	t.log.Warn("traces are not delivered, and are lost", "error", cut(err), "since_last_told", t.untold)
	t.told, t.untold = time.Now(), 0
}

func cut(err error) string {
	text := err.Error()
	return text[:min(len(text), mostTold)]
}

// wrongTraces says what is wrong with the settings of tracing, and no value.
func (c config) wrongTraces() []error {
	var wrong []error
	if c.TraceEndpoint != "" {
		at, err := url.Parse(c.TraceEndpoint)
		switch {
		case err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Hostname() == "" || at.RawQuery+at.Fragment != "":
			wrong = append(wrong, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT must be the collector's address for OTLP over HTTP, as http://collector:4318"))
		case at.User != nil:
			wrong = append(wrong, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT must have no password: OTEL_EXPORTER_OTLP_HEADERS has it, as Authorization=Basic%20SECRET"))
		}
	}
	if _, err := traceHeader(c.TraceHeaders); err != nil {
		wrong = append(wrong, err)
	}
	return wrong
}

// traceHeader reads headers as OpenTelemetry writes them in a setting: name=value, more behind
// commas, with special characters percent-encoded.
func traceHeader(setting string) (http.Header, error) {
	header := http.Header{}
	for pair := range strings.SplitSeq(setting, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS must be name=value, more behind commas, with special characters percent-encoded")
		}
		header.Set(name, value)
	}
	return header, nil
}
