package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	testshop "eshop/test/shop"
	"eshop/web"
)

// lines gathers what is written, a line each time.
type lines struct {
	mu   sync.Mutex
	text [][]byte
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, bytes.Clone(line))
	return len(line), io.ErrShortWrite // which must not matter
}

// last waits for n lines, and returns the last.
func (l *lines) last(t *testing.T, n int) map[string]any {
	t.Helper()
	var line []byte
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.text) == n {
			line = l.text[n-1]
		}
		return len(l.text) >= n
	}, 5*time.Second, time.Millisecond)
	require.Equal(t, 1, bytes.Count(line, []byte("\n")), "%s", line)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(line, &fields), "%s", line)
	return fields
}

func TestLogAccess(t *testing.T) {
	s, out, asked := testshop.Open(t, nil), new(lines), 0
	here := web.Proxies{netip.MustParsePrefix("127.0.0.0/8")}
	server := httptest.NewServer(here.Believe(web.LogAccess(s.Handler, out, "shop-1")))
	defer server.Close()
	ask := func(t *testing.T, method, target string, header http.Header) (*http.Response, []byte, map[string]any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+target, nil)
		require.NoError(t, err)
		maps.Copy(r.Header, header)
		answer, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		asked++
		return answer, body, out.last(t, asked)
	}

	t.Run("an answer is a line, with the address that a balancer tells, and without the query", func(t *testing.T) {
		begun := time.Now()
		answer, body, line := ask(t, "GET", "/search/suggest?q=hunter2", http.Header{"X-Forwarded-For": {"198.51.100.7"}, "X-Request-Id": {"request-1"}, "Accept-Encoding": {"identity"}})
		at, err := time.Parse(time.RFC3339Nano, line["time"].(string))
		require.NoError(t, err)
		assert.Equal(t, time.UTC, at.Location())
		assert.WithinRange(t, at, begun, time.Now())
		assert.InDelta(t, 2500, line["duration_ms"], 2500)
		delete(line, "time")
		delete(line, "duration_ms")
		assert.Equal(t, map[string]any{
			"request_id": "request-1", "method": "GET", "path": "/search/suggest", "status": float64(answer.StatusCode),
			"bytes": float64(len(body)), "address": "198.51.100.7", "server": "shop-1",
		}, line)
	})
	t.Run("a request without an id has that of its answer", func(t *testing.T) {
		answer, _, line := ask(t, "GET", "/health", nil)
		assert.Equal(t, answer.Header.Get("X-Request-ID"), line["request_id"])
		assert.NotEmpty(t, line["request_id"])
	})
	for name, c := range map[string]struct {
		method, target, path string
		status               int
	}{
		"what there is not":         {"GET", "/nowhere", "/nowhere", 404},
		"a method of the client's":  {"BREW" + strings.Repeat("W", 200), "/", "/", 405},
		"an odd path":               {"GET", "/%0a%22%5c%ff<b>\u202e", "/%0A%22%5C%FF%3Cb%3E%E2%80%AE", 404},
		"an address beyond measure": {"GET", "/" + strings.Repeat("a", 20_000), "/" + strings.Repeat("a", 4095), 414},
		"a socket that is refused":  {"GET", "/ws/chat", "/ws/chat", 426},
	} {
		t.Run(name+" is a line", func(t *testing.T) {
			_, _, line := ask(t, c.method, c.target, nil)
			assert.EqualValues(t, c.status, line["status"])
			assert.Equal(t, c.path, line["path"])
			assert.LessOrEqual(t, len(line["method"].(string)), 32)
		})
	}
	t.Run("what is only asked for its head has no bytes", func(t *testing.T) {
		_, _, line := ask(t, "HEAD", "/", nil)
		assert.Zero(t, line["bytes"])
	})
	t.Run("a socket is a line when it ends", func(t *testing.T) {
		socket, answer, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(server.URL, "http", "ws", 1)+"/ws/chat", nil)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.NoError(t, socket.Close())
		asked++
		line := out.last(t, asked)
		assert.EqualValues(t, http.StatusSwitchingProtocols, line["status"])
		assert.Equal(t, answer.Header.Get("X-Request-ID"), line["request_id"])
	})
	t.Run("an answer that is cut off is a line", func(t *testing.T) {
		cut := web.LogAccess(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		}), out, "shop-1")
		assert.PanicsWithValue(t, http.ErrAbortHandler, func() { cut.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/half", nil)) })
		asked++
		assert.EqualValues(t, 4, out.last(t, asked)["bytes"])
	})
}
