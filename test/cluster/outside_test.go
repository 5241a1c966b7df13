package cluster_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	"eshop/adapter/demopay"
	"eshop/test/cluster"
	"eshop/test/container"
)

// watching is the folder with what is given to those who watch a shop.
var watching = filepath.Join("..", "..", "deployment", "prometheus")

// TestOutside looks at a shop as its operators do: by Prometheus with the rules and the dashboard that come
// with the shop, and by the traces that a collector gets.
func TestOutside(t *testing.T) {
	c := cluster.Prepare(t, 2)
	c.Migrate(t)
	collector := collect(t)
	for _, s := range c.Servers {
		s.Open(cluster.Build(t), "OTEL_EXPORTER_OTLP_ENDPOINT", fmt.Sprintf("http://%s", net.JoinHostPort(c.Gateway().String(), collector.port)), "OTEL_BSP_SCHEDULE_DELAY", "200")
	}
	prometheus := watch(t, c)

	t.Run("the rules are valid, and fire when they should", func(t *testing.T) {
		prometheus.Run(t, "promtool", "check", "rules", "/etc/eshop/rules.yml")
		prometheus.Run(t, "promtool", "check", "config", "/etc/shop/prometheus.yml", "/etc/shop/prometheus-docker.yml")
		prometheus.Run(t, "promtool", "test", "rules", "/etc/shop/rules_test.yml")
	})
	for _, s := range c.Servers {
		s.WaitReady(t)
	}
	visit(t, c)

	t.Run("each query of the rules and of the dashboard has an answer", func(t *testing.T) {
		missing := append(queriesOfRules(t), queriesOfDashboard(t)...)
		require.Greater(t, len(missing), 40)
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(500 * time.Millisecond) {
			missing = slices.DeleteFunc(missing, func(query string) bool { return series(t, prometheus, query) > 0 })
			if len(missing) == 0 || time.Now().After(end) {
				break
			}
		}
		assert.Empty(t, missing, "queries without a series")
	})

	t.Run("a request that came by nginx is one trace, with nginx's id of it and what it asked of the stores", func(t *testing.T) {
		const foreign = "4bf92f3577b34da6a3ce929d0e0e4736"
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL+"/api/cart/", nil)
		require.NoError(t, err)
		r.Header.Set("Cookie", "session="+strings.Repeat("x", 52)) // which is looked up
		r.Header.Set("Traceparent", "00-"+foreign+"-00f067aa0ba902b7-01")
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		id := answer.Header.Get("X-Request-ID")
		var trace []*tracepb.Span
		assert.Eventually(t, func() bool { trace = collector.trace(id); return len(trace) > 2 }, 10*time.Second, 50*time.Millisecond, "no trace of request %s", id)
		require.NotEmpty(t, trace)
		assert.NotEqual(t, foreign, fmt.Sprintf("%x", trace[0].TraceId), "whoever asks says nothing of traces")
		assert.Empty(t, trace[0].ParentSpanId)
		assert.Equal(t, "GET /api/cart/", trace[0].Name)
		var names []string
		for _, call := range trace[1:] {
			names = append(names, call.Name)
			assert.Equal(t, trace[0].SpanId, call.ParentSpanId)
		}
		assert.Subset(t, names, []string{"Redis GET", "PostgreSQL SELECT"})
	})
}

