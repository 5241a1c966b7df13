package live_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/usecase"
)

func TestHub_RefusedConnections(t *testing.T) {
	shop := open(t)
	one := shop.serve(false)
	jane := one.member("jane", domain.Customer)
	for name, c := range map[string]struct {
		who     *person
		path    string
		headers []string
		status  int
	}{
		"from another site":                 {jane, "/ws/chat", []string{"Origin", "http://evil.example"}, http.StatusForbidden},
		"from nowhere":                      {jane, "/ws/chat", []string{"Origin", "null"}, http.StatusForbidden},
		"from another site, as a guest":     {shop.person(), "/ws/chat", []string{"Origin", "http://evil.example"}, http.StatusForbidden},
		"after nonsense":                    {jane, "/ws/chat?after=x", nil, http.StatusUnprocessableEntity},
		"after less than nothing":           {jane, "/ws/chat?after=-1", nil, http.StatusUnprocessableEntity},
		"the support desk, as a guest":      {shop.person(), "/ws/support", nil, http.StatusUnauthorized},
		"the support desk, as a shopper":    {jane, "/ws/support", nil, http.StatusForbidden},
		"a version of the protocol unknown": {jane, "/ws/chat", []string{"Sec-WebSocket-Version", "12"}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			if c.headers != nil && c.headers[0] == "Sec-WebSocket-Version" {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, one.http.URL+c.path, nil)
				require.NoError(t, err)
				for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "12", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
					r.Header.Set(name, value)
				}
				answer, err := http.DefaultClient.Do(r)
				require.NoError(t, err)
				defer answer.Body.Close()
				assert.Equal(t, c.status, answer.StatusCode)
				return
			}
			w, err := c.who.dial(one, c.path, c.headers...)
			require.ErrorIs(t, err, websocket.ErrBadHandshake)
			assert.Equal(t, c.status, w.answer.StatusCode)
			assert.Equal(t, "application/problem+json", w.answer.Header.Get("Content-Type"))
			assert.Empty(t, w.answer.Cookies(), "what fails leaves nothing")
		})
	}
	t.Run("from the shop's own pages", func(t *testing.T) {
		_, err := jane.dial(one, "/ws/chat", "Origin", one.http.URL)
		require.NoError(t, err)
	})
}

func TestHub_BoundsWhatIsOpen(t *testing.T) {
	t.Parallel()
	shop := open(t)
	one := shop.serve(false)
	refused := func(t *testing.T, p *person, path string) {
		t.Helper()
		c, err := p.dial(one, path)
		require.ErrorIs(t, err, websocket.ErrBadHandshake)
		assert.Equal(t, http.StatusTooManyRequests, c.answer.StatusCode)
		assert.Equal(t, "application/problem+json", c.answer.Header.Get("Content-Type"))
		assert.NotEmpty(t, c.answer.Header.Get("Retry-After"))
		assert.Empty(t, c.answer.Cookies())
	}
	for path, role := range map[string]domain.Role{"/ws/chat": domain.Customer, "/ws/support": domain.Staff} {
		t.Run("of one session, at "+path, func(t *testing.T) {
			p := one.member("of-"+string(role), role)
			var tabs []*client
			for range 20 {
				tabs = append(tabs, p.connect(one, path))
			}
			refused(t, p, path)
			_ = tabs[0].conn.Close()
			require.Eventually(t, func() bool {
				_, err := p.dial(one, path)
				return err == nil
			}, timeout, 10*time.Millisecond, "who leaves makes room")
		})
	}
	t.Run("of one address", func(t *testing.T) {
		at := anyAddress()
		for range 300 {
			p := shop.person()
			p.at = at
			p.connect(one, "/ws/chat")
		}
		p := shop.person()
		p.at = at
		refused(t, p, "/ws/chat")
		elsewhere := shop.person()
		elsewhere.connect(one, "/ws/chat")
		sue := one.member("sue", domain.Staff)
		sue.at = at
		sue.connect(one, "/ws/support")
	})
	t.Run("and what an address sends, by however many", func(t *testing.T) {
		at := anyAddress()
		var crowd []*client
		for range 60 {
			p := shop.person()
			p.at = at
			c := p.connect(one, "/ws/chat")
			for range 50 { // of the 60 that one may send at once
				c.send(object{"type": "typing"})
			}
			crowd = append(crowd, c)
		}
		limited := func(f frame) bool { return f.Code == string(domain.CodeRateLimited) }
		require.Eventually(t, func() bool {
			return slices.ContainsFunc(crowd, func(c *client) bool { return slices.ContainsFunc(c.all(), limited) })
		}, timeout, 10*time.Millisecond)
		neighbour := shop.person().connect(one, "/ws/chat")
		neighbour.send(saying("m-1", "Hello?"))
		neighbour.first("the neighbour's message", func(f frame) bool { return f.ClientID == "m-1" && f.Type == "message" })
	})
}

