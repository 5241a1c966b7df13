package live_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
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

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	"eshop/adapter/raster"
	"eshop/domain"
	"eshop/usecase"
	"eshop/web"
	"eshop/web/api"
	"eshop/web/live"
	"eshop/web/page"
	"eshop/web/session"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// plain keeps passwords as they are, which is quick.
type plain struct{}

func (plain) Hash(_ context.Context, password string) (string, error) {
	return "plain " + password, nil
}

func (plain) Matches(_ context.Context, hash, password string) (bool, error) {
	return hash == "plain "+password, nil
}

// shop is servers that share their stores.
type shop struct {
	t     *testing.T
	store *memory.Store
}

func open(t *testing.T) *shop { return &shop{t, memory.NewStore()} }

// server is one of the shop's servers, with real connections.
type server struct {
	*shop
	hub  *live.Hub
	http *httptest.Server
	end  func()
}

// silence loses every wake-up.
type silence struct{ *memory.Store }

func (silence) Publish(context.Context, domain.Event) error { return nil }

// serve gives the shop one more server. deaf ones neither tell nor hear news.
func (s *shop) serve(deaf bool) *server {
	s.t.Helper()
	store := s.store
	clock := func() time.Time { return time.Now().UTC() }
	account := usecase.NewAccount(store, store, store, store, store, store, store, plain{}, clock, newID, newID)
	visits := session.New(account)
	browsing, shopping, wishing := usecase.NewCatalog(store, store), usecase.NewCart(store, store, newID), usecase.NewWishlist(store, store, clock, newID)
	gateway := demopay.New(clock, demopay.NewMemoryLedger())
	checkout := usecase.NewCheckout(store, store, gateway, store, clock, newID, usecase.SecretKey("a secret of thirty-two bytes, yes"))
	contacting := usecase.NewContact(store, store, clock, newID)
	talking := usecase.NewChat(store, store, store, store, clock, newID)
	if deaf {
		talking = usecase.NewChat(store, store, silence{store}, store, clock, newID)
	}
	log := slog.New(slog.NewTextHandler(testLog{s.t}, nil))
	registry := prometheus.NewRegistry()
	hub := live.New(visits, talking, registry, log)
	about := page.Shop{ServerName: "test"}
	handler := web.NewServer(about,
		page.New(about, visits, browsing, shopping, wishing, checkout, account, contacting, talking,
			usecase.NewInventory(store, store, store, raster.New().Decode, clock), usecase.NewFulfillment(store, gateway, store, clock)),
		api.New(visits, browsing, shopping, wishing, checkout, account, contacting, talking),
		hub, visits, web.NewHealth(nil, nil), web.NewMetrics(registry), log)

	one := &server{shop: s, hub: hub, http: httptest.NewServer(handler)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { hub.Run(ctx) })
	one.end = sync.OnceFunc(func() {
		leaving, done := context.WithTimeout(context.Background(), patience)
		defer done()
		assert.NoError(s.t, hub.Drain(leaving))
		cancel()
		running.Wait()
		one.http.Close()
	})
	s.t.Cleanup(one.end)
	return one
}

// testLog shows what a server has to say when a test fails.
type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Logf("%s", strings.TrimSpace(string(line)))
	}
	return len(line), nil
}

var made atomic.Int64

func newID() string { return fmt.Sprintf("id-%d", made.Add(1)) }

// person is somebody with a cookie jar, known on all servers of the shop.
type person struct {
	*shop
	jar http.CookieJar
}

func (s *shop) person() *person {
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	return &person{s, jar}
}

// guest is somebody with a session and a conversation of one message, put there behind the servers' backs.
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

// answer is what staff says behind the servers' backs, of which no server is told.
func (s *shop) answer(talk, id, body string) {
	s.t.Helper()
	_, _, err := s.store.AddMessage(context.Background(), domain.ConversationID(talk), domain.Message{
		ClientID: id, From: domain.Party{Side: domain.AgentSide, User: "u-sue", Name: "sue"}, Body: body, At: time.Now(),
	})
	require.NoError(s.t, err)
}

// member is somebody who is signed in to a new account.
func (s *server) member(name string, role domain.Role) *person {
	s.t.Helper()
	hash, err := plain{}.Hash(context.Background(), "password")
	require.NoError(s.t, err)
	require.NoError(s.t, s.store.AddUser(context.Background(), domain.User{
		ID: domain.UserID("u-" + name), Username: name, Email: name + "@example.com", Role: role, PasswordHash: hash,
	}))
	p := s.person()
	status, _ := p.post(s, "/auth/login", map[string]any{"username": name, "password": "password"})
	require.Equal(s.t, http.StatusOK, status)
	return p
}

// everywhere is one host for all servers' cookies: in life nginx is in front of them.
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

// say says something by a call, and returns the conversation.
func (p *person) say(s *server, id, body string) domain.ConversationID {
	p.t.Helper()
	status, answer := p.post(s, "/api/chat/messages", map[string]any{"client_id": id, "body": body})
	require.Equal(p.t, http.StatusCreated, status, answer)
	return domain.ConversationID(answer["message"].(map[string]any)["conversation"].(string))
}

