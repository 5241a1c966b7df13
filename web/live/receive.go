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
func (h *Hub) handle(s *socket, frame []byte) {
	if !s.frames.Allow() || s.crowd != nil && !s.crowd.Allow() {
		in, _ := readRequest(frame)
		h.refuse(s, domain.TooOften(time.Second), in.ClientID)
		return
	}
	in, err := readRequest(frame)
	if err == nil {
		ctx, cancel := context.WithTimeout(problem.WithLog(h.workers.ctx, s.log), storeTime)
		defer cancel()
		err = h.receive(ctx, s, in)
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

func (h *Hub) receive(ctx context.Context, s *socket, in request) error {
	typing, maxAge, by := in.Type == typeTyping, time.Duration(0), h.cookies.Recall
	if typing || in.Type == typeRead {
		maxAge = recheck
	}
	// Programs send the other frames by themselves: only who writes uses the session.
	if in.Type == typeMessage {
		by = h.cookies.VisitorOf
	}
	visitor, err := h.lookUp(ctx, s, maxAge, by)
	if err != nil || typing && !s.typing.Allow() {
		return err
	}
	if s.staff {
		return h.fromStaff(ctx, s, visitor.User, in)
	}
	return h.fromShopper(ctx, s, visitor, in)
}

func (h *Hub) fromShopper(ctx context.Context, s *socket, visitor usecase.Visitor, in request) error {
	if in.Type == typeRead || in.Type == typeTyping {
		// Without a conversation there is nothing to ask a store for.
		known := s.conversation()
		if in.Conversation != "" && in.Conversation != known {
			return domain.NotFound("conversation")
		}
		if known == "" {
			return nil
		}
		if in.Type == typeRead {
			return h.markRead(ctx, readKey{known, domain.CustomerSide}, in.Seq, func(ctx context.Context, seq int64) error {
				mine, err := h.chat.Mine(ctx, visitor)
				if err != nil {
					return err
				}
				return mine.MarkRead(ctx, seq)
			})
		}
	}
	var mine usecase.Thread
	if in.Type != typeMessage || in.Conversation != "" {
		var err error
		if mine, err = h.chat.Mine(ctx, visitor); err != nil {
			return err
		}
	}
	c := mine.Conversation()
	if in.Type == typeTyping && c.ID == "" {
		return nil
	}
	// A frame need not name the conversation, and may name no other.
	if in.Conversation != "" && in.Conversation != c.ID {
		return domain.NotFound("conversation")
	}
	switch in.Type {
	case typeMessage:
		m, _, err := h.chat.Say(ctx, visitor, in.ClientID, domain.UnixLines(in.Body), s.address)
		if err != nil {
			return err
		}
		h.acknowledge(s, m)
		return nil
	case typeTyping:
		h.relayTyping(c.ID, domain.Party{Side: domain.CustomerSide, Name: c.Name})
		return nil
	}
	return errType()
}

// acknowledge answers a shopper's message.
func (h *Hub) acknowledge(s *socket, m domain.Message) {
	s.mu.Lock()
	known := s.cursors[m.Conversation] != nil
	s.mu.Unlock()
	s.send(ackFrame{typeAck, m.Conversation, m.ClientID, m.Seq})
	// This server need not wait for the event.
	h.wake(m.Conversation)
	if !known {
		h.signal(domain.ChatSignal{Kind: domain.SignalHere, Conversation: m.Conversation, From: domain.Party{Side: domain.CustomerSide}})
	}
}

func (h *Hub) fromStaff(ctx context.Context, s *socket, by domain.User, in request) error {
	switch in.Type {
	case typeMessage:
		m, _, err := h.chat.Answer(ctx, by, in.Conversation, in.ClientID, domain.UnixLines(in.Body))
		if err != nil {
			return err
		}
		s.send(ackFrame{typeAck, m.Conversation, m.ClientID, m.Seq})
		h.wake(m.Conversation)
		return nil
	case typeRead:
		return h.markRead(ctx, readKey{in.Conversation, domain.AgentSide}, in.Seq, func(ctx context.Context, seq int64) error {
			thread, err := h.chat.Conversation(ctx, by, in.Conversation)
			if err != nil {
				return err
			}
			return thread.MarkRead(ctx, seq)
		})
	case typeTyping:
		if _, err := h.chat.Conversation(ctx, by, in.Conversation); err != nil {
			return err
		}
		h.relayTyping(in.Conversation, domain.Party{Side: domain.AgentSide, Name: by.Shown()})
		return nil
	}
	return errType()
}

func errType() error {
	return domain.InvalidFields(map[string]string{"type": "must be message, typing or read"})
}

// relayTyping signals to the other side that somebody is typing.
func (h *Hub) relayTyping(id domain.ConversationID, from domain.Party) {
	h.signal(domain.ChatSignal{Kind: domain.SignalTyping, Conversation: id, From: from})
}
