package live

import (
	"context"
	"net/http"
	"time"

	"github.com/olahol/melody"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/problem"
)

const (
	// What a shopper may send, and what one of staff, who serves many at once.
	framesASecond, framesAtOnce           = 10, 60
	staffFramesASecond, staffFramesAtOnce = 100, 500
	// faultsAtOnce is after how many faults the connection ends; one a second is forgiven.
	faultsAtOnce = 200
	typingEvery  = 2 * time.Second
)

// handle does what a client's frame asks for. A failure is answered, and the connection lives on.
func (h *Hub) handle(s *socket, frame []byte, receive func(context.Context, *socket, request) error) {
	if !s.frames.Allow() {
		in, _ := readRequest(frame)
		h.refuse(s, domain.TooOften(time.Second), in.ClientID)
		return
	}
	in, err := readRequest(frame)
	if err == nil {
		ctx, cancel := context.WithTimeout(h.workers.ctx, storeTime)
		defer cancel()
		err = receive(ctx, s, in)
	}
	if err != nil {
		h.refuse(s, err, in.ClientID)
	}
}

// refuse answers a frame with an error. It ends the connection after too many.
func (h *Hub) refuse(s *socket, err error, clientID string) {
	answer, reason := errorOf(err, clientID), problem.From(err)
	if reason.Code == domain.CodeInternal {
		h.log.Error("a frame failed", "error", err)
	}
	s.send(answer)
	clients := reason.Status < http.StatusInternalServerError
	if clients && !s.faults.Allow() || reason.Code == errSignedOut.Code {
		s.close(melody.ClosePolicyViolation, string(reason.Code))
	}
}

func (h *Hub) fromShopper(ctx context.Context, s *socket, in request) error {
	if in.Type == typeTyping {
		return h.relayTyping(ctx, s, in, domain.Party{Side: domain.CustomerSide})
	}
	visitor, err := h.identify(ctx, s, 0)
	if err != nil {
		return err
	}
	var thread usecase.Thread
	if in.Type == typeRead || in.Conversation != "" {
		if thread, err = h.chat.Mine(ctx, visitor); err != nil {
			return err
		}
		if err := checkNamed(thread, in.Conversation); err != nil {
			return err
		}
	}
	switch in.Type {
	case typeMessage:
		m, _, err := h.chat.Say(ctx, visitor, in.ClientID, domain.UnixLines(in.Body), s.address)
		if err != nil {
			return err
		}
		return h.acknowledge(ctx, s, m)
	case typeRead:
		return thread.MarkRead(ctx, in.Seq)
	}
	return errType()
}

// checkNamed fails with ErrNotFound when a shopper's frame names a conversation that is not theirs.
// A frame need not name any.
func checkNamed(mine usecase.Thread, named domain.ConversationID) error {
	if named == "" || named == mine.Conversation().ID {
		return nil
	}
	return domain.NotFound("conversation")
}

// acknowledge answers a shopper's message. The first one makes the guest's session last.
func (h *Hub) acknowledge(ctx context.Context, s *socket, m domain.Message) error {
	s.mu.Lock()
	credential, known := s.credential, s.cursors[m.Conversation] != nil
	s.mu.Unlock()
	if credential != nil {
		if err := h.cookies.Confirm(ctx, *credential); err != nil {
			return err
		}
		s.mu.Lock()
		s.credential = nil
		s.mu.Unlock()
	}
	s.send(ackFrame{typeAck, m.Conversation, m.ClientID, m.Seq})
	// This server need not wait for the event.
	h.wake(m.Conversation)
	if !known {
		h.signal(domain.ChatSignal{Kind: domain.SignalHere, Conversation: m.Conversation, From: domain.Party{Side: domain.CustomerSide}})
	}
	return nil
}

func (h *Hub) fromStaff(ctx context.Context, s *socket, in request) error {
	if in.Type == typeTyping {
		return h.relayTyping(ctx, s, in, domain.Party{Side: domain.AgentSide})
	}
	visitor, err := h.identify(ctx, s, 0)
	if err != nil {
		return err
	}
	switch in.Type {
	case typeMessage:
		m, _, err := h.chat.Answer(ctx, visitor.User, in.Conversation, in.ClientID, domain.UnixLines(in.Body))
		if err != nil {
			return err
		}
		s.send(ackFrame{typeAck, m.Conversation, m.ClientID, m.Seq})
		h.wake(m.Conversation)
		return nil
	case typeRead:
		thread, err := h.chat.Conversation(ctx, visitor.User, in.Conversation)
		if err != nil {
			return err
		}
		return thread.MarkRead(ctx, in.Seq)
	}
	return errType()
}

func errType() error {
	return domain.InvalidFields(map[string]string{"type": "must be message, typing or read"})
}

// relayTyping signals to the other side that somebody is typing, at most once each typingEvery.
func (h *Hub) relayTyping(ctx context.Context, s *socket, in request, from domain.Party) error {
	visitor, err := h.identify(ctx, s, recheck)
	if err != nil || !s.typing.Allow() {
		return err
	}
	if from.Name = visitor.User.Username; from.Side == domain.CustomerSide {
		mine, err := h.chat.Mine(ctx, visitor)
		c := mine.Conversation()
		if err != nil || c.ID == "" {
			return err
		}
		if err := checkNamed(mine, in.Conversation); err != nil {
			return err
		}
		in.Conversation, from.Name = c.ID, c.Name
	} else if _, err := h.chat.Conversation(ctx, visitor.User, in.Conversation); err != nil {
		return err
	}
	h.signal(domain.ChatSignal{Kind: domain.SignalTyping, Conversation: in.Conversation, From: from})
	return nil
}
