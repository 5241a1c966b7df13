package live

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"
	"github.com/gorilla/websocket"
	"github.com/olahol/melody"
	"golang.org/x/time/rate"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/problem"
	"eshop/web/session"
)

const (
	// maxFrame holds the longest message with every character escaped as two UTF-16 units. Up to
	// maxRead a frame is refused and the connection lives on; a larger one ends it. So much a client can
	// make the server hold.
	maxFrame = 12*domain.MaxMessageBody + 1<<10
	maxRead  = 2 * maxFrame

	writeWait  = 5 * time.Second
	pongWait   = 60 * time.Second
	pingPeriod = 25 * time.Second // below a proxy's read time-out
	buffered   = 64
)

// melody returns the connections of one address. Each has its socket as a key.
func (h *Hub) melody() *melody.Melody {
	m := melody.New()
	m.Config.MaxMessageSize, m.Config.MessageBufferSize = maxRead, buffered
	m.Config.WriteWait, m.Config.PongWait, m.Config.PingPeriod = writeWait, pongWait, pingPeriod
	m.Upgrader.CheckOrigin = nil // the same origin, or none
	m.Upgrader.WriteBufferPool = new(sync.Pool)
	m.Upgrader.Error = refuseUpgrade
	m.HandleConnect(func(session *melody.Session) {
		s := socketOf(session)
		s.session = session
		h.join(s)
	})
	m.HandleDisconnect(func(session *melody.Session) { h.leave(socketOf(session)) })
	m.HandleSentMessage(func(session *melody.Session, _ []byte) {
		for _, id := range socketOf(session).sent() {
			h.wake(id)
		}
	})
	m.HandleError(func(session *melody.Session, err error) {
		if errors.Is(err, melody.ErrMessageBufferFull) {
			socketOf(session).full = true // called by the writer, who holds the socket's lock
		}
	})
	m.HandleMessage(func(session *melody.Session, frame []byte) {
		socketOf(session).pace()
		h.handle(socketOf(session), frame)
	})
	m.HandleMessageBinary(func(session *melody.Session, _ []byte) {
		socketOf(session).pace()
		h.refuse(socketOf(session), errBinary, "")
	})
	return m
}

func socketOf(session *melody.Session) *socket { return session.MustGet("socket").(*socket) }

// refuseUpgrade answers a request that does not become a connection.
func refuseUpgrade(w http.ResponseWriter, r *http.Request, status int, reason error) {
	w.Header().Del("Set-Cookie")
	if status == http.StatusForbidden {
		problem.Write(w, r, problem.ErrCrossSite)
		return
	}
	problem.Write(w, r, problem.Request{Status: status, Code: problem.CodeBadUpgrade, Text: reason.Error()})
}

// Mount registers both addresses on r.
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
	address, claim := session.ClientAddress(r), session.Claim(r)
	crowd, err := h.admission.admit(false, address, claim)
	if err != nil {
		return err
	}
	defer h.admission.leave(false, address, claim)
	query := r.URL.Query()
	after, err := parseSeq(query.Get("after"))
	if err != nil {
		return err
	}
	heard := h.heard.Load()
	credential, err := h.cookies.Begin(r, "")
	if err != nil {
		return err
	}
	secret, err := h.cookies.Secret(r)
	if err != nil {
		return err
	}
	s := newSocket(credential.Visitor, secret, address)
	s.crowd, s.heard = crowd, heard
	if credential.Secret != "" {
		s.secret, s.credential = credential.Secret, &credential
	}
	if s.thread, err = h.chat.Mine(r.Context(), s.visitor); err != nil {
		return err
	}
	if id := s.thread.Conversation().ID; id != "" {
		// Numbers of another conversation say nothing of this one.
		if known := domain.ConversationID(query.Get("conversation")); known != "" && known != id {
			after = 0
		}
		s.cursors[id] = newCursor(after)
	}
	return h.serve(h.shoppers, w, r, s)
}

