package cluster_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
)

// TestChat lets fifty shoppers and staff talk across three servers while one part after another
// fails. Afterwards both ends and the tables must hold the same, each message once and in order.
func TestChat(t *testing.T) {
	c := cluster.Start(t, 3)
	all := cluster.NewTalkers(t, c, 50)
	server := func(name string) *cluster.Server {
		for _, s := range c.Servers {
			if s.Name == name {
				return s
			}
		}
		t.Fatalf("nobody is connected to a server called %q", name)
		return nil
	}
	table := &strings.Builder{}
	fmt.Fprintf(table, "| fault | said | delivered | median | 99th | longest | came back | longest away |\n|---|---|---|---|---|---|---|---|\n")
	defer func() { t.Logf("50 conversations\n\n%s", table) }()

	for _, f := range []struct {
		name string
		do   func(t *testing.T)
	}{
		{"none", func(*testing.T) { shop(10) }},
		{"kill -9 of a shopper's server, back after 5 s", func(t *testing.T) {
			shop(2)
			s := server(all.Shoppers[0].Server())
			s.Kill(t)
			shop(5)
			s.Start(t)
			s.WaitReady(t)
			shop(3)
		}},
		{"staff's server replaced", func(t *testing.T) {
			shop(2)
			server(all.Staff.Server()).Replace(t, cluster.Build(t))
			shop(3)
		}},
		{"every server replaced, one after another", func(t *testing.T) {
			for _, s := range c.Servers {
				s.Replace(t, cluster.Build(t))
				shop(2)
			}
		}},
		{"Redis killed, back after 4 s", func(t *testing.T) {
			shop(2)
			c.Redis.Kill(t)
			shop(4)
			c.Redis.Start(t)
			shop(6)
		}},
		{"Redis flushed twice", func(t *testing.T) {
			for range 2 {
				shop(2)
				c.Redis.Run(t, "redis-cli", "FLUSHALL")
			}
			shop(3)
		}},
		{"nginx reloaded three times", func(t *testing.T) {
			for range 3 {
				shop(2)
				c.Reload(t)
			}
			shop(2)
		}},
		{"nginx restarted", func(t *testing.T) {
			shop(2)
			c.Nginx.Stop(t)
			c.Nginx.Start(t)
			shop(5)
		}},
		{"PostgreSQL restarted, away for 4 s", func(t *testing.T) {
			shop(2)
			c.Postgres.Stop(t)
			shop(4)
			c.Postgres.Start(t)
			for _, s := range c.Servers {
				s.WaitReady(t)
			}
			shop(5)
		}},
	} {
		t.Run(f.name, func(t *testing.T) {
			report := all.During(func() { f.do(t) })
			fmt.Fprintf(table, "| %s | %d | %d | %v | %v | %v | %d | %v |\n", f.name, report.Said, len(report.Delays),
				ms(report.Delay(0.5)), ms(report.Delay(0.99)), ms(report.Delay(1)), report.Returns, ms(report.Away))
			assert.Empty(t, report.Unsettled)
			assert.Empty(t, report.Grievances)
			assert.Empty(t, c.AuditTalks(t, all))
		})
	}
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// TestChat_ManyComeBack kills the server that some of five hundred connections are on.
func TestChat_ManyComeBack(t *testing.T) {
	c := cluster.Start(t, 3)
	c.BehindBalancer(t)
	all := cluster.NewTalkers(t, c, 150)
	all.Pause = 4 * time.Second
	tabs := all.MoreTabs(350)
	report := all.During(func() {
		shop(3)
		var killing sync.WaitGroup
		for _, s := range c.Servers[:2] {
			killing.Go(func() { s.Kill(t) })
		}
		killing.Wait()
		shop(4)
		for _, s := range c.Servers[:2] {
			s.Start(t)
			s.WaitReady(t)
		}
	})
	t.Logf("500 connections, two of three servers killed: %d came back, the longest was away %v; delivered within %v at the median and %v at the 99th percentile",
		report.Returns+tabs.Returns(), ms(max(report.Away, tabs.Away())), ms(report.Delay(0.5)), ms(report.Delay(0.99)))
	assert.Empty(t, report.Unsettled)
	assert.Empty(t, report.Grievances)
	assert.Empty(t, c.AuditTalks(t, all))
	assert.Empty(t, tabs.Missing())
}

// TestChat_ALeavingServerDelivers says something on another server while one is leaving and has
// its connections still.
func TestChat_ALeavingServerDelivers(t *testing.T) {
	c := cluster.Start(t, 2)
	shopper, staff := newChatter(t, c), newChatter(t, c)
	require.Equal(t, http.StatusOK, staff.post("/auth/login", `{"username":"admin","password":"admin123"}`).status)
	require.Equal(t, http.StatusCreated, shopper.post("/api/chat/messages", `{"client_id":"m-1","body":"Hello?"}`).status)
	conn, answer, err := shopper.dial("/ws/chat", c.URL)
	require.NoError(t, err)
	tab, leaving := wire{t, conn}, c.Servers[0]
	if name := answer.Header.Get("X-Served-By"); leaving.Name != name {
		leaving = c.Servers[1]
		require.Equal(t, name, leaving.Name)
	}
	talk := tab.next("message").Conversation

	c.Reload(t, leaving)
	var stopping sync.WaitGroup
	stopping.Go(func() { leaving.Stop(t) })
	require.Eventually(t, func() bool {
		ready, _ := leaving.Ready(t.Context())
		return !ready
	}, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, http.StatusCreated, staff.post("/api/support/conversations/"+talk+"/messages", `{"client_id":"a-1","body":"Just a moment."}`).status)
	assert.Equal(t, "Just a moment.", tab.next("message").Body)
	assert.Equal(t, websocket.CloseServiceRestart, tab.ends())
	stopping.Wait()
}

// TestChat_IdleConnections puts two thousand connections that only listen onto one server, and
// drops some while others talk.
func TestChat_IdleConnections(t *testing.T) {
	c := cluster.Start(t, 3)
	c.BehindBalancer(t)
	one := c.Servers[0]
	c.Reload(t, c.Servers[1:]...)
	all := cluster.NewTalkers(t, c, 125) // of whom none has more tabs than one may
	all.Pause = 10 * time.Second
	before := one.Memory(t)
	const many = 2000
	tabs := all.MoreTabs(many)
	tabs.Settle(t, one)
	require.Empty(t, tabs.Missing())
	t.Logf("%d idle connections on one server: %.1f kB of memory each", many, (one.Memory(t)-before)/many/1000)

	report := all.During(func() {
		shop(2)
		tabs[:500].HangUp()
		shop(5)
	})
	t.Logf("500 of them dropped: %d came back, the longest was away %v", tabs.Returns(), ms(tabs.Away()))
	assert.Equal(t, 500, tabs.Returns())
	c.Reload(t)
	killed := all.During(func() {
		one.Kill(t)
		shop(5)
		one.Start(t)
		one.WaitReady(t)
	})
	t.Logf("the server killed: %d came back, the longest was away %v", tabs.Returns()-500, ms(tabs.Away()))
	assert.Empty(t, report.Unsettled+killed.Unsettled)
	assert.Empty(t, append(report.Grievances, killed.Grievances...))
	assert.Empty(t, tabs.Missing())
	assert.Empty(t, c.AuditTalks(t, all))
}

// TestChat_BadInput sends what must be refused through nginx. Each refusal says why, and the
// connection's other work goes on.
func TestChat_BadInput(t *testing.T) {
	c := cluster.Start(t, 3)
	ann, ben, jane, staff := newChatter(t, c), newChatter(t, c), newChatter(t, c), newChatter(t, c)
	require.Equal(t, http.StatusOK, staff.post("/auth/login", `{"username":"admin","password":"admin123"}`).status)
	require.Equal(t, http.StatusOK, jane.post("/auth/login", `{"username":"jane_smith","password":"password123"}`).status)
	require.Equal(t, http.StatusCreated, ann.post("/api/chat/messages", `{"client_id":"m-1","body":"My secret."}`).status)
	desk := staff.connect("/ws/support")
	secret := desk.next("message").Conversation

	t.Run("frames", func(t *testing.T) {
		shopper := ben.connect("/ws/chat")
		for i, bad := range []struct {
			name, frame, code string
			kind              int
		}{
			{"not JSON", "hello", "malformed_frame", websocket.TextMessage},
			{"half of it", `{"type":"message"`, "malformed_frame", websocket.TextMessage},
			{"of an unknown type", `{"type":"dance"}`, "validation_failed", websocket.TextMessage},
			{"of a type of the server's", `{"type":"presence","online":true}`, "validation_failed", websocket.TextMessage},
			{"too large", `{"type":"message","client_id":"m","body":"` + strings.Repeat("x", 60_000) + `"}`, "too_large", websocket.TextMessage},
			{"with too long a body", `{"type":"message","client_id":"m","body":"` + strings.Repeat("x", 4001) + `"}`, "validation_failed", websocket.TextMessage},
			{"binary", `{"type":"typing"}`, "unsupported_frame", websocket.BinaryMessage},
			{"for somebody else's conversation", `{"type":"message","client_id":"m","body":"x","conversation":"` + secret + `"}`, "not_found", websocket.TextMessage},
			{"reading somebody else's conversation", `{"type":"read","seq":1,"conversation":"` + secret + `"}`, "not_found", websocket.TextMessage},
			{"for a conversation that is nowhere", `{"type":"message","client_id":"m","body":"x","conversation":"none"}`, "not_found", websocket.TextMessage},
		} {
			shopper.send(bad.kind, bad.frame)
			refusal := shopper.next("error")
			assert.Equal(t, bad.code, refusal.Code, bad.name)
			assert.NotEmpty(t, refusal.Detail, bad.name)
			id := fmt.Sprint("good-", i)
			shopper.send(websocket.TextMessage, fmt.Sprintf(`{"type":"message","client_id":%q,"body":"Still here."}`, id))
			ack := shopper.next("ack")
			assert.Equal(t, id, ack.ClientID, "after one %s", bad.name)
			assert.EqualValues(t, i+1, ack.Seq, "after one %s", bad.name)
			assert.Equal(t, id, desk.next("message").ClientID, "after one %s", bad.name)
		}
	})
	t.Run("a frame that is far too large ends the connection, and a new one goes on", func(t *testing.T) {
		flooded := ben.connect("/ws/chat")
		_ = flooded.conn.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), 1<<20)) // it may end under it
		flooded.ends()
		assert.EqualValues(t, 2, ben.connect("/ws/chat?after=1").next("message").Seq)
	})
	t.Run("connections", func(t *testing.T) {
		for name, bad := range map[string]struct {
			who          *chatter
			path, origin string
			status       int
		}{
			"from another origin":                     {jane, "/ws/chat", "http://evil.example", http.StatusForbidden},
			"to the desk, from another origin":        {staff, "/ws/support", "http://evil.example", http.StatusForbidden},
			"to the desk, by a guest":                 {ben, "/ws/support", c.URL, http.StatusUnauthorized},
			"to the desk, by a shopper":               {jane, "/ws/support", c.URL, http.StatusForbidden},
			"after nonsense":                          {ben, "/ws/chat?after=x", c.URL, http.StatusUnprocessableEntity},
			"to the desk, with a session made up":     {withSession(t, c, strings.Repeat("x", 43)), "/ws/support", c.URL, http.StatusUnauthorized},
			"to the desk, with a session of nonsense": {withSession(t, c, "%00"), "/ws/support", c.URL, http.StatusUnauthorized},
		} {
			_, answer, err := bad.who.dial(bad.path, bad.origin)
			require.ErrorIs(t, err, websocket.ErrBadHandshake, name)
			assert.Equal(t, bad.status, answer.StatusCode, name)
			assert.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"), name)
		}
	})
	t.Run("a session that was signed out", func(t *testing.T) {
		tab := jane.connect("/ws/chat")
		tab.next("presence")
		require.Equal(t, http.StatusNoContent, jane.post("/auth/logout", "").status)
		tab.send(websocket.TextMessage, `{"type":"message","client_id":"m-1","body":"Still here?"}`)
		assert.Equal(t, "unauthenticated", tab.next("error").Code)
		assert.Equal(t, websocket.ClosePolicyViolation, tab.ends())
	})
	t.Run("a conversation cannot be read by another shopper", func(t *testing.T) {
		spy := newChatter(t, c)
		require.Equal(t, http.StatusOK, spy.post("/auth/login", `{"username":"john_doe","password":"password123"}`).status)
		for path, status := range map[string]int{
			"/api/chat/messages?conversation=" + secret:    http.StatusOK,
			"/api/support/conversations/" + secret:         http.StatusForbidden,
			"/api/support/conversations":                   http.StatusForbidden,
			"/admin/chat/" + secret:                        http.StatusForbidden,
			"/chat?conversation=" + secret:                 http.StatusOK,
			"/api/chat/messages?after=-1":                  http.StatusUnprocessableEntity,
			"/api/support/conversations/none":              http.StatusForbidden,
			"/api/support/conversations/" + secret + "/..": http.StatusNotFound,
		} {
			got := spy.get(path)
			assert.Equal(t, status, got.status, path)
			assert.NotContains(t, got.body, "My secret.", path)
		}
		tab := spy.connect("/ws/chat?after=0&conversation=" + secret)
		tab.send(websocket.TextMessage, `{"type":"message","client_id":"m-1","body":"Mine."}`)
		assert.Equal(t, "Mine.", tab.next("message").Body)
		for _, body := range []string{`{"client_id":"m-2","body":"x","conversation":"` + secret + `"}`} {
			assert.GreaterOrEqual(t, spy.post("/api/chat/messages", body).status, http.StatusBadRequest)
		}
		assert.Equal(t, http.StatusForbidden, spy.post("/api/support/conversations/"+secret+"/messages", `{"client_id":"m-3","body":"x"}`).status)
	})
	mine := ann.get("/api/chat/messages").body
	assert.Equal(t, 1, strings.Count(mine, `"seq":`), mine)
}

