package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// served is a server that run serves.
type served struct {
	shop, metrics string // where it is, without a slash at the end
	log           *said
	stop          func() (code int)
}

// serving serves a shop with settings until the test ends or it is stopped.
func serving(t *testing.T, settings ...string) *served {
	t.Helper()
	var (
		held  []net.Listener
		ports []int
	)
	for range 2 {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		held, ports = append(held, l), append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	for _, l := range held {
		require.NoError(t, l.Close())
	}
	s := &served{shop: fmt.Sprintf("http://127.0.0.1:%d", ports[0]), metrics: fmt.Sprintf("http://127.0.0.1:%d", ports[1]), log: &said{}}
	environ := append([]string{fmt.Sprintf("PORT=%d", ports[0]), fmt.Sprintf("ESHOP_METRICS_ADDR=127.0.0.1:%d", ports[1]), "SERVER_NAME=one"}, settings...)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	code := make(chan int, 1)
	s.stop = sync.OnceValue(func() int {
		cancel()
		return <-code
	})
	t.Cleanup(func() { s.stop() })
	go func() { code <- run(ctx, []string{"serve"}, environ, os.Stdin, s.log, s.log) }()
	require.Eventually(t, func() bool { return statusOf(ctx, s.shop+"/ready") == http.StatusOK }, 10*time.Second, 10*time.Millisecond, "%s", s.log)
	return s
}

// statusOf is that of an answer, 0 without one.
func statusOf(ctx context.Context, address string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close() // nothing of it is read
	return answer.StatusCode
}

// said is what a command writes, while it still does.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(text)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestServe_Profiles(t *testing.T) {
	for name, c := range map[string]struct {
		settings []string
		want     int
	}{
		"unless it is asked for, nobody profiles a server": {nil, http.StatusNotFound},
		"who reaches the metrics profiles":                 {[]string{"ESHOP_PPROF=true"}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			s := serving(t, c.settings...)
			for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine?debug=1", "/debug/pprof/symbol", "/debug/pprof/cmdline"} {
				assert.Equal(t, c.want, statusOf(t.Context(), s.metrics+path), path)
				assert.Equal(t, http.StatusNotFound, statusOf(t.Context(), s.shop+path), "%s of the shop's own listener", path)
			}
			assert.Equal(t, http.StatusOK, statusOf(t.Context(), s.metrics+"/metrics"))
			assert.Zero(t, s.stop(), "%s", s.log)
		})
	}
}
