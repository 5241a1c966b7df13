// Package live is the chat over WebSocket: it brings to each client what is new in
// its conversation, whichever server that was said on. News between servers only
// wakes; what is new is read by number from the stores, after each wake-up, on each
// connection, and at a slow beat, so that a lost wake-up delays and never loses.
package live

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"
	"github.com/gorilla/websocket"
	"github.com/olahol/melody"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/problem"
	"eshop/web/session"
)

const (
	// maxFrame holds the longest message with every character escaped as two UTF-16 units. Up to
	// maxRead a frame is refused and the connection lives on; what is larger ends it.
	maxFrame = 12*domain.MaxMessageBody + 1<<10
	maxRead  = 8 * maxFrame

	writeWait  = 5 * time.Second
	pongWait   = 60 * time.Second
	pingPeriod = 25 * time.Second // below a proxy's read time-out
	buffered   = 64

	// What a shopper may send, and what one of the staff, who talks to many at once.
	framesASecond, framesAtOnce           = 10, 60
	staffFramesASecond, staffFramesAtOnce = 100, 500
	faultsAtOnce                          = 200 // after which the connection ends; one more is borne each second
	typingEvery                           = 2 * time.Second

	storeTime = 5 * time.Second // that one step may wait for the stores
)

// Hub keeps the connections of one server. Run it while the server serves, and Drain it before
// the server ends.
type Hub struct {
	visits  *session.Cookies
	talking *usecase.Chat
	log     *slog.Logger

	chat, support *melody.Melody
	turns         chan struct{} // bounds how many conversations are delivered at once

	// ctx ends when the last connection was drained.
	ctx     context.Context
	cancel  context.CancelFunc
	sockets sync.WaitGroup
	workers sync.WaitGroup

	mu       sync.Mutex
	draining bool
	joined   map[*socket]bool
	rooms    map[domain.ConversationID]*room
	staff    map[*socket]bool
	silent   map[domain.OwnerID]map[*socket]bool // shoppers who have no conversation yet
	presence presence
}

// New makes the hub of one server, which counts its connections in registry.
func New(visits *session.Cookies, talking *usecase.Chat, registry prometheus.Registerer, log *slog.Logger) *Hub {
	h := &Hub{
		visits: visits, talking: talking, log: log,
		turns: make(chan struct{}, deliveries), joined: map[*socket]bool{},
		rooms: map[domain.ConversationID]*room{}, staff: map[*socket]bool{}, silent: map[domain.OwnerID]map[*socket]bool{},
		presence: newPresence(),
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.chat, h.support = h.melody(h.fromShopper), h.melody(h.fromStaff)
	for side, m := range map[domain.Side]*melody.Melody{domain.CustomerSide: h.chat, domain.AgentSide: h.support} {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "eshop_chat_connections", Help: "Connections that are open now, by side.", ConstLabels: prometheus.Labels{"side": string(side)},
		}, func() float64 { return float64(m.Len()) }))
	}
	return h
}

// melody is one address's connections, each with its socket as a key.
func (h *Hub) melody(receive func(context.Context, *socket, request) error) *melody.Melody {
	m := melody.New()
	m.Config.MaxMessageSize, m.Config.MessageBufferSize = maxRead, buffered
	m.Config.WriteWait, m.Config.PongWait, m.Config.PingPeriod = writeWait, pongWait, pingPeriod
	m.Upgrader.CheckOrigin = nil // the same origin, or none
	m.Upgrader.WriteBufferPool = new(sync.Pool)
	m.Upgrader.Error = refuse
	m.HandleConnect(func(session *melody.Session) {
		s := of(session)
		s.session = session
		h.join(s)
	})
	m.HandleDisconnect(func(session *melody.Session) { h.part(of(session)) })
	m.HandleSentMessage(func(session *melody.Session, _ []byte) {
		for _, id := range of(session).sent() {
			h.wake(id)
		}
	})
	m.HandleError(func(session *melody.Session, err error) {
		if errors.Is(err, melody.ErrMessageBufferFull) {
			of(session).full = true // by who writes, who holds the socket's lock
		}
	})
	m.HandleMessage(func(session *melody.Session, frame []byte) {
		of(session).pace()
		h.handle(of(session), frame, receive)
	})
	m.HandleMessageBinary(func(session *melody.Session, _ []byte) {
		of(session).pace()
		h.refuse(of(session), errBinary, "")
	})
	return m
}

func of(session *melody.Session) *socket { return session.MustGet("socket").(*socket) }

// refuse answers a request that does not become a connection.
func refuse(w http.ResponseWriter, r *http.Request, status int, reason error) {
	w.Header().Del("Set-Cookie")
	if status == http.StatusForbidden {
		problem.Write(w, r, problem.ErrCrossSite)
		return
	}
	problem.Write(w, r, problem.Request{Status: status, Code: problem.CodeBadUpgrade, Text: reason.Error()})
}

// Mount gives r both addresses.
func (h *Hub) Mount(r *mux.Router) {
	for path, connect := range map[string]func(http.ResponseWriter, *http.Request) error{
		"/ws/chat": h.connectShopper, "/ws/support": h.connectStaff,
	} {
		r.Methods("GET", "HEAD").Path(path).HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := connect(w, r); err != nil {
				problem.Write(w, r, err)
			}
		})
	}
}

