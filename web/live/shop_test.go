package live_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop"
	"eshop/adapter/memory"
	"eshop/domain"
	testshop "eshop/test/shop"
)

// timeout is how long a test waits for a frame.
const timeout = 20 * time.Second

// shop is a set of servers that share their stores.
type shop struct {
	t     *testing.T
	store *memory.Store
}

func open(t *testing.T) *shop { return &shop{t, memory.NewStore()} }

// server is one of the shop's servers, with real connections.
type server struct {
	*shop
	root *eshop.Shop
	http *httptest.Server
	end  func()
}

// lostEvents loses every event.
type lostEvents struct{ *memory.Store }

func (lostEvents) Publish(context.Context, domain.Event) error { return nil }

// serve adds a server. The events of an isolated one are lost.
func (s *shop) serve(isolated bool, changes ...func(*testshop.Parts)) *server {
	s.t.Helper()
	p := testshop.PartsOf(s.store)
	p.NewID, p.NewSecret = newID, newID
	p.Log = slog.New(slog.NewTextHandler(testLog{s.t}, nil))
	if isolated {
		p.Events = lostEvents{s.store}
	}
	for _, change := range changes {
		change(&p)
	}
	root, err := eshop.New(p.Stores, p.Options)
	require.NoError(s.t, err)
	one := &server{shop: s, root: root, http: httptest.NewServer(root.Handler)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { root.Run(ctx) })
	one.end = sync.OnceFunc(func() {
		leaving, done := context.WithTimeout(context.Background(), timeout)
		defer done()
		assert.NoError(s.t, root.Drain(leaving))
		cancel()
		running.Wait()
		one.http.Close()
	})
	s.t.Cleanup(one.end)
	return one
}

// testLog writes a server's log to the test's.
type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Logf("%s", strings.TrimSpace(string(line)))
	}
	return len(line), nil
}

var made atomic.Int64

func newID() string { return fmt.Sprintf("id-%d", made.Add(1)) }

// person has a cookie jar that all servers of the shop share.
type person struct {
	*shop
	jar http.CookieJar
	at  net.Addr // where it connects from; anywhere when nil
}

func (s *shop) person() *person {
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	return &person{shop: s, jar: jar}
}

// guest returns a person with a session and a conversation of one message, which are written to the store alone.
func (s *shop) guest(name string) (*person, string) {
	s.t.Helper()
	p, now := s.person(), time.Now()
	key := sha256.Sum256([]byte(name))
	require.NoError(s.t, s.store.PutSession(context.Background(), domain.Session{
		Key: domain.SessionKey(hex.EncodeToString(key[:])), Guest: domain.GuestOwner(name), CreatedAt: now, ExpiresAt: now.Add(domain.SessionIdle),
	}))
	p.jar.SetCookies(everywhere, []*http.Cookie{{Name: "session", Value: name, Path: "/"}})
	c, err := s.store.StartConversation(context.Background(), domain.Conversation{
		ID: domain.ConversationID("talk-" + name), Owner: domain.GuestOwner(name), Name: "Guest", State: domain.ConversationClosed, StartedAt: now, ChangedAt: now,
	})
	require.NoError(s.t, err)
	_, _, err = s.store.AddMessage(context.Background(), c.ID, domain.Message{
		ClientID: "m-0", From: domain.Party{Side: domain.CustomerSide, Name: "Guest"}, Body: "Hello?", At: now,
	})
	require.NoError(s.t, err)
	return p, string(c.ID)
}

// answer adds a message by staff to the store alone, without an event.
func (s *shop) answer(conversation, id, body string) {
	s.t.Helper()
	_, _, err := s.store.AddMessage(context.Background(), domain.ConversationID(conversation), domain.Message{
		ClientID: id, From: domain.Party{Side: domain.AgentSide, User: "u-sue", Name: "sue"}, Body: body, At: time.Now(),
	})
	require.NoError(s.t, err)
}

// member returns a person who is signed in to a new account.
func (s *server) member(name string, role domain.Role) *person {
	s.t.Helper()
	hash, err := testshop.Passwords{}.Hash(context.Background(), "password")
	require.NoError(s.t, err)
	require.NoError(s.t, s.store.AddUser(context.Background(), domain.User{
		ID: domain.UserID("u-" + name), Username: name, Email: name + "@example.com", Role: role, PasswordHash: hash, DisplayName: name,
	}))
	p := s.person()
	status, _ := p.post(s, "/auth/login", map[string]any{"username": name, "password": "password"})
	require.Equal(s.t, http.StatusOK, status)
	return p
}

// everywhere is one host for the cookies of all servers, as nginx is in production.
var everywhere = &url.URL{Scheme: "http", Host: "shop.test", Path: "/"}

func (p *person) post(s *server, path string, body any) (int, map[string]any) {
	p.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(p.t, err)
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, s.http.URL+path, strings.NewReader(string(text)))
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", "application/json")
	for _, c := range p.jar.Cookies(everywhere) {
		r.AddCookie(c)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	defer answer.Body.Close()
	p.jar.SetCookies(everywhere, answer.Cookies())
	content, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	var decoded map[string]any
	_ = json.Unmarshal(content, &decoded)
	return answer.StatusCode, decoded
}

// say sends a message by a call, and returns its conversation.
func (p *person) say(s *server, id, body string) domain.ConversationID {
	p.t.Helper()
	status, answer := p.post(s, "/api/chat/messages", map[string]any{"client_id": id, "body": body})
	require.Equal(p.t, http.StatusCreated, status, answer)
	return domain.ConversationID(answer["message"].(map[string]any)["conversation"].(string))
}
