package live

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/olahol/melody"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/problem"
)

// handle does what a client's frame asks for. What fails is answered, and the connection lives on.
func (h *Hub) handle(s *socket, frame []byte, receive func(context.Context, *socket, request) error) {
	if !s.frames.Allow() {
		in, _ := readRequest(frame)
		h.refuse(s, domain.TooOften(time.Second), in.ClientID)
		return
	}
	in, err := readRequest(frame)
	if err == nil {
		ctx, cancel := context.WithTimeout(h.ctx, storeTime)
		defer cancel()
		err = receive(ctx, s, in)
	}
	if err != nil {
		h.refuse(s, err, in.ClientID)
	}
}

// refuse answers a frame with why it is not taken.
func (h *Hub) refuse(s *socket, err error, clientID string) {
	answer, what := errorOf(err, clientID), problem.From(err)
	if what.Code == domain.CodeInternal {
		h.log.Error("a frame failed", "error", err)
	}
	s.send(answer)
	theirs := what.Status < http.StatusInternalServerError
	if theirs && !s.faults.Allow() || what.Code == errSignedOut.Code {
		s.close(melody.ClosePolicyViolation, string(what.Code))
	}
}

func (h *Hub) fromShopper(ctx context.Context, s *socket, in request) error {
	if in.Type == typeTyping {
		return h.passOn(ctx, s, in, domain.Party{Side: domain.CustomerSide})
	}
	who, err := h.visitor(ctx, s, 0)
	if err != nil {
		return err
	}
	var thread usecase.Thread
	if in.Type == typeRead || in.Conversation != "" {
		if thread, err = h.talking.Mine(ctx, who); err != nil {
			return err
		}
		if err := checkNamed(thread, in.Conversation); err != nil {
			return err
		}
	}
	switch in.Type {
	case typeMessage:
		m, _, err := h.talking.Say(ctx, who, in.ClientID, plain(in.Body), s.address)
		if err != nil {
			return err
		}
		return h.saidBy(ctx, s, m)
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

// saidBy finishes what a shopper's first message begins, and answers.
func (h *Hub) saidBy(ctx context.Context, s *socket, m domain.Message) error {
	s.mu.Lock()
	pass, known := s.pass, s.places[m.Conversation] != nil
	s.mu.Unlock()
	if pass != nil {
		if err := h.visits.Confirm(ctx, *pass); err != nil {
			return err
		}
		s.mu.Lock()
		s.pass = nil
		s.mu.Unlock()
	}
	s.send(ackFrame{typeAck, m.Conversation, m.ClientID, m.Seq})
	// Other servers are told by events, and this one need not wait for that.
	h.wake(m.Conversation)
	if !known {
		h.signal(domain.ChatSignal{Kind: domain.SignalHere, Conversation: m.Conversation, From: domain.Party{Side: domain.CustomerSide}})
	}
	return nil
}

func (h *Hub) fromStaff(ctx context.Context, s *socket, in request) error {
	if in.Type == typeTyping {
		return h.passOn(ctx, s, in, domain.Party{Side: domain.AgentSide})
	}
	who, err := h.visitor(ctx, s, 0)
	if err != nil {
		return err
	}
	switch in.Type {
	case typeMessage:
		m, _, err := h.talking.Answer(ctx, who.User, in.Conversation, in.ClientID, plain(in.Body))
		if err != nil {
			return err
		}
		s.send(ackFrame{typeAck, m.Conversation, m.ClientID, m.Seq})
		h.wake(m.Conversation)
		return nil
	case typeRead:
		thread, err := h.talking.Conversation(ctx, who.User, in.Conversation)
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

// passOn tells the other side that somebody types, now and then.
func (h *Hub) passOn(ctx context.Context, s *socket, in request, from domain.Party) error {
	who, err := h.visitor(ctx, s, recheck)
	if err != nil || !s.typing.Allow() {
		return err
	}
	if from.Name = who.User.Username; from.Side == domain.CustomerSide {
		mine, err := h.talking.Mine(ctx, who)
		c := mine.Conversation()
		if err != nil || c.ID == "" {
			return err
		}
		if err := checkNamed(mine, in.Conversation); err != nil {
			return err
		}
		in.Conversation, from.Name = c.ID, c.Name
	} else if _, err := h.talking.Conversation(ctx, who.User, in.Conversation); err != nil {
		return err
	}
	h.signal(domain.ChatSignal{Kind: domain.SignalTyping, Conversation: in.Conversation, From: from})
	return nil
}

// plain is text with line breaks as one character each.
func plain(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }
