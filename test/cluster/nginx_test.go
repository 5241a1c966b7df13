package cluster_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
	"eshop/test/container"
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func ask(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, response.Header, string(text)}
}

// embedded are the settings of a server that keeps everything in memory.
var embedded = []string{"DATABASE_URL", "", "REDIS_URL", "", "ESHOP_DEMO", "true"}

// A site that was copied by hand has neither the shop's pages nor a folder of the operator's.
func TestNginx_SiteByHand(t *testing.T) {
	site, err := filepath.Abs("../../nginx/nginx.conf")
	require.NoError(t, err)
	nginx := container.Start(t, container.Spec{
		Folder: "nginx", Port: 80, Ready: []string{"sh", "-c", "nginx -t -q && curl -sf http://localhost/nginx_status"},
		Files: map[string]string{"/etc/nginx/sites-enabled/ecommerce": site},
	})
	for path, want := range map[string]int{
		"/": http.StatusServiceUnavailable, "/cart": http.StatusServiceUnavailable, "/assets/app.css": http.StatusServiceUnavailable, "/metrics": http.StatusNotFound,
		"/api/cart/": http.StatusServiceUnavailable, "/api/products/%00": http.StatusBadRequest,
	} {
		got := ask(t, "GET", "http://"+nginx.Address+path, "")
		assert.Equal(t, want, got.status, path)
		assert.Equal(t, want == http.StatusServiceUnavailable, got.header.Get("Retry-After") != "", path)
		if strings.HasPrefix(path, "/api/") {
			assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"), path)
			assert.Contains(t, got.body, `"status":`+strconv.Itoa(want), path)
		} else {
			assert.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"), path)
			assert.Contains(t, got.body, strconv.Itoa(want)+": ", path)
		}
	}
}

