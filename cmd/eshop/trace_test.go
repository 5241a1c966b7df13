package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collected is what a collector was sent.
type collected struct {
	*httptest.Server

	mu      sync.Mutex
	headers []http.Header
	spans   []*tracepb.Span
	about   map[string]string // of the sender
}

func collecting(t *testing.T) *collected {
	c := &collected{about: map[string]string{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		sent := new(tracepb.TracesData)
		if err = errors.Join(err, proto.Unmarshal(body, sent)); err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.headers = append(c.headers, r.Header)
		for _, of := range sent.ResourceSpans {
			for _, about := range of.Resource.Attributes {
				c.about[about.Key] = about.Value.GetStringValue()
			}
			for _, scope := range of.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func TestServe_DeliversTracesBeforeItEnds(t *testing.T) {
	c := collecting(t)
	t.Chdir(t.TempDir())
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "") // which the server sets
	require.NoError(t, os.WriteFile(dotenv, []byte("OTEL_EXPORTER_OTLP_HEADERS='Authorization=Basic%20c2VjcmV0'\nOTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=try\n"), 0o600))
	s := serving(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL)
	assert.Equal(t, http.StatusOK, statusOf(t.Context(), s.shop+"/products"))
	require.Zero(t, s.stop(), "%s", s.log)

	require.Len(t, c.spans, 1)
	assert.Equal(t, "GET /products", c.spans[0].Name)
	assert.Equal(t, map[string]string{"service.name": "eshop", "service.instance.id": "one", "deployment.environment.name": "try"}, c.about)
	assert.Equal(t, "Basic c2VjcmV0", c.headers[0].Get("Authorization"))
	assert.NotContains(t, s.log.String(), "traces")
	assert.NotContains(t, s.log.String(), "c2VjcmV0")
}

func TestServe_WithoutCollectorTracesNothing(t *testing.T) {
	tracer, closeTracer, err := newTracer(config{}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	assert.Nil(t, tracer)
	closeTracer()
}

func TestServe_ACollectorsTroubleCostsNoRequest(t *testing.T) {
	hangs := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs }))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(hangs) })
	refusing := httptest.NewServer(http.NotFoundHandler())
	refusing.Close()
	elsewhere := collecting(t)
	redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/v1/traces", http.StatusTemporaryRedirect))
	t.Cleanup(redirecting.Close)
	for name, address := range map[string]string{"it hangs": hanging.URL, "it is not there": refusing.URL, "it sends elsewhere": redirecting.URL} {
		t.Run(name, func(t *testing.T) {
			log := &said{}
			tracer, closeTracer, err := newTracer(config{TraceEndpoint: address, TraceHeaders: "Authorization=secret"}, slog.New(slog.NewTextHandler(log, nil)))
			require.NoError(t, err)
			begun := time.Now()
			for range 5 * spansKept {
				_, span := tracer.Start(t.Context(), "request")
				span.End()
			}
			assert.Less(t, time.Since(begun), 5*time.Second, "nobody waits for it")
			begun = time.Now()
			closeTracer()
			assert.Less(t, time.Since(begun), flushTimeout+5*time.Second, "nor for the last of it for long")
			assert.LessOrEqual(t, strings.Count(log.String(), "traces are not delivered"), 1)
			assert.Contains(t, log.String(), "not delivered")
			assert.NotContains(t, log.String(), "secret")
		})
	}
	assert.Empty(t, elsewhere.headers, "a redirect would take the header to a stranger")
}

func TestTraceTrouble_IsToldOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &said{}
		trouble := &traceTrouble{log: slog.New(slog.NewTextHandler(log, nil))}
		for range 100 {
			trouble.Handle(errors.New("away" + strings.Repeat("y", 10_000)))
		}
		assert.Equal(t, 1, strings.Count(log.String(), "\n"))
		assert.Less(t, len(log.String()), 2*mostTold)
		time.Sleep(tellTraceTrouble)
		trouble.Handle(context.DeadlineExceeded)
		assert.Equal(t, 2, strings.Count(log.String(), "\n"))
		assert.Contains(t, log.String(), "since_last_told=99")
	})
}

func TestReadConfig_Traces(t *testing.T) {
	for name, c := range map[string]struct {
		environ []string
		says    string // "" when it is fine
	}{
		"a collector":              {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"}, ""},
		"by TLS, below a path":     {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=https://collector.example/otlp/"}, ""},
		"an address in IPv6":       {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://[::1]:4318"}, ""},
		"headers":                  {[]string{"OTEL_EXPORTER_OTLP_HEADERS=Authorization=Basic%20aGk6, X-Tenant=shop"}, ""},
		"no scheme":                {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=hidden:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"another scheme":           {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=grpc://hidden:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"no host":                  {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http:///hidden"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"a port that is none":      {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://hidden:port"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"a query":                  {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h?token=hidden"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"a password in it":         {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://u:hidden@h"}, "OTEL_EXPORTER_OTLP_HEADERS has it"},
		"headers without a name":   {[]string{"OTEL_EXPORTER_OTLP_HEADERS=hidden"}, "OTEL_EXPORTER_OTLP_HEADERS"},
		"headers that are no text": {[]string{"OTEL_EXPORTER_OTLP_HEADERS=X-Key=hidden%0d%0aX: y"}, "OTEL_EXPORTER_OTLP_HEADERS"},
		"headers that are torn":    {[]string{"OTEL_EXPORTER_OTLP_HEADERS=X-Key=hidden%zz"}, "OTEL_EXPORTER_OTLP_HEADERS"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(env.ToMap(c.environ))
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
			assert.NotContains(t, err.Error(), "hidden")
		})
	}
}

func TestReadSettings_NamesOfOpenTelemetry(t *testing.T) {
	s, err := readSettings([]string{"OTEL_SERVICE_NAME=shop", "OTEL_EXPORTER_OTLP_ENDPIONT=x", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
		file(t, ".env", "OTEL_BSP_SCHEDULE_DELAY=1000\nOTEL_EXPORTER_OTLP_HEADRES=a=b\nOTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c\n"))
	require.NoError(t, err)
	require.Len(t, s.odd, 4, "%v", s.odd)
	assert.Contains(t, fmt.Sprint(s.odd), "OTEL_EXPORTER_OTLP_PROTOCOL in the environment is no setting")
	assert.Contains(t, fmt.Sprint(s.odd), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT in ")
	assert.Contains(t, fmt.Sprint(s.odd), "OTEL_EXPORTER_OTLP_ENDPOINT is")
	assert.Contains(t, fmt.Sprint(s.odd), "OTEL_EXPORTER_OTLP_HEADERS is")

	var out said
	require.Zero(t, run(t.Context(), []string{"config"}, []string{"OTEL_EXPORTER_OTLP_HEADERS=X-Key=http://hidden"}, os.Stdin, &out, &out), "%s", out.String())
	assert.Regexp(t, `OTEL_EXPORTER_OTLP_HEADERS +\(set\) +environment`, out.String())
	assert.NotContains(t, out.String(), "hidden")
}
