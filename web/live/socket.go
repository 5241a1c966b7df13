package live

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/olahol/melody"
	"golang.org/x/time/rate"

	"eshop/domain"
	"eshop/usecase"
)

// Flow control, in frames in flight: what is to be delivered waits from window on, and
// goes on at lowWater. From highWater on nothing is read from the client. Melody buffers more
// than that, so there is always room for an answer and a close frame.
const window, lowWater, highWater = 32, 8, 48

// socket is one connection.
type socket struct {
	session *melody.Session
	staff   bool
	secret  string // of the session's cookie
	// credential is that of a new guest, which is kept before the connection is made.
	credential *usecase.Credential
	owner      domain.OwnerID
	thread     usecase.Thread // of a shopper, when it connected
	heard      int64          // of the hub, before the visitor was looked up
	address    string
	log        *slog.Logger  // of the request that became the connection
	frames     *rate.Limiter // that the client sends
	crowd      *rate.Limiter // frames that the shoppers of the same address send, all together; nil for staff
	typing     *rate.Limiter // that are relayed
	faults     *rate.Limiter // of the client
	left       chan struct{} // receives when a frame is no longer in flight

	mu         sync.Mutex
	visitor    usecase.Visitor
	identified time.Time // when visitor was looked up
	searched   time.Time // when a conversation was looked for last, of a shopper without one
	cursors    map[domain.ConversationID]*cursor
	inFlight   int                            // frames that melody has not sent yet
	backlog    map[domain.ConversationID]bool // conversations that had more than the window let through
	ended      bool                           // nothing more is delivered
	full       bool                           // melody had no room for the last frame
	closeFrame []byte                         // that is still to be sent
}

func newSocket(visitor usecase.Visitor, secret, address string) *socket {
	return &socket{
		visitor: visitor, secret: secret, owner: visitor.Session.Owner(), address: address, log: slog.New(slog.DiscardHandler), identified: time.Now(), searched: time.Now(),
		frames: rate.NewLimiter(framesASecond, framesAtOnce), typing: rate.NewLimiter(rate.Every(typingEvery), 1),
		faults:  rate.NewLimiter(1, faultsAtOnce),
		cursors: map[domain.ConversationID]*cursor{}, backlog: map[domain.ConversationID]bool{}, left: make(chan struct{}, 1),
	}
}

// pace waits until there is room for an answer, or nobody left to answer.
func (s *socket) pace() {
	for {
		s.mu.Lock()
		room := s.inFlight < highWater
		s.mu.Unlock()
		if room || s.session.IsClosed() {
			return
		}
		select {
		case <-s.left:
		case <-time.After(writeWait):
		}
	}
}

// send sends an answer to the client's frame, whatever is in flight.
func (s *socket) send(frame any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(encode(frame))
}

// offer sends a frame if there is room in the window, and drops it otherwise.
func (s *socket) offer(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push(frame)
}

// push sends a frame and reports whether there was room in the window. It is called with mu held.
func (s *socket) push(frame []byte) bool {
	return s.inFlight < window && s.write(frame)
}

// write hands a frame to melody. It is called with mu held.
func (s *socket) write(frame []byte) bool {
	s.full = false
	if s.session.Write(frame) != nil || s.full {
		// No frame is lost unnoticed: the client is to connect again, and reads on from its cursor.
		if s.full && s.closeFrame == nil {
			s.closeFrame = melody.FormatCloseMessage(melody.ClosePolicyViolation, "too slow")
		}
		return false
	}
	s.inFlight++
	return true
}

// sent notes that a frame has left, and returns the backlog once there is room for it.
func (s *socket) sent() []domain.ConversationID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	select {
	case s.left <- struct{}{}:
	default:
	}
	if s.closeFrame != nil {
		s.writeClose()
		return nil
	}
	if s.inFlight > lowWater || len(s.backlog) == 0 {
		return nil
	}
	backlog := slices.Collect(maps.Keys(s.backlog))
	clear(s.backlog)
	return backlog
}

// close sends a close frame after what is in flight, at the latest when there is room for it.
func (s *socket) close(code int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeFrame = melody.FormatCloseMessage(code, reason)
	s.writeClose()
}

func (s *socket) writeClose() {
	s.full = false
	if err := s.session.CloseWithMsg(s.closeFrame); err == nil && !s.full {
		s.closeFrame = nil
	}
}

// end sends an error and closes the connection, once.
func (s *socket) end(err error) {
	s.mu.Lock()
	ended := s.ended
	s.ended = true
	s.mu.Unlock()
	if ended {
		return
	}
	s.send(errorOf(err, ""))
	s.close(melody.ClosePolicyViolation, string(errorOf(err, "").Code))
}

// user returns the one of staff whose connection it is.
func (s *socket) user() domain.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.visitor.User
}

// searchSoon makes a search due.
func (s *socket) searchSoon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.searched = time.Time{}
}

// searchDue reports whether a conversation that a shopper without one may have begun elsewhere is
// to be looked for now, at most once in searchEvery.
func (s *socket) searchDue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cursors) > 0 || time.Since(s.searched) <= searchEvery {
		return false
	}
	s.searched = time.Now()
	return true
}
