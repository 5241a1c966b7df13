// Package cluster brings up the whole shop as it is deployed: the very
// nginx/nginx.conf in front, any number of servers from the static binary, and
// PostgreSQL and Redis behind them, each in a container that a test may kill,
// pause, stop, replace and cut off. Shoppers who note every answer are here too,
// and the audit of what the shop has kept beside their notes.
package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/container"
)

const (
	serverPort  = 5000
	metricsPort = 6000
	secretKey   = "a secret of this test and of no other shop"
)

// Cluster is a shop of several servers, removed when the test ends.
type Cluster struct {
	URL      string // of nginx
	Nginx    *container.Server
	Servers  []*Server
	Postgres *container.Server
	Redis    *container.Server

	t              testing.TB // when it ends all containers go
	front, records string     // networks: of nginx, the servers and Redis; of the servers and PostgreSQL
	subnet         netip.Prefix
	site           string // the file that names the servers to nginx
}

// Server is one of the shop's servers. It keeps its name and address when it is replaced.
type Server struct {
	*container.Server
	Name string

	cluster *Cluster
	address netip.Addr
}

// Start brings up a shop of n servers with the demo data, and waits until each is ready.
func Start(t testing.TB, n int) *Cluster {
	t.Helper()
	c := Prepare(t, n)
	c.Migrate(t)
	for i := range n {
		c.Servers[i].Open(Build(t))
	}
	for _, s := range c.Servers {
		s.WaitReady(t)
	}
	return c
}

// Prepare brings up all but the servers; nginx knows where n of them will be.
func Prepare(t testing.TB, n int) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	c.front, c.subnet = container.Network(t)
	c.records, _ = container.Network(t)
	c.Postgres = container.StartPostgres(t, container.Place{Network: c.records, Name: "postgres"})
	c.Redis = container.StartRedis(t, container.Place{Network: c.front, Name: "redis"})
	for i := range n {
		c.Servers = append(c.Servers, &Server{Name: fmt.Sprintf("Server-%d", i+1), cluster: c, address: c.host(10 + i)})
	}
	c.site = filepath.Join(t.TempDir(), "site")
	c.writeSite(t, nil)
	c.openNginx(t, nil)
	return c
}

// openNginx starts nginx with the shop's site, and files of an operator beside it.
func (c *Cluster) openNginx(t testing.TB, operator map[string]string) {
	t.Helper()
	files := map[string]string{
		"/etc/nginx/sites-enabled/ecommerce": c.site,
		"/usr/share/eshop/pages":             filepath.Join(root(), "nginx", "pages"),
	}
	maps.Copy(files, operator)
	c.Nginx = container.Start(t, container.Spec{
		Folder: "nginx", Port: 80, Ready: []string{"sh", "-c", "curl -sf http://localhost/nginx_status"},
		Files:    files,
		Networks: []container.Place{{Network: c.front, Name: "nginx", Address: c.host(2)}},
	})
	c.URL = "http://" + c.Nginx.Address
}

// BehindBalancer replaces nginx by one whose operator added what nginx.conf says for a balancer in front: it takes
// X-Forwarded-For for the address of whoever asks, so that a test asks from any address.
func (c *Cluster) BehindBalancer(t testing.TB) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "balancer.conf")
	require.NoError(t, os.WriteFile(file, []byte("set_real_ip_from "+c.subnet.String()+";\nreal_ip_header X-Forwarded-For;\n"), 0o644))
	c.Nginx.Stop(t)
	c.Nginx.Remove(t)
	c.openNginx(t, map[string]string{"/etc/ecommerce/nginx.d/balancer.conf": file})
}

func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

func (c *Cluster) host(n int) netip.Addr {
	a := c.subnet.Addr().As4()
	a[3] = byte(n)
	return netip.AddrFrom4(a)
}

// Gateway is where the servers reach the host that the test runs on.
func (c *Cluster) Gateway() netip.Addr { return c.host(1) }

// Front is the network of nginx, the servers and Redis.
func (c *Cluster) Front() string { return c.front }