func (h *Hub) connectShopper(w http.ResponseWriter, r *http.Request) error {
	if !websocket.IsWebSocketUpgrade(r) {
		return problem.ErrUpgrade
	}
	query := r.URL.Query()
	after, err := parseSeq(query.Get("after"))
	if err != nil {
		return err
	}
	pass, err := h.visits.Begin(r)
	if err != nil {
		return err
	}
	s := newSocket(pass.Visitor, session.Secret(r), session.ClientAddress(r))
	if pass.Secret != "" {
		s.secret, s.pass = pass.Secret, &pass
	}
	if s.thread, err = h.talking.Mine(r.Context(), s.who); err != nil {
		return err
	}
	if c := s.thread.Conversation(); c.ID != "" {
		// Numbers of another conversation say nothing of this one.
		if known := domain.ConversationID(query.Get("conversation")); known != "" && known != c.ID {
			after = 0
		}
		s.places[c.ID] = newPlace(after)
	}
	return h.serve(h.chat, w, r, s)
}

func (h *Hub) connectStaff(w http.ResponseWriter, r *http.Request) error {
	who, err := h.visits.Visitor(r)
	if err != nil {
		return err
	}
	if !who.SignedIn() {
		return domain.SignInFirst()
	}
	if who.User.Role != domain.Staff {
		return domain.StaffOnly()
	}
	if !websocket.IsWebSocketUpgrade(r) {
		return problem.ErrUpgrade
	}
	s := newSocket(who, session.Secret(r), session.ClientAddress(r))
	s.staff, s.frames = true, rate.NewLimiter(staffFramesASecond, staffFramesAtOnce)
	for _, known := range r.URL.Query()["after"] {
		id, number, _ := strings.Cut(known, ":")
		after, err := parseSeq(number)
		if err != nil {
			return err
		}
		s.places[domain.ConversationID(id)] = newPlace(after)
	}
	return h.serve(h.support, w, r, s)
}

func parseSeq(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	seq, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seq < 0 {
		return 0, domain.InvalidFields(map[string]string{"after": "must be the number of a message"})
	}
	return seq, nil
}

// serve makes a connection of the request, and returns when it has ended.
func (h *Hub) serve(m *melody.Melody, w http.ResponseWriter, r *http.Request, s *socket) error {
	h.mu.Lock()
	if h.draining {
		h.mu.Unlock()
		return problem.ErrDraining
	}
	h.sockets.Add(1)
	h.mu.Unlock()
	defer h.sockets.Done()
	if s.pass != nil {
		h.visits.Set(w, r, *s.pass)
	}
	// An upgrade that fails has been answered by refuse.
	_ = m.HandleRequestWithKeys(w, r, map[string]any{"socket": s})
	return nil
}

// join lets a connection hear what is new from here on, beginning with what it has missed.
func (h *Hub) join(s *socket) {
	h.mu.Lock()
	h.joined[s] = true
	draining := h.draining
	var ids []domain.ConversationID
	switch {
	case s.staff:
		h.staff[s] = true
	case len(s.places) == 0:
		if h.silent[s.owner] == nil {
			h.silent[s.owner] = map[*socket]bool{}
		}
		h.silent[s.owner][s] = true
	default:
		for id := range s.places {
			h.enter(id, s)
			h.rooms[id].thread = s.thread
			ids = append(ids, id)
		}
	}
	first := s.staff && len(h.staff) == 1
	h.mu.Unlock()
	switch {
	case draining:
		s.close(melody.CloseServiceRestart, "restart")
	case s.staff:
		if first {
			h.signal(domain.ChatSignal{Kind: domain.SignalHere, From: domain.Party{Side: domain.AgentSide}})
		}
		h.background(func() {
			ctx, cancel := context.WithTimeout(h.ctx, storeTime)
			defer cancel()
			h.beatStaff(ctx)
		})
	case len(ids) == 0:
		s.send(standingOf(domain.Conversation{}, h.staffed()))
	}
	for _, id := range ids {
		h.wake(id)
		h.signal(domain.ChatSignal{Kind: domain.SignalHere, Conversation: id, From: domain.Party{Side: domain.CustomerSide}})
	}
}

// part forgets a connection.
func (h *Hub) part(s *socket) {
	h.mu.Lock()
	delete(h.joined, s)
	delete(h.staff, s)
	last := s.staff && len(h.staff) == 0
	if delete(h.silent[s.owner], s); len(h.silent[s.owner]) == 0 {
		delete(h.silent, s.owner)
	}
	var left []domain.ConversationID
	for id, r := range h.rooms {
		if r.members[s] {
			if delete(r.members, s); len(r.members) == 0 {
				left = append(left, id)
				h.tidy(id)
			}
		}
	}
	h.mu.Unlock()
	if last {
		h.signal(domain.ChatSignal{Kind: domain.SignalGone, From: domain.Party{Side: domain.AgentSide}})
	}
	for _, id := range left {
		h.signal(domain.ChatSignal{Kind: domain.SignalGone, Conversation: id, From: domain.Party{Side: domain.CustomerSide}})
	}
}

// background runs what a connection or a wake-up began, until it is done or the hub is drained.
func (h *Hub) background(work func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() == nil {
		h.workers.Go(work)
	}
}

// Drain refuses new connections, tells those that there are to come back elsewhere, and waits
// until they have left or ctx ends. What they sent before is kept. Draining again changes nothing.
func (h *Hub) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.draining = true
	var all []*socket
	for s := range h.joined {
		all = append(all, s)
	}
	h.mu.Unlock()
	for _, s := range all {
		s.close(melody.CloseServiceRestart, "restart")
	}
	left := make(chan struct{})
	go func() {
		h.sockets.Wait()
		close(left)
	}()
	defer h.workers.Wait()
	defer h.stop()
	select {
	case <-left:
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, m := range []*melody.Melody{h.chat, h.support} {
		if err := m.Close(); err != nil && !errors.Is(err, melody.ErrClosed) {
			return err
		}
	}
	return nil
}

func (h *Hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cancel()
}
