// Package server starts bin/eshop for tests that need the whole of it: its own
// process, a port, its own end. Build the binary first; `make` does.
package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	startTime = 15 * time.Second
	endTime   = 40 * time.Second
)

// Server is a running shop. It ends with its test.
type Server struct {
	URL     string // without a slash at its end
	Metrics string // where its figures are

	t       testing.TB
	process *exec.Cmd
	ended   chan struct{}
}

// Start starts a server with settings, such as "ESHOP_DEMO=true", and waits until it is ready.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	return StartBuild(t, binary(t), settings...)
}

// StartBuild is Start of another build than bin/eshop.
func StartBuild(t testing.TB, build string, settings ...string) *Server {
	t.Helper()
	s := start(t, build, settings)
	require.Eventually(t, func() bool { return s.Ready() }, startTime, 20*time.Millisecond, "the server does not become ready")
	return s
}

// Run runs another command of the binary with settings and returns what it says.
func Run(t testing.TB, settings []string, command ...string) string {
	t.Helper()
	return RunBuild(t, binary(t), settings, command...)
}

// RunBuild is Run of another build than bin/eshop.
func RunBuild(t testing.TB, build string, settings []string, command ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute) // a test that ends may run one, too
	defer cancel()
	run := exec.CommandContext(ctx, build, command...)
	run.Env = append(os.Environ(), settings...)
	said, err := run.CombinedOutput()
	require.NoError(t, err, "%s", said)
	return string(said)
}

func start(t testing.TB, build string, settings []string) *Server {
	t.Helper()
	ports := FreePorts(t, 2)
	s := &Server{
		URL: fmt.Sprintf("http://localhost:%d", ports[0]), Metrics: fmt.Sprintf("http://localhost:%d/metrics", ports[1]),
		t: t, ended: make(chan struct{}),
	}
	s.process = exec.Command(build, "serve")
	s.process.Env = append(append(os.Environ(), fmt.Sprintf("PORT=%d", ports[0]),
		fmt.Sprintf("ESHOP_METRICS_ADDR=127.0.0.1:%d", ports[1])), settings...)
	s.process.Stderr = log{t}
	require.NoError(t, s.process.Start())
	go func() {
		_ = s.process.Wait() // how it ended is in its log
		close(s.ended)
	}()
	t.Cleanup(s.Stop)
	return s
}

// Ready reports whether the server takes requests.
func (s *Server) Ready() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/ready", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	_ = answer.Body.Close() // nothing of it is read
	return answer.StatusCode == http.StatusOK
}

// Stop asks the server to leave, and waits until it has.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server as a power cut would.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) {
	s.t.Helper()
	_ = s.process.Process.Signal(signal) // one that has ended already is as well
	select {
	case <-s.ended:
	case <-time.After(endTime):
		_ = s.process.Process.Kill() // as above
		s.t.Errorf("the server did not leave within %s", endTime)
	}
}

// log shows what the server has to say when a test fails.
type log struct{ t testing.TB }

func (l log) Write(lines []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Logf("%s", strings.TrimSpace(string(lines)))
	}
	return len(lines), nil
}

func binary(t testing.TB) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	path := filepath.Join(filepath.Dir(file), "../../bin/eshop")
	require.FileExists(t, path, "the binary is not there; run: make build")
	return path
}

// FreePorts are ports that nobody listens on now, and that no connection is given by the system:
// it takes those of outgoing connections from 32768 on.
func FreePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for deadline := time.Now().Add(10 * time.Second); len(ports) < n; {
		port := 10_000 + rand.IntN(10_000)
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			require.True(t, time.Now().Before(deadline), "no port is free: %v", err)
			continue
		}
		defer func() { _ = l.Close() }() // it was only held so that no other is the same
		ports = append(ports, port)
	}
	return ports
}
