package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/cmd/eshop/demo"
)

const serveSetting = "EXAMPLE_SERVES"

// TestMain runs main where a test started this binary as a server.
func TestMain(m *testing.M) {
	if os.Getenv(serveSetting) == "" {
		os.Exit(m.Run())
	}
	main()
}

func TestMain_WishesOutlastTheServers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wishlists.json")
	one, other := fmt.Sprintf("%q", demo.Product(7).ID), fmt.Sprintf("%q", demo.Product(8).ID)

	first, second := start(t, path), start(t, path)
	assert.NotContains(t, first.call("GET", "/api/wishlist", ""), one)
	first.call("POST", "/api/wishlist/add", `{"product_id":`+one+`}`)
	assert.Contains(t, second.call("POST", "/api/wishlist/add", `{"product_id":`+other+`}`), one)
	first.stop()
	second.stop()

	third := start(t, path)
	wishes := third.call("GET", "/api/wishlist", "")
	assert.Contains(t, wishes, one)
	assert.Contains(t, wishes, other)
	third.stop()
}

// server is a process that runs main, and a shopper who asks it.
type server struct {
	t       *testing.T
	url     string
	shopper *http.Client
	process *exec.Cmd
}

// notes are what a server tells, and the port that it told.
type notes struct {
	io.Writer
	port chan string
}

var opensOn = regexp.MustCompile(`the shop opens on .*:(\d+)`)

func (n *notes) Write(text []byte) (int, error) {
	if found := opensOn.FindSubmatch(text); found != nil {
		n.port <- string(found[1])
	}
	return n.Writer.Write(text)
}

// start returns a server that is ready, and whose shopper is signed in.
func start(t *testing.T, wishlists string) *server {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)

	s := &server{t: t, shopper: &http.Client{Jar: jar, Timeout: 20 * time.Second}, process: exec.Command(os.Args[0])}
	s.process.Env = append(os.Environ(), serveSetting+"=true", "WISHLISTS="+wishlists, "PORT=0")
	told := &notes{Writer: t.Output(), port: make(chan string, 1)}
	s.process.Stdout, s.process.Stderr = told, told
	require.NoError(t, s.process.Start())
	t.Cleanup(func() {
		_ = s.process.Process.Kill() // one that has left is as well
		_ = s.process.Wait()
	})
	select {
	case port := <-told.port:
		s.url = "http://127.0.0.1:" + port
	case <-time.After(time.Minute):
		require.Fail(t, "the server did not open")
	}
	require.Eventually(t, func() bool {
		answer, err := s.shopper.Get(s.url + "/ready")
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond, "the server does not become ready")
	s.call("POST", "/auth/login", `{"username":"john_doe","password":"password123"}`)
	return s
}

// stop asks the server to leave, and waits until it has without a complaint.
func (s *server) stop() {
	s.t.Helper()
	require.NoError(s.t, s.process.Process.Signal(syscall.SIGTERM))
	require.NoError(s.t, s.process.Wait())
}

// call returns the body of an answer that must be 200.
func (s *server) call(method, path, body string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/json")
	answer, err := s.shopper.Do(r)
	require.NoError(s.t, err)
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, answer.StatusCode, "%s %s: %s", method, path, said)
	return string(said)
}