// settings are the environment of the server called name.
func (c *Cluster) settings(name string) map[string]string {
	return map[string]string{
		"PORT": fmt.Sprint(serverPort), "SERVER_NAME": name, "SECRET_KEY": secretKey,
		"DATABASE_URL":       "postgres://eshop:eshop@postgres:5432/postgres?sslmode=disable",
		"REDIS_URL":          "redis://redis:6379/0",
		"ESHOP_METRICS_ADDR": fmt.Sprintf(":%d", metricsPort),
		// Docker's networks, which here have nginx alone in front.
		"ESHOP_TRUSTED_PROXIES": c.subnet.String(),
	}
}

// Migrate makes the tables and fills them with the demo data. At the test's end eshop audit finds nothing wrong in them.
func (c *Cluster) Migrate(t testing.TB) {
	t.Helper()
	t.Cleanup(func() { assert.Empty(t, c.audit()) })
	for _, command := range []string{"migrate", "seed"} {
		c.once(t, command)
	}
}

// once runs a command of the shop that ends by itself.
func (c *Cluster) once(t testing.TB, command string) {
	t.Helper()
	s := container.Start(t, container.Spec{
		Folder: Build(t), Command: []string{command}, Env: c.settings(command),
		Networks: []container.Place{{Network: c.front, Name: command}, {Network: c.records, Name: command}},
	})
	require.Zero(t, s.Wait(t), "%s: %s", command, s.Log(t))
	s.Remove(t)
}

// Open starts the server from a build, with settings of its own, names and values in turn.
func (s *Server) Open(build string, settings ...string) {
	s.cluster.t.Helper()
	env := s.cluster.settings(s.Name)
	for i := 0; i < len(settings); i += 2 {
		env[settings[i]] = settings[i+1]
	}
	s.Server = container.Start(s.cluster.t, container.Spec{
		Folder: build, Command: []string{"serve"}, Env: env,
		Networks: []container.Place{
			{Network: s.cluster.front, Name: strings.ToLower(s.Name), Address: s.address},
			{Network: s.cluster.records, Name: strings.ToLower(s.Name)},
		},
	})
}

// Replace stops the server as an operator would, and opens another in its place.
func (s *Server) Replace(t testing.TB, build string, settings ...string) {
	t.Helper()
	s.Stop(t)
	s.Remove(t)
	s.Open(build, settings...)
	s.WaitReady(t)
}

// CutOff takes the road to PostgreSQL away; nginx and Redis are still there.
func (s *Server) CutOff(t testing.TB) {
	t.Helper()
	s.Leave(t, s.cluster.records)
}

// Reconnect undoes CutOff.
func (s *Server) Reconnect(t testing.TB) {
	t.Helper()
	s.Join(t, s.cluster.records)
}

// Direct is where the server itself is asked, not by nginx.
func (s *Server) Direct() string { return fmt.Sprintf("http://%s:%d", s.address, serverPort) }

// Metrics is where the server's figures are, as host:port.
func (s *Server) Metrics() string { return fmt.Sprintf("%s:%d", s.address, metricsPort) }

// Get asks the server itself, not by nginx, and returns the status and the body.
func (s *Server) Get(t testing.TB, path string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Direct()+path, nil)
	require.NoError(t, err)
	answer, err := direct.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, body
}

// Ready reports whether the server itself, not by nginx, says that it is ready, and what it says.
func (s *Server) Ready(ctx context.Context) (bool, string) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Direct()+"/ready", nil)
	if err != nil {
		return false, err.Error()
	}
	answer, err := direct.Do(r)
	if err != nil {
		return false, err.Error()
	}
	defer answer.Body.Close()
	var says json.RawMessage
	_ = json.NewDecoder(answer.Body).Decode(&says) // what is no JSON says nothing
	return answer.StatusCode == http.StatusOK, string(says)
}

// figure is a line of metrics that has no labels.
var figure = regexp.MustCompile(`(?m)^(\w+) (\S+)$`)

// Figures are the server's metrics that have no labels, by name.
func (s *Server) Figures(t testing.TB) map[string]float64 {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Metrics()+"/metrics", nil)
	require.NoError(t, err)
	answer, err := direct.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	all := map[string]float64{}
	for _, line := range figure.FindAllSubmatch(text, -1) {
		n, err := strconv.ParseFloat(string(line[2]), 64)
		require.NoError(t, err)
		all[string(line[1])] = n
	}
	return all
}