// chatter is somebody with a browser, who talks by calls and over connections that a test looks into.
type chatter struct {
	t      *testing.T
	c      *cluster.Cluster
	client *http.Client
}

func newChatter(t *testing.T, c *cluster.Cluster) *chatter {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &chatter{t, c, &http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// withSession is somebody whose cookie is what the test says.
func withSession(t *testing.T, c *cluster.Cluster, session string) *chatter {
	t.Helper()
	k := newChatter(t, c)
	at, err := url.Parse(c.URL)
	require.NoError(t, err)
	k.client.Jar.SetCookies(at, []*http.Cookie{{Name: "session", Value: session}})
	return k
}

func (k *chatter) get(path string) answer { return k.do(http.MethodGet, path, "") }

func (k *chatter) post(path, body string) answer { return k.do(http.MethodPost, path, body) }

func (k *chatter) do(method, path, body string) answer {
	k.t.Helper()
	r, err := http.NewRequestWithContext(k.t.Context(), method, k.c.URL+path, strings.NewReader(body))
	require.NoError(k.t, err)
	r.Header.Set("Content-Type", "application/json")
	response, err := k.client.Do(r)
	require.NoError(k.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(k.t, err)
	return answer{response.StatusCode, response.Header, string(text)}
}

func (k *chatter) dial(path, origin string) (*websocket.Conn, *http.Response, error) {
	dialer := websocket.Dialer{Jar: k.client.Jar, HandshakeTimeout: 10 * time.Second}
	return dialer.DialContext(k.t.Context(), "ws"+strings.TrimPrefix(k.c.URL, "http")+path, http.Header{"Origin": {origin}})
}

// wire is a connection of which each frame is waited for.
type wire struct {
	t    *testing.T
	conn *websocket.Conn
}

func (k *chatter) connect(path string) wire {
	k.t.Helper()
	conn, _, err := k.dial(path, k.c.URL)
	require.NoError(k.t, err)
	k.t.Cleanup(func() { _ = conn.Close() })
	return wire{k.t, conn}
}

func (w wire) send(kind int, frame string) {
	w.t.Helper()
	require.NoError(w.t, w.conn.WriteMessage(kind, []byte(frame)))
}

// next is the next frame of a type; those of others are passed over.
func (w wire) next(kind string) cluster.Frame {
	w.t.Helper()
	require.NoError(w.t, w.conn.SetReadDeadline(time.Now().Add(15*time.Second)))
	for {
		var f cluster.Frame
		require.NoError(w.t, w.conn.ReadJSON(&f), "waiting for one %s", kind)
		if f.Type == kind {
			return f
		}
	}
}

// ends reads until the connection ends, and returns the code that it ends with.
func (w wire) ends() int {
	w.t.Helper()
	require.NoError(w.t, w.conn.SetReadDeadline(time.Now().Add(15*time.Second)))
	for {
		if _, _, err := w.conn.ReadMessage(); err != nil {
			var closing *websocket.CloseError
			if errors.As(err, &closing) {
				return closing.Code
			}
			var waited net.Error
			require.False(w.t, errors.As(err, &waited) && waited.Timeout(), "the connection did not end")
			return websocket.CloseAbnormalClosure
		}
	}
}
