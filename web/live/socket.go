package live

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/olahol/melody"
	"golang.org/x/time/rate"

	"eshop/domain"
	"eshop/usecase"
)

const (
	// window is how many frames are on their way to a client before what comes next waits
	// to be asked for. While crowded are, nothing more is read from the client. Melody holds more than
	// that, so there is always room for an answer and a farewell.
	window, refill, crowded = 32, 8, 48
	// recheck is how old the knowledge of who is there may be when something is delivered.
	recheck = 2 * time.Second
)

// socket is one connection.
type socket struct {
	session *melody.Session
	staff   bool
	secret  string // of the session's cookie
	owner   domain.OwnerID
	thread  usecase.Thread // of a shopper, when it connected
	address string
	frames  *rate.Limiter // that the client may send
	typing  *rate.Limiter // that are passed on
	faults  *rate.Limiter // of the client that are borne
	room    chan struct{} // hears of frames that have left

	mu       sync.Mutex
	who      usecase.Visitor
	pass     *usecase.Credential // of a guest who has not written yet
	checked  time.Time           // when who was looked up
	places   map[domain.ConversationID]*place
	flying   int                            // frames that melody has not sent yet
	owed     map[domain.ConversationID]bool // conversations of which more was there than could be sent
	ended    bool                           // nothing more is delivered
	full     bool                           // melody had no room for what was written last
	farewell []byte                         // the close frame that is still to be sent
}

// place is how far a client knows a conversation.
type place struct {
	seq      int64
	revision int64                 // that was told in full; 0 for none
	stood    int64                 // the revision that was told last of how it stands; 0 for none
	standing standing              // that a shopper was told
	read     map[domain.Side]int64 // marks that a shopper was told
	here     bool                  // whether staff was told that the shopper is there
	closed   bool                  // what staff was told of the state
}

func newSocket(who usecase.Visitor, secret, address string) *socket {
	return &socket{
		who: who, secret: secret, owner: who.Session.Owner(), address: address, checked: time.Now(),
		frames: rate.NewLimiter(framesASecond, framesAtOnce), typing: rate.NewLimiter(rate.Every(typingEvery), 1),
		faults: rate.NewLimiter(1, faultsAtOnce),
		places: map[domain.ConversationID]*place{}, owed: map[domain.ConversationID]bool{}, room: make(chan struct{}, 1),
	}
}

// pace waits until there is room for an answer, or nobody to answer to.
func (s *socket) pace() {
	for {
		s.mu.Lock()
		free := s.flying < crowded
		s.mu.Unlock()
		if free || s.session.IsClosed() {
			return
		}
		select {
		case <-s.room:
		case <-time.After(writeWait):
		}
	}
}

// send hands a frame to melody whatever is on its way already: an answer to what the client sent.
func (s *socket) send(frame any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(encode(frame))
}

// offer hands over what nobody will miss.
func (s *socket) offer(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flying < window {
		s.write(frame)
	}
}

// push hands a frame over when there is room. It is called with s.mu held.
func (s *socket) push(frame []byte) bool {
	if s.flying >= window {
		return false
	}
	return s.write(frame)
}

func (s *socket) write(frame []byte) bool {
	s.full = false
	if s.session.Write(frame) != nil || s.full {
		// What does not fit is never passed over in silence: the client comes back and reads on.
		if s.full && s.farewell == nil {
			s.farewell = melody.FormatCloseMessage(melody.ClosePolicyViolation, "too slow")
		}
		return false
	}
	s.flying++
	return true
}

// sent notes that a frame has left, and returns the conversations that may go on.
func (s *socket) sent() []domain.ConversationID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flying--
	select {
	case s.room <- struct{}{}:
	default:
	}
	if s.farewell != nil {
		s.leave()
		return nil
	}
	if s.flying > refill || len(s.owed) == 0 {
		return nil
	}
	owed := slices.Collect(maps.Keys(s.owed))
	clear(s.owed)
	return owed
}

// close sends a close frame after all that is on its way, at the latest when there is room for it.
func (s *socket) close(code int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.farewell = melody.FormatCloseMessage(code, reason)
	s.leave()
}

func (s *socket) leave() {
	s.full = false
	if err := s.session.CloseWithMsg(s.farewell); err == nil && !s.full {
		s.farewell = nil
	}
}

// end says why and closes.
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

// visitor is who is there now, as of no longer ago than age: errSignedOut when the session has ended.
func (h *Hub) visitor(ctx context.Context, s *socket, age time.Duration) (usecase.Visitor, error) {
	s.mu.Lock()
	who, fresh := s.who, s.pass != nil || time.Since(s.checked) < age
	s.mu.Unlock()
	if fresh {
		return who, nil
	}
	who, err := h.visits.VisitorOf(ctx, s.secret)
	if err != nil {
		return usecase.Visitor{}, err
	}
	if who.Session.Key == "" || s.staff && who.User.Role != domain.Staff {
		return usecase.Visitor{}, errSignedOut
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.who, s.checked = who, time.Now()
	return who, nil
}
