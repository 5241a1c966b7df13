package cluster_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
)

const (
	visitors = 8
	// shownWithin is what a page of the catalog takes at the median while PostgreSQL is
	// away, and refusedWithin what it takes to say that something cannot be done.
	shownWithin   = 100 * time.Millisecond
	refusedWithin = 2 * time.Second
)

// awayFaults are those in which PostgreSQL is away, slow or full while visitors come
// back, with an account, with a cart and with nothing. What they look at was asked for
// before, or every server has it near by itself: they must notice nothing of it.
func (tr *trial) awayFaults(t *testing.T, build string) []fault {
	t.Helper()
	c := tr.Cluster
	near, asked := catalogPaths(t, c.Servers[0])
	people := cluster.NewVisitors(t, visitors, tr.people.Seed+1, slices.Concat(near, asked), c.URL)

	// while lets the visitors look while trouble lasts, and until the servers are ready again.
	while := func(t *testing.T, trouble func()) {
		t.Helper()
		for _, s := range c.Servers {
			for _, path := range asked {
				status, _ := s.Get(t, path)
				require.Equal(t, http.StatusOK, status, path)
			}
		}
		c.NginxErrors(t) // what was noted before
		report := people.During(func() {
			shop(1)
			trouble()
			for _, s := range c.Servers {
				s.WaitReady(t)
			}
			shop(3)
		})
		assert.Empty(t, report.Failures(), "the catalog is shown to everybody")
		assert.Empty(t, report.Grievances)
		assert.Empty(t, takenOutFor(c.NginxErrors(t)), "what servers say of the catalog counts against none")
		pages := report.Of(cluster.OfCatalog)
		median, longest := pages.Median(), pages.Longest()
		tr.note("%s: %d answers of the catalog to visitors, median %v, longest %v %s", t.Name(), len(pages.Answers), median, longest.Took, longest.Request)
		assert.Less(t, median, slack*shownWithin)
		assert.Less(t, longest.Took, slack*refusedWithin, longest.Request)
	}
	lasting := func(seconds int, begin, end func(t *testing.T)) func(*testing.T) {
		return func(t *testing.T) {
			while(t, func() { begin(t); shop(seconds); end(t) })
		}
	}
	kill, start := func(t *testing.T) { c.Postgres.Kill(t) }, func(t *testing.T) { c.Postgres.Start(t) }
	pause, unpause := func(t *testing.T) { c.Postgres.Pause(t) }, func(t *testing.T) { c.Postgres.Unpause(t) }

	return []fault{
		{"PostgreSQL away for 10 s, visitors come back", lasting(10, kill, start), personal},
		{"PostgreSQL paused for 10 s, visitors come back", lasting(10, pause, unpause), personal},
		{"PostgreSQL without a free connection for 10 s, visitors come back", func(t *testing.T) {
			while(t, func() {
				taken := takeConnections(t, c)
				shop(5)                                                             // the servers share what they have
				const theirs = "FROM pg_stat_activity WHERE application_name <> ''" // those of the test have no name
				for left := 1; left > 0; {
					_, err := taken[0].Exec(t.Context(), "SELECT pg_terminate_backend(pid) "+theirs)
					require.NoError(t, err)
					taken = append(taken, takeConnections(t, c)...)
					require.NoError(t, taken[0].QueryRow(t.Context(), "SELECT count(*) "+theirs).Scan(&left))
				}
				shop(5) // they have none
				for _, conn := range taken {
					require.NoError(t, conn.Close(t.Context()))
				}
			})
		}, personal},
		{"PostgreSQL 300 ms slow for 10 s, visitors come back", func(t *testing.T) {
			slow := delayed(t, c)
			for _, s := range c.Servers {
				s.Stop(t)
				s.Remove(t)
				s.Open(build, "DATABASE_URL", slow.url)
				s.WaitReady(t)
			}
			shop(5) // each reads what it keeps near
			while(t, func() {
				slow.begin(t)
				shop(10)
				slow.end(t)
			})
			for _, s := range c.Servers {
				s.Replace(t, build)
			}
		}, personal},
		{"PostgreSQL away for 2 min, visitors come back", lasting(120, kill, start), personal},
	}
}

// ofRequest is the part of a line of nginx's error log that names the request.
var ofRequest = regexp.MustCompile(` (\*\d+) .*request: "(GET [^ "]*)`)

// takenOutFor returns the lines of nginx's error log that take a server out of service for what it said of the catalog.
// A server that said nothing in time, as on a machine with other work, is taken out rightly: nginx notes first that
// it is out, and in the next line of the connection why. Of an answer it says nothing more.
func takenOutFor(lines []string) []string {
	var against []string
	last := map[string]int{} // of a connection, in against
	for _, line := range lines {
		request := ofRequest.FindStringSubmatch(line)
		switch {
		case request == nil || !cluster.OfCatalog(cluster.Answer{Request: request[2]}):
		case strings.Contains(line, "upstream server temporarily disabled"):
			last[request[1]] = len(against)
			against = append(against, line)
		default:
			if at, ok := last[request[1]]; ok && ofRequest.FindStringSubmatch(against[at])[2] == request[2] {
				against[at] = ""
			}
			delete(last, request[1])
		}
	}
	return slices.DeleteFunc(against, func(line string) bool { return line == "" })
}

