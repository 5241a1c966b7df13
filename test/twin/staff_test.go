package twin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/server"
)

// TestStaffWhoIsRemoved_IsOutWithoutRedis holds that no server goes by what was before for longer than a minute,
// and that a socket over which nothing is sent ends, too.
func TestStaffWhoIsRemoved_IsOutWithoutRedis(t *testing.T) {
	s := open(t)
	v := newVisitor(t)
	v.ask(http.StatusOK, http.MethodPost, s.one.URL+"/auth/login", map[string]any{"username": "admin", "password": "admin123"})
	servers := []*server.Server{s.one, s.two}
	over := make(chan error, len(servers))
	for _, one := range servers {
		v.get(one.URL + "/api/support/conversations")
		dialer := websocket.Dialer{Jar: v.Jar, HandshakeTimeout: 5 * time.Second}
		conn, _, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(one.URL, "http")+"/ws/support", nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		go func() {
			for {
				if _, _, err := conn.ReadMessage(); err != nil {
					over <- err
					return
				}
			}
		}()
	}
	s.Redis.Stop(t)
	begun := time.Now()
	server.Run(t, []string{"DATABASE_URL=" + s.Postgres.URL, "REDIS_URL=" + s.Redis.URL, "SECRET_KEY=" + secretKey}, "staff", "remove", "admin")
	for _, one := range servers {
		require.Eventually(t, func() bool {
			answer, err := v.Get(one.URL + "/api/support/conversations")
			if err != nil {
				return false
			}
			defer answer.Body.Close()
			return answer.StatusCode == http.StatusUnauthorized
		}, time.Minute, 100*time.Millisecond)
		t.Logf("out of %s after %v", one.URL, time.Since(begun))
	}
	for range servers {
		select {
		case err := <-over:
			assert.True(t, websocket.IsCloseError(err, websocket.ClosePolicyViolation), "%v", err)
		case <-time.After(time.Until(begun.Add(time.Minute))):
			require.Fail(t, "a socket outlives its session")
		}
		t.Logf("a socket ended after %v", time.Since(begun))
	}
}