// frame is what comes over a socket.
type frame struct {
	Type         string
	ID           string // of a conversation, to staff
	Was          string
	Conversation string
	Seq          int64
	ClientID     string `json:"client_id"`
	From         struct{ Role, Name string }
	Body         string
	Online       bool
	State        string
	Agent        string
	Last         int64
	Unread       int64
	Code         string
	Fields       map[string]string
	RetryAfter   int       `json:"retry_after"`
	came         time.Time // when it came
}

// wire is one end of a connection. It keeps everything that came.
type wire struct {
	t      *testing.T
	conn   *websocket.Conn
	answer *http.Response

	mu     sync.Mutex
	heard  []frame
	closed error
	news   chan struct{}
}

// dial connects a person; a person who gets a session keeps it.
func (p *person) dial(s *server, path string, headers ...string) (*wire, error) {
	given := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		given.Set(headers[i], headers[i+1])
	}
	for _, c := range p.jar.Cookies(everywhere) {
		given.Add("Cookie", c.String())
	}
	dialer := websocket.Dialer{HandshakeTimeout: patience, NetDialContext: (&net.Dialer{}).DialContext}
	conn, answer, err := dialer.DialContext(p.t.Context(), "ws"+strings.TrimPrefix(s.http.URL, "http")+path, given)
	if answer != nil {
		p.jar.SetCookies(everywhere, answer.Cookies())
	}
	w := &wire{t: p.t, conn: conn, answer: answer, news: make(chan struct{}, 1)}
	if err != nil {
		return w, err
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	return w, nil
}

// connect dials and listens.
func (p *person) connect(s *server, path string) *wire {
	p.t.Helper()
	w, err := p.dial(s, path)
	require.NoError(p.t, err)
	go w.listen()
	return w
}

func (w *wire) listen() {
	for {
		var f frame
		_, text, err := w.conn.ReadMessage()
		if err == nil {
			err = json.Unmarshal(text, &f)
			f.came = time.Now()
		}
		w.mu.Lock()
		if err != nil {
			w.closed = err
		} else {
			w.heard = append(w.heard, f)
		}
		w.mu.Unlock()
		select {
		case w.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (w *wire) send(frames ...any) {
	w.t.Helper()
	for _, f := range frames {
		text, ok := f.(string)
		if !ok {
			encoded, err := json.Marshal(f)
			require.NoError(w.t, err)
			text = string(encoded)
		}
		require.NoError(w.t, w.conn.WriteMessage(websocket.TextMessage, []byte(text)))
	}
}

type object = map[string]any

func saying(id, body string) object {
	return object{"type": "message", "client_id": id, "body": body}
}

// all is everything that came so far.
func (w *wire) all() []frame {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]frame(nil), w.heard...)
}

// until waits until what has come is enough.
func (w *wire) until(what string, enough func(all []frame) bool) []frame {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		all := w.all()
		if enough(all) {
			return all
		}
		w.mu.Lock()
		closed := w.closed
		w.mu.Unlock()
		if closed != nil && !enough(w.all()) {
			require.NoError(w.t, closed, "waiting for %s; came: %+v", what, all)
		}
		select {
		case <-w.news:
		case <-deadline:
			require.Fail(w.t, "did not come: "+what, "%+v", all)
		}
	}
}

// first waits for the first frame for which is holds.
func (w *wire) first(what string, is func(frame) bool) frame {
	w.t.Helper()
	var found frame
	w.until(what, func(all []frame) bool {
		for _, f := range all {
			if is(f) {
				found = f
				return true
			}
		}
		return false
	})
	return found
}

// ends waits for the close and returns its code.
func (w *wire) ends() int {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		w.mu.Lock()
		closed := w.closed
		w.mu.Unlock()
		if closed != nil {
			var closing *websocket.CloseError
			if errors.As(closed, &closing) {
				return closing.Code
			}
			return websocket.CloseAbnormalClosure
		}
		select {
		case <-w.news:
		case <-deadline:
			require.Fail(w.t, "the connection was not closed")
		}
	}
}

// messagesIn are the messages of a conversation among frames, as they came; of any when talk is "".
func messagesIn(frames []frame, talk string) []frame {
	var messages []frame
	for _, f := range frames {
		if f.Type == "message" && (talk == "" || f.Conversation == talk) {
			messages = append(messages, f)
		}
	}
	return messages
}

// hears waits until n messages of a conversation came, and holds that they are those after a number, each once and in order.
func (w *wire) hears(talk string, after int64, n int) []frame {
	w.t.Helper()
	all := w.until(fmt.Sprint(n, " messages of ", talk), func(all []frame) bool { return len(messagesIn(all, talk)) >= n })
	messages := messagesIn(all, talk)
	for i, m := range messages {
		require.Equal(w.t, after+int64(i)+1, m.Seq, "message %d", i)
	}
	require.Len(w.t, messages, n)
	return messages
}