func TestTakenOutFor(t *testing.T) {
	line := func(connection, text, request string) string {
		return `2026/11/26 17:00:00 [warn] 30#30: *` + connection + ` ` + text + `, client: 172.18.0.1, server: _, request: "` + request + ` HTTP/1.1", upstream: "http://172.18.0.4:5001/", host: "localhost"`
	}
	const late = "upstream timed out (110: Connection timed out) while reading response header from upstream"
	const out = "upstream server temporarily disabled while reading response header from upstream"
	for name, c := range map[string]struct {
		lines []string
		want  int
	}{
		"for an answer of the catalog": {[]string{line("7", out, "GET /"), line("8", out, "GET /products?q=tea"), line("9", out, "GET /api/products/tea")}, 3},
		"for silence":                  {[]string{line("7", out, "GET /products"), line("8", late, "GET /"), line("7", late, "GET /products"), line("7", out, "GET /products"), line("7", late, "GET /products")}, 0},
		"for an answer after silence":  {[]string{line("7", late, "GET /products"), line("7", out, "GET /products")}, 1},
		"before silence about another": {[]string{line("7", out, "GET /products"), line("7", late, "GET /")}, 1},
		"after somebody else's":        {[]string{line("8", out, "GET /products"), line("7", late, "GET /products")}, 1},
		"for what needs PostgreSQL":    {[]string{line("7", out, "GET /cart"), line("8", out, "POST /products")}, 0},
		"of something else":            {[]string{"", "2026/11/26 17:00:00 [notice] 1#1: start worker processes"}, 0},
	} {
		t.Run(name, func(t *testing.T) { assert.Len(t, takenOutFor(c.lines), c.want) })
	}
}

// catalogPaths are addresses of the catalog: what every server has near by itself, and what it has when it was asked for it.
func catalogPaths(t *testing.T, s *cluster.Server) (near, asked []string) {
	t.Helper()
	read := func(path string, into any) {
		status, body := s.Get(t, path)
		require.Equal(t, http.StatusOK, status, path)
		require.NoError(t, json.Unmarshal(body, into), path)
	}
	var all struct {
		Categories []struct {
			Slug string `json:"slug"`
		} `json:"categories"`
	}
	read("/api/products/categories", &all)
	require.NotEmpty(t, all.Categories)
	near = []string{"/", "/products", "/products?sort=newest", "/api/products/", "/api/products/categories"}
	for _, category := range all.Categories {
		near = append(near, "/products?category="+url.QueryEscape(category.Slug), "/api/products/?category="+url.QueryEscape(category.Slug))
	}
	for page := 1; page <= 10; page++ {
		var sold struct {
			Products []struct {
				ID   string `json:"id"`
				Slug string `json:"slug"`
			} `json:"products"`
		}
		read(fmt.Sprint("/api/products/?per_page=100&page=", page), &sold)
		for i := 0; i < len(sold.Products); i += 33 {
			near = append(near, "/products/"+sold.Products[i].Slug, "/api/products/"+sold.Products[i].ID)
		}
	}
	return near, []string{"/products?sort=price", "/products?q=lamp", "/api/products/?q=lamp", "/search/suggest?q=la", "/products?page=2", "/products?min_price=500&sort=price"}
}

// personal is a failure that says when to try again, soon, of what needs PostgreSQL. A
// search may be one that nobody made before.
func personal(a cluster.Answer) bool {
	shown := cluster.OfCatalog(a) && !strings.Contains(a.Request, "q=")
	return unavailable(a) && !shown && a.Took < slack*refusedWithin
}

// takeConnections takes all connections that PostgreSQL has left.
func takeConnections(t *testing.T, c *cluster.Cluster) (taken []*pgx.Conn) {
	t.Helper()
	for {
		conn, err := pgx.Connect(t.Context(), c.Postgres.URL)
		if err != nil {
			var refused *pgconn.PgError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, "53300", refused.Code, refused.Message) // too_many_connections
			return taken
		}
		taken = append(taken, conn)
	}
}

// delay is a way to PostgreSQL on which every answer may come later.
type delay struct {
	url   string // for the servers
	proxy *toxiproxy.Proxy
}

// delayed opens a way from the servers to PostgreSQL.
func delayed(t *testing.T, c *cluster.Cluster) *delay {
	t.Helper()
	d := &delay{}
	d.proxy = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()), "postgres", "0.0.0.0:0", c.Postgres.Address)
	require.NoError(t, d.proxy.Start())
	t.Cleanup(d.proxy.Stop)
	_, port, err := net.SplitHostPort(d.proxy.Listen)
	require.NoError(t, err)
	d.url = fmt.Sprintf("postgres://eshop:eshop@%s/postgres?sslmode=disable", net.JoinHostPort(c.Gateway().String(), port))
	return d
}

func (d *delay) begin(t *testing.T) {
	t.Helper()
	_, err := d.proxy.Toxics.AddToxicJson(strings.NewReader(`{"name": "late", "type": "latency", "attributes": {"latency": 300}}`))
	require.NoError(t, err)
}

func (d *delay) end(t *testing.T) {
	t.Helper()
	require.NoError(t, d.proxy.Toxics.RemoveToxic(t.Context(), "late"))
}