func TestNginx(t *testing.T) {
	whole := t
	c := cluster.Prepare(t, 3)
	for _, s := range c.Servers {
		s.Open(cluster.Build(t), embedded...)
	}
	for _, s := range c.Servers {
		s.WaitReady(t)
	}

	t.Run("each server takes its turn, and says so", func(t *testing.T) {
		seen := map[string]int{}
		for range 9 {
			got := ask(t, "GET", c.URL+"/", "")
			require.Equal(t, http.StatusOK, got.status)
			name := got.header.Get("X-Served-By")
			assert.Contains(t, got.body, "Served by "+name)
			seen[name]++
		}
		assert.Equal(t, map[string]int{"Server-1": 3, "Server-2": 3, "Server-3": 3}, seen)
	})
	t.Run("a request keeps the id that it came with", func(t *testing.T) {
		assert.Equal(t, "a-client-s-own-id", ask(t, "GET", c.URL+"/", "", "X-Request-ID", "a-client-s-own-id").header.Get("X-Request-ID"))
		assert.Regexp(t, `^[0-9a-f]{32}$`, ask(t, "GET", c.URL+"/", "").header.Get("X-Request-ID"))
	})
	t.Run("pages and answers are compressed", func(t *testing.T) {
		for _, path := range []string{"/", "/api/products/"} {
			got := ask(t, "GET", c.URL+path, "", "Accept-Encoding", "gzip")
			assert.Equal(t, "gzip", got.header.Get("Content-Encoding"), path)
			assert.Contains(t, got.header.Get("Vary"), "Accept-Encoding", path)
		}
	})
	t.Run("what is inside stays inside", func(t *testing.T) {
		for _, path := range []string{"/metrics", "/metrics/", "/debug/pprof/", "/_shop/away.html"} {
			assert.Equal(t, http.StatusNotFound, ask(t, "GET", c.URL+path, "").status, path)
		}
		for _, path := range []string{"/nginx_status", "/ready"} {
			assert.Equal(t, http.StatusForbidden, ask(t, "GET", c.URL+path, "").status, path)
		}
		assert.Contains(t, c.Nginx.Run(t, "curl", "-s", "http://localhost/ready"), "ready")
		assert.Contains(t, c.Nginx.Run(t, "curl", "-s", "http://localhost/nginx_status"), "Active connections")
	})
	t.Run("too many tries are refused, whatever the client says of its address", func(t *testing.T) {
		refused := 0
		for range 60 {
			got := ask(t, "POST", c.URL+"/auth/login", `{"username":"nobody","password":"wrong"}`,
				"Content-Type", "application/json", "X-Forwarded-For", "192.0.2.1")
			if got.status == http.StatusTooManyRequests {
				refused++
				requireProblem(t, got, "rate_limited")
			} else {
				assert.Equal(t, http.StatusUnauthorized, got.status)
			}
		}
		assert.Positive(t, refused)
		assert.Less(t, refused, 60)
		page := ask(t, "POST", c.URL+"/login", "username=nobody&password=wrong", "Content-Type", "application/x-www-form-urlencoded")
		assert.Contains(t, []int{http.StatusTooManyRequests, http.StatusUnauthorized}, page.status)
		assert.Equal(t, http.StatusOK, ask(t, "GET", c.URL+"/login", "").status, "looking at the form is free")
	})
	t.Run("a body that is too large is refused", func(t *testing.T) {
		for size, what := range map[int]string{1<<20 + 1: "by the server", 9 << 20: "by nginx"} {
			got := ask(t, "POST", c.URL+"/api/contact", strings.Repeat(" ", size), "Content-Type", "application/json")
			assert.Equal(t, http.StatusRequestEntityTooLarge, got.status, what)
		}
	})
	t.Run("its own answers say what is wrong, in the shape of the address, and bear what the servers' do", func(t *testing.T) {
		long, large := strings.Repeat("x", 5000), strings.Repeat("x", 50_000)
		for _, sent := range []struct {
			method, path, body string
			headers            []string
			status             int
		}{
			{"GET", "/%00", "", nil, http.StatusBadRequest},
			{"GET", "/products", "", []string{"Cookie", "session=" + large}, http.StatusBadRequest},
			{"TRACE", "/products", "", nil, http.StatusMethodNotAllowed},
			{"GET", "/products?q=" + long, "", nil, http.StatusRequestURITooLong},
			{"POST", "/contact", strings.Repeat(" ", 9<<20), nil, http.StatusRequestEntityTooLarge},
			{"POST", "/products", strings.Repeat(" ", 9<<20), nil, http.StatusRequestEntityTooLarge},
			{"POST", "/media/p/x.jpg", strings.Repeat(" ", 9<<20), nil, http.StatusRequestEntityTooLarge},
			{"GET", "/metrics", "", nil, http.StatusNotFound},
			{"GET", "/api/products/%00", "", nil, http.StatusBadRequest},
			{"TRACE", "/api/products/", "", nil, http.StatusMethodNotAllowed},
			{"GET", "/api/products/?q=" + long, "", nil, http.StatusRequestURITooLong},
			{"POST", "/api/contact", strings.Repeat(" ", 9<<20), nil, http.StatusRequestEntityTooLarge},
			{"GET", "/auth/current-user?" + long, "", nil, http.StatusRequestURITooLong},
			{"GET", "/ready", "", nil, http.StatusForbidden},
		} {
			name := sent.method + " " + sent.path[:min(len(sent.path), 30)]
			got := ask(t, sent.method, c.URL+sent.path, sent.body, sent.headers...)
			assert.Equal(t, sent.status, got.status, name)
			for _, header := range []string{"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "X-Request-ID"} {
				assert.Len(t, got.header.Values(header), 1, "%s: %s", name, header)
			}
			if strings.HasPrefix(sent.path, "/api/") || strings.HasPrefix(sent.path, "/auth/") || sent.path == "/ready" {
				assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"), name)
				var problem struct {
					Status       int
					Code, Detail string
				}
				require.NoError(t, json.Unmarshal([]byte(got.body), &problem), name)
				assert.Equal(t, sent.status, problem.Status, name)
				assert.NotEmpty(t, problem.Code, name)
				assert.NotEmpty(t, problem.Detail, name)
			} else {
				assert.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"), name)
				assert.NotContains(t, got.body, "nginx", name)
			}
		}
		for _, path := range []string{"/", "/api/products/", "/nowhere"} {
			got := ask(t, "GET", c.URL+path, "")
			for _, header := range []string{"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "X-Request-ID"} {
				assert.Len(t, got.header.Values(header), 1, "%s of a server: %s", path, header)
			}
		}
	})
	t.Run("a client of 1.0 that names no host is served", func(t *testing.T) {
		conn, err := net.Dial("tcp", c.Nginx.Address)
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = conn.Write([]byte("GET /products HTTP/1.0\r\n\r\n"))
		require.NoError(t, err)
		text, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Regexp(t, `^HTTP/1\.[01] 200 `, string(text))
	})
	t.Run("a copy of an asset bears the id of the request that it answers", func(t *testing.T) {
		page := ask(t, "GET", c.URL+"/", "").body
		_, after, _ := strings.Cut(page, `href="/assets/app-`)
		name, _, _ := strings.Cut(after, `"`)
		ids := map[string]bool{}
		for range 3 {
			got := ask(t, "GET", c.URL+"/assets/app-"+name, "")
			require.Equal(t, http.StatusOK, got.status)
			assert.Len(t, got.header.Values("X-Request-ID"), 1)
			assert.Equal(t, []string{"*"}, got.header.Values("Access-Control-Allow-Origin"))
			ids[got.header.Get("X-Request-ID")] = true
		}
		assert.Len(t, ids, 3)
		assert.Equal(t, "cache", ask(t, "GET", c.URL+"/assets/app-"+name, "").header.Get("X-Served-By"))
	})
	t.Run("an address has so many sockets, and then is told to wait", func(t *testing.T) {
		for n := range 201 {
			conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(c.URL, "http")+"/ws/chat", nil)
			if n < 200 {
				require.NoError(t, err, n)
				defer conn.Close()
				continue
			}
			require.ErrorIs(t, err, websocket.ErrBadHandshake)
			text, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			assert.Equal(t, http.StatusTooManyRequests, response.StatusCode)
			requireProblem(t, answer{response.StatusCode, response.Header, string(text)}, "rate_limited")
		}
		assert.Equal(t, http.StatusOK, ask(t, "GET", c.URL+"/", "").status, "pages are not bounded by it")
	})
	t.Run("a server that is out gets nothing, and no request is lost", func(t *testing.T) {
		c.Reload(t, c.Servers[1])
		for range 8 {
			got := ask(t, "GET", c.URL+"/", "")
			assert.Equal(t, http.StatusOK, got.status)
			assert.NotEqual(t, "Server-2", got.header.Get("X-Served-By"))
		}
		c.Reload(t)
	})
	t.Run("a balancer that ends TLS is believed where it is trusted, and nobody else is", func(t *testing.T) {
		var goods struct{ Products []struct{ ID string } }
		require.NoError(t, json.Unmarshal([]byte(ask(t, "GET", c.URL+"/api/products/?in_stock=true&per_page=1", "").body), &goods))
		cookie := func(scheme string) string {
			got := ask(t, "POST", c.URL+"/api/cart/add", `{"product_id":"`+goods.Products[0].ID+`","quantity":1}`,
				"Content-Type", "application/json", "X-Forwarded-Proto", scheme, "X-Forwarded-For", "10.8.0.9")
			require.Equal(t, http.StatusOK, got.status, got.body)
			secure := strings.HasPrefix(got.header.Get("Set-Cookie"), "__Host-session=")
			assert.Equal(t, secure, strings.Contains(got.header.Get("Set-Cookie"), "; Secure"))
			assert.Equal(t, secure, got.header.Get("Strict-Transport-Security") != "")
			return got.header.Get("Set-Cookie")
		}
		assert.Regexp(t, "^session=", cookie("https"), "anybody may say so")
		c.BehindBalancer(whole) // which the parts below ask too
		assert.Regexp(t, "^__Host-session=", cookie("https"))
		for _, scheme := range []string{"http", "", "gopher"} {
			assert.Regexp(t, "^session=", cookie(scheme), scheme)
		}
	})
	t.Run("an asset that one server does not know is asked of the next", func(t *testing.T) {
		c.Servers[2].Stop(t)
		c.Servers[2].Remove(t)
		c.Servers[2].Open(cluster.BuildWithOtherAssets(t), embedded...)
		c.Servers[2].WaitReady(t)
		asset := ""
		require.Eventually(t, func() bool {
			page := ask(t, "GET", c.URL+"/", "")
			if page.header.Get("X-Served-By") == "Server-3" {
				_, after, _ := strings.Cut(page.body, `href="/assets/app-`)
				name, _, _ := strings.Cut(after, `"`)
				asset = "/assets/app-" + name
			}
			return asset != ""
		}, 10*time.Second, 10*time.Millisecond)
		for range 6 {
			got := ask(t, "GET", c.URL+asset, "")
			assert.Equal(t, http.StatusOK, got.status)
			assert.Contains(t, got.header.Get("Cache-Control"), "immutable")
		}
		c.Servers[2].Stop(t)
		assert.Equal(t, http.StatusOK, ask(t, "GET", c.URL+asset, "").status, "and old pages still find it when the server is gone")
		assert.Equal(t, http.StatusNotFound, ask(t, "GET", c.URL+"/assets/app-NEVERWAS.css", "").status)
	})
	t.Run("with no server left there is a friendly page", func(t *testing.T) {
		c.Servers[0].Kill(t)
		c.Servers[1].Stop(t)
		for _, sent := range []struct{ method, path string }{{"GET", "/"}, {"POST", "/cart/add"}, {"GET", "/products"}} {
			got := ask(t, sent.method, c.URL+sent.path, "")
			assert.Equal(t, http.StatusServiceUnavailable, got.status)
			assert.NotEmpty(t, got.header.Get("Retry-After"))
			assert.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"))
			assert.Contains(t, got.body, "Back in a moment")
		}
		requireProblem(t, ask(t, "GET", c.URL+"/api/products/", ""), "unavailable")
		requireProblem(t, ask(t, "POST", c.URL+"/auth/login", ""), "unavailable")
	})
}

// requireProblem wants a problem document that says when to try again.
func requireProblem(t *testing.T, got answer, code string) {
	t.Helper()
	assert.NotEmpty(t, got.header.Get("Retry-After"))
	assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
	var problem struct {
		Status int
		Code   string
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &problem))
	assert.Equal(t, got.status, problem.Status)
	assert.Equal(t, code, problem.Code)
}