// Memory is how many bytes of memory the server's process has, by its own metrics.
func (s *Server) Memory(t testing.TB) float64 {
	t.Helper()
	bytes, ok := s.Figures(t)["process_resident_memory_bytes"]
	require.True(t, ok, "%s tells nothing of its memory", s.Name)
	return bytes
}

var direct = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// WaitReady waits until the server says that it is ready.
func (s *Server) WaitReady(t testing.TB) {
	t.Helper()
	says := ""
	until(t, func() (ready bool) {
		ready, says = s.Ready(t.Context())
		return ready
	}, func() string { return s.Name + " is not ready: " + says })
}

// until waits until there is what is waited for, and fails the test after half a
// minute with what is missing.
func until(t testing.TB, there func() bool, missing func() string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !there(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			require.Fail(t, missing())
		}
	}
}

// WaitWhole waits until every server is ready, and nginx sends requests to it. It leaves one alone
// for a while that failed, though it be back long since.
func (c *Cluster) WaitWhole(t testing.TB) {
	t.Helper()
	missing := map[string]bool{}
	for _, s := range c.Servers {
		s.WaitReady(t)
		missing[s.Name] = true
	}
	until(t, func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL+"/api/cart/", nil)
		require.NoError(t, err)
		answer, err := direct.Do(r)
		if err != nil {
			return false
		}
		_ = answer.Body.Close() // nothing of it is read
		if answer.StatusCode == http.StatusOK {
			delete(missing, answer.Header.Get("X-Served-By"))
		}
		return len(missing) == 0
	}, func() string { return fmt.Sprintf("nginx sends nothing to %v", missing) })
}

// Reload tells nginx which servers there are, without those that are down, and
// reloads it. What is under way goes on.
func (c *Cluster) Reload(t testing.TB, down ...*Server) {
	t.Helper()
	c.writeSite(t, down)
	c.Nginx.Run(t, "nginx", "-t", "-q")
	workers := c.workers(t)
	c.Nginx.Run(t, "nginx", "-s", "reload")
	// The signal is sent; the workers from before take requests until they heard of it.
	until(t, func() bool { return disjoint(c.workers(t), workers) }, func() string { return "workers from before go on" })
}

// namedServers are what an upstream of nginx.conf names.
var namedServers = regexp.MustCompile(`(?m)(^\tserver 127\.0\.0\.1:[^\n]*\n)+`)

// writeSite writes nginx.conf with the cluster's servers in the place of those that it names.
func (c *Cluster) writeSite(t testing.TB, down []*Server) {
	t.Helper()
	var lines strings.Builder
	for _, s := range c.Servers {
		state := "max_fails=2 fail_timeout=2s"
		if slices.Contains(down, s) {
			state = "down"
		}
		fmt.Fprintf(&lines, "\tserver %s:%d %s;\n", s.address, serverPort, state)
	}
	conf, err := os.ReadFile(filepath.Join(root(), "nginx", "nginx.conf"))
	require.NoError(t, err)
	// Written in place: the container has this very file.
	require.NoError(t, os.WriteFile(c.site, namedServers.ReplaceAll(conf, []byte(lines.String())), 0o644))
}

// Disabled is how often nginx took a server out of the balancer for a while, by its log.
func (c *Cluster) Disabled(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(c.Nginx.Run(t, "sh", "-c",
		"grep -c 'temporarily disabled' /var/log/nginx/ecommerce_error.log || true")))
	require.NoError(t, err)
	return n
}

// workers are the processes of nginx that take requests.
func (c *Cluster) workers(t testing.TB) []string {
	t.Helper()
	return strings.Fields(c.Nginx.Run(t, "sh", "-c",
		`for p in /proc/[0-9]*; do [ "$(tr -d '\0' <$p/cmdline 2>/dev/null)" = "nginx: worker process" ] && echo $p; done; true`))
}

func disjoint(a, b []string) bool {
	return len(a) > 0 && !slices.ContainsFunc(a, func(one string) bool { return slices.Contains(b, one) })
}