func (h *Hub) connectStaff(w http.ResponseWriter, r *http.Request) error {
	heard := h.heard.Load()
	visitor, err := h.cookies.Visitor(r)
	if err != nil {
		return err
	}
	if !visitor.SignedIn() {
		return domain.SignInFirst()
	}
	if visitor.User.Role != domain.Staff {
		return domain.StaffOnly()
	}
	if !websocket.IsWebSocketUpgrade(r) {
		return problem.ErrUpgrade
	}
	secret, err := h.cookies.Secret(r)
	if err != nil {
		return err
	}
	address := session.ClientAddress(r)
	if _, err := h.admission.admit(true, address, secret); err != nil {
		return err
	}
	defer h.admission.leave(true, address, secret)
	s := newSocket(visitor, secret, address)
	s.heard = heard
	s.staff, s.frames = true, rate.NewLimiter(staffFramesASecond, staffFramesAtOnce)
	for _, known := range r.URL.Query()["after"] {
		id, number, _ := strings.Cut(known, ":")
		after, err := parseSeq(number)
		if err != nil {
			return err
		}
		s.cursors[domain.ConversationID(id)] = newCursor(after)
	}
	return h.serve(h.staff, w, r, s)
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

// serve upgrades the request to a connection, and returns when that has ended.
func (h *Hub) serve(m *melody.Melody, w http.ResponseWriter, r *http.Request, s *socket) error {
	if log, ok := problem.LogOf(r.Context()); ok {
		s.log = log
	}
	if s.credential != nil {
		// A cookie whose session was kept only later would be replaced by the next write.
		if err := h.cookies.Keep(w, r, *s.credential); err != nil {
			return err
		}
	}
	// An upgrade that fails has been answered by refuseUpgrade.
	_ = m.HandleRequestWithKeys(w, r, map[string]any{"socket": s})
	return nil
}

// join registers a connection and delivers what it has missed.
func (h *Hub) join(s *socket) {
	draining, firstOfStaff := h.registry.add(s)
	id := s.thread.Conversation().ID
	switch {
	case draining:
		s.close(melody.CloseServiceRestart, "restart")
	case s.staff:
		if firstOfStaff {
			h.signal(domain.ChatSignal{Kind: domain.SignalHere, From: domain.Party{Side: domain.AgentSide}})
		}
		h.workers.start(func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, storeTime)
			defer cancel()
			h.reconcileStaff(ctx)
		})
	case id == "":
		s.send(statusOf(domain.Conversation{}, h.staffOnline()))
	}
	// An event of this session's end, or of a conversation that was begun meanwhile, would have found nobody here.
	if h.heard.Load() != s.heard {
		h.workers.start(func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, storeTime)
			defer cancel()
			h.check(ctx, s)
			if !s.staff && id == "" {
				_ = h.search(ctx, s) // the next reconciliation searches again
			}
		})
	}
	if id != "" {
		h.wake(id)
		h.signal(domain.ChatSignal{Kind: domain.SignalHere, Conversation: id, From: domain.Party{Side: domain.CustomerSide}})
	}
}

// leave forgets a connection.
func (h *Hub) leave(s *socket) {
	left, lastOfStaff := h.registry.remove(s)
	if lastOfStaff {
		h.signal(domain.ChatSignal{Kind: domain.SignalGone, From: domain.Party{Side: domain.AgentSide}})
	}
	for _, id := range left {
		h.signal(domain.ChatSignal{Kind: domain.SignalGone, Conversation: id, From: domain.Party{Side: domain.CustomerSide}})
	}
}

// identify returns the visitor of a connection, looked up no longer ago than maxAge. It fails with
// errSignedOut when the session has ended, and keeps none alive.
func (h *Hub) identify(ctx context.Context, s *socket, maxAge time.Duration) (usecase.Visitor, error) {
	return h.lookUp(ctx, s, maxAge, h.cookies.Recall)
}

// lookUp is identify by the given way.
func (h *Hub) lookUp(ctx context.Context, s *socket, maxAge time.Duration,
	by func(context.Context, string) (usecase.Visitor, error)) (usecase.Visitor, error) {
	s.mu.Lock()
	visitor, fresh := s.visitor, time.Since(s.identified) < maxAge
	s.mu.Unlock()
	if fresh {
		return visitor, nil
	}
	visitor, err := by(ctx, s.secret)
	if err != nil {
		return usecase.Visitor{}, err
	}
	if !visitor.Known() || s.staff && visitor.User.Role != domain.Staff {
		return usecase.Visitor{}, errSignedOut
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.visitor, s.identified = visitor, time.Now()
	return visitor, nil
}