// watch starts a Prometheus that sees the shop as prometheus.yml has it, but for where all that is, and how often.
func watch(t *testing.T, c *cluster.Cluster) *container.Server {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(watching, "prometheus.yml"))
	require.NoError(t, err)
	var conf struct {
		Global map[string]string `yaml:"global"`
		Rules  []string          `yaml:"rule_files"`
		Jobs   []map[string]any  `yaml:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal(text, &conf))
	conf.Global = map[string]string{"scrape_interval": "1s", "evaluation_interval": "1s"}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Listener = listen(t)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	_, port, err := net.SplitHostPort(secure.Listener.Addr().String())
	require.NoError(t, err)
	for _, job := range conf.Jobs {
		switch job["job_name"] {
		case "eshop":
			job["static_configs"] = targets(c.Servers[0].Metrics(), c.Servers[1].Metrics())
		case "shopper": // nginx, and what has a certificate
			job["static_configs"] = targets("http://nginx/", "https://"+net.JoinHostPort(c.Gateway().String(), port)+"/")
		}
	}
	folder := t.TempDir()
	text, err = yaml.Marshal(conf)
	require.NoError(t, err)
	rules, err := os.ReadFile(filepath.Join(watching, "rules.yml"))
	require.NoError(t, err)
	for name, content := range map[string][]byte{"prometheus.yml": text, "rules.yml": rules,
		"blackbox.yml": []byte("modules: {http_2xx: {prober: http, http: {preferred_ip_protocol: ip4, tls_config: {insecure_skip_verify: true}}}}\n")} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o644))
	}
	shipped, err := filepath.Abs(watching)
	require.NoError(t, err)
	return container.Start(t, container.Spec{
		Folder: "prometheus", Port: 9090, Ready: []string{"promtool", "query", "instant", "http://localhost:9090", "1"},
		Files:    map[string]string{"/etc/eshop": folder, "/etc/shop": shipped, "/etc/prometheus/blackbox.yml": filepath.Join(folder, "blackbox.yml")},
		Networks: []container.Place{{Network: c.Front(), Name: "prometheus"}},
	})
}

func targets(all ...string) []map[string][]string { return []map[string][]string{{"targets": all}} }

// listen listens where containers reach it.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "0.0.0.0:0")
	require.NoError(t, err)
	return l
}

// visit makes the shop count what it counts at other times only: a purchase, one that is refused, and one
// of which the gateway says nothing.
func visit(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar}
	call := func(method, path string, body, into any) int {
		text, err := json.Marshal(body)
		require.NoError(t, err)
		if body == nil {
			text = nil
		}
		r, err := http.NewRequestWithContext(t.Context(), method, c.URL+path, bytes.NewReader(text))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		answer, err := client.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		_ = json.NewDecoder(answer.Body).Decode(into) // of a failure the status tells
		return answer.StatusCode
	}
	var found struct {
		Products []struct {
			ID string `json:"id"`
		} `json:"products"`
	}
	require.Equal(t, http.StatusOK, call("GET", "/api/products/?in_stock=true", nil, &found))
	require.NotEmpty(t, found.Products)
	buy := func(card string) int {
		return call("POST", "/api/checkout/process", map[string]any{
			"email": "sam@mail.example",
			"shipping_address": map[string]any{"name": "Sam Shopper", "line1": "1 High Street", "line2": "", "city": "Springfield",
				"region": "IL", "postal_code": "62701", "country": "US", "phone": "+1 555 010 0123"},
			"payment": map[string]any{"method": "demo_card", "card_number": card, "expiry": "12/39", "cvc": "123"},
		}, new(any))
	}
	assert.GreaterOrEqual(t, buy("4242424242424242"), 400, "the cart is empty")
	for _, card := range []string{"4242424242424242", demopay.Fails} {
		require.Less(t, call("POST", "/api/cart/add", map[string]any{"product_id": found.Products[0].ID, "quantity": 1}, new(any)), 300)
		status := buy(card)
		assert.Contains(t, []int{http.StatusCreated, http.StatusAccepted, http.StatusServiceUnavailable}, status)
	}
}

// comparison is how each alert ends: an operator and a number.
var comparison = regexp.MustCompile(`^(.+) (==|<|>) ([0-9.]+)$`)

// queriesOfRules are the expressions of the rules. An alert that does not fire has no series, so its comparison
// is asked for as 0 or 1.
func queriesOfRules(t *testing.T) (queries []string) {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	text, err := os.ReadFile(filepath.Join(watching, "rules.yml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &rules))
	tests, err := os.ReadFile(filepath.Join(watching, "rules_test.yml"))
	require.NoError(t, err)
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				queries = append(queries, rule.Expr)
				continue
			}
			require.Regexp(t, comparison, rule.Expr, rule.Alert)
			queries = append(queries, comparison.ReplaceAllString(rule.Expr, "$1 $2 bool $3"))
			fires := regexp.MustCompile(`alertname: ` + rule.Alert + `\n +eval_time: \w+\n +exp_alerts:`)
			assert.Regexp(t, fires, string(tests), "rules_test.yml lets each alert fire")
		}
	}
	return queries
}

func queriesOfDashboard(t *testing.T) (queries []string) {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	text, err := os.ReadFile(filepath.Join(watching, "dashboard.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &dashboard))
	for _, panel := range dashboard.Panels {
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}

// series is how many series Prometheus has for a query now.
func series(t *testing.T, prometheus *container.Server, query string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+prometheus.Address+"/api/v1/query?query="+url.QueryEscape(query), nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	var said struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&said))
	require.Equal(t, "success", said.Status, "%s: %s", query, said.Error)
	return len(said.Data.Result)
}

// collected is what a collector of traces was sent.
type collected struct {
	port string

	mu    sync.Mutex
	spans []*tracepb.Span
}

func collect(t *testing.T) *collected {
	t.Helper()
	c := &collected{}
	l := listen(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := new(tracepb.TracesData)
		if body, err := io.ReadAll(r.Body); err != nil || proto.Unmarshal(body, sent) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, of := range sent.ResourceSpans {
			for _, scope := range of.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	c.port = port
	return c
}

// trace is the trace of the request with an id, the request's own span first.
func (c *collected) trace(id string) (trace []*tracepb.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		for _, about := range span.Attributes {
			if about.Key == "request_id" && about.Value.GetStringValue() == id {
				trace = append(trace, span)
			}
		}
	}
	if len(trace) != 1 {
		return nil
	}
	for _, span := range c.spans {
		if bytes.Equal(span.TraceId, trace[0].TraceId) && span != trace[0] {
			trace = append(trace, span)
		}
	}
	return trace
}