func TestHub_Drain(t *testing.T) {
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	const many = 200
	sue := one.member("sue", domain.Staff)
	people, clients, conversations := make([]*person, many), make([]*client, many), make([]string, many)
	for i := range many {
		people[i] = shop.person()
		conversations[i] = string(people[i].say(two, "m-1", "Hello?"))
		clients[i] = people[i].connect(one, "/ws/chat")
		clients[i].receives(conversations[i], 0, 1)
	}
	support := sue.connect(one, "/ws/support")
	support.receives("", 0, 0)

	begun := time.Now()
	one.end()
	t.Logf("%d connections left in %v", many+1, time.Since(begun))
	assert.Less(t, time.Since(begun), 5*time.Second)
	for _, w := range append(clients, support) {
		assert.Equal(t, websocket.CloseServiceRestart, w.ends())
	}
	_, err := people[0].dial(one, "/ws/chat")
	require.Error(t, err)

	sue.post(two, "/api/support/conversations/"+conversations[0]+"/messages", object{"client_id": "a-1", "body": "While you were away."})
	people[0].connect(two, "/ws/chat?after=1&conversation="+conversations[0]).receives(conversations[0], 1, 1)
}

func TestHub_Drain_RefusesNewConnections(t *testing.T) {
	shop := open(t)
	one := shop.serve(false)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	require.NoError(t, one.root.Drain(ctx))
	w, err := shop.person().dial(one, "/ws/chat")
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	assert.Equal(t, http.StatusServiceUnavailable, w.answer.StatusCode)
	assert.NotEmpty(t, w.answer.Header.Get("Retry-After"))
	assert.Empty(t, w.answer.Cookies())
}

func TestHub_EndsConnectionsWhoseSessionEnded(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, by *server, id domain.UserID){
		"signed out everywhere": func(t *testing.T, by *server, id domain.UserID) {
			require.NoError(t, by.root.UseCases.Account.EndOtherSessions(t.Context(), usecase.Visitor{User: domain.User{ID: id}}))
		},
		"taken off the staff": func(t *testing.T, by *server, _ domain.UserID) {
			_, err := by.root.UseCases.Account.RemoveStaff(t.Context(), "sue")
			require.NoError(t, err)
		},
		"one session ended": func(t *testing.T, by *server, id domain.UserID) {
			sessions, err := by.store.SessionsOf(t.Context(), id, time.Now())
			require.NoError(t, err)
			for _, s := range sessions {
				require.NoError(t, by.root.UseCases.Account.EndSession(t.Context(), usecase.Visitor{User: domain.User{ID: id}}, s.Key))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			shop := open(t)
			one, two := shop.serve(false), shop.serve(false)
			sue, jane := one.member("sue", domain.Staff), one.member("jane", domain.Customer)
			desk, chat := sue.connect(one, "/ws/support"), sue.connect(one, "/ws/chat")
			other := jane.connect(one, "/ws/chat")
			desk.receives("", 0, 0)
			chat.receives("", 0, 0)
			begun := time.Now()
			end(t, two, "u-sue")
			for _, w := range []*client{desk, chat} {
				assert.Equal(t, websocket.ClosePolicyViolation, w.ends())
			}
			assert.Less(t, time.Since(begun), 2*time.Second)
			other.send(saying("m-1", "Hello?"))
			other.receives("", 0, 1)
		})
	}
}

// TestHub_EndsConnectionsWhoseSessionEnded_WithoutNews has the news of the end be lost, as while Redis is away.
func TestHub_EndsConnectionsWhoseSessionEnded_WithoutNews(t *testing.T) {
	t.Parallel()
	shop := open(t)
	one, two := shop.serve(false), shop.serve(true)
	desk := one.member("sue", domain.Staff).connect(one, "/ws/support")
	desk.receives("", 0, 0)
	begun := time.Now()
	_, err := two.root.UseCases.Account.RemoveStaff(t.Context(), "sue")
	require.NoError(t, err)
	assert.Equal(t, websocket.ClosePolicyViolation, desk.endsWithin(time.Minute))
	t.Logf("ended after %v", time.Since(begun).Round(time.Second))
}
